"""Tests of what readers are told."""

import pytest

from keras_gan.config import TrainConfig
from keras_gan.data.options import DEFAULTS, MAX_BYTES, ImageOptions


def test_options_are_those_of_a_run_or_the_defaults_unless_others_are_given():
    config = TrainConfig(image_size=(8, 9), fit="stretch", background="red")
    run = ImageOptions((8, 9), "red", "stretch", 2**18)
    assert ImageOptions.create(config) == ImageOptions.create(config, fit=None, background=None) == run
    assert ImageOptions.create(config, background="blue") == run._replace(background="blue")
    assert ImageOptions.create() == DEFAULTS == ImageOptions(None, "white", "crop", None)


@pytest.mark.parametrize(
    "name, colour", [("white", (255, 255, 255)), ("#102030", (16, 32, 48)), ("#F00", (255, 0, 0))]
)
def test_background_is_a_name_or_a_number(name, colour):
    assert ImageOptions(background=name).get_background() == colour


@pytest.mark.parametrize("name", ["nothing", "#12", "", "rgb(1,2", "1"])
def test_background_that_is_no_colour_is_refused(name):
    with pytest.raises(ValueError, match="background must be a colour such as white or #rrggbb. Received: "):
        ImageOptions(background=name).get_background()


def test_images_are_refused_by_their_values_and_by_their_total():
    options = ImageOptions(max_values=12)
    options.check_values((2, 6, 1), "x")
    with pytest.raises(
        ValueError, match="at most 12 values each.*Received: 2x7x1 from x; give a smaller --image"
    ):
        options.check_values((2, 7, 1), "x")
    options.check_total((MAX_BYTES // 4, 2, 2, 1), "x")
    with pytest.raises(
        ValueError, match="at most 16 GiB in memory. Received: 10,000,000 images of 64x64x1 from x, 38"
    ):
        options.check_total((10**7, 64, 64, 1), "x")
