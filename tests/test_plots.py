import numpy as np
import pytest
from PIL import Image

from keras_gan import plots


def pixels_of(path):
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize("value", [0, 1, 100, 254, 255])
def test_a_grey_image_of_one_value_shows_that_value(tmp_path, value):
    plots.save_grid(tmp_path / "a.png", np.full((1, 8, 8, 1), value, np.uint8), 1, 1)
    assert (pixels_of(tmp_path / "a.png")[4:-4, 4:-4] == value).all()


def test_every_picture_keeps_its_own_brightness_beside_others(tmp_path):
    values = np.array([10, 20, 200, 250], np.uint8)
    plots.save_grid(tmp_path / "a.png", np.tile(values[:, None, None, None], (1, 64, 64, 1)), 2, 2)
    picture = pixels_of(tmp_path / "a.png")
    assert picture.shape == (2 * 68 + 4, 2 * 68 + 4, 3)
    assert [picture[y, x, 0] for y in (30, 100) for x in (30, 100)] == values.tolist()


def test_colours_stay_what_they_are(tmp_path):
    samples = np.zeros((1, 64, 64, 3), np.uint8)
    samples[0, :, :32] = (255, 128, 3)
    plots.save_grid(tmp_path / "a.png", samples, 1, 1)
    assert pixels_of(tmp_path / "a.png")[10, 10].tolist() == [255, 128, 3]
    assert pixels_of(tmp_path / "a.png")[10, 60].tolist() == [0, 0, 0]


def test_places_left_over_are_white(tmp_path):
    plots.save_grid(tmp_path / "a.png", np.zeros((3, 64, 64, 1), np.uint8), 2, 2)
    picture = pixels_of(tmp_path / "a.png")
    assert (picture[72:, 72:] == 255).all() and (picture[4:68, 72:136] == 0).all()


def test_same_samples_give_the_same_bytes_and_leave_nothing_beside(tmp_path):
    samples = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), dtype=np.uint8)
    plots.save_grid(tmp_path / "a.png", samples, 2, 2)
    plots.save_grid(tmp_path / "b.png", samples, 2, 2)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_too_many_samples_for_the_grid_are_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match="grid of 1x2 holds 2 images. Received: 3"):
        plots.save_grid(tmp_path / "a.png", np.zeros((3, 8, 8, 1), np.uint8), 1, 2)
    assert not list(tmp_path.iterdir())
