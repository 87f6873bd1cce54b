import numpy as np
import pytest
from PIL import Image

from keras_gan.figures.curves import collect_losses, save_curves, smooth_curve
from keras_gan.figures.grid import (
    add_caption,
    draw_grid,
    fit_grid,
    join_images,
    save_grid,
    to_pil,
)


def pixels_of(path):
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize("value", [0, 1, 100, 254, 255])
def test_a_grey_image_of_one_value_shows_that_value(tmp_path, value):
    save_grid(tmp_path / "a.png", np.full((1, 8, 8, 1), value, np.uint8), 1, 1)
    assert (pixels_of(tmp_path / "a.png")[4:-4, 4:-4] == value).all()


def test_every_picture_keeps_its_own_brightness_beside_others(tmp_path):
    values = np.array([10, 20, 200, 250], np.uint8)
    save_grid(tmp_path / "a.png", np.tile(values[:, None, None, None], (1, 64, 64, 1)), 2, 2)
    picture = pixels_of(tmp_path / "a.png")
    assert picture.shape == (2 * 68 + 4, 2 * 68 + 4, 3)
    assert [picture[y, x, 0] for y in (30, 100) for x in (30, 100)] == values.tolist()


def test_colours_stay_what_they_are(tmp_path):
    samples = np.zeros((1, 64, 64, 3), np.uint8)
    samples[0, :, :32] = (255, 128, 3)
    save_grid(tmp_path / "a.png", samples, 1, 1)
    assert pixels_of(tmp_path / "a.png")[10, 10].tolist() == [255, 128, 3]
    assert pixels_of(tmp_path / "a.png")[10, 60].tolist() == [0, 0, 0]


def test_places_left_over_are_white(tmp_path):
    save_grid(tmp_path / "a.png", np.zeros((3, 64, 64, 1), np.uint8), 2, 2)
    picture = pixels_of(tmp_path / "a.png")
    assert (picture[72:, 72:] == 255).all() and (picture[4:68, 72:136] == 0).all()


def test_same_samples_give_the_same_bytes_and_leave_nothing_beside(tmp_path):
    samples = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), dtype=np.uint8)
    save_grid(tmp_path / "a.png", samples, 2, 2)
    save_grid(tmp_path / "b.png", samples, 2, 2)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_too_many_samples_for_the_grid_are_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ValueError, match="grid of 1x2 holds 2 images. Received: 3"):
        save_grid(tmp_path / "a.png", np.zeros((3, 8, 8, 1), np.uint8), 1, 2)
    assert not list(tmp_path.iterdir())


def test_curves_show_a_line_for_each_run_and_dash_those_named(tmp_path):
    x = np.arange(150.0)
    curves = {"loss": {"one": (x, np.ones(150)), "two": (x, np.zeros(150))}}
    save_curves(tmp_path / "a.png", curves)
    save_curves(tmp_path / "b.png", curves, dashed={"two"})
    blue, orange = np.array([31, 119, 180]), np.array([255, 127, 14])
    plain, dashed = (pixels_of(tmp_path / f"{name}.png") for name in "ab")
    for color, holds in ((blue, np.equal), (orange, np.greater)):
        drawn = [(np.abs(p.astype(int) - color).max(axis=2) < 3).sum() for p in (plain, dashed)]
        assert drawn[0] > 500 and holds(*drawn)


def test_one_value_can_be_drawn_and_every_quantity_has_a_panel(tmp_path):
    heights = []
    for n in (1, 3):
        one = {f"quantity {i}": {"one": (np.ones(1), np.ones(1))} for i in range(n)}
        save_curves(tmp_path / "a.png", one)
        heights.append(len(pixels_of(tmp_path / "a.png")))
    assert heights[1] > 2 * heights[0]


def test_losses_of_histories_are_three_quantities_of_the_runs_that_have_rows():
    table = {"step": np.array([1.0, 2]), "d_loss": np.array([3.0, 4]), "g_loss": np.array([5.0, 6])}
    table |= {"d_acc_real": np.array([1.0, 0]), "d_acc_fake": np.array([0.5, 0])}
    empty = {name: np.array([]) for name in table}
    found = collect_losses({"one": table, "two": None, "three": empty}, {"one": 2})
    assert [list(lines) for lines in found.values()] == [["one"]] * 3
    x, y = found["accuracy of the discriminator"]["one"]
    np.testing.assert_array_equal([x, y], [[0.5, 1], [0.75, 0]])


