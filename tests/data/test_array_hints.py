"""Tests of what arrays that cannot be read probably are: each call is tried."""

import numpy as np
import pytest

from keras_gan.data.array_hints import suggest_range, suggest_shape
from keras_gan.data.pixels import load_array

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (10, 28, 28), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (10, 32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "x, call, expected",
    [
        (GREY.reshape(10, 784), "x.reshape(-1, 28, 28)", GREY),
        (np.c_[np.arange(10), GREY.reshape(10, 784)], "x[:, 1:].reshape(-1, 28, 28)", GREY),
        (
            COLOUR.transpose(0, 3, 1, 2).reshape(10, 3072),
            "x.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)",
            COLOUR,
        ),
        (COLOUR.reshape(10, 3072), "x.reshape(-1, 32, 32, 3)", COLOUR),
        (COLOUR.transpose(0, 3, 1, 2), "np.moveaxis(x, 1, -1)", COLOUR),
        (COLOUR.transpose(1, 2, 3, 0), "np.moveaxis(x, -1, 0)", COLOUR),
        (GREY.transpose(1, 2, 0), "np.moveaxis(x, -1, 0)", GREY),
        (GREY[0], "x[None]", GREY[:1]),
        (COLOUR[0], "x[None]", COLOUR[:1]),
        (COLOUR[0], "x[..., None]", COLOUR[0][..., None]),
        (GREY[:, None, :, :, None], "np.squeeze(x, axis=1)", GREY[..., None]),
    ],
)
def test_call_that_is_named_mends_the_array(x, call, expected):
    with pytest.raises(ValueError) as error:
        load_array(x)
    assert call in str(error.value)
    mended = eval(call, {"np": np, "x": x})  # noqa: S307
    np.testing.assert_array_equal(mended, expected)
    load_array(mended)


@pytest.mark.parametrize(
    "shape", [(50, 8, 8), (2, 3, 4), (1, 2, 2), (28, 28, 28), (60000, 28, 28), (3, 28, 28)]
)
def test_grey_images_are_taken_for_nothing_else(shape):
    assert suggest_shape(shape) == ""


@pytest.mark.parametrize("shape", [(28, 28, 3), (28, 28, 4), (64, 48, 1), (112, 92, 3), (28, 28, 1000)])
def test_one_picture_and_images_on_the_last_axis_are_not_taken_for_grey_images(shape):
    assert "is right for" in suggest_shape(shape)


def test_nothing_is_likely_of_other_shapes():
    assert suggest_shape((5,)) == suggest_shape((2, 2, 2, 2, 2)) == suggest_shape(()) == ""
    assert suggest_shape((0, 28, 28)) == "; it holds no images"


@pytest.mark.parametrize(
    "x, call",
    [
        (np.array([0, 1], np.uint8), "x * 255"),
        (np.array([-128, 127], np.int8), "x.astype(np.int16) + 128"),
        (np.array([0, 65535], np.uint16), "x // 257"),
        (np.array([-0.5, 0.5]), "x + 0.5"),
        (np.array([0.0, 16.0]), "x / x.max()"),
        (np.array([-0.42, 2.8]), "(x - x.min()) / (x.max() - x.min())"),
        (np.array([-0.01, 1.02]), "np.clip(x, 0, 1)"),
        (np.array([-0.3, 1.0]), "np.clip(x, 0, 1)"),
        (np.array([0, 1 / 255]), "x * 255"),
        (np.array([0, 1000]), "x / x.max()"),
    ],
)
def test_call_that_is_named_mends_the_range(x, call):
    assert call in suggest_range(x.dtype.kind, x.min(), x.max())
    mended = load_array(eval(call, {"np": np, "x": x}).reshape(1, 1, 2)).images  # noqa: S307
    assert mended.ravel().tolist() == [0, 255]


def test_nothing_is_likely_of_nan():
    assert suggest_range("f", np.nan, np.nan) == suggest_range("f", 0, np.inf) == ""
    assert suggest_range("u", 0, 0) == "; all of them are the same"
