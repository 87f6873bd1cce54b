"""Layer lists to Keras models, with the optimizer, loss and normalisation each framework computes.

`semantics` is "keras" or "torch": where the two differ, a preset that was published in PyTorch
follows PyTorch, so that it makes the updates of the published code.
"""

import contextlib

import keras
import numpy as np
import tensorflow as tf

from keras_gan import data


@contextlib.contextmanager
def policy(precision):
    """Makes `precision` ("float32" or "float64") Keras's default for what is built in the block."""
    floatx, before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(precision)
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


def device_name():
    """Returns the name of the device that TensorFlow computes on, "CPU" where it has no GPU."""
    for gpu in tf.config.get_visible_devices("GPU"):
        return tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return "CPU"


def generator(preset, latent_dim, image_shape, seed):
    """Returns the generator: floats (batch, latent_dim) -> (batch, h, w, c) in [-1, 1]."""
    model = _sequential("generator", (latent_dim,), preset, preset.generator, image_shape)
    model.add(keras.layers.Reshape(image_shape))
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
    """Returns the Keras layer of an entry of a preset's layer list."""
    kind = type(layer).__name__
    if kind == "Dense":
        return keras.layers.Dense(layer.units or n_pixels, activation=layer.activation)
    if kind == "BatchNormalization" and semantics == "torch":
        return TorchBatchNormalization(**layer._asdict())
    if kind == "Activation":
        return keras.layers.Activation(layer.name)
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


class TorchBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalisation whose moving variance takes N / (N - 1) times the batch's variance.

    PyTorch's `BatchNorm1d` normalises by the biased variance, as Keras does, but averages the
    unbiased one: https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html
    """

    def call(self, inputs, training=None, mask=None):
        """Returns the normalised (batch, units); training mode needs at least two rows."""
        if not (training and self.trainable):
            return super().call(inputs, training=False, mask=mask)
        mean, variance = tf.nn.moments(inputs, axes=[0])
        n = tf.cast(tf.shape(inputs)[0], variance.dtype)
        self._average(self.moving_mean, mean)
        self._average(self.moving_variance, variance * (n / (n - 1)))
        return tf.nn.batch_normalization(inputs, mean, variance, self.beta, self.gamma, self.epsilon)

    def _average(self, moving, value):
        moving.assign(moving * self.momentum + value * (1 - self.momentum))


class TorchAdam(keras.optimizers.Adam):
    """Adam with epsilon where PyTorch has it, outside the bias correction of the second moment.

    Step t moves a weight by lr * m' / (sqrt(v') + epsilon), with m' = m / (1 - b1^t) and
    v' = v / (1 - b2^t): Algorithm 1 of Kingma and Ba 2015 (arXiv 1412.6980). Keras adds epsilon
    to sqrt(v) before the correction, as the paper's section 2 allows.
    """

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable and its two moments."""
        t = tf.cast(self.iterations + 1, tf.float64)  # in float32, 1 - 0.999 is off by 5e-5
        rate = tf.cast(tf.cast(learning_rate, tf.float64) / (1 - self.beta_1**t), variable.dtype)
        correction = tf.cast(tf.sqrt(1 - self.beta_2**t), variable.dtype)
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (tf.square(gradient) - v) * (1 - self.beta_2))
        self.assign_sub(variable, rate * m / (tf.sqrt(v) / correction + self.epsilon))


def adam(semantics, lr, b1, b2, epsilon, variables):
    """Returns an Adam optimizer of those semantics, built over the variables it may train."""
    kind = TorchAdam if semantics == "torch" else keras.optimizers.Adam
    optimizer = kind(float(lr), float(b1), float(b2), epsilon=epsilon)
    optimizer.build(variables)
    return optimizer


class TorchBinaryCrossentropy(keras.losses.Loss):
    """Binary cross-entropy of probabilities as PyTorch's `BCELoss` computes it.

    Both logarithms are clamped at -100 and the denominator of the gradient at 1e-12:
    https://docs.pytorch.org/docs/stable/generated/torch.nn.BCELoss.html
    """

    def call(self, y_true, y_pred):
        """Returns the loss (batch,) of labels and probabilities (batch, 1)."""
        y_true = tf.cast(y_true, y_pred.dtype)

        @tf.custom_gradient
        def clamped(p):
            log_p = tf.maximum(tf.math.log(p), -100)
            log_q = tf.maximum(tf.math.log1p(-p), -100)

            def gradient(upstream):
                return upstream * (p - y_true) / tf.maximum((1 - p) * p, 1e-12)

            return (y_true - 1) * log_q - y_true * log_p, gradient

        return tf.reduce_mean(clamped(y_pred), axis=-1)


def binary_crossentropy(semantics):
    """Returns the Keras loss of those semantics, of labels and probabilities (batch, 1).

    Keras's own recovers the logits behind a sigmoid, so that it neither saturates nor clips.
    It is an object, not a name: Keras fixes the precision of a loss when it makes the object.
    """
    if semantics == "torch":
        return TorchBinaryCrossentropy()
    return keras.losses.BinaryCrossentropy()


def on_part(function, label, name):
    """Returns a metric: the mean of `function(y_true, y_pred)` over the rows of that label."""

    def mean(y_true, y_pred):
        rows = tf.cast(y_true == label, y_pred.dtype)
        values = tf.reshape(tf.cast(function(y_true, y_pred), y_pred.dtype), tf.shape(rows))
        return tf.reduce_sum(values * rows) / tf.reduce_sum(rows)

    return keras.metrics.MeanMetricWrapper(mean, name=name)


def plain(model):
    """Returns the model with Keras's own layers, which `keras.models.load_model` knows."""
    if not any(isinstance(layer, TorchBatchNormalization) for layer in model.layers):
        return model

    def twin(layer):
        ours = isinstance(layer, TorchBatchNormalization)
        kind = keras.layers.BatchNormalization if ours else type(layer)
        return kind.from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=twin)
    copy.set_weights(model.get_weights())
    return copy


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
