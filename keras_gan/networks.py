"""Layer lists to Keras models, with the optimizer, loss and normalisation each framework computes.

`semantics` is "keras" or "torch": where the two differ, a preset that was published in PyTorch
follows PyTorch, so that it makes the updates of the published code.
"""

import contextlib
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_gan import data, torch_semantics

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"Keras must compute through TensorFlow. Received: {keras.backend.backend()}; set "
        "KERAS_BACKEND=tensorflow before Keras is imported."
    )


@contextlib.contextmanager
def policy(precision):
    """Makes `precision`, a Keras dtype policy, Keras's default for what is built in the block."""
    floatx, before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64" if precision == "float64" else "float32")
    keras.config.set_dtype_policy(precision)  # floatx alone is ignored once a layer exists
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(before)


def use_device(name):
    """Lets TensorFlow use what `name` says: "auto", "cpu" or "gpu"; "auto" is a GPU if there is one.

    Raises:
        ValueError: "gpu" and TensorFlow sees none.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if name == "gpu" and not gpus:
        raise ValueError(
            "device gpu needs a GPU that TensorFlow sees. Received: none; the README says how to "
            "install TensorFlow for one, and --device cpu trains without."
        )
    if name == "cpu":
        tf.config.set_visible_devices([], "GPU")
    for gpu in tf.config.get_visible_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)  # not the whole memory at once


def check_precision(precision):
    """Raises ValueError for "mixed_bfloat16" where the device has no products of bfloat16.

    It would round as bfloat16 does and gain no time: such a device computes it in float32.
    """
    if precision != "mixed_bfloat16":
        return
    gpus = tf.config.get_visible_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    if details and min(detail.get("compute_capability", (8, 0)) for detail in details) < (8, 0):
        raise ValueError(_NO_BFLOAT16.format(f"{device_name()}, below compute capability 8.0"))
    cpuinfo = Path("/proc/cpuinfo")
    if not gpus and cpuinfo.is_file() and not _BFLOAT16_FLAGS & set(cpuinfo.read_text().split()):
        raise ValueError(_NO_BFLOAT16.format("a CPU without AVX512_BF16 or AMX"))


_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # the last one is Arm's
_NO_BFLOAT16 = (
    "precision mixed_bfloat16 needs a device that multiplies bfloat16. Received: {}; "
    "--precision float32 is as fast there."
)


def device_name():
    """Returns the name of the device that TensorFlow computes on, "CPU" where it has no GPU."""
    for gpu in tf.config.get_visible_devices("GPU"):
        return tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return "CPU"


def generator(preset, latent_dim, image_shape, seed):
    """Returns the generator: floats (batch, latent_dim) -> (batch, h, w, c) in [-1, 1]."""
    model = _sequential("generator", (latent_dim,), preset, preset.generator, image_shape)
    model.add(keras.layers.Reshape(image_shape, dtype=keras.config.floatx()))
    return _with_initial_weights(model, preset.semantics, data.rng(seed, data.WEIGHTS, 0))


def discriminator(preset, image_shape, seed):
    """Returns the discriminator: floats (batch, h, w, c) in [-1, 1] -> probabilities (batch, 1)."""
    model = _sequential("discriminator", image_shape, preset, preset.discriminator, image_shape)
    return _with_initial_weights(model, preset.semantics, data.rng(seed, data.WEIGHTS, 1))


def _sequential(name, input_shape, preset, layers, image_shape):
    model = keras.Sequential([keras.Input(input_shape)], name=name)
    if len(input_shape) > 1:
        model.add(keras.layers.Flatten())
    for layer in layers:
        model.add(_keras_layer(layer, preset.semantics, int(np.prod(image_shape))))
    return model


def _keras_layer(layer, semantics, n_pixels):
    """Returns the Keras layer of an entry of a preset's layer list.

    The probability and the logit behind it are never in bfloat16, where 1 - p is 0 from a logit
    of 6.5 on and the gradient with it.
    """
    kind = type(layer).__name__
    if kind == "Dense":
        dtype = keras.config.floatx() if layer.units == 1 else None
        return keras.layers.Dense(layer.units or n_pixels, activation=layer.activation, dtype=dtype)
    if kind == "BatchNormalization" and semantics == "torch":
        return torch_semantics.TorchBatchNormalization(**layer._asdict())
    if kind == "Activation":
        dtype = keras.config.floatx() if layer.name == "sigmoid" else None
        return keras.layers.Activation(layer.name, dtype=dtype)
    return getattr(keras.layers, kind)(**layer._asdict())


def _with_initial_weights(model, semantics, rng):
    """Draws kernels and biases as the semantics' framework does by default; returns the model."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            layer.set_weights(initial_dense(semantics, *layer.kernel.shape, rng))
    return model


