import contextlib
import io
import json
import types
from unittest import mock

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gan.config import GanConfig, TrainConfig
from keras_gan.data import datasets
from keras_gan.evaluation import diagnosis
from keras_gan.files import npz
from keras_gan.model.gan import GAN
from keras_gan.presets import PRESETS
from keras_gan.report import page
from keras_gan.run import info
from keras_gan.training import loop, monitor
from keras_gan.training.schedule import describe_run, make_schedule

RUN = {"history.csv", "config.json", "checkpoint.npz", "checkpoint.previous.npz", "generator.keras"}
RUN |= {"report.html", ".lock"}
SETTINGS = dict(image_shape=(8, 8, 1), latent_dim=7, seed=3)


def new_gan():
    return GAN("aioz", **SETTINGS)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, pixels):
    """The same training twice: three epochs of four batches in one call, and in two calls."""
    gan = new_gan()
    start = {name: variable.numpy().copy() for name, variable in gan.variables().items()}
    whole, parts = (tmp_path_factory.mktemp(name) / "run" for name in ("whole", "parts"))
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        history = gan.train(3, 16, 3, data=pixels, outdir=whole)
    end = {name: variable.numpy().copy() for name, variable in gan.variables().items()}
    for name, variable in gan.variables().items():  # again from the start, without compiling again
        variable.assign(start[name])
    gan.step, gan.outdir = 0, None
    first = gan.train(2, 16, 3, data=pixels, outdir=parts, quiet=True)
    second = gan.train(1, 16, 3, data=pixels, outdir=parts, quiet=True)
    return types.SimpleNamespace(
        **dict(whole=whole, parts=parts, printed=printed.getvalue(), history=history, end=end),
        **dict(first=first, second=second),
    )


@pytest.fixture(scope="module")
def quick(tmp_path_factory, pixels):
    """A quiet run of one step from a file, into a folder that holds other files."""
    folder = tmp_path_factory.mktemp("quick")
    np.savez(folder / "mine.npz", images=pixels)
    (folder / "notes.txt").write_text("mine")
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(printed):
        new_gan().train(1, 50, data=str(folder / "mine.npz"), outdir=folder, quiet=True)
    return types.SimpleNamespace(folder=folder, printed=printed.getvalue())


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def content_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# what a run leaves


@pytest.mark.slow
def test_run_directory_holds_the_files_of_a_run_and_nothing_else(runs):
    grids = {f"{step}.png" for step in (0, 3, 6, 9, 12)}
    assert names_in(runs.whole) == grids | RUN


def test_grid_is_also_written_after_the_last_step_of_a_run(runs):
    grids = {name for name in names_in(runs.parts) if name.endswith(".png")}
    assert grids == {f"{step}.png" for step in (0, 3, 6, 8, 9, 12)}


def test_first_grid_is_of_the_untrained_generator_and_the_last_of_the_trained(runs, tmp_path):
    gan = new_gan()
    gan.outdir = tmp_path
    gan.sample_images(0)
    assert (tmp_path / "0.png").read_bytes() == (runs.whole / "0.png").read_bytes()
    gan = GAN.load(runs.whole / "checkpoint.npz")
    gan.outdir = tmp_path
    gan.sample_images(12)
    ours, theirs = (np.asarray(Image.open(d / "12.png")).astype(int) for d in (tmp_path, runs.whole))
    np.testing.assert_array_equal(ours, theirs)
    assert (runs.whole / "0.png").read_bytes() != (runs.whole / "12.png").read_bytes()


def test_history_has_a_row_a_step_and_counts_epochs(runs):
    table = runs.history
    assert table["step"].tolist() == list(range(1, 13))
    assert table["epoch"].tolist() == [1] * 4 + [2] * 4 + [3] * 4
    np.testing.assert_allclose(table["d_loss"], table["d_loss_real"] + table["d_loss_fake"], rtol=1e-8)
    assert all(np.isfinite(column).all() for column in table.values())
    header = "step,epoch,d_loss,d_loss_real,d_loss_fake,d_acc_real,d_acc_fake,g_loss"
    assert (runs.whole / "history.csv").read_text().splitlines()[0] == header


