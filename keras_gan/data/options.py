"""What the readers of images are told, `ImageOptions`, and what they return, `LoadedImages`."""

import math
from typing import Any, NamedTuple

import numpy as np
from PIL import ImageColor

from keras_gan.setting_checks import MAX_VALUES

MAX_BYTES = 16 * 2**30  # of all images as uint8, in memory; an .npy file of uint8 may hold more


class ImageOptions(NamedTuple):
    """What is done with images as they are read.

    Attributes:
        size: (h, w) in pixels to resize to; None leaves their size.
        background: colour behind transparent pixels, by name or as "#rrggbb".
        fit: "crop" cuts images of another aspect ratio than `size` at the centre, "stretch" does not.
        max_values: h * w * c of an image at most, refused before images are read; None is no limit.
    """

    size: tuple[int, int] | None = None
    background: str = "white"
    fit: str = "crop"
    max_values: int | None = None

    @classmethod
    def create(cls, config: Any = None, **given: Any) -> "ImageOptions":
        """Returns the options of a `TrainConfig`, or the defaults, with those given that are not None."""
        options = cls()
        if config is not None:
            options = cls(config.image_size, config.background, config.fit, MAX_VALUES)
        return options._replace(**{name: value for name, value in given.items() if value is not None})

    def get_background(self) -> tuple[int, int, int]:
        """Returns the background as (red, green, blue), each from 0 to 255.

        Raises:
            ValueError: there is no such colour.
        """
        try:
            return ImageColor.getrgb(self.background)[:3]
        except ValueError:
            raise ValueError(
                "background must be a colour such as white or #rrggbb. "
                f"Received: background={self.background!r}."
            ) from None

    def describe_composited(self, count: int, total: int) -> tuple[str, ...]:
        """Returns the note on images with transparent pixels; none where no image has any."""
        what = f"{count} of {total} images have transparent pixels: composited on {self.background}"
        return (f"{what} (--background).",) if count else ()

    def describe_cropped(self, count: int, total: int) -> tuple[str, ...]:
        """Returns the note on images that were cropped to the aspect ratio of `size`; none where none was."""
        what = f"{count} of {total} images are cropped at the centre to the aspect ratio of --image-size"
        return (f"{what}; --fit stretch squeezes them instead.",) if count else ()

    def check_values(self, image_shape: tuple[int, ...], source: object) -> None:
        """Refuses images (h, w, c) of more than `max_values` values, before they are read.

        Raises:
            ValueError: they have more.
        """
        if self.max_values is not None and math.prod(image_shape) > self.max_values:
            raise ValueError(
                f"Images to train on must have at most {self.max_values:,} values each, as the layers are "
                f"dense. Received: {_text(image_shape)} from {source}; give a smaller --image-size."
            )

    def check_total(self, shape: tuple[int, ...], source: object) -> None:
        """Refuses images (n, h, w, c) of more than `MAX_BYTES` in all, before memory is set aside for them.

        Raises:
            ValueError: they have more.
        """
        if (size := math.prod(shape)) > MAX_BYTES:
            raise ValueError(
                f"Images must take at most {MAX_BYTES >> 30} GiB in memory. Received: {shape[0]:,} images of "
                f"{_text(shape[1:])} from {source}, {size >> 30:,} GiB; --image-size makes them smaller."
            )


def _text(image_shape):
    return "x".join(str(int(side)) for side in image_shape)


DEFAULTS = ImageOptions()


class LoadedImages(NamedTuple):
    """Images as they were read.

    Attributes:
        images: uint8 (n, h, w, c), c 1 or 3.
        labels: integers (n,), or None.
        notes: a sentence on each thing that was done to what was given: turned, cropped, left out.
    """

    images: np.ndarray
    labels: np.ndarray | None = None
    notes: tuple[str, ...] = ()
