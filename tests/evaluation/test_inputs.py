import json
import shutil

import numpy as np
import pytest
from PIL import Image

from keras_gan.config import TrainConfig
from keras_gan.data import datasets
from keras_gan.data.options import DEFAULTS, ImageOptions
from keras_gan.evaluation.inputs import (
    choose_image_options,
    load_parts,
    load_real_images,
    match_shape,
    open_inputs,
)
from keras_gan.model.gan import GAN
from keras_gan.rng import Stream, draw_noise
from keras_gan.training import loop


def no_warning(line):
    raise AssertionError(line)


WHERE = dict(dataset=None, path=None, offline=True, warn=no_warning)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Path of a Keras-style file of 300 digits of 14x14 pixels, 100 of them for testing."""
    digits = datasets.load_dataset("digits")
    images, path = digits.images[:, 7:21, 7:21, 0], tmp_path_factory.mktemp("digits") / "digits.npz"
    parts = {"x_train": images[:200], "y_train": digits.labels[:200]}
    np.savez(path, **parts, x_test=images[200:300], y_test=digits.labels[200:300])
    return path


@pytest.fixture(scope="module")
def run_a(digits, tmp_path_factory):
    """A run directory of 2 steps."""
    dataset = datasets.load_dataset(path=digits)
    settings = dict(preset="keras", epochs=2, batch_size=20, latent_dim=7, seed=4)
    config = TrainConfig.from_dict(dict(data=str(digits), **settings)).resolved()
    gan = GAN("keras", image_shape=(14, 14, 1), latent_dim=7, seed=4, jit_compile=False)
    loop.train(gan, dataset, config, tmp_path_factory.mktemp("runs") / "a", quiet=True)
    return gan.outdir


def save_pictures(folder, pixels, mode):
    folder.mkdir()
    for i, image in enumerate(pixels):
        Image.fromarray(image[..., 0]).convert(mode).save(folder / f"{i:03}.png")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("how", ["folder", "checkpoint"])
def test_run_has_record_history_and_a_gan(run_a, how):
    [source] = open_inputs([run_a if how == "folder" else run_a / "checkpoint.npz"], no_warning)
    assert (source.name, source.framework, source.image_shape) == ("a", "keras", (14, 14, 1))
    assert (source.gan.step, source.gan.seed, len(source.read_history()["step"])) == (2, 4, 2)


def test_history_of_an_earlier_checkpoint_ends_with_it(run_a, tmp_path):
    shutil.copytree(run_a, tmp_path / "a")
    gan = GAN.load(run_a / "checkpoint.npz")
    gan.step = 1
    gan.save(tmp_path / "a" / "checkpoint.best.npz")
    [source] = open_inputs([tmp_path / "a" / "checkpoint.best.npz"], no_warning)
    assert source.read_history()["step"].tolist() == [1] and len(source.read_history()["g_loss"]) == 1


def test_samples_are_of_the_noise_asked_for_and_not_of_the_run_s_own_seed(run_a):
    [source] = open_inputs([run_a], no_warning)
    for drawn, stream, n in (
        (source.draw_grid(9), Stream.GRID, 25),
        (source.draw(9, 30), Stream.EVALUATION, 30),
    ):
        z = draw_noise(9, stream, 0, n, 7)
        np.testing.assert_array_equal(drawn, source.gan.sample(z))


def test_folder_of_pictures_and_file_of_images_are_read_as_they_are(tmp_path, pixels):
    save_pictures(tmp_path / "folder", pixels[:7], "L")
    np.savez(tmp_path / "b.npz", images=pixels)
    folder, file = open_inputs([tmp_path / "folder", tmp_path / "b.npz"], no_warning)
    assert (folder.name, file.name, folder.framework, folder.read_history()) == (
        "folder",
        "b.npz",
        None,
        None,
    )
    np.testing.assert_array_equal(folder.images, pixels[:7])
    np.testing.assert_array_equal(file.draw_grid(0), pixels[:25])
    np.testing.assert_array_equal(folder.draw(0, 20), pixels[:7])


def test_some_of_many_images_are_drawn_without_repetition(tmp_path, pixels):
    np.savez(tmp_path / "b.npz", images=pixels)
    [source] = open_inputs([tmp_path / "b.npz"], no_warning)
    drawn = [{image.tobytes() for image in source.draw(seed, 20)} for seed in (0, 0, 1)]
    assert len(drawn[0]) == 20 and drawn[0] == drawn[1] != drawn[2]


def test_paths_that_end_alike_keep_their_whole_path(tmp_path, pixels):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        save_pictures(tmp_path / name / "same", pixels[:2], "L")
    paths = [tmp_path / "x/same", tmp_path / "y/same"]
    assert [source.name for source in open_inputs(paths, no_warning)] == [str(p) for p in paths]


def test_source_given_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must be given once"):
        open_inputs([tmp_path, tmp_path / "." / "../" / tmp_path.name], no_warning)


def test_run_without_a_checkpoint_is_refused(run_a, tmp_path):
    shutil.copytree(run_a, tmp_path / "b")
    (tmp_path / "b/checkpoint.npz").unlink()
    with pytest.raises(FileNotFoundError, match="Expected a run with a checkpoint.npz. Received: .*b, "):
        open_inputs([tmp_path / "b"], no_warning)


def test_checkpoint_alone_is_a_run_of_unknown_framework(run_a, tmp_path):
    shutil.copy(run_a / "checkpoint.npz", tmp_path)
    [source] = open_inputs([tmp_path], no_warning)
    assert (source.gan.step, source.framework, source.info, source.read_history()) == (2, None, None, None)


def test_real_images_are_those_the_first_run_recorded(run_a, digits, tmp_path, pixels):
    np.savez(tmp_path / "b.npz", images=pixels)
    found = open_inputs([tmp_path / "b.npz", run_a], no_warning)
    train, test = load_real_images(found, **WHERE)
    assert train.sha256 == datasets.load_dataset(path=digits).sha256
    assert (len(train.images), len(test.images), test.split) == (200, 100, "test")


def test_real_images_can_be_named_and_a_file_may_have_no_test_part(run_a, tmp_path, pixels):
    np.savez(tmp_path / "b.npz", images=pixels)
    found = open_inputs([run_a], no_warning)
    train, test = load_real_images(found, None, tmp_path / "b.npz", True, no_warning)
    np.testing.assert_array_equal(train.images, pixels)
    assert test is None


def test_parts_come_in_the_order_asked_for(digits):
    where = dict(offline=True, warn=no_warning)
    part, other = load_parts("auto", digits, DEFAULTS, "test", **where)
    assert (part.split, len(part.images), other.split, len(other.images)) == ("test", 100, "train", 200)


def test_batches_are_what_is_drawn_at_once(run_a, tmp_path, pixels):
    np.savez(tmp_path / "b.npz", images=pixels)
    for source in open_inputs([run_a, tmp_path / "b.npz"], no_warning):
        parts = list(source.draw_batches(3, 20, 8))
        assert [len(part) for part in parts] == [8, 8, 4]
        np.testing.assert_array_equal(np.concatenate(parts), source.draw(3, 20))


def test_real_images_that_no_source_names_are_asked_for(tmp_path, pixels):
    np.savez(tmp_path / "b.npz", images=pixels)
    with pytest.raises(ValueError, match="named with --dataset or --data .* Received: b.npz"):
        load_real_images(open_inputs([tmp_path / "b.npz"], no_warning), **WHERE)


@pytest.mark.parametrize(
    ("recorded", "kind", "message"),
    [
        ({"data": "gone.npz"}, FileNotFoundError, "no file .*gone.npz"),
        ({"data": "other.npz"}, ValueError, "Received: 50 of other"),
        ({"data": None, "dataset": "kmnist"}, FileNotFoundError, "kmnist"),
    ],
)
def test_recorded_images_that_are_not_at_hand(recorded, kind, message, run_a, tmp_path, pixels, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("other.npz", images=pixels)
    shutil.copytree(run_a, "b")
    record = json.loads((tmp_path / "b/config.json").read_text())
    record["config"] |= recorded
    (tmp_path / "b/config.json").write_text(json.dumps(record))
    with pytest.raises(kind, match=f"{message}.* Or name the real images with --dataset or --data"):
        load_real_images(open_inputs(["b"], no_warning), **WHERE)


def test_images_beside_a_run_are_read_as_its_own_were_unless_it_is_said(run_a, tmp_path, pixels):
    shutil.copytree(run_a, tmp_path / "b")
    record = json.loads((tmp_path / "b/config.json").read_text())
    record["config"] |= {"fit": "stretch", "background": "black"}
    (tmp_path / "b/config.json").write_text(json.dumps(record))
    np.savez(tmp_path / "x.npz", images=pixels)
    paths = [str(tmp_path / "x.npz"), "mnist:test", str(tmp_path / "b/checkpoint.npz"), str(run_a)]
    assert choose_image_options(paths) == ImageOptions(None, "black", "stretch")
    assert choose_image_options(paths, (9, 8), "crop") == ImageOptions((9, 8), "black", "crop")
    assert choose_image_options(paths, background="red") == ImageOptions(None, "red", "stretch")
    assert choose_image_options(paths[:2]) == DEFAULTS


def test_grey_pictures_saved_as_rgb_fit_grey_images_and_coloured_ones_do_not(tmp_path, pixels):
    save_pictures(tmp_path / "rgb", pixels[:3], "RGB")
    found = open_inputs([tmp_path / "rgb"], no_warning)
    np.testing.assert_array_equal(match_shape(found, (8, 8, 1))[0].images, pixels[:3])
    assert match_shape(found, (8, 8, 3))[0].images.shape == (3, 8, 8, 3)
    found[0].images[0, 0, 0, 1] ^= 1
    with pytest.raises(ValueError, match="shape of the real ones, 8x8x1. Received: rgb of 8x8x3"):
        match_shape(found, (8, 8, 1))