def test_config_json_tells_what_the_run_was(runs, pixels):
    content = json.loads((runs.whole / "config.json").read_text())
    config = TrainConfig.from_dict(content["config"])
    gan = config.gan
    assert (gan.preset, gan.seed, gan.latent_dim, gan.lr) == ("aioz", 3, 7, 2e-4)
    assert (config.epochs, config.batch_size, config.sample_interval) == (3, 16, 3)
    assert content["image_shape"] == [8, 8, 1] and content["data"]["images"] == 50
    assert len(content["data"]["sha256"]) == 64
    assert content["versions"]["keras"] == keras.__version__
    assert {"python", "tensorflow", "numpy", "keras_gan"} <= set(content["versions"])


def test_checkpoint_is_the_trained_gan(runs):
    arrays = npz.load(runs.whole / "checkpoint.npz")
    assert arrays.pop("step") == 12 and arrays.pop("gan")
    assert arrays.keys() == runs.end.keys()
    for name, value in runs.end.items():
        np.testing.assert_array_equal(arrays[name], value, err_msg=name)


def test_generator_keras_is_the_trained_generator(runs):
    z = np.random.default_rng(0).normal(size=(4, 7)).astype("float32")
    gan = GAN.load(runs.whole / "checkpoint.npz")
    loaded = keras.models.load_model(runs.whole / "generator.keras")
    np.testing.assert_array_equal(loaded(z), gan.generator(z))


@pytest.mark.slow
def test_generator_keras_is_in_float32_whatever_the_run_is(tmp_path, pixels):
    gan = GAN("aioz", **SETTINGS, precision="float64")
    gan.train(1, 50, data=pixels, outdir=tmp_path, quiet=True)
    loaded = keras.models.load_model(tmp_path / "generator.keras")
    assert {weight.dtype for weight in loaded.weights} == {"float32"}


def test_same_seed_gives_the_same_history_and_pictures_bit_for_bit(runs):
    for name in ("history.csv", *(f"{step}.png" for step in (0, 3, 6, 9, 12))):
        assert (runs.whole / name).read_bytes() == (runs.parts / name).read_bytes(), name


# a second call


def test_second_call_goes_on_where_the_first_ended(runs):
    assert runs.first["step"].tolist() == list(range(1, 9))
    assert runs.second["step"].tolist() == list(range(1, 13))
    for name, column in runs.history.items():
        np.testing.assert_array_equal(runs.second[name], column)


def test_second_call_ends_with_the_same_checkpoint_as_one_long_call(runs):
    one, two = (npz.load(d / "checkpoint.npz") for d in (runs.whole, runs.parts))
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_second_call_counts_the_epochs_in_total(runs):
    one, two = (json.loads((d / "config.json").read_text()) for d in (runs.whole, runs.parts))
    assert one["config"] == two["config"] and two["config"]["epochs"] == 3


@pytest.mark.slow
def test_second_call_of_another_run_is_refused_and_overwriting_begins_one(tmp_path, pixels):
    gan = new_gan()
    gan.train(1, 25, data=pixels, outdir=tmp_path, quiet=True)
    before = content_of(tmp_path)
    with pytest.raises(ValueError, match="batch_size=16 given, 25 in the run"):
        gan.train(1, 16, data=pixels, outdir=tmp_path, quiet=True)
    with pytest.raises(ValueError, match="images must be those of the run, array with the hash"):
        gan.train(1, 25, data=pixels[::-1], outdir=tmp_path, quiet=True)
    assert content_of(tmp_path) == before
    table = gan.train(1, 40, data=pixels[:40], outdir=tmp_path, overwrite=True, quiet=True)
    assert table["step"].tolist() == [3] and info.read_info(tmp_path).first_step == 2


def test_epochs_in_total_are_rounded_up_so_that_resuming_reaches_the_end(pixels):
    gan = types.SimpleNamespace(rule=PRESETS["aioz"].rule, step=3)
    config = TrainConfig(GanConfig("aioz"), epochs=2, batch_size=25).resolved()  # of two steps each
    config, schedule = make_schedule(gan, datasets.Dataset.from_array(pixels), config, epochs_in_total=False)
    assert (schedule.total, config.epochs) == (7, 4)


