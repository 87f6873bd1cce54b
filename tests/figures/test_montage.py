import numpy as np
import pytest
from PIL import Image

from keras_gan.data.pixels import to_uint8
from keras_gan.figures import montage
from keras_gan.figures.grid import add_caption
from keras_gan.rng import Stream, draw_noise

STRIP = 68 + 4  # pixels of a grid of one row or column, of images of at most 64 a side
CAPTION = add_caption(np.zeros((1, 1, 1), np.uint8), "").shape[0] - 1  # its height


class OnePixel:
    """Stands for a GAN: its sample is one value in grey or in red, which the noise tells."""

    seed, step = 0, 6

    def __init__(self, channels=1):
        self.image_shape = (8, 8, channels)

    def noise(self, seeds):
        return np.concatenate([draw_noise(seed, Stream.GRID, 0, 1, 4) for seed in seeds])

    def sample(self, z):
        pixels = np.zeros((len(z), *self.image_shape), np.uint8)
        pixels[..., 0] = to_uint8(np.tanh(z[:, 0]))[:, None, None]
        return pixels


def centres(strip):
    """Returns the value in the middle of each image of a grid of one row."""
    return strip[STRIP // 2, STRIP // 2 :: 68, 0]


@pytest.mark.parametrize("channels", [1, 3])
def test_interpolation_shows_the_line_above_the_arc(channels):
    gan = OnePixel(channels)
    picture = montage.draw_interpolation(gan, 2, 5, 7)
    assert picture.shape == (2 * (CAPTION + STRIP) + 8, 7 * 68 + 4, channels)
    a, b = gan.noise([2, 5])
    for path, top in (
        (montage.interpolate_linear, CAPTION),
        (montage.interpolate_spherical, 2 * CAPTION + STRIP + 8),
    ):
        expected = gan.sample(path(a, b, np.linspace(0, 1, 7)))
        shown = centres(picture[top : top + STRIP])
        np.testing.assert_array_equal(shown, expected[:, 0, 0, 0])
        assert (shown[[0, -1]] == gan.sample(gan.noise([2, 5]))[:, 0, 0, 0]).all()


def test_captions_of_an_interpolation_tell_the_path_and_the_seeds():
    picture = montage.draw_interpolation(OnePixel(), 2, 5, 7)
    for name, top in (("linear", 0), ("spherical", CAPTION + STRIP + 8)):
        expected = add_caption(np.zeros((1, 480, 1), np.uint8), f"{name}, seed 2 to seed 5")
        np.testing.assert_array_equal(picture[top : top + CAPTION], expected[:CAPTION])


@pytest.mark.parametrize(("n", "columns", "height"), [(1, 1, 1), (3, 1, 3), (24, 3, 8), (25, 3, 9)])
def test_neighbours_stand_in_the_row_of_their_sample_and_apart(n, columns, height):
    values = np.arange(n, dtype=np.uint8)
    samples = np.tile(values[:, None, None, None], (1, 8, 8, 1))
    neighbours = np.stack([samples + 50, samples + 100, samples + 150], axis=1)
    picture = montage.draw_nearest(samples, neighbours)
    width = 72 + 8 + 3 * 68 + 4  # of a sample, a gap and three neighbours
    assert picture.shape == (CAPTION + height * 68 + 4, columns * (width + 32) - 32, 1)
    shown = picture[CAPTION + STRIP // 2 :: 68, :, 0]
    for column in range(columns):
        left, some = column * (width + 32), values[column * height : (column + 1) * height]
        for i, offset in enumerate((0, 50, 100, 150)):
            at = left + STRIP // 2 + i * 68 + (12 if i else 0)
            np.testing.assert_array_equal(shown[: len(some), at], some + offset)
            assert (shown[len(some) :, at] == 255).all()
        assert (picture[CAPTION:, left + 68 : left + 84] == 255).all()


def test_neighbours_in_colour_keep_their_colours():
    colours = np.random.default_rng(0).integers(0, 256, (4, 3), dtype=np.uint8)
    pixels = np.tile(colours[:, None, None], (1, 9, 8, 1))
    picture = montage.draw_nearest(pixels[:1], pixels[None, 1:])
    shown = picture[CAPTION + 30, [36, 116, 184, 252]]
    np.testing.assert_array_equal(shown, colours)


@pytest.mark.parametrize("channels", [1, 3])
def test_samples_are_left_of_real_images_and_each_grid_has_its_size(channels):
    samples, real = np.full((5, 8, 8, channels), 60, np.uint8), np.full((4, 8, 8, channels), 200, np.uint8)
    picture = montage.draw_real(samples, real, 2, 3, step=7)
    width = 3 * 68 + 4
    assert picture.shape == (CAPTION + 2 * 68 + 4, 2 * width + 32, channels)
    shown = picture[CAPTION:]
    for left, value, n in ((0, 60, 5), (width + 32, 200, 4)):
        centres = shown[36::68, left + 36 : left + width : 68, 0]
        assert centres.ravel().tolist() == [value] * n + [255] * (6 - n)
    assert (shown[:, width : width + 32] == 255).all()
    caption = add_caption(np.zeros((1, width, 1), np.uint8), "samples, step 7")[:CAPTION]
    np.testing.assert_array_equal(picture[:CAPTION, :width, :1], caption)


def test_titled_grids_show_every_set_at_its_own_brightness_in_rows_of_four(tmp_path):
    sets = [np.full((n, 8, 8, c), v, np.uint8) for n, c, v in ((25, 1, 60), (1, 1, 120), (4, 3, 180))]
    montage.save_titled_grids(tmp_path / "a.png", ["a", "b", "c"], sets)
    three = np.asarray(Image.open(tmp_path / "a.png").convert("RGB"))
    middle = three[three.shape[0] // 2 + 20]
    at = [np.flatnonzero((middle == value).all(axis=1)) for value in (60, 120, 180)]
    assert min(map(len, at)) > 300 and at[0].max() < at[1].min() < at[1].max() < at[2].min()
    montage.save_titled_grids(tmp_path / "a.png", list("abcde"), [sets[0]] * 5)
    five = np.asarray(Image.open(tmp_path / "a.png").convert("RGB"))
    assert abs(five.shape[0] - 2 * three.shape[0]) < 60 and five.shape[1] > three.shape[1]


def test_a_long_title_is_broken_into_lines_and_makes_room_for_them(tmp_path):
    heights = []
    for title in ("short", "a very long name of a folder " * 4):
        montage.save_titled_grids(tmp_path / "a.png", [title], [np.zeros((1, 8, 8, 1), np.uint8)])
        picture = np.asarray(Image.open(tmp_path / "a.png").convert("RGB"))
        heights.append(len(picture))
        assert (picture[:, :4] == 255).all() and (picture[:4] == 255).all()
    assert heights[1] > heights[0] + 50
