import csv
import signal

import keras
import numpy as np
import pytest

from keras_gan.evaluation import features
from keras_gan.model.gan import GAN
from keras_gan.training import loop
from tests.conftest import TenClasses
from tests.training.conftest import send

ENGINES = ["train_on_batch", pytest.param("compiled", marks=pytest.mark.slow)]
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 1), dtype=np.uint8)


def train(tmp_path, callbacks, epochs=3, preset="aioz", **options):
    gan = GAN(preset, image_shape=(4, 4, 1), latent_dim=7)  # an epoch is two steps of 20
    options = dict(batch_size=20, data=IMAGES, outdir=tmp_path / "run", quiet=True) | options
    return gan, gan.train(epochs=epochs, callbacks=callbacks, **options)


class Recorder(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.calls = []

    def on_epoch_begin(self, epoch, logs=None):
        self.calls.append(f"epoch {epoch}")

    def on_train_batch_end(self, batch, logs=None):
        self.calls.append(f"batch {batch} {'g_loss' in logs}")

    def on_train_end(self, logs=None):
        self.calls.append("end")


def test_batch_is_a_step_and_epoch_the_presets(tmp_path):
    recorder = Recorder()
    gan, _ = train(tmp_path, [recorder], epochs=2)
    assert recorder.calls == [
        *(["epoch 0", "batch 0 True", "batch 1 True"]),
        "epoch 1",
        *recorder.calls[1:3],
        "end",
    ]
    assert recorder.model is gan.generator


def test_single_callback_needs_no_list(tmp_path):
    recorder = Recorder()
    train(tmp_path, recorder, epochs=1)
    assert recorder.calls[-1] == "end"


@pytest.mark.parametrize("engine", ENGINES)
def test_logs_are_the_rows_of_the_history(engine, tmp_path):
    _, history = train(tmp_path, [keras.callbacks.CSVLogger(tmp_path / "log.csv")], engine=engine)
    with open(tmp_path / "log.csv") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
    np.testing.assert_allclose([float(row["g_loss"]) for row in rows], history["g_loss"][1::2], rtol=1e-6)
    assert {"d_loss", "d_acc_real", "d_acc_fake"} <= rows[0].keys()


@pytest.mark.parametrize("engine", ENGINES)
def test_learning_rate_that_a_callback_sets_holds_from_its_epoch_on(engine, tmp_path):
    scheduler = keras.callbacks.LearningRateScheduler(lambda epoch, lr: 2e-4 if epoch == 0 else 0.0)
    after = []
    weights = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: after.append(weights.model.get_weights()[0])
    )
    gan, _ = train(tmp_path, [scheduler, weights], engine=engine)
    np.testing.assert_array_equal(after[0], after[2])
    assert float(gan.combined.optimizer.learning_rate) == 0


def test_callback_stops_the_run_with_a_checkpoint_and_it_is_resumed(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 0

    gan, history = train(tmp_path, [Stop()])
    assert gan.step == 2 == len(history["step"]) and GAN.load(tmp_path / "run/checkpoint.npz").step == 2
    assert (tmp_path / "run/generator.keras").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_loss_that_is_not_finite_is_seen_by_callbacks_and_ends_the_run(engine, tmp_path):
    class Break(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                self.model.set_weights([np.full_like(w, np.nan) for w in self.model.get_weights()])

    terminate = keras.callbacks.TerminateOnNaN()
    with pytest.raises(
        ValueError, match="Losses must be finite.*The checkpoint of step 0 is kept in .*run, to resume from."
    ):
        train(tmp_path, [Break(), terminate], preset="keras", engine=engine)
    assert terminate.model.stop_training


@pytest.mark.parametrize("engine", ENGINES)
def test_early_stopping_on_the_score_ends_the_run_where_it_no_longer_falls(engine, tmp_path, monkeypatch):
    scores = {2: 3.0, 4: 2.0, 6: 2.5}  # by step; a later one would be a KeyError

    class Scorer:
        def __init__(self, *args):
            pass

        def __call__(self, gan, epoch):
            about = {"features": "classifier", "n": 9, "seed": 0}
            return {
                "step": gan.step,
                "epoch": epoch,
                "metric": "frechet_distance",
                "value": scores[gan.step],
                **about,
            }

    monkeypatch.setattr(loop, "Scorer", Scorer)
    monkeypatch.setattr(features, "load_extractor", lambda *args, **options: TenClasses())
    stopping = keras.callbacks.EarlyStopping(monitor="score", mode="min", patience=1)
    gan, history = train(tmp_path, [stopping], epochs=9, engine=engine, fid_interval=1)
    assert gan.step == 6 == len(history["step"]) and stopping.stopped_epoch == 2
    assert GAN.load(tmp_path / "run/checkpoint.best.npz").step == 4
    assert (tmp_path / "run/generator.keras").is_file()


class Restore(keras.callbacks.Callback):
    """Ends with weights of zero, as EarlyStopping may end with those of an earlier epoch."""

    def on_train_end(self, logs=None):
        self.model.set_weights([np.zeros_like(w) for w in self.model.get_weights()])


def test_weights_that_a_callback_restores_at_the_end_are_in_the_last_checkpoint(tmp_path):
    train(tmp_path, [Restore()], epochs=1)
    gan = GAN.load(tmp_path / "run/checkpoint.npz")
    assert gan.step == 2 and not any(w.any() for w in gan.generator.get_weights())


def test_interrupted_run_is_saved_before_its_callbacks_end(tmp_path):
    stop = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: send(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, [stop, Restore()])
    gan = GAN.load(tmp_path / "run/checkpoint.npz")
    assert gan.step == 2 and gan.generator.get_weights()[0].any()


def test_callback_may_stop_the_run_before_its_first_step(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.stop_training = True

    gan, history = train(tmp_path, [Stop()])
    assert gan.step == 0 == len(history["step"])