def initial_dense(semantics, fan_in, fan_out, rng):
    """Returns the float32 kernel (fan_in, fan_out) and bias (fan_out,) of a new dense layer.

    "keras": Glorot and Bengio 2010, uniform in +-sqrt(6 / (fan_in + fan_out)), and zeros.
    "torch": both uniform in +-1 / sqrt(fan_in), which is what `nn.Linear` draws.
    """
    if semantics == "keras":
        limit = np.sqrt(6 / (fan_in + fan_out))
        kernel = rng.uniform(-limit, limit, (fan_in, fan_out))
        return kernel.astype(np.float32), np.zeros(fan_out, np.float32)
    limit = 1 / np.sqrt(fan_in)
    kernel = rng.uniform(-limit, limit, (fan_in, fan_out))
    return kernel.astype(np.float32), rng.uniform(-limit, limit, fan_out).astype(np.float32)


def adam(semantics, lr, b1, b2, epsilon, variables):
    """Returns an Adam optimizer of those semantics, built over the variables it may train."""
    kind = torch_semantics.TorchAdam if semantics == "torch" else keras.optimizers.Adam
    optimizer = kind(float(lr), float(b1), float(b2), epsilon=epsilon)
    optimizer.build(variables)
    return optimizer


def binary_crossentropy(semantics):
    """Returns the Keras loss of those semantics, of labels and probabilities (batch, 1).

    Keras's own recovers the logits behind a sigmoid, so that it neither saturates nor clips.
    It is an object, not a name: Keras fixes the precision of a loss when it makes the object.
    """
    if semantics == "torch":
        return torch_semantics.TorchBinaryCrossentropy()
    return keras.losses.BinaryCrossentropy()


def metrics_of_parts(loss):
    """Returns the metrics of an update on real (labels 1) and fake (labels 0) together."""
    accurate = keras.metrics.binary_accuracy
    return [
        _on_part(function, label, f"{what}_{part}")
        for what, function in (("loss", loss.call), ("acc", accurate))
        for part, label in (("real", 1), ("fake", 0))
    ]


def _on_part(function, label, name):
    """Returns a metric: the mean of `function(y_true, y_pred)` over the rows of that label."""

    def mean(y_true, y_pred):
        rows = tf.cast(y_true == label, y_pred.dtype)
        values = tf.reshape(tf.cast(function(y_true, y_pred), y_pred.dtype), tf.shape(rows))
        return tf.reduce_sum(values * rows) / tf.reduce_sum(rows)

    return keras.metrics.MeanMetricWrapper(mean, name=name)


class Combined(keras.Model):
    """Generator and discriminator in a row; training it moves the generator alone.

    Keras 3 reads `trainable` when a step is traced, not when the model is compiled, so the
    classic order (compile the discriminator, freeze it, compile this) would freeze the
    discriminator in its own step too. Here it is frozen while this model's step is traced,
    for whatever batch size, and trainable at any other time.
    """

    def __init__(self, generator, discriminator):
        z = keras.Input(generator.input_shape[1:])
        super().__init__(z, discriminator(generator(z)), name="combined")
        self.generator, self.discriminator = generator, discriminator

    @property
    def trainable_weights(self):
        """The generator's."""
        return self.generator.trainable_weights

    @property
    def non_trainable_weights(self):
        """The generator's moving statistics and all of the discriminator's weights."""
        return self.generator.non_trainable_weights + self.discriminator.weights

    def train_step(self, data):
        """Performs one update of the generator with the discriminator frozen."""
        self.discriminator.trainable = False
        try:
            return super().train_step(data)
        finally:
            self.discriminator.trainable = True


def named_variables(generator, discriminator, combined):
    """Returns weights, moments and counts of updates: dict of name to Keras variable."""
    named = {}
    for role, net, trained in (
        ("generator", generator, combined),
        ("discriminator", discriminator, discriminator),
    ):
        weights = dict(_weights(role, net))
        names = {variable.path: name for name, variable in weights.items()}
        named |= weights | dict(_slots(trained.optimizer, net.trainable_variables, names))
        named[f"{role}/iteration"] = trained.optimizer.iterations
    return named


def _weights(role, model):
    """Yields (name, variable) of every weight of a model."""
    for i, layer in enumerate(model.layers):
        for variable in layer.weights:
            inner = variable.path.split("/", 1)[1] if isinstance(layer, keras.Model) else variable.name
            yield f"{role}/{i}/{inner}", variable


def _slots(optimizer, variables, names):
    """Yields (name, variable) of an Adam's moments."""
    own = {v.name: v for v in optimizer.variables}
    for variable in variables:
        for slot in ("momentum", "velocity"):
            name = f"{variable.path.replace('/', '_')}_{slot}"
            yield f"{names[variable.path]}/{slot}", own[name]
