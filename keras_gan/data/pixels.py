"""Pixels: ranges, sizes, grids and captions of images held as NumPy arrays.

Outside the networks images are uint8 (n, h, w, c); inside they are floats in [-1, 1].
Only this module converts. Reading and writing files is done elsewhere.
"""

import numpy as np
from PIL import Image


def to_float(images):
    """Returns float32 images in [-1, 1] from uint8 ones: x / 127.5 - 1, as published."""
    return images.astype(np.float32) / np.float32(127.5) - np.float32(1)


def to_uint8(unit):
    """Returns uint8 images from floats in [-1, 1], rounded to the nearest of the 256 levels.

    Raises:
        ValueError: a value is NaN or outside [-1, 1].
    """
    unit = np.asarray(unit)
    if unit.size and not (unit.min() >= -1 and unit.max() <= 1):  # false for NaN, too
        raise ValueError(
            "Images to convert must be floats in [-1, 1]. "
            f"Received: values from {unit.min()} to {unit.max()}."
        )
    return np.rint((unit + 1) * 127.5).astype(np.uint8)


def from_array(array):
    """Returns uint8 (n, h, w, c) images from an array of images as people store them.

    Args:
        array: (n, h, w) or (n, h, w, 1 or 3); integers in 0..255, or floats in [0, 1],
            or floats in [-1, 1] with at least one negative value.

    Raises:
        ValueError: another shape, range or kind of numbers.
    """
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[3] not in (1, 3) or 0 in array.shape:
        raise ValueError(
            "Images must be an array of shape (n, h, w), (n, h, w, 1) or (n, h, w, 3). "
            f"Received: shape {array.shape}."
        )
    if array.dtype.kind not in "uif":
        raise ValueError(f"Images must be integers or floats. Received: dtype {array.dtype}.")
    low, high = array.min(), array.max()
    if array.dtype.kind in "ui" and 0 <= low and 1 < high <= 255:
        return np.ascontiguousarray(array, dtype=np.uint8)
    if array.dtype.kind == "f" and -1 <= low and high <= 1:
        unit = array if low < 0 else array * 2 - 1
        return np.ascontiguousarray(to_uint8(np.clip(unit, -1, 1)))
    raise ValueError(
        "Images must be integers from 0 to 255 that use more than 0 and 1, or floats in [0, 1] or "
        f"[-1, 1]. Received: {array.dtype} from {low} to {high}."
    )


def resize(images, size):
    """Returns uint8 images (n, h, w, c) of another size, by Pillow's antialiased bicubic filter.

    Args:
        images: uint8 (n, h0, w0, c), c 1 or 3.
        size: (h, w) in pixels.
    """
    if images.shape[1:3] == tuple(size):
        return images
    squeezed = images[..., 0] if images.shape[3] == 1 else images
    height, width = size
    pictures = [Image.fromarray(image) for image in squeezed]
    resized = [p.resize((width, height), Image.Resampling.BICUBIC) for p in pictures]
    return np.stack(resized).reshape(len(images), *size, images.shape[3])


def to_grey(images):
    """Returns uint8 (n, h, w, 1): the luma of uint8 (n, h, w, 3), 0.299 R + 0.587 G + 0.114 B.

    The weights are those of ITU-R BT.601, which Pillow uses, too.
    """
    return np.rint(images @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)[..., None]