def test_smoothed_is_the_mean_of_what_is_near():
    values = np.random.default_rng(0).standard_normal(150)
    expected = [values[max(0, i - 3) : i + 4].mean() for i in range(150)]
    np.testing.assert_allclose(smooth_curve(values), expected, atol=1e-12)
    np.testing.assert_array_equal(smooth_curve(np.arange(5.0)), np.arange(5.0))


def test_grid_goes_row_by_row_on_white():
    numbered = np.arange(1, 4, dtype=np.uint8).reshape(3, 1, 1, 1).repeat(64, 1).repeat(70, 2)
    picture = draw_grid(numbered, 2, 2)
    assert picture.shape == (2 * 68 + 4, 2 * 74 + 4, 1)
    centres = picture[4 + 32 :: 68, 4 + 35 :: 74, 0]
    assert centres.tolist() == [[1, 2], [3, 255]]
    assert (picture[:4] == 255).all() and (picture[68:72] == 255).all()


def test_grid_enlarges_small_images_by_a_whole_factor_without_smoothing():
    small = np.array([0, 100], np.uint8).reshape(1, 1, 2, 1).repeat(28, 1).repeat(14, 2)
    picture = draw_grid(small, 1, 1)
    assert picture.shape == (3 * 28 + 8, 3 * 28 + 8, 1)
    assert picture[4:-4, 4:-4, 0].tolist() == [[0] * 42 + [100] * 42] * 84


@pytest.mark.parametrize(("n", "sides"), [(1, (1, 1)), (2, (1, 2)), (3, (2, 2)), (7, (3, 3)), (25, (5, 5))])
def test_fitted_grid_is_near_a_square_and_has_no_empty_row(n, sides):
    assert fit_grid(n) == sides


@pytest.mark.parametrize("channels", [1, 3])
def test_pillow_s_image_has_the_pixels_of_the_picture(channels):
    picture = np.arange(6 * channels, dtype=np.uint8).reshape(2, 3, channels)
    assert to_pil(picture).mode == "RGB"
    np.testing.assert_array_equal(np.asarray(to_pil(picture)), picture.repeat(4 - channels, 2)[..., :3])


def test_grid_refuses_more_images_than_places():
    with pytest.raises(ValueError, match="2x3 holds 6 images. Received: 7"):
        draw_grid(np.zeros((7, 8, 8, 1), np.uint8), 2, 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_caption_is_black_on_white_above_the_picture_which_stays_as_it_is(channels):
    picture = np.full((30, 200, channels), 90, np.uint8)
    whole = add_caption(picture, "step 7")
    assert whole.shape[1:] == (200, channels) and whole.dtype == np.uint8
    np.testing.assert_array_equal(whole[-30:], picture)
    text = whole[:-30]
    assert text.min() < 50 and (text[[0, -1]] == 255).all() and (text[:, :3] == 255).all()
    assert (add_caption(picture, "step 8") != whole).any()


def test_caption_wider_than_its_picture_is_not_cut():
    whole = add_caption(np.zeros((9, 9, 1), np.uint8), "a caption much wider than nine pixels")
    assert whole.shape[1] > 150 and (whole[:, -3:] == 255).all() and (whole[-9:, 9:] == 255).all()
    assert whole[:-9, 100:].min() < 50


def test_pictures_are_joined_on_white_with_gaps_between_them_alone():
    a, b = np.full((2, 3, 1), 7, np.uint8), np.full((1, 2, 1), 8, np.uint8)
    beside = join_images([a, b], axis=1, gap=1)[..., 0]
    assert beside.tolist() == [[7, 7, 7, 255, 8, 8], [7, 7, 7, 255, 255, 255]]
    below = join_images([a, b], axis=0)[..., 0]
    assert below.tolist() == [[7, 7, 7], [7, 7, 7], [8, 8, 255]]