def test_feature_extractor_sees_no_image_where_a_run_may_not_be_written(runs, pixels, monkeypatch):
    monkeypatch.setattr(loop, "_load_extractor", lambda *args: types.SimpleNamespace(name="digits"))
    monkeypatch.setattr(loop, "Scorer", mock.Mock(side_effect=AssertionError("it saw them")))
    with pytest.raises(FileExistsError, match="must not hold a run"):
        new_gan().train(1, 16, data=pixels, outdir=runs.whole, quiet=True, fid_interval=1)


def test_run_of_another_object_is_refused_and_left_as_it_was(runs, pixels):
    before = content_of(runs.whole)
    ways = "resume=True continues it .* overwrite=True replaces it"
    with pytest.raises(FileExistsError, match=f"must not hold a run. Received: .*aioz at step 12. {ways}"):
        new_gan().train(1, 16, data=pixels, outdir=runs.whole, quiet=True)
    assert content_of(runs.whole) == before


@pytest.mark.slow
def test_run_is_whole_where_its_report_cannot_be_written(tmp_path, pixels, monkeypatch, capsys):
    def broken(folder):
        raise KeyError("two\nlines")

    monkeypatch.setattr(page, "write", broken)
    new_gan().train(1, 50, data=pixels, outdir=tmp_path, quiet=True)
    assert names_in(tmp_path) == {"0.png", "1.png"} | RUN - {"report.html"}
    assert capsys.readouterr().err == "report.html is not written: 'two\\nlines'\n"


@pytest.mark.slow
def test_overwrite_replaces_the_files_of_a_run_and_no_others(tmp_path, pixels):
    new_gan().train(3, 50, 2, data=pixels, outdir=tmp_path, quiet=True)
    theirs = {"notes.txt", "cat.png", "1.png.bak", "data.npz", "history.csv.old", "20240612.png", "5.png"}
    for name in theirs:
        (tmp_path / name).write_text("old")
    assert {"2.png", "3.png"} <= names_in(tmp_path)
    history = new_gan().train(1, 50, data=pixels, outdir=tmp_path, overwrite=True, quiet=True)
    assert names_in(tmp_path) == {"0.png", "1.png"} | RUN | theirs
    assert all((tmp_path / name).read_text() == "old" for name in theirs)
    assert history["step"].tolist() == [1]


@pytest.mark.slow
def test_run_begins_beside_files_that_are_no_run(quick):
    assert names_in(quick.folder) == {"0.png", "1.png"} | RUN | {"mine.npz", "notes.txt"}
    assert (quick.folder / "notes.txt").read_text() == "mine"


# refusals, before anything is written


