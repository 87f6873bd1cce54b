"""The engine of a `tf.distribute` strategy: every replica takes its own part of each batch and its noise.

Batch normalisation, losses and accuracies are of the whole batch, so that the run is that of one device.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_gan.config import TrainConfig
from keras_gan.data.pixels import to_float
from keras_gan.device import keras_settings
from keras_gan.model import engines, updates
from keras_gan.model.step import gan_step
from keras_gan.model.tracing import is_plain, tracing
from keras_gan.model.workers import STEPS, Workers


def build_engine(gan: Any, images: np.ndarray, config: TrainConfig, workers: Workers) -> engines.Engine:
    """Returns the engine of a run: the one that its configuration names, or that of its strategy."""
    if workers.strategy:
        return DistributedEngine(gan, images, config.batch_size, workers)
    return engines.ENGINES[config.engine](gan, images, config.batch_size)


class DistributedEngine:
    """An engine that makes its steps on all replicas of all workers, without XLA.

    The networks are built once more under the strategy, as a mirror of the GAN. A call copies the GAN's
    variables to it where they have changed since the last call, and back at its end: some 20 ms for the
    published GANs.

    Args:
        gan: `GAN`, which stays on one device.
        images: uint8 (n, h, w, c).
        batch_size: of the whole batch; see `check_shares`.
    """

    def __init__(self, gan: Any, images: np.ndarray, batch_size: int, workers: Workers):
        self._gan, self._images, self._workers = gan, images, workers
        self._batch = engines.batches(gan, len(images), batch_size)
        self._mirror: Any = None  # built in the first call, since all workers build it at the same time
        self._arrays: dict[str, np.ndarray] = {}  # of the GAN after the last call

    def __call__(self, step: int, k: int) -> np.ndarray:
        """Makes k steps, with all workers; returns float64 (k, 5). To be called on the first worker."""
        arrays = self._gan.arrays()
        has_changed = any(not np.array_equal(arrays[n], self._arrays.get(n)) for n in arrays)
        self._workers.send_request(STEPS, step, k, has_changed)
        values = self.make_steps(step, k, has_changed)
        self._workers.listening = True
        return values

    def make_steps(self, step: int, k: int, has_changed: bool) -> np.ndarray:
        """Does the part of this worker."""
        with keras_settings(self._gan.config.precision):
            return self._make_steps(step, k, has_changed)

    def _make_steps(self, step, k, has_changed):
        if self._mirror is None:
            self._mirror = self._workers.call(_build_mirror, self._gan, self._workers.strategy)
            self._step = _trace_step(self._mirror, self._workers.strategy)
        if has_changed:
            _assign(self._mirror, self._workers.share_arrays(self._gan.arrays()))
        values = np.empty((k, 5))
        for i in range(k):
            rows, noises = self._batch(step + i)
            parts = [self._cut(array) for array in (to_float(self._images[rows]), *noises)]
            number = tf.constant(step + i, tf.int64)
            values[i] = self._workers.call(lambda *args: self._step(*args).numpy(), number, *parts)
        self._arrays = self._mirror.arrays()
        _assign(self._gan, self._arrays)
        self._gan.step = step + k
        return values

    def _cut(self, array):
        """Returns the rows of this worker's replicas as a value of the strategy."""
        n, dtype = len(array) // self._workers.replicas, self._mirror.generator.variable_dtype

        def part(context):
            i = context.replica_id_in_sync_group
            return tf.constant(array[i * n : (i + 1) * n], dtype)

        return self._workers.strategy.experimental_distribute_values_from_function(part)


def _build_mirror(gan, strategy):
    """Returns a GAN of the same class and settings with its variables on every replica."""
    mirror = object.__new__(type(gan))
    vars(mirror).update(vars(gan))
    with strategy.scope(), keras_settings(gan.config.precision):
        mirror._build(jit_compile=False)
    # TensorFlow refuses a sum over replicas, as of batch normalisation, in a function inside a function
    mirror._generate = lambda z: updates.make_fakes(mirror.generator, mirror.rule, z)
    for model in (mirror.generator, mirror.discriminator):
        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = True
    _scale_exactly(mirror.combined.loss, strategy.num_replicas_in_sync)
    return mirror


def _scale_exactly(loss, replicas):
    """Makes up for Keras's 1 / replicas in float32, which in float64 is off by 3e-8 for 3 replicas.

    Both models have the one loss.
    """
    factor = 1 / replicas / float(np.float32(1 / replicas))
    compute = loss.call
    if factor != 1:
        loss.call = lambda y_true, y_pred: compute(y_true, y_pred) * factor


def _trace_step(gan, strategy):
    """Returns the function of a step: its number and the replicas' parts -> the five values of the batch."""
    dtype = gan.generator.variable_dtype

    def on_replica(real, z):
        return tf.stack([tf.cast(value, dtype) for value in gan_step(gan.rule, gan, real, z)])

    @tf.function(autograph=False)
    def step(number, real, *z):
        with tracing(gan, number):  # around all replicas, which are traced in turns
            return strategy.reduce("MEAN", strategy.run(on_replica, args=(real, z)), axis=None)

    return step


def _assign(gan, arrays):
    for name, variable in gan.variables().items():
        variable.assign(arrays[name])


def check_shares(gan: Any, n_images: int, batch_size: int, workers: Workers) -> None:
    """Raises ValueError where the run on several devices would not be that on one."""
    if not workers.strategy:
        return
    # What a replica would do with its part alone
    random = [name for name in gan.variables() if name.endswith("seed_generator_state")]
    clipping = [o for o in (gan.discriminator.optimizer, gan.combined.optimizer) if _clips(o)]
    own = None if is_plain(gan) else f"{type(gan).__name__} with updates of its own"
    for found in (own, *random, *(f"{type(o).__name__} that clips gradients" for o in clipping)):
        if found:
            raise ValueError(
                "A strategy needs the published updates, without random layers or clipping of gradients, "
                f"which would see only a part of each batch. Received: {found}; --strategy none trains it."
            )
    # Parts of unequal size
    n = workers.replicas
    if not gan.rule.batches_with_replacement and n_images % n:
        numbers = ", ".join(str(i) for i in range(1, 65) if n_images % i == 0)
        raise ValueError(
            "The number of images must be a multiple of that of replicas, as the last batch of a pass is "
            f"shared, too. Received: {n_images} images for {n} replicas; {numbers} replicas would do."
        )
    if batch_size % n:
        sizes = [str(size) for size in (batch_size // n * n, batch_size // n * n + n) if 0 < size <= n_images]
        raise ValueError(
            f"batch_size must be a multiple of the number of replicas ({n}). Received: "
            f"batch_size={batch_size}; {' and '.join(sizes) or 'none'} would do."
        )


def _clips(optimizer):
    names = ("clipnorm", "clipvalue", "global_clipnorm", "gradient_accumulation_steps")
    return any(getattr(optimizer, name) for name in names)
