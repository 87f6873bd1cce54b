"""Tests of pixel ranges and sizes."""

import numpy as np
import pytest

from keras_gan.data import pixels
from keras_gan.data.options import ImageOptions
from keras_gan.data.pixels import (
    compute_crop,
    iterate_chunks,
    load_array,
    resize,
    to_float,
    to_uint8,
)

LEVELS = np.arange(256, dtype=np.uint8)


def test_ends_and_a_known_level_in_unit_range():
    unit = to_float(np.array([0, 51, 255], np.uint8))
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, [-1, -0.6, 1], rtol=0, atol=1e-7)


def test_every_level_survives_the_way_there_and_back():
    np.testing.assert_array_equal(to_uint8(to_float(LEVELS)), LEVELS)


def test_to_uint8_rounds_to_the_nearest_level():
    unit = (np.array([9.6, 10.4, 254.6]) / 127.5) - 1
    assert to_uint8(unit).tolist() == [10, 10, 255]


@pytest.mark.parametrize("wrong", [np.nan, 1.0001, -1.0001, np.inf])
def test_to_uint8_refuses_what_is_outside_the_unit_range(wrong):
    with pytest.raises(ValueError, match=r"floats in \[-1, 1\]. Received"):
        to_uint8(np.array([0, wrong]))


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, ">u2"])
def test_integers_of_any_width_keep_their_values(dtype):
    taken = load_array(LEVELS.reshape(4, 8, 8).astype(dtype)).images
    assert taken.dtype == np.uint8
    np.testing.assert_array_equal(taken, LEVELS.reshape(4, 8, 8, 1))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_from_0_to_1_give_back_their_levels(dtype):
    taken = load_array((LEVELS.reshape(1, 16, 16) / 255).astype(dtype)).images
    np.testing.assert_array_equal(taken.ravel(), LEVELS)


def test_floats_with_a_value_below_minus_half_are_read_from_minus_1_to_1():
    taken = load_array(np.array([-1, 0, 0.2, 1]).reshape(1, 2, 2)).images
    assert taken.ravel().tolist() == [0, 128, 153, 255]


def test_floats_from_0_to_255_are_rounded():
    taken = load_array(np.array([0, 127.4, 127.6, 254.9], np.float32).reshape(1, 2, 2)).images
    assert taken.ravel().tolist() == [0, 127, 128, 255]


@pytest.mark.parametrize("scale", [np.uint8(1), np.float32(1 / 255)])
def test_four_channels_are_colours_and_opacity(scale):
    rgba = np.array([[[[100, 0, 0, 255], [100, 0, 0, 0]]], [[[100, 0, 0, 128], [1, 2, 3, 255]]]], np.uint8)
    rgba = np.concatenate([rgba, np.full((1, 1, 2, 4), 255, np.uint8)])
    loaded = load_array(rgba * scale, ImageOptions(background="blue"))
    assert loaded.images[:2].tolist() == [[[[100, 0, 0], [0, 0, 255]]], [[[50, 0, 127], [1, 2, 3]]]]
    assert loaded.notes == ("2 of 3 images have transparent pixels: composited on blue (--background).",)


@pytest.mark.parametrize("dtype, count", [(np.uint8, 1), (np.int64, 1), (np.float32, 0)])
def test_integers_that_are_all_nearly_black_are_read_and_it_is_said(dtype, count):
    of_16_levels = np.array([0, 15], dtype).reshape(1, 1, 2) * (1 if count else dtype(17))
    notes = load_array(of_16_levels).notes
    assert (
        notes
        == ("The largest number is 15 of 255, nearly black; x * 17 is right where it means white.",) * count
    )


def test_array_of_uint8_is_not_copied():
    images = LEVELS.reshape(1, 16, 16)
    assert np.shares_memory(load_array(images).images, images)


def test_large_arrays_are_converted_in_parts(monkeypatch):
    monkeypatch.setattr(pixels, "_CHUNK_BYTES", 700)
    images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)
    assert len(list(iterate_chunks(images))) == 5
    np.testing.assert_array_equal(load_array(images.astype(np.int32)).images, images)
    late = images.astype(np.float32)
    late[-1, -1, -1, -1] = np.nan
    with pytest.raises(ValueError, match="float32 from nan to nan"):
        load_array(late)


@pytest.mark.parametrize("shape", [(8, 8), (2, 8, 8, 2), (2, 1, 8, 8, 3), (0, 8, 8), (2, 0, 8)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"must be an array of shape .* Received: shape"):
        load_array(np.full(shape, 7, np.uint8))


@pytest.mark.parametrize(
    "low, high",
    [(-1, 255), (0, 256), (0, 1), (0.0, 16.0), (0.0, 256.0), (-1.1, 1.0), (-0.5, 0.5)]
    + [(-1e-9, 1.0), (-0.5, 1.0), (0.0, 1 / 255), (0.0, 0.0)],
)
def test_other_ranges_are_refused(low, high):
    with pytest.raises(ValueError, match="integers from 0 to 255"):
        load_array(np.array([[[low, high]]]))


def test_nan_is_refused():
    with pytest.raises(ValueError, match="Received: float64 from nan"):
        load_array(np.array([[[0, np.nan]]]))


@pytest.mark.parametrize("dtype", [bool, complex, "U1"])
def test_other_kinds_of_numbers_are_refused(dtype):
    with pytest.raises(ValueError, match="must be integers or floats"):
        load_array(np.ones((1, 2, 2)).astype(dtype))


def test_resize_gives_the_bicubic_values_worked_out_by_hand():
    """Keys's kernel with a = -0.5: an edge of 0 and 255, at twice the width.

    Weights at distances 0.25, 0.75, 1.25 are 0.8672, 0.2266, -0.0703; divided by their sum,
    pixel 1 is 255 * 0.2266 / 1.0938 = 52.8, and pixel 0 is negative, so 0.
    """
    edge = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1)
    assert resize(edge, (1, 4)).ravel().tolist() == [0, 53, 202, 255]


def test_resize_takes_height_first_and_keeps_the_channels_apart():
    red = np.zeros((2, 4, 6, 3), np.uint8)
    red[..., 0] = 200
    resized = resize(red, (10, 3))
    assert resized.shape == (2, 10, 3, 3) and resized.dtype == np.uint8
    assert np.unique(resized.reshape(-1, 3), axis=0).tolist() == [[200, 0, 0]]


@pytest.mark.parametrize(
    "size, target, expected",
    [
        ((64, 128), (32, 32), (0, 32, 64, 64)),
        ((128, 64), (32, 32), (32, 0, 64, 64)),
        ((64, 128), (32, 64), (0, 0, 64, 128)),
        ((100, 101), (10, 10), (0, 0, 100, 100)),
        ((28, 28), (14, 28), (7, 0, 14, 28)),
        ((3, 1000), (64, 64), (0, 498, 3, 3)),
        ((1, 1), (64, 32), (0, 0, 1, 1)),
    ],
)
def test_crop_is_the_largest_centred_part_of_the_aspect_ratio(size, target, expected):
    assert compute_crop(size, target) == expected


def test_resize_crops_where_it_is_told_to():
    columns = np.zeros((1, 2, 6, 1), np.uint8)
    columns[:, :, 2:4] = 200
    assert (resize(columns, (4, 4), "crop") == 200).all()
    assert resize(columns, (4, 4)).min() == 0


def test_resize_to_the_same_size_changes_nothing():
    same = np.random.default_rng(0).integers(0, 256, (2, 5, 4, 1), np.uint8)
    np.testing.assert_array_equal(resize(same, (5, 4)), same)