def test_batch_larger_than_the_data_is_refused_before_anything_is_written(tmp_path, pixels):
    with pytest.raises(ValueError, match=r"number of images \(50\). Received: batch_size=51"):
        new_gan().train(1, 51, data=pixels, outdir=tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_images_of_another_shape_are_refused_before_anything_is_written(tmp_path):
    images = np.full((20, 8, 9, 1), 7, np.uint8)
    with pytest.raises(ValueError, match=r"\(8, 8, 1\). Received: \(8, 9, 1\)"):
        new_gan().train(1, 16, data=images, outdir=tmp_path / "run")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("numbers", [{"epochs": 0}, {"batch_size": -1}, {"sample_interval": 0}])
def test_bad_number_is_refused_before_anything_is_written(tmp_path, pixels, numbers):
    with pytest.raises(ValueError, match=f"^{next(iter(numbers))} must be"):
        new_gan().train(**numbers, data=pixels, outdir=tmp_path / "run")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_home_is_found_in_outdir_and_data(tmp_path, pixels, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.savez(tmp_path / "mine.npz", images=pixels)
    gan = new_gan()
    gan.train(1, 50, data="~/mine.npz", outdir="~/run", quiet=True)
    gan.train(2, outdir="~/run", resume=True, quiet=True)
    assert (tmp_path / "run/2.png").is_file()


def test_unknown_engine_is_refused(pixels, tmp_path):
    with pytest.raises(ValueError, match="^engine must be one of"):
        new_gan().train(1, data=pixels, outdir=tmp_path / "run", engine="steam")


@pytest.mark.parametrize("name", ["speed", "device", "dataset"])
def test_setting_that_train_does_not_take_is_refused(pixels, tmp_path, name):
    with pytest.raises(TypeError, match=f"takes .*features.* Received: {name}\\."):
        new_gan().train(1, data=pixels, outdir=tmp_path / "run", **{name: "none"})


def test_missing_file_of_images_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no.npz"):
        new_gan().train(1, data=tmp_path / "no.npz", outdir=tmp_path / "run")


@pytest.mark.parametrize("data", [5, object(), [None], b"digits"])
def test_data_of_another_kind_is_refused_by_its_type_and_nothing_is_written(tmp_path, data):
    kind = type(data[0] if isinstance(data, list) else data).__name__
    with pytest.raises(TypeError, match=f"data must be .* Received: {kind}"):
        new_gan().train(1, 50, data=data, outdir=tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "wrap", [list, tf.constant, lambda x: (x, np.arange(50)), lambda x: (x[i : i + 20] for i in (0, 20, 40))]
)
def test_images_in_memory_of_any_kind_are_those_that_are_trained_on(tmp_path, pixels, wrap):
    new_gan().train(1, 50, data=wrap(pixels), outdir=tmp_path / "run", quiet=True)
    assert info.read_info(tmp_path / "run").data["sha256"] == datasets.Dataset.from_array(pixels).sha256


def test_data_set_asked_for_by_name_is_never_replaced(tmp_path):
    with pytest.raises(OSError, match="kmnist|images-idx3"):
        new_gan().train(1, data="kmnist", outdir=tmp_path / "run")


# where the images come from


def test_images_are_read_from_a_path_and_their_source_recorded(quick):
    content = json.loads((quick.folder / "config.json").read_text())
    assert content["data"]["source"] == content["config"]["data"] == str(quick.folder / "mine.npz")
    assert content["data"]["name"] == "mine" and content["data"]["images"] == 50


@pytest.mark.slow
def test_mnist_that_cannot_be_had_is_replaced_by_digits_and_it_is_said(tmp_path, capsys):
    gan = GAN("aioz")
    gan.train(1, 1437, outdir=tmp_path / "run", quiet=True)
    content = json.loads((tmp_path / "run/config.json").read_text())
    assert content["data"]["name"] == "digits"
    assert len(capsys.readouterr().err.splitlines()) == 1


# what is said


def test_quiet_prints_nothing(quick):
    assert quick.printed == ""


def test_run_says_what_it_will_do_and_what_it_has_done(runs):
    lines = runs.printed.splitlines()
    assert lines[0].startswith("preset aioz: ")
    assert lines[1] == "data array: 50 images of 8x8x1 from memory"
    assert lines[2] == "3 epochs = 3 passes over 50 images = 12 batches of 16, seed 3"
    assert str(runs.whole) in lines[3] and "train_on_batch" in lines[3]
    assert lines[-2].startswith("Trained 12 steps in ")
    files = "0.png to 12.png, history.csv, checkpoint.npz, generator.keras, report.html"
    assert lines[-1] == f"In {runs.whole}: {files}."
    assert sum("[D loss: " in line for line in lines) < 6  # not a line a step
    assert sum(line.startswith("12 [D loss: ") for line in lines) == 1


@pytest.mark.parametrize(
    ("preset", "line"),
    [
        ("keras", "30000 epochs = 30000 batches of 256 = 128 passes over 60000 images, seed 0"),
        ("aioz", "100 epochs = 100 passes over 60000 images = 60000 batches of 100, seed 0"),
        ("kmnist", "50 epochs = 50 passes over 60000 images = 46900 batches of 64, seed 0"),
    ],
)
def test_plan_counts_epochs_batches_and_passes(preset, line):
    pictures = np.broadcast_to(np.uint8(0), (60000, 28, 28, 1))
    dataset = types.SimpleNamespace(
        images=pictures, image_shape=(28, 28, 1), name="mnist", source="mnist.npz"
    )
    gan = types.SimpleNamespace(preset=PRESETS[preset], rule=PRESETS[preset].rule, step=0)
    lines = list(describe_run(gan, dataset, TrainConfig(GanConfig(preset)).resolved(), "images"))
    assert line in lines and "data mnist: 60000 images of 28x28x1 from mnist.npz" in lines


def test_last_batch_of_one_is_refused_where_it_would_be_normalised(tmp_path, pixels):
    gan = GAN("kmnist", image_shape=(8, 8, 1))
    with pytest.raises(ValueError, match="batch of one image"):  # as PyTorch's BatchNorm1d
        gan.train(1, batch_size=7, data=pixels, outdir=tmp_path / "run")
    with pytest.raises(ValueError, match="batch_size must be at least 2, as the preset kmnist"):
        gan.train(1, batch_size=1, data=pixels, outdir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_loss_that_is_not_finite_stops_the_run_and_keeps_the_finite_checkpoint(tmp_path, pixels):
    gan = GAN("aioz", image_shape=(8, 8, 1), lr=1e20)
    with pytest.raises(ValueError, match=r"Received: .*=(nan|inf) at step \d+; a smaller lr") as error:
        gan.train(5, batch_size=25, data=pixels, outdir=tmp_path, checkpoint_interval=1)
    assert str(error.value).endswith(f"The checkpoint of step 0 is kept in {tmp_path}, to resume from.")
    arrays = npz.load(tmp_path / "checkpoint.npz")
    assert arrays.pop("step") == 0 and arrays.pop("gan")
    assert all(np.isfinite(array).all() for array in arrays.values())


def test_collapse_and_win_are_said_once_on_stderr_with_the_step(tmp_path, pixels, monkeypatch, capsys):
    limits = dict(DIVERSE=0, ALIKE=9, ALIKE_STEPS=2, WON_ACCURACY=0, WON_G_LOSS=0, WON_STEPS=6)
    for name, value in limits.items():  # any run passes for both
        monkeypatch.setattr(diagnosis, name, value)
    new_gan().train(2, 16, 2, data=pixels, outdir=tmp_path, quiet=True)
    printed, lines = capsys.readouterr()
    collapse, win = lines.splitlines()
    assert collapse.startswith("The generator has collapsed: since step 2 ") and printed == ""
    assert win.startswith("The discriminator has won: since step 1 ")


@pytest.mark.slow
def test_monitor_changes_no_bit_of_a_run(runs, tmp_path, pixels, monkeypatch):
    monkeypatch.setattr(monitor, "Monitor", mock.Mock())
    new_gan().train(3, 16, 3, data=pixels, outdir=tmp_path, quiet=True)
    for name in ("history.csv", "3.png", "12.png"):
        assert (tmp_path / name).read_bytes() == (runs.whole / name).read_bytes(), name
    unmonitored = npz.load(tmp_path / "checkpoint.npz")
    for name, value in runs.end.items():
        np.testing.assert_array_equal(unmonitored[name], value, err_msg=name)


@pytest.mark.slow
def test_gan_that_is_not_of_keras_is_trained_without_its_generator_written(tmp_path, pixels):
    pytest.importorskip("torch", reason="needs PyTorch")
    from keras_gan.pytorch.gan import TorchGAN

    gan = TorchGAN("aioz", image_shape=(8, 8, 1), latent_dim=7)
    gan.load(GAN("aioz", image_shape=(8, 8, 1), latent_dim=7).arrays())
    config = TrainConfig.from_dict(dict(preset="aioz", epochs=2, batch_size=25, latent_dim=7)).resolved()
    table = loop.train(gan, datasets.Dataset.from_array(pixels), config, tmp_path, quiet=True)
    assert table["step"].tolist() == [1, 2, 3, 4]
    assert names_in(tmp_path) == {"0.png", "4.png"} | RUN - {"generator.keras"}
    assert info.read_info(tmp_path).framework == "torch"


def test_history_of_another_end_refuses_a_second_call(tmp_path, pixels):
    gan = new_gan()
    gan.train(1, 50, data=pixels, outdir=tmp_path, quiet=True)
    gan.step += 1
    with pytest.raises(ValueError, match="must end at the step of this GAN, 2"):
        gan.train(1, 50, data=pixels, outdir=tmp_path, quiet=True)
