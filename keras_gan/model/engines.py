"""The loops that run k steps. An engine is any `run(step, k) -> float64 array (k, 5)`:
d_loss_real, d_loss_fake, g_loss, d_acc_real, d_acc_fake of steps step .. step + k - 1.

How steps are cut into calls never changes a bit.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_gan.data.pixels import to_float
from keras_gan.device import keras_settings
from keras_gan.model.step import gan_step
from keras_gan.model.tracing import check_overridden, is_plain, tracing
from keras_gan.rng import Stream, draw_batch_rows, draw_noise

LARGE = 2**30  # bytes of images: more stay where they are, and a call passes its own, a sixteenth at most
MAX_STEPS = 64  # in one call of the compiled function: its inputs have room for as many

Engine = Callable[[int, int], np.ndarray]


def batches(gan: Any, n_images: int, batch_size: int) -> Callable[[int], tuple[np.ndarray, list[np.ndarray]]]:
    """Returns a function: step -> (rows int64 (batch,), list of float32 noises)."""
    with_replacement = gan.rule.batches_with_replacement
    d_steps = gan.config.d_steps

    def batch(step):
        rows = draw_batch_rows(n_images, batch_size, gan.seed, step, with_replacement)
        n = len(rows)
        z_d = draw_noise(gan.seed, Stream.NOISE_D, step, d_steps * n, gan.latent_dim)
        z = [z_d[i : i + n] for i in range(0, d_steps * n, n)]
        if gan.rule.fresh_noise:
            z.append(draw_noise(gan.seed, Stream.NOISE_G, step, n, gan.latent_dim))
        return rows, z

    return batch


def train_on_batch(gan: Any, images: np.ndarray, batch_size: int) -> Engine:
    """Returns the engine that makes Keras's classic calls, one step at a time.

    Args:
        gan: `GAN` or `TorchGAN`.
        images: uint8 (n, h, w, c).
    """
    batch = batches(gan, len(images), batch_size)

    @keras_settings(gan.config.precision)
    def run(step, k):
        values = np.empty((k, 5))
        for i in range(k):
            rows, z = batch(step + i)
            values[i] = gan_step(gan.rule, gan, to_float(images[rows]), z)
        return values

    return run


def compiled(gan: Any, images: np.ndarray, batch_size: int) -> Engine:
    """Returns the engine that makes up to `MAX_STEPS` steps in one call of a function compiled by XLA.

    The images stay on the device, or, of more than `LARGE` bytes, on disk or in memory, from where each
    call passes its own. It also passes the rows and the noise of its steps, drawn while the device was
    still busy with the call before.

    Args:
        gan: `GAN`.
        images: uint8 (n, h, w, c).
    """
    batch = batches(gan, len(images), batch_size)
    is_large = images.nbytes > LARGE
    most = min(MAX_STEPS, max(1, LARGE // 16 // (batch_size * images[0].nbytes))) if is_large else MAX_STEPS
    on_device = None if is_large else tf.constant(images)

    def pass_arrays(call):
        rows, noises = _stacked(call)
        return (on_device, rows, noises) if not is_large else (*_gather(images, call, most), noises)

    function = _steps_of(gan)
    if not is_plain(gan):
        arguments = pass_arrays([batch(gan.step)])
        with keras_settings(gan.config.precision):
            check_overridden(
                gan, lambda: _steps_of(gan).get_concrete_function(*arguments, **_counts(gan.step, 1))
            )
    drawn: dict[int, tuple[np.ndarray, list[np.ndarray]]] = {}  # batch by step

    def draw(first, k):
        """Returns the batches of the next call: of at most k steps, all of one size."""
        for step in range(first, first + min(k, most)):
            drawn.setdefault(step, batch(step))
        sizes = [len(drawn[step][0]) for step in range(first, first + min(k, most))]
        return [drawn[first + i] for i, size in enumerate(sizes) if set(sizes[: i + 1]) == {sizes[0]}]

    @keras_settings(gan.config.precision)
    def run(step, k):
        parts = []
        for model in (gan.discriminator, gan.combined):
            model.reset_metrics()  # `train_on_batch` may have left some
        while k:
            # Take the batches of this call.
            call = draw(step, k)
            for key in [key for key in drawn if key < step + len(call)]:
                del drawn[key]
            # Start the steps; on a GPU this returns at once. A new batch size compiles: seconds.
            values = function(*pass_arrays(call), **_counts(step, len(call)))
            # Draw the next call's batches meanwhile.
            draw(step + len(call), k)
            # Read the losses back, which waits for the device.
            parts.append(values.numpy()[: len(call)].astype(np.float64))
            step, k = step + len(call), k - len(call)
            gan.step = step
        return np.concatenate(parts)

    return run


def _gather(images, call, most):
    """Returns the images of a call, (most * batch, h, w, c), and where its steps find them."""
    n = len(call[0][0])
    own = np.zeros((most * n, *images.shape[1:]), np.uint8)
    for i, (rows, _) in enumerate(call):
        own[i * n : (i + 1) * n] = images[rows]
    return own, np.arange(MAX_STEPS * n, dtype=np.int32).reshape(MAX_STEPS, n)


def _counts(first, k):
    return {"first": tf.constant(first, tf.int64), "k": tf.constant(k)}


def _stacked(call):
    """Returns rows (MAX_STEPS, batch) and noises (1 or 2, MAX_STEPS, batch, latent_dim) of a call."""
    rows, noises = zip(*call, strict=True)
    all_rows = np.zeros((MAX_STEPS, *rows[0].shape), np.int32)
    all_noises = np.zeros((len(noises[0]), MAX_STEPS, *noises[0][0].shape), np.float32)
    all_rows[: len(rows)] = rows
    all_noises[:, : len(noises)] = np.swapaxes(noises, 0, 1)
    return all_rows, all_noises


def _steps_of(gan):
    """Returns the compiled function; it compiles once per batch size, whatever the number of steps."""
    levels = to_float(np.arange(256, dtype=np.uint8))  # a table, since XLA's division is not exact
    for model in (gan.discriminator, gan.combined):  # variables made while tracing would trace it twice
        model.compute_metrics(None, *tf.zeros((2, 2, 1)))

    def step(i, first, all_images, all_rows, all_noises):
        real = tf.gather(levels, tf.cast(tf.gather(all_images, all_rows[i]), tf.int32))
        z = tf.unstack(all_noises[:, i])
        with tracing(gan, first + tf.cast(i, tf.int64)):
            return gan_step(gan.rule, gan, real, z)

    @tf.function(jit_compile=True, autograph=False)  # autograph would spend seconds on Keras's lines
    def steps(*arrays, first, k):
        def body(i, values):
            row = [tf.cast(x, values.dtype) for x in step(i, first, *arrays)]
            return i + 1, tf.tensor_scatter_nd_update(values, [[i]], [tf.stack(row)])

        start = tf.constant(0), tf.zeros((MAX_STEPS, 5), gan.generator.variable_dtype)
        return tf.while_loop(lambda i, _: i < k, body, start)[1]

    return steps


ENGINES: dict[str, Callable[..., Engine]] = {
    "train_on_batch": train_on_batch,
    "compiled": compiled,
}
