"""What InceptionV3 is shown: uint8 images as float32 (n, 299, 299, 3), as each package resizes them.

Where a package takes colour images alone, grey ones are repeated to three channels.
"""

import numpy as np
import tensorflow as tf
from PIL import Image

SIDE = 299  # pixels of an image that InceptionV3 is shown


def _to_rgb(images: tf.Tensor | np.ndarray) -> tf.Tensor:
    return tf.repeat(images, 3 // images.shape[3], axis=3)


def resize_bilinear(images: np.ndarray) -> tf.Tensor:
    """Returns images in [0, 255], bilinear between the centres of pixels, without a filter."""
    return _to_rgb(tf.image.resize(images, (SIDE, SIDE), "bilinear"))


def resize_as_tensorflow_1(images: np.ndarray) -> tf.Tensor:
    """Returns images in [0, 255], bilinear between the corners of pixels: shifted by up to half a pixel."""
    # Not by tf.compat.v1, which warns in three lines that it is deprecated.
    resized = tf.raw_ops.ResizeBilinear(images=images, size=(SIDE, SIDE), half_pixel_centers=False)
    return _to_rgb(resized)


def resize_as_pytorch(images: np.ndarray) -> tf.Tensor:
    """Returns images in [0, 255], as `torch.nn.functional.interpolate` antialiases them.

    TensorFlow's and Pillow's filters are the same, but for the rounding of their positions: up to
    0.01 grey levels, and 5e-6 of the features.
    """
    rows, columns = (_make_triangle_filter(side) for side in images.shape[1:3])
    narrowed = tf.einsum("pw,nhwc->nhpc", columns, tf.cast(images, tf.float32))
    return _to_rgb(tf.einsum("oh,nhpc->nopc", rows, narrowed))


def _make_triangle_filter(side: int) -> np.ndarray:
    """Returns the float32 (299, side) shares of pixels in a resized row, with PyTorch's float32 positions.

    `_compute_indices_min_size_weights_aa` in PyTorch's UpSampleKernel.cpp.
    """
    scale = np.float32(side) / np.float32(SIDE)
    support = max(scale, np.float32(1))
    centres = (scale * (np.arange(SIDE) + 0.5)).astype(np.float32)[:, None]
    first, end = (np.trunc(edge + 0.5) for edge in (centres - support, centres + support))
    pixels = np.arange(side)
    shares = (
        np.maximum(0, 1 - np.abs((pixels - centres + 0.5) / support)) * (first <= pixels) * (pixels < end)
    )
    shares = shares.astype(np.float32)
    return shares / shares.sum(axis=1, keepdims=True)


def resize_bicubic(images: np.ndarray) -> tf.Tensor:
    """Returns images in [0, 255], by Pillow's antialiased bicubic filter on floats, clipped."""
    resized = np.empty((len(images), SIDE, SIDE, images.shape[3]), np.float32)
    for image, target in zip(images.astype(np.float32), resized, strict=True):
        for channel in range(images.shape[3]):
            picture = Image.fromarray(np.ascontiguousarray(image[..., channel]))
            target[..., channel] = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    return _to_rgb(np.clip(resized, 0, 255))
