"""The loops that run k steps. An engine is any `run(step, k) -> float64 array (k, 5)`:
d_loss_real, d_loss_fake, g_loss, d_acc_real, d_acc_fake of steps step .. step + k - 1.

How steps are cut into calls never changes a bit.
"""

import contextlib
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import tensorflow as tf

from keras_gan.data.pixels import forget_pages, to_float
from keras_gan.device import keras_settings
from keras_gan.model.step import gan_step
from keras_gan.model.tracing import check_overridden, is_plain, tracing
from keras_gan.rng import Stream, draw_batch_rows, draw_noise

LARGE = 2**28  # bytes of images: more stay where they are, and a call passes its own, a sixteenth at most
MAX_STEPS, MAX_ROWS = 64, 4096  # in one call of the compiled function: more gain no time, but take memory

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
        forget_pages(images)
        return values

    return run


def compiled(gan: Any, images: np.ndarray, batch_size: int) -> Engine:
    """Returns the engine that makes up to `MAX_STEPS` steps in one call of a function, compiled by XLA.

    The images stay on the device, or, of more than `LARGE` bytes, on disk or in memory, from where each
    call passes its own. It also passes the rows and the noise of its steps, drawn while the device was
    still busy with the call before.

    Args:
        gan: `GAN`.
        images: uint8 (n, h, w, c).
    """
    batch, most = batches(gan, len(images), batch_size), _count_most_steps(images, batch_size)
    is_large = images.nbytes > LARGE
    on_device = None if is_large else tf.constant(images)

    def pass_arrays(call):
        rows, noises = _stacked(call, most)
        return (on_device, rows, noises) if not is_large else (*_gather(images, call, most), noises)

    function = _steps_of(gan)
    if not is_plain(gan):  # a subclass: two traces that differ would freeze a random number or a counter
        arguments = pass_arrays([batch(gan.step)])
        with keras_settings(gan.config.precision):
            check_overridden(
                gan, lambda: _steps_of(gan).get_concrete_function(*arguments, **_counts(gan.step, 1))
            )
    # A thread draws the batches of the next call while the device is busy with this one
    drawn: dict[int, tuple[np.ndarray, list[np.ndarray]]] = {}  # batch by step
    thread = ThreadPoolExecutor(1)

    def draw(first, k):
        """Returns the batches of the next call: of at most k steps, all of one size."""
        for step in range(first, first + min(k, most)):
            drawn.setdefault(step, batch(step))
        size = len(drawn[first][0])
        following = (drawn[step] for step in range(first, first + min(k, most)))
        return list(itertools.takewhile(lambda b: len(b[0]) == size, following))

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
            # Make the steps, and draw the next call's batches meanwhile. A new batch size compiles: seconds.
            ahead = thread.submit(draw, step + len(call), k)
            values = function(*pass_arrays(call), **_counts(step, len(call)))
            # Read the losses back, which waits for the device.
            parts.append(values.numpy()[: len(call)].astype(np.float64))
            ahead.result()
            step, k = step + len(call), k - len(call)
            gan.step = step
            forget_pages(images)
        return np.concatenate(parts)

    return run


def _count_most_steps(images, batch_size):
    """Returns for how many steps the inputs of a call have room: of large data sets they hold the images."""
    most = min(MAX_STEPS, MAX_ROWS // batch_size)
    if images.nbytes > LARGE:
        most = min(most, LARGE // 16 // (batch_size * images[0].nbytes))
    return max(1, most)


def _gather(images, call, most):
    """Returns the images of a call, (most * batch, h, w, c), and where its steps find them."""
    n = len(call[0][0])
    own = np.zeros((most * n, *images.shape[1:]), np.uint8)
    for i, (rows, _) in enumerate(call):
        own[i * n : (i + 1) * n] = images[rows]
    return own, np.arange(most * n, dtype=np.int32).reshape(most, n)


def _counts(first, k):
    return {"first": tf.constant(first, tf.int64), "k": tf.constant(k)}


def _stacked(call, most):
    """Returns rows (most, batch) and noises (one or more, most, batch, latent_dim) of a call."""
    first_rows, first_noises = call[0]
    all_rows = np.zeros((most, *first_rows.shape), np.int32)
    all_noises = np.empty((len(first_noises), most, *first_noises[0].shape), np.float32)
    for i, (rows, noises) in enumerate(call):
        all_rows[i], all_noises[:, i] = rows, noises
    return all_rows, all_noises


def _to_float(images):
    """Returns what `data.pixels.to_float` does.

    XLA multiplies by the reciprocal of a constant that divides: in float64 this gives the same float32.
    """
    return tf.cast(tf.cast(images, tf.float64) * (1 / 127.5), tf.float32) - 1


@contextlib.contextmanager
def _updating_in_place(optimizer):
    """Lets an optimizer, in the block, change weights once all their gradients are computed.

    XLA would copy each weight of the generator in every step, as it may change before it is read for the
    gradients of the layers below: 3 % of a step at batch 64.
    """

    def apply_gradients(pairs, **options):
        gradients, variables = zip(*pairs, strict=True)
        zero = tf.minimum(tf.abs(tf.reshape(gradients[0], [-1])[0]), 0)  # known with the lowest layer's
        gradients = [g + tf.cast(zero, g.dtype) if tf.is_tensor(g) else g for g in gradients]
        return type(optimizer).apply_gradients(optimizer, zip(gradients, variables, strict=True), **options)

    vars(optimizer)["apply_gradients"] = apply_gradients
    try:
        yield
    finally:
        del vars(optimizer)["apply_gradients"]


def _steps_of(gan):
    """Returns the compiled function; it compiles once per batch size, whatever the number of steps."""

    def step(i, first, all_images, all_rows, all_noises):
        real = _to_float(tf.gather(all_images, all_rows[i]))
        z = tf.unstack(all_noises[:, i])
        in_place = _updating_in_place(gan.combined.optimizer) if gan.jit_compile else contextlib.nullcontext()
        with tracing(gan, first + tf.cast(i, tf.int64)), in_place:
            return gan_step(gan.rule, gan, real, z)

    # AutoGraph would spend seconds on Keras's lines
    @tf.function(jit_compile=gan.jit_compile, autograph=False)
    def steps(*arrays, first, k):
        def body(i, values):
            row = [tf.cast(x, values.dtype) for x in step(i, first, *arrays)]
            return i + 1, tf.tensor_scatter_nd_update(values, [[i]], [tf.stack(row)])

        start = tf.constant(0), tf.zeros((arrays[1].shape[0], 5), gan.generator.variable_dtype)
        return tf.while_loop(lambda i, _: i < k, body, start)[1]

    return steps


ENGINES: dict[str, Callable[..., Engine]] = {
    "train_on_batch": train_on_batch,
    "compiled": compiled,
}
