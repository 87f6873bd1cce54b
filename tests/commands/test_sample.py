"""What `sample` writes in each of its modes."""

import shutil

import numpy as np
import pytest
from PIL import Image

from keras_gan.commands import draw
from keras_gan.config import TrainConfig
from keras_gan.data import datasets
from keras_gan.figures import png_folder
from keras_gan.model.gan import GAN
from keras_gan.training import loop
from tests.conftest import forbidden, misused, refused, run


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """Each test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


def trained(folder, array, preset="aioz"):
    """Trains two steps on a file of an array, a grid after each, and returns the run directory."""
    np.savez(folder / "images.npz", x_train=array[:40], x_test=array[40:])
    found = datasets.load_dataset(path=folder / "images.npz")
    numbers = dict(batch_size=20, sample_interval=1, latent_dim=7, data=str(folder / "images.npz"))
    config = TrainConfig.from_dict(dict(preset=preset, epochs=1, **numbers)).resolved()
    gan = GAN(preset, image_shape=found.image_shape, latent_dim=7, jit_compile=False)
    loop.train(gan, found, config, folder / "run", quiet=True)
    return folder / "run"


@pytest.fixture(scope="module")
def grey(tmp_path_factory, pixels):
    """The run directory of grey images."""
    return trained(tmp_path_factory.mktemp("grey"), pixels)


@pytest.fixture(scope="module")
def rgb(tmp_path_factory):
    """The run directory of RGB images, higher than wide."""
    array = np.random.default_rng(1).integers(0, 256, (50, 9, 8, 3), dtype=np.uint8)
    return trained(tmp_path_factory.mktemp("rgb"), array)


@pytest.fixture
def imported(grey, tmp_path):
    """A run of a checkpoint alone, as `import` leaves it."""
    (tmp_path / "imported").mkdir()
    shutil.copy(grey / "checkpoint.npz", tmp_path / "imported")
    return tmp_path / "imported"


def drawn(*words):
    """Runs `sample`, which must succeed, and returns what it prints."""
    result = run("sample", *words)
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return result.stdout


def size(path):
    with Image.open(path) as picture:
        return picture.size


def images_of(run_dir, *words):
    """Returns the images that `sample` writes with these options."""
    drawn(run_dir, *words, "--npz", "a.npz")
    with np.load("a.npz") as arrays:
        assert arrays.files == ["images"]
        return arrays["images"]


@pytest.mark.slow
def test_arrays_that_are_no_samples_are_not_replaced(grey, tmp_path):
    np.savez(tmp_path / "mine.npz", x_train=np.zeros(3))
    line = refused("sample", grey, "--npz", tmp_path / "mine.npz")
    assert "mine.npz must be new, or an .npz file of images" in line


# what goes together


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--gif --seeds 0-3", "give --gif or --seeds, not both"),
        ("--gif --npz a.npz", "give --gif or --npz, not both"),
        ("--png a --npz a.npz", "give --png or --npz, not both"),
        ("--png a --out a.png", "give --png or --out, not both"),
        ("--png a --grid 2x2", "give --png or --grid, not both"),
        ("--gif --interpolate 0 1", "give --gif or --interpolate, not both"),
        ("--interpolate 0 1 --count 4", "give --interpolate or --count, not both"),
        ("--interpolate 0", "requires 2 arguments"),
        (f"--interpolate 0 {2**63}", "from 0 to 2**63 - 1"),
        ("--nearest --npz a.npz", "give --nearest or --npz, not both"),
        ("--nearest --seeds 0 --count 1", "give --seeds or --count, not both"),
        ("--real --nearest", "give --nearest or --real, not both"),
        ("--real --frames 3", "give --real or --frames, not both"),
        ("--dataset mnist", "--dataset goes with --nearest or --real alone"),
        ("--offline", "--offline goes with --nearest or --real alone"),
        ("--frames 5", "--frames goes with --gif or --interpolate alone"),
        ("--gif --out a.png", "must end in .gif with --gif. Received: a.png"),
        ("--gif --frames 1", "from 2 to"),
        ("--out a.jpg", "--out must end in .png. Received: a.jpg"),
        ("--nearest --out a.jpg", "--out must end in .png. Received: a.jpg"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_use(words, message, grey, tmp_path):
    assert message in misused("sample", grey, *words.split())
    assert not list(tmp_path.iterdir())


# --gif


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["grey", "rgb"])
def test_gif_of_a_run_lies_in_it(kind, request):
    folder = request.getfixturevalue(kind)
    line = drawn(folder, "--gif")
    message = "grids from epoch 0, step 0 to epoch 1, step 2 (all 3)"
    assert line == f"{folder / 'training.gif'}: {message}\n"
    with Image.open(folder / "training.gif") as moving:
        assert (moving.format, moving.n_frames) == ("GIF", 3)
        assert moving.size == (size(folder / "0.png")[0], size(folder / "0.png")[1] + 28)
    (folder / "training.gif").unlink()


def test_gif_of_a_checkpoint_is_that_of_its_folder_and_goes_where_it_is_message(grey, tmp_path):
    assert "all 3" in drawn(grey / "checkpoint.npz", "--gif", "--out", "a.gif")
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_gif_leaves_out_grids_and_says_so(grey):
    line = drawn(grey, "--gif", "--frames", 2, "--out", "a.gif")
    assert line.endswith(" to epoch 1, step 2 (2 of 3, evenly spaced; --frames takes more)\n")


def test_gif_of_grids_without_record_or_checkpoint_has_steps(grey, tmp_path):
    shutil.copy(grey / "1.png", tmp_path)
    assert drawn(".", "--gif") == "training.gif: grids from step 1 to step 1 (all 1)\n"


def test_gif_of_a_run_without_grids_is_refused(imported):
    assert f"must hold sample grids such as 0.png. Received: {imported}" in refused(
        "sample", imported, "--gif"
    )
    assert not (imported / "training.gif").exists()


def test_gif_of_what_is_not_there_is_refused():
    assert "nowhere" in refused("sample", "nowhere", "--gif")


# --interpolate


@pytest.mark.parametrize("kind", ["grey", "rgb"])
def test_interpolation_of_a_run_lies_in_it_and_ends_in_the_images_of_its_seeds(kind, request):
    folder = request.getfixturevalue(kind)
    path = folder / "interpolation.png"
    assert drawn(folder, "--interpolate", 4, 0) == f"{path}: 9 images from seed 4 to seed 0, of step 2\n"
    drawn(folder, "--seeds", "4,0", "--grid", "1x2", "--out", "ends.png")
    picture, ends = (np.asarray(Image.open(file).convert("RGB")) for file in (path, "ends.png"))
    side = (ends.shape[1] - 4) // 2
    for strip in (picture[28 : 28 + len(ends)], picture[-len(ends) :]):
        np.testing.assert_array_equal(strip[:, : 4 + side], ends[:, : 4 + side])
        np.testing.assert_array_equal(strip[:, -4 - side :], ends[:, -4 - side :])
    path.unlink()


def test_interpolation_has_the_columns_asked_for_and_needs_no_record(imported):
    assert "3 images" in drawn(imported, "--interpolate", 1, 2, "--frames", 3, "--out", "a.png")
    assert size("a.png")[0] == 3 * 68 + 4


# --nearest


@pytest.mark.parametrize("kind", ["grey", "rgb"])
def test_nearest_images_of_a_run_are_those_of_its_own_data(kind, request):
    folder = request.getfixturevalue(kind)
    message, heading, samples, tests = drawn(folder, "--nearest").splitlines()
    assert message == f"{folder / 'nearest.png'}: 24 images of step 2 and the 3 nearest to each"
    assert "nearest of 40 training images" in heading
    assert samples.startswith("24 samples: median ") and tests.startswith("10 test images: median ")
    assert size(folder / "nearest.png")[0] > 3 * 4 * 68
    (folder / "nearest.png").unlink()


def test_nearest_images_are_the_training_images_at_the_distances_printed(grey, tmp_path):
    lines = drawn(grey, "--nearest", "--seeds", "3", "--out", "a.png").splitlines()
    drawn(grey, "--seeds", "3", "--npz", "fake.npz")
    fake = np.load("fake.npz")["images"].astype(float)
    real = np.load(grey.parent / "images.npz")["x_train"]
    distances = np.sqrt(((fake - real) ** 2).sum(axis=(1, 2, 3))) / 255
    assert f"median {distances.min():.2f}, smallest {distances.min():.2f}" in lines[2]
    picture = np.asarray(Image.open("a.png").convert("L"))[28:]
    for place, row in enumerate(np.argsort(distances)[:3]):
        left = 72 + 8 + 4 + 68 * place
        np.testing.assert_array_equal(picture[4:68:8, left : left + 64 : 8], real[row, ..., 0])


def test_images_without_a_test_part_are_searched_and_that_is_said(imported, images_npz):
    result = run("sample", imported, "--nearest", "--data", images_npz, "--count", 5)
    assert result.exit_code == 0 and "nearest of 50 training images" in result.stdout
    assert result.stdout.splitlines()[3] == "test images: none, as the real images have no test part"


def test_real_images_of_a_run_without_a_record_are_asked_for(imported):
    line = refused("sample", imported, "--nearest")
    assert "must be named with --dataset or --data" in line and str(imported) in line
    assert not (imported / "nearest.png").exists()


def test_real_images_of_another_shape_are_refused(rgb, images_npz):
    line = refused("sample", rgb, "--nearest", "--data", images_npz)
    assert "8x8x1. Received" in line and "9x8x3" in line


def test_real_images_that_are_no_longer_those_of_the_run_are_refused(grey, tmp_path, images_npz):
    shutil.copytree(grey, tmp_path / "run")
    record = tmp_path / "run/config.json"
    record.write_text(record.read_text().replace(str(grey.parent / "images.npz"), str(images_npz)))
    assert "must be those of the run" in refused("sample", "run", "--nearest")
    assert not (tmp_path / "run/nearest.png").exists()


# --real


@pytest.mark.parametrize("kind", ["grey", "rgb"])
def test_real_images_beside_samples_are_of_the_run_s_own_data(kind, request):
    folder = request.getfixturevalue(kind)
    message = drawn(folder, "--real", "--grid", "2x3")
    assert message == f"{folder / 'real.png'}: 6 images of step 2, 6 real ones of images\n"
    width, height = size(folder / "real.png")
    assert width == 2 * (3 * 68 + 4) + 32 and height == 28 + 2 * (64 + 4 + 8 * (kind == "rgb")) + 4
    (folder / "real.png").unlink()


def test_samples_left_of_real_images_are_those_of_their_seeds_and_the_others_are_real(grey):
    drawn(grey, "--real", "--seeds", "0-3", "--out", "a.png")
    drawn(grey, "--seeds", "0-3", "--npz", "fake.npz")
    picture = np.asarray(Image.open("a.png").convert("L"))[28:]
    fake, real = np.load("fake.npz")["images"], np.load(grey.parent / "images.npz")["x_train"]
    known = [{image.tobytes() for image in pool} for pool in (fake, real)]
    for left, pool in zip((0, 140 + 32), known, strict=True):
        places = [(y, left + x) for y in (4, 72) for x in (4, 72)]
        shown = {picture[y : y + 64 : 8, x : x + 64 : 8].tobytes() for y, x in places}
        assert len(shown) == 4 and shown <= pool


def test_fewer_real_images_than_samples_and_no_test_part_are_no_fault(imported, images_npz):
    message = drawn(imported, "--real", "--data", images_npz)
    assert "64 images of step 2, 50 real ones of images" in message
    (imported / "real.png").unlink()


def test_real_images_beside_a_run_without_a_record_are_asked_for(imported):
    assert "must be named with --dataset or --data" in refused("sample", imported, "--real")


def test_more_samples_than_the_grid_holds_are_refused_beside_real_images_too(grey, tmp_path):
    line = refused("sample", grey, "--real", "--count", 7, "--grid", "2x3", "--out", "a.png")
    assert "2x3 holds 6 images. Received: 7" in line and not list(tmp_path.iterdir())


# --png


@pytest.mark.parametrize("words", [["--count", 7], ["--seeds", "4,0-2"]])
@pytest.mark.parametrize("kind", ["grey", "rgb"])
def test_pngs_are_the_images_of_the_array(words, kind, request, tmp_path, monkeypatch):
    monkeypatch.setattr(png_folder, "_AT_ONCE", 3)
    folder = request.getfixturevalue(kind)
    images = images_of(folder, *words)
    drawn(folder, *words, "--png", "fakes")
    paths = sorted((tmp_path / "fakes").iterdir())
    assert [path.name for path in paths] == [f"{i:05}.png" for i in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        with Image.open(path) as picture:
            assert picture.mode == ("L" if kind == "grey" else "RGB")
            np.testing.assert_array_equal(np.asarray(picture).reshape(image.shape), image)


@pytest.mark.slow
def test_pngs_in_training_mode_are_those_of_the_array_and_of_one_batch(tmp_path, pixels, monkeypatch):
    monkeypatch.setattr(png_folder, "_AT_ONCE", 250)
    (tmp_path / "normalising").mkdir()
    folder = trained(tmp_path / "normalising", pixels, "keras")
    said = drawn(folder, "--count", 600, "--mode", "training", "--npz", "a.npz")
    assert said == "a.npz: images, uint8 (600, 8, 8, 1), drawn in training mode in batches of 256\n"
    drawn(folder, "--count", 600, "--mode", "training", "--png", "fakes")
    images = np.load("a.npz")["images"]
    for i, image in enumerate(images):
        with Image.open(tmp_path / f"fakes/{i:05}.png") as picture:
            np.testing.assert_array_equal(np.asarray(picture), image[..., 0])
    assert (images != images_of(folder, "--count", 600)).any()
    assert "at least 2 images" in refused("sample", folder, "--mode", "training", "--count", 1)
    for words in (["--gif"], ["--interpolate", 0, 1]):
        assert "--mode, not both" in misused("sample", folder, "--mode", "training", *words)


def test_pngs_go_into_an_empty_folder_and_into_no_other(grey, tmp_path):
    (tmp_path / "fakes").mkdir()
    drawn(grey, "--count", 2, "--png", "fakes")
    line = refused("sample", grey, "--count", 2, "--png", "fakes")
    assert "fakes must be a new or an empty folder" in line
    (tmp_path / "file").write_text("mine")
    assert "must be a new or an empty folder" in refused("sample", grey, "--count", 2, "--png", "file")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fakes", "file"]


def test_pngs_that_fail_leave_nothing(grey, tmp_path, monkeypatch):
    def failing(gan, seeds, n, multiple):
        yield np.zeros((1, 7), np.float32)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(png_folder, "draw_noise_in_parts", failing)
    assert "No space left" in refused("sample", grey, "--count", 2, "--png", "new/fakes")
    assert list((tmp_path / "new").iterdir()) == []


# grids


def test_sample_writes_a_picture_into_the_run(grey, tmp_path):
    result = run("sample", grey, "--count", 5)
    path = grey / "samples.png"
    assert result.exit_code == 0 and str(path) in result.stdout and "5 images of step 2" in result.stdout
    assert Image.open(path).size == (3 * 68 + 4, 2 * 68 + 4)
    path.unlink()
    assert not list(tmp_path.iterdir())


def test_grid_gives_rows_and_columns_of_the_picture(grey):
    assert run("sample", grey, "--grid", "2x3", "--out", "a.png").exit_code == 0
    assert Image.open("a.png").size == (3 * 68 + 4, 2 * 68 + 4)


def test_npz_holds_uint8_images_and_no_picture_is_written_beside(grey, tmp_path):
    images = images_of(grey, "--count", "30")
    assert images.shape == (30, 8, 8, 1) and images.dtype == np.uint8
    assert len(np.unique(images, axis=0)) == 30
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
    assert not (grey / "samples.png").exists()


def test_same_seed_gives_the_same_image_whatever_the_others(grey):
    many = images_of(grey, "--seeds", "0-9")
    few = images_of(grey, "--seeds", "7,2-3")
    np.testing.assert_array_equal(few, many[[7, 2, 3]])
    assert len(np.unique(many, axis=0)) == 10


def test_npz_and_picture_are_written_together_and_show_the_same(grey):
    images = images_of(grey, "--seeds", "0-3", "--out", "a.png", "--grid", "2x2")
    picture = np.asarray(Image.open("a.png").convert("L"))
    np.testing.assert_array_equal(picture[4:68:8, 72:136:8], images[1, ..., 0])


def test_sample_takes_the_checkpoint_itself(grey):
    by_folder = images_of(grey, "--seeds", "4")
    np.testing.assert_array_equal(images_of(grey / "checkpoint.npz", "--seeds", "4"), by_folder)


def test_picture_of_a_checkpoint_lies_beside_it_by_default(grey):
    result = run("sample", grey / "checkpoint.npz", "--count", 1)
    assert result.exit_code == 0, result.output
    (grey / "samples.png").unlink()


def test_folder_that_holds_no_run_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty" in refused("sample", "empty")
    assert not list((tmp_path / "empty").iterdir())


def test_run_that_is_not_there_is_refused():
    assert "nowhere" in refused("sample", "nowhere")


def test_damaged_checkpoint_is_refused(tmp_path):
    (tmp_path / "checkpoint.npz").write_bytes(b"PK not a zip")
    assert "checkpoint.npz" in refused("sample", ".")


def test_more_images_than_the_grid_holds_are_refused_and_nothing_written(grey, tmp_path):
    line = refused("sample", grey, "--seeds", "0-6", "--grid", "2x3", "--out", "a.png")
    assert "2x3 holds 6 images. Received: 7" in line and not list(tmp_path.iterdir())


def test_picture_in_a_folder_that_is_not_there_is_refused(grey):
    assert "nowhere" in refused("sample", grey, "--count", 1, "--out", "nowhere/a.png")


@pytest.mark.parametrize(
    "words", ["--count 10001", "--grid 101x100", "--seeds 0-10000", "--nearest --count 10001"]
)
def test_more_images_than_a_picture_holds_are_refused(words, grey, images_npz):
    line = refused("sample", grey, *words.split())
    assert "at most 10000 images" in line and "--png DIR takes any number" in line


def test_more_images_than_an_array_holds_are_refused_before_tensorflow_starts(grey, monkeypatch):
    monkeypatch.setattr(draw, "start_tensorflow", forbidden)
    assert "at most 33554432 images" in refused("sample", grey, "--count", 10**9, "--npz", "a.npz")


def test_file_in_a_folder_that_is_missing_is_refused_by_its_own_name(grey):
    line = refused("sample", grey, "--count", 4, "--out", "no/digits.png")
    assert "no/digits.png must be in a folder that exists. Received: no folder no." in line
