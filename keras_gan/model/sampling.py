"""Samples of a generator: in inference mode, or in training mode, as most PyTorch programs save them."""

import functools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from keras_gan.config import MODES
from keras_gan.data.pixels import to_uint8
from keras_gan.setting_checks import check_choice

_AT_ONCE = 1000  # images in inference mode


def draw_batches(
    gan: Any, chunks: Iterable[np.ndarray], mode: str = "inference", batch_size: int | None = None
) -> Iterator[np.ndarray]:
    """Yields the images of noise, uint8 (batch, h, w, c), some at a time; no variable of the GAN changes.

    In training mode batch normalisation takes mean and variance of the batch. Every image is of a
    batch of `batch_size`: where that does not divide the rows of a chunk, its last batch is its last
    `batch_size` rows, of which those that are not drawn yet are yielded. A chunk of fewer rows is one
    batch. Random layers go on from one batch to the next.

    Args:
        gan: `GAN`.
        chunks: noise, floats (n, latent_dim) each.
        mode: one of `MODES`.
        batch_size: of training mode; None is the preset's.

    Raises:
        ValueError: there is no such mode, or a batch of one image in training mode; noise of another shape.
    """
    chunks = map(functools.partial(_check_noise, gan.latent_dim), chunks)
    check_choice("mode", mode, MODES)
    trainable, state = (
        [variable.value for variable in variables]
        for variables in (gan.generator.trainable_variables, gan.generator.non_trainable_variables)
    )
    if mode == "inference":
        for z in chunks:
            for first in range(0, len(z), _AT_ONCE):
                # Stateless, as Keras's recurrent layers draw random numbers in inference mode, too
                batch = tf.cast(z[first : first + _AT_ONCE], gan.generator.dtype)
                yield _to_images(gan.generator.stateless_call(trainable, state, batch, training=False)[0])
        return
    size = get_batch_size(gan, mode, batch_size)
    for z in chunks:
        if min(len(z), size) == 1:
            raise ValueError("mode training takes the mean of a batch of at least 2 images. Received: 1.")
        for first in range(0, len(z), size):
            start = max(0, min(first, len(z) - size))
            batch = tf.cast(z[start : start + size], gan.generator.dtype)
            fakes, state = gan.generator.stateless_call(trainable, state, batch, training=True)
            yield _to_images(fakes[first - start :])


def _check_noise(latent_dim, z):
    """Returns noise as an array of at least one row, of the shape that the generator takes."""
    z = np.asarray(z)
    if z.shape[1:] != (latent_dim,) or not z.size:
        raise ValueError(f"z must be an array of shape (n, {latent_dim}), n at least 1. Received: {z.shape}.")
    return z


def get_batch_size(gan: Any, mode: str, batch_size: int | None = None) -> int | None:
    """Returns the batch size on which samples depend: in training mode the preset's or the one given."""
    if mode == "inference":
        return None
    if batch_size is not None and batch_size < 2:
        raise ValueError(
            f"batch_size must be at least 2 in training mode. Received: batch_size={batch_size}."
        )
    return batch_size or gan.preset.batch_size


def describe_mode(gan: Any, mode: str, n: int | None = None) -> str:
    """Returns the words after a number of samples that say how n of them were drawn; "" in inference mode."""
    if mode == "inference":
        return ""
    size = get_batch_size(gan, mode)
    return f", drawn in training mode in batches of {min(size, n or size)}"


def _to_images(fakes: tf.Tensor) -> np.ndarray:
    return to_uint8(np.clip(np.asarray(fakes), -1, 1))
