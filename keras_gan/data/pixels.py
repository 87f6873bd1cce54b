"""Pixels of images held as NumPy arrays: their range, shape and size.

Outside the networks images are uint8 (n, h, w, c); inside they are floats in [-1, 1].
Only this module converts. Reading and writing files is done elsewhere.
"""

import mmap
from collections.abc import Iterator

import numpy as np
from PIL import Image

from keras_gan.data.array_hints import describe_dark, suggest_range, suggest_shape
from keras_gan.data.options import DEFAULTS, ImageOptions, LoadedImages

_CHUNK_BYTES = 2**24  # of an array that are converted at a time


def to_float(images: np.ndarray) -> np.ndarray:
    """Returns float32 images in [-1, 1] from uint8 ones: x / 127.5 - 1, as published."""
    return images.astype(np.float32) / np.float32(127.5) - np.float32(1)


def to_uint8(unit: np.ndarray) -> np.ndarray:
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


def load_array(array: np.ndarray, options: ImageOptions = DEFAULTS) -> LoadedImages:
    """Returns uint8 (n, h, w, c) images from an array of images as people store them, c 1 or 3.

    An array of uint8 is not copied. Others are converted a few images at a time.

    Args:
        array: (n, h, w) or (n, h, w, 1, 3 or 4); integers in 0..255, or floats in [0, 1], in
            [0, 255], or in [-1, 1] with a value below -0.5, as filters leave values a little below 0.
            Four channels are red, green, blue and opacity.
        options: `background` and `max_values` are taken; the size is left as it is.

    Raises:
        ValueError: another shape, range or kind of numbers; the message says what may be meant.
    """
    check_array_shape(array.shape, options)
    array = array[..., None] if array.ndim == 3 else array
    _check_kind(array.dtype)
    low, high = compute_range(array)
    to_levels = _choose_conversion(array.dtype, low, high)
    notes = describe_dark(array.dtype.kind, high)
    if array.dtype == np.uint8 and array.shape[3] != 4:
        return LoadedImages(array if array.flags.c_contiguous else np.ascontiguousarray(array), notes=notes)
    images = np.empty((*array.shape[:3], 1 if array.shape[3] == 1 else 3), np.uint8)
    composited = 0
    for rows in iterate_chunks(array):
        part = to_levels(array[rows])
        if array.shape[3] == 4:
            composited += int((part[..., 3] < 255).any(axis=(1, 2)).sum())
            part = _blend(part, options.get_background())
        images[rows] = part
    return LoadedImages(images, notes=(*notes, *options.describe_composited(composited, len(images))))


def check_array_shape(shape: tuple[int, ...], options: ImageOptions = DEFAULTS) -> None:
    """Raises ValueError unless an array of a shape can be one of images that are not too large."""
    hint = suggest_shape(shape)
    if 0 in shape or not (len(shape) == 3 and not hint or len(shape) == 4 and shape[3] in (1, 3, 4)):
        raise ValueError(
            "Images must be an array of shape (n, h, w), (n, h, w, 1) or (n, h, w, 3). "
            f"Received: shape {shape}{hint}."
        )
    if options.size is None:
        channels = 1 if len(shape) == 3 or shape[3] == 1 else 3
        options.check_values((*shape[1:3], channels), f"an array of shape {shape}")


def _check_kind(dtype):
    if dtype.kind not in "uif":
        hint = "; x * np.uint8(255) makes white of True" if dtype.kind == "b" else ""
        raise ValueError(f"Images must be integers or floats. Received: dtype {dtype}{hint}.")


def _choose_conversion(dtype, low, high):
    """Returns the function that makes uint8 levels of numbers from `low` to `high`.

    Raises:
        ValueError: their kind or range leaves open what they mean.
    """
    kind = dtype.kind
    if kind in "ui" and 0 <= low and 1 < high <= 255:
        return lambda part: part.astype(np.uint8)
    if kind == "f" and (-1 <= low < -0.5 or 0 <= low) and 2 / 255 <= high <= 1:
        return lambda part: to_uint8(np.clip(part if low < 0 else part * 2 - 1, -1, 1))
    if kind == "f" and 0 <= low and 127 < high <= 255:
        return lambda part: np.rint(part).astype(np.uint8)
    raise ValueError(
        "Images must be integers from 0 to 255 that use more than 0 and 1, or floats in [0, 1], [-1, 1] "
        f"or [0, 255]. Received: {dtype} from {low} to {high}{suggest_range(kind, low, high)}."
    )


def _blend(images, background):
    """Returns uint8 (n, h, w, 3) of uint8 (n, h, w, 4) whose last channel is opacity, over a colour."""
    opacity = images[..., 3:] / np.float32(255)
    colour = np.array(background, np.float32)
    return np.rint(images[..., :3] * opacity + colour * (1 - opacity)).astype(np.uint8)


def iterate_chunks(array: np.ndarray) -> Iterator[slice]:
    """Yields slices of the first axis of some 16 MiB each, so that a mapped file is never all in memory."""
    step = max(1, _CHUNK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        yield slice(start, start + step)
        forget_pages(array)


def forget_pages(array: np.ndarray) -> None:
    """Lets the system take back the memory of what was read of a memory-mapped file."""
    base = array
    while isinstance(base, (np.ndarray, memoryview)):
        base = base.base if isinstance(base, np.ndarray) else base.obj
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def compute_range(array: np.ndarray) -> tuple:
    """Returns the smallest and the largest value, NaN where one is."""
    ends = [(array[rows].min(), array[rows].max()) for rows in iterate_chunks(array)]
    lows, highs = zip(*ends)
    return np.min(lows), np.max(highs)


def compute_crop(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """Returns (top, left, height, width) of the largest centred part with the aspect ratio of a target.

    Args:
        size, target: (h, w) in pixels.
    """
    (h, w), (target_h, target_w) = size, target
    height = min(h, max(1, round(w * target_h / target_w)))
    width = min(w, max(1, round(h * target_w / target_h)))
    return (h - height) // 2, (w - width) // 2, height, width


def fit_image(image: Image.Image, size: tuple[int, int], fit: str) -> Image.Image:
    """Returns a Pillow image of another size, by Pillow's antialiased bicubic filter.

    Args:
        size: (h, w) in pixels.
        fit: "crop" cuts it at the centre to the aspect ratio of `size`, "stretch" does not.
    """
    if fit == "crop":
        top, left, height, width = compute_crop(image.size[::-1], size)
        if (width, height) != image.size:
            image = image.crop((left, top, left + width, top + height))
    return image if image.size == size[::-1] else image.resize(size[::-1], Image.Resampling.BICUBIC)


def resize(images: np.ndarray, size: tuple[int, int], fit: str = "stretch") -> np.ndarray:
    """Returns uint8 images (n, h, w, c) of another size, each by `fit_image`.

    Args:
        images: uint8 (n, h0, w0, c), c 1 or 3.
        size: (h, w) in pixels.
        fit: "crop" or "stretch", as in `fit_image`.
    """
    if images.shape[1:3] == tuple(size):
        return images
    resized = np.empty((len(images), *size, images.shape[3]), np.uint8)
    squeezed = images[..., 0] if images.shape[3] == 1 else images
    for i, image in enumerate(squeezed):
        resized[i] = np.asarray(fit_image(Image.fromarray(image), size, fit)).reshape(resized.shape[1:])
    return resized
