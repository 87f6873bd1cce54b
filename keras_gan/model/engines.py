"""The loops that run k steps. An engine is any `run(step, k) -> float64 array (k, 5)`:
d_loss_real, d_loss_fake, g_loss, d_acc_real, d_acc_fake of steps step .. step + k - 1.

How steps are cut into calls never changes a bit.
"""

import contextlib
import functools
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_gan.data.pixels import to_float
from keras_gan.device import keras_settings
from keras_gan.model.step import gan_step
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
    if not _is_plain(gan):
        arguments = pass_arrays([batch(gan.step)])
        with keras_settings(gan.config.precision):
            _check_overridden(
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
        with _tracing(gan, first + tf.cast(i, tf.int64)):
            return gan_step(gan.rule, gan, real, z)

    @tf.function(jit_compile=True, autograph=False)  # autograph would spend seconds on Keras's lines
    def steps(*arrays, first, k):
        def body(i, values):
            row = [tf.cast(x, values.dtype) for x in step(i, first, *arrays)]
            return i + 1, tf.tensor_scatter_nd_update(values, [[i]], [tf.stack(row)])

        start = tf.constant(0), tf.zeros((MAX_STEPS, 5), gan.generator.variable_dtype)
        return tf.while_loop(lambda i, _: i < k, body, start)[1]

    return steps


_METHODS = ("generate", "update_discriminator", "update_generator")


@contextlib.contextmanager
def _tracing(gan, step):
    """Lets the GAN's own methods, overridden or not, make operations of the graph that is traced.

    In the block `train_on_batch` of both models is Keras's `train_step`, and `gan.step` a tensor.
    """
    before = gan.step
    with contextlib.ExitStack() as stack:
        for model in (gan.discriminator, gan.combined):
            vars(model)["train_on_batch"] = functools.partial(_trace_train_on_batch, model)
            stack.callback(vars(model).pop, "train_on_batch")
        for name in _METHODS:
            vars(gan)[name] = _named_in_errors(gan, name)
            stack.callback(vars(gan).pop, name)
        gan.step = step
        stack.callback(setattr, gan, "step", before)
        yield


def _trace_train_on_batch(model, x, y, sample_weight=None, class_weight=None, return_dict=False):
    """Does what `keras.Model.train_on_batch` does, as operations of a graph."""
    if class_weight is not None:
        raise NotImplementedError("class_weight")
    logs = model.train_step((x, y) if sample_weight is None else (x, y, sample_weight))
    model.reset_metrics()  # so that they are of each batch alone, as those of `train_on_batch`
    return logs if return_dict else model._flatten_metrics_in_order(logs)


def _named_in_errors(gan, name):
    """Returns a method of the GAN that says, where it cannot be traced, which one it is."""
    method = getattr(gan, name)

    @functools.wraps(method)
    def named(*args):
        try:
            return method(*args)
        except Exception as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise ValueError(_refuse(gan, name, f"it cannot be compiled: {reason}")) from error

    return named


def _refuse(gan, name, reason):
    return (
        f"Engine compiled cannot run {type(gan).__name__}.{name}: {reason} (train with engine train_on_batch)"
    )


def _is_plain(gan):
    """Returns whether the GAN overrides none of the methods that make a step."""
    return all(getattr(type(gan), name).__module__ == f"{__package__}.gan" for name in _METHODS)


def _read_random_states():
    return random.getstate(), str(np.random.get_state())


def _list_constants(graph_def):
    """Returns the constants in a graph and its functions, sorted: names of nodes differ at each trace."""
    nodes = [*graph_def.node, *(node for f in graph_def.library.function for node in f.node_def)]
    return sorted(n.attr["value"].tensor.SerializeToString() for n in nodes if n.op == "Const")


def _check_overridden(gan, trace):
    """Raises ValueError where an overridden method does what would be done once, when it is traced.

    Python's and NumPy's random numbers and attributes that count steps would be frozen.
    """
    name = next(n for n in _METHODS if getattr(type(gan), n).__module__ != f"{__package__}.gan")
    own, drawn = dict(vars(gan)), _read_random_states()
    constants = [_list_constants(trace().graph.as_graph_def()) for _ in range(2)]
    if drawn != _read_random_states():
        raise ValueError(_refuse(gan, name, "it draws from Python's or NumPy's random numbers; Keras's work"))
    changed = [n for n, value in vars(gan).items() if own.get(n) is not value]
    if changed or constants[0] != constants[1]:
        what = f"it changes self.{changed[0]}" if changed else "it does not do the same every time"
        raise ValueError(_refuse(gan, name, f"{what}, which would be compiled in once"))


ENGINES: dict[str, Callable[..., Engine]] = {
    "train_on_batch": train_on_batch,
    "compiled": compiled,
}
