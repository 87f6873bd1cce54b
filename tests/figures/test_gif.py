import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageSequence

from keras_gan.config import GanConfig, TrainConfig
from keras_gan.data import datasets
from keras_gan.figures import gif
from keras_gan.figures.grid import add_caption, save_grid
from keras_gan.run import info

CAPTION = add_caption(np.zeros((1, 1, 1), np.uint8), "").shape[0] - 1  # its height


def record_of(preset, n, batch_size):
    config = dataclasses.replace(TrainConfig(GanConfig(preset)), batch_size=batch_size).resolved()
    pixels = np.arange(n * 4, dtype=np.uint8).reshape(n, 2, 2)
    return info.RunInfo.create(config, datasets.Dataset.from_array(pixels), 0, "keras", "CPU", {})


def frames_of(path):
    """Returns the frames of a GIF, uint8 (n, h, w, 3), and how long each stays, in ms."""
    with Image.open(path) as moving:
        shown = [(f.convert("RGB"), f.info["duration"]) for f in ImageSequence.Iterator(moving)]
    frames, durations = zip(*shown, strict=True)
    return np.stack(frames), list(durations)


@pytest.fixture
def grids(tmp_path):
    """Paths of the grids of three noises, in grey."""
    noises = np.random.default_rng(0).integers(0, 256, (3, 4, 8, 8, 1), dtype=np.uint8)
    for i, noise in enumerate(noises):
        save_grid(tmp_path / f"{i}.png", noise, 2, 2)
    return [tmp_path / f"{i}.png" for i in range(3)]


# which grids


def test_grids_are_those_with_a_step_for_a_name_in_the_order_of_steps(tmp_path):
    for name in ("0.png", "200.png", "30.png", "samples.png", "7.jpg", "-4.png", ".5.png", "1.5.png"):
        (tmp_path / name).touch()
    expected = [(step, tmp_path / f"{step}.png") for step in (0, 30, 200)]
    assert list(info.read(tmp_path).list_grids().items()) == expected


@pytest.mark.parametrize(
    ("n", "most", "expected"),
    [
        (11, 6, [0, 2, 4, 6, 8, 10]),
        (11, 3, [0, 5, 10]),
        (11, 2, [0, 10]),
        (3, 3, [0, 1, 2]),
        (3, 9, [0, 1, 2]),
        (1, 2, [0]),
    ],
)
def test_grids_are_thinned_evenly_and_the_ends_kept(n, most, expected):
    assert gif.choose_evenly_spaced(list(range(n)), most) == expected


def test_thinned_to_any_number_has_that_many_different_ones_from_end_to_end():
    for most in range(2, 60):
        steps = gif.choose_evenly_spaced(list(range(60)), most)
        assert len(set(steps)) == most and (steps[0], steps[-1]) == (0, 59)
        assert np.ptp(np.diff(steps)) <= 1


# captions


def test_an_epoch_of_the_default_preset_is_a_step():
    assert gif.make_caption(400, record_of("keras", 10, 4)) == "epoch 400"


@pytest.mark.parametrize("step, epoch", [(0, 0), (1, 1), (3, 1), (4, 2), (6, 2), (7, 3)])
def test_an_epoch_of_other_presets_is_a_pass_as_in_the_history(step, epoch):
    assert gif.make_caption(step, record_of("aioz", 10, 4)) == f"epoch {epoch}, step {step}"


def test_grids_without_a_record_have_steps():
    assert gif.make_caption(400, None) == "step 400"


# the file


def test_grey_grids_are_kept_to_the_bit_under_their_captions(grids, tmp_path):
    captions = ["epoch 0", "epoch 7", "epoch 14"]
    gif.save_gif(tmp_path / "a.gif", grids, captions)
    frames, durations = frames_of(tmp_path / "a.gif")
    for frame, path, text in zip(frames, grids, captions, strict=True):
        shown = add_caption(np.asarray(Image.open(path).convert("RGB")), text)
        np.testing.assert_array_equal(frame, shown)
    assert durations == [500, 500, 2000]


def test_gif_of_many_grids_is_shown_faster_and_the_last_stays(grids, tmp_path):
    gif.save_gif(tmp_path / "a.gif", grids * 20, [f"epoch {i}" for i in range(60)])
    assert frames_of(tmp_path / "a.gif")[1] == [200] * 59 + [2000]


def test_gif_begins_again_for_ever_and_nothing_is_left_beside_it(grids, tmp_path):
    gif.save_gif(tmp_path / "a.gif", grids, list("abc"))
    with Image.open(tmp_path / "a.gif") as moving:
        assert (moving.format, moving.info["loop"]) == ("GIF", 0)
    assert {path.name for path in tmp_path.iterdir()} == {"0.png", "1.png", "2.png", "a.gif"}


def test_colours_are_near_and_few_colours_exact(tmp_path):
    ramp = np.stack(np.meshgrid(*[np.arange(0, 256, 4)] * 2, [90]), axis=-1).reshape(1, 64, 64, 3)
    flags = np.zeros((1, 64, 64, 3), np.uint8)
    flags[0, :32, :, 0] = flags[0, 32:, :, 2] = 201
    for i, samples in enumerate((flags, ramp.astype(np.uint8))):
        save_grid(tmp_path / f"{i}.png", samples, 1, 1)
    gif.save_gif(tmp_path / "a.gif", [tmp_path / "0.png", tmp_path / "1.png"], ["a", "b"])
    exact, near = frames_of(tmp_path / "a.gif")[0][:, CAPTION + 4 : -4, 4:-4].astype(int)
    np.testing.assert_array_equal(exact, flags[0])
    assert np.sqrt(np.mean((near - ramp[0]) ** 2)) < 8  # 256 of 4096 colours: cells of 16 x 16


def test_grids_of_two_sizes_are_refused_and_nothing_is_written(grids, tmp_path):
    save_grid(tmp_path / "2.png", np.zeros((1, 8, 8, 1), np.uint8), 1, 1)
    with pytest.raises(ValueError, match="must be of one size. Received: .*2.png unlike .*0.png"):
        gif.save_gif(tmp_path / "a.gif", grids, list("abc"))
    assert not (tmp_path / "a.gif").exists()


def test_damaged_grid_is_named(grids, tmp_path):
    grids[1].write_bytes(grids[1].read_bytes()[:100])
    with pytest.raises(ValueError, match="1.png cannot be read as an image"):
        gif.save_gif(tmp_path / "a.gif", grids, list("abc"))
