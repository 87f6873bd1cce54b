"""The event files of a run, read back by TensorFlow alone."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from google.protobuf.struct_pb2 import Struct
from PIL import Image

from keras_gan.commands import main
from keras_gan.model.gan import GAN
from keras_gan.run import history, info
from keras_gan.training import interrupt, loop, tensorboard

NUMBERS = dict(epochs=3, batch_size=16, sample_interval=5, quiet=True)  # 12 steps
SCALARS = dict(zip(history.COLUMNS[2:], tensorboard.TAGS, strict=True))  # column of the history: tag


@functools.cache
def built():
    """The GAN of all runs here, whose steps are traced once, and its arrays before training."""
    gan = GAN("aioz", image_shape=(8, 8, 1), latent_dim=7, seed=3, jit_compile=False)
    return gan, gan.arrays()


def untrained():
    gan, start = built()
    for name, variable in gan.variables().items():
        variable.assign(start[name])
    gan.step, gan.outdir = 0, None
    return gan


def trained(pixels, folder, **settings):
    """Trains a run and returns its history."""
    return untrained().train(**NUMBERS | settings, data=pixels, outdir=folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory, pixels):
    """The folder of a run with events, and its history."""
    folder = tmp_path_factory.mktemp("with") / "run"
    return folder, trained(pixels, folder, tensorboard=True)


def files_in(folder):
    """Returns the files with events, the one last written to last."""
    files = [path for path in (folder / "tensorboard").rglob("*") if path.is_file()]
    return sorted(files, key=lambda file: file.stat().st_mtime_ns)


def values_of(folder):
    """Yields (file, step, value) of the values in the event files, in the order they were written."""
    for file in files_in(folder):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                yield file, event.step, value


def steps_of(folder, tag):
    return [step for _, step, value in values_of(folder) if value.tag == tag]


# the events


def test_events_of_known_rows_are_these(tmp_path):
    events = tensorboard.EventWriter(tmp_path / "tensorboard")
    events.see_losses([[7, 2, 0.75, 0.5, 0.25, 1.0, 0.125, 3.0], [8, 2, 1.5, 1.0, 0.5, 0.0, 0.25, 4.0]])
    seen = [(step, value.tag, value.simple_value) for _, step, value in values_of(tmp_path)]
    names = "loss/d loss/d_real loss/d_fake accuracy/real accuracy/fake loss/g".split()
    rows = {7: (0.75, 0.5, 0.25, 1.0, 0.125, 3.0), 8: (1.5, 1.0, 0.5, 0.0, 0.25, 4.0)}
    assert seen == [(s, n, x) for s, row in rows.items() for n, x in zip(names, row, strict=True)]


@pytest.mark.parametrize(("n", "sides"), [(25, (5, 5)), (1, (1, 1)), (5, (2, 3))])
@pytest.mark.parametrize("channels", [1, 3])
def test_grid_is_a_png_of_the_samples(n, sides, channels, tmp_path):
    events = tensorboard.EventWriter(tmp_path / "tensorboard")
    samples = np.arange(n * 64 * 32 * channels).reshape(n, 64, 32, channels).astype(np.uint8)
    events.see_samples(4, samples)
    ((_, step, value),) = values_of(tmp_path)
    picture = tf.io.decode_png(value.image.encoded_image_string).numpy()
    assert (step, value.tag, picture.shape) == (
        4,
        "samples",
        (sides[0] * 132 + 4, sides[1] * 68 + 4, channels),
    )
    assert (value.image.height, value.image.width) == picture.shape[:2]
    np.testing.assert_array_equal(picture[4:132:2, 4:68:2], samples[0])


def test_no_samples_are_no_event(tmp_path):
    tensorboard.EventWriter(tmp_path / "tensorboard").see_samples(4, None)
    assert list(values_of(tmp_path)) == []


def test_score_becomes_a_scalar_of_its_metric_and_features(tmp_path):
    row = {"step": 6, "metric": "frechet_distance", "value": 12.5, "features": "digits"}
    tensorboard.EventWriter(tmp_path / "tensorboard").see_score(row)
    ((_, step, value),) = values_of(tmp_path)
    assert (step, value.tag, value.simple_value) == (6, "frechet_distance/digits", 12.5)


def test_settings_are_one_message_of_the_hparams_plugin(tmp_path):
    events = tensorboard.EventWriter(tmp_path / "tensorboard")
    settings = {
        "lr": 0.5,
        "seed": 2**63 - 1,
        "preset": "aioz",
        "flag": True,
        "image_size": (8, 4),
        "data": None,
        "long": "x" * 200,
    }
    events.write_settings(3, settings)
    ((_, step, value),) = values_of(tmp_path)
    assert (step, value.tag) == (3, "_hparams_/session_start_info")
    assert value.metadata.plugin_data.plugin_name == "hparams"
    content = value.metadata.plugin_data.content
    assert (content[0], content[1] & 128) == (3 << 3 | 2, 128)  # field 3, whose length takes two bytes
    assert (content[1] & 127) + (content[2] << 7) == len(content) - 3
    start = Struct.FromString(content[3:])
    known = {"lr": 0.5, "preset": "aioz", "flag": True, "image_size": "(8, 4)", "long": "x" * 200}
    assert dict(start) == known | {"seed": "9223372036854775807"}  # which no double is


def test_viewer_s_own_reader_reads_the_settings(tmp_path):
    plugin = pytest.importorskip(
        "tensorboard.plugins.hparams.plugin_data_pb2", reason="needs pip install tensorboard"
    )
    content = tensorboard._encode_hyperparameters({"lr": 0.5, "preset": "aioz"})
    start = plugin.HParamsPluginData.FromString(content).session_start_info
    assert (start.hparams["lr"].number_value, start.hparams["preset"].string_value) == (0.5, "aioz")


# of a run


@pytest.mark.slow
def test_run_has_its_own_name_and_its_settings_in_the_viewer(run):
    folder, _ = run
    assert [path.parent for path in files_in(folder)] == [folder / "tensorboard" / folder.name]
    ((_, step, value),) = [v for v in values_of(folder) if v[2].tag.startswith("_hparams_")]
    assert step == 0 and b"batch_size" in value.metadata.plugin_data.content


@pytest.mark.slow
def test_run_that_was_renamed_keeps_its_name_in_the_viewer(pixels, tmp_path):
    trained(pixels, tmp_path / "old", epochs=1, tensorboard=True)
    (tmp_path / "old").rename(tmp_path / "new")
    trained(pixels, tmp_path / "new", epochs=2, resume=True, tensorboard=True)
    assert {path.parent.name for path in files_in(tmp_path / "new")} == {"old"}


def test_run_has_an_event_for_every_row_of_its_history(run):
    folder, table = run
    for name, tag in SCALARS.items():
        seen = [(step, value.simple_value) for _, step, value in values_of(folder) if value.tag == tag]
        assert [step for step, _ in seen] == list(range(1, 13))
        np.testing.assert_allclose([value for _, value in seen], table[name], rtol=1e-6)


def test_run_has_an_event_for_every_grid(run):
    folder, _ = run
    grids = {step: v.image for _, step, v in values_of(folder) if v.tag == "samples"}
    assert sorted(grids) == [0, 5, 10, 12]
    for step, image in grids.items():
        ours = tf.io.decode_png(image.encoded_image_string, channels=1).numpy()[..., 0]
        np.testing.assert_array_equal(ours, np.asarray(Image.open(folder / f"{step}.png").convert("L")))


def test_other_files_of_the_run_are_the_same_without_events(run, pixels, tmp_path):
    trained(pixels, tmp_path / "run")
    ours, theirs = ({p.name: p for p in d.iterdir()} for d in (tmp_path / "run", run[0]))
    assert theirs.keys() - ours.keys() == {"tensorboard"} and ours.keys() <= theirs.keys()
    for name in ours.keys() - {"generator.keras", "report.html", ".lock"}:  # times, and the folder
        assert ours[name].read_bytes() == theirs[name].read_bytes(), name


# going on, and beginning again


def stopped(pixels, folder, at, **settings):
    """Leaves a run as a process that was killed after a step leaves it, its checkpoint earlier."""
    gan = untrained()

    def stop(step):
        if step >= at:
            raise RuntimeError("killed")
        return GAN.sample_images(gan, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gan, "sample_images", stop)
        with pytest.raises(RuntimeError, match="killed"):
            gan.train(**NUMBERS, data=pixels, outdir=folder, checkpoint_interval=1, **settings)


@pytest.mark.slow
def test_resumed_run_goes_on_in_a_new_file_and_repeats_the_same_values(pixels, tmp_path):
    stopped(pixels, tmp_path, at=10, tensorboard=True)
    trained(pixels, tmp_path, resume=True, tensorboard=True)
    before, after = files_in(tmp_path)
    seen = [(file, step, v.simple_value) for file, step, v in values_of(tmp_path) if v.tag == "loss/g"]
    first, second = ({s: x for file, s, x in seen if file == one} for one in (before, after))
    assert (sorted(first), sorted(second)) == (list(range(1, 11)), list(range(9, 13)))
    assert {s: first[s] for s in (9, 10)} == {s: second[s] for s in (9, 10)}
    assert steps_of(tmp_path, "samples") == [0, 5, 10, 12]


@pytest.mark.slow
def test_events_may_begin_or_end_where_a_run_is_resumed(pixels, tmp_path):
    trained(pixels, tmp_path)
    trained(pixels, tmp_path, epochs=4, resume=True, tensorboard=True)
    assert steps_of(tmp_path, "loss/g") == [13, 14, 15, 16]
    trained(pixels, tmp_path, epochs=5, resume=True)
    assert len(files_in(tmp_path)) == 1
    assert "tensorboard" not in info.read_info(tmp_path).config.to_dict()


@pytest.mark.slow
def test_overwriting_removes_the_events_and_nothing_else(pixels, tmp_path):
    trained(pixels, tmp_path, epochs=1, tensorboard=True)
    (old,) = files_in(tmp_path)
    (tmp_path / "tensorboard/notes.txt").write_text("mine")
    trained(pixels, tmp_path, epochs=1, overwrite=True)
    assert [file.name for file in files_in(tmp_path)] == ["notes.txt"] and old.name != "notes.txt"


def test_events_alone_are_a_run_that_is_not_mixed_with_another(pixels, tmp_path):
    tensorboard.EventWriter(tmp_path / "tensorboard")
    with pytest.raises(FileExistsError, match="which holds tensorboard; choose another outdir"):
        trained(pixels, tmp_path)


def test_folder_that_cannot_be_made_ends_the_run_in_one_line(pixels, tmp_path):
    (tmp_path / "tensorboard").write_text("mine")
    message = (
        r"stopped: events cannot be written to .*/tensorboard/.* \(.* is not a directory\)\. The checkpoint"
    )
    with pytest.raises(OSError, match=message):
        trained(pixels, tmp_path, tensorboard=True)
    assert (tmp_path / "tensorboard").read_text() == "mine"


# the command


WORDS = "train --preset aioz --epochs 1 --batch-size 50 --latent-dim 7 --quiet --tensorboard".split()


@pytest.mark.slow
def test_command_writes_events(images_npz, tmp_path, monkeypatch):
    words = [*WORDS, "--data", str(images_npz), "--outdir", str(tmp_path / "run")]
    result = CliRunner().invoke(main.main, words)
    assert (result.exit_code, result.output) == (0, "")
    assert steps_of(tmp_path / "run", "loss/d") == [1]


def test_command_that_goes_on_after_a_stop_asks_for_events_too(images_npz, tmp_path, monkeypatch):
    def stop(*args, **options):
        raise interrupt.Interrupted("Stopped.", 2)

    monkeypatch.setattr(loop, "train", stop)
    words = [*WORDS, "--data", str(images_npz), "--outdir", str(tmp_path)]
    line = CliRunner().invoke(main.main, words, prog_name="python cli.py").stderr
    assert line == f"Stopped. To continue: python cli.py train --resume {tmp_path} --tensorboard\n"
