"""Keras layers, optimizer and loss that compute what PyTorch computes where the two differ.

With them a preset that was published in PyTorch makes the updates of the published code.
"""

import keras
import tensorflow as tf


class TorchBatchNormalization(keras.layers.BatchNormalization):
    """Batch normalisation whose moving variance takes N / (N - 1) times the batch's variance.

    PyTorch's `BatchNorm1d` normalises by the biased variance, as Keras does, but averages the
    unbiased one: https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html
    """

    def call(self, inputs, training=None, mask=None):
        """Returns the normalised (batch, units); training mode needs at least two rows."""
        if not (training and self.trainable):
            return super().call(inputs, training=False, mask=mask)
        inputs = tf.cast(inputs, self.variable_dtype)  # bfloat16 is too coarse to average
        mean, variance, n = self._moments(inputs)
        self._average(self.moving_mean, mean)
        self._average(self.moving_variance, variance * (n / (n - 1)))
        normalised = tf.nn.batch_normalization(inputs, mean, variance, self.beta, self.gamma, self.epsilon)
        return tf.cast(normalised, self.compute_dtype)

    def _moments(self, inputs):
        """Returns mean, biased variance and number of the rows; of all replicas if it is `synchronized`."""
        rows = tf.shape(inputs)[0]
        if not self.synchronized:
            return *tf.nn.moments(inputs, axes=[0]), tf.cast(rows, inputs.dtype)
        replicas = tf.distribute.get_replica_context()
        mean = replicas.all_reduce("MEAN", tf.reduce_mean(inputs, axis=0))
        variance = replicas.all_reduce("MEAN", tf.reduce_mean(tf.square(inputs - mean), axis=0))
        return mean, variance, tf.cast(rows * replicas.num_replicas_in_sync, inputs.dtype)

    def _average(self, moving, value):
        moving.assign(moving * self.momentum + value * (1 - self.momentum))


class TorchLeakyReLU(keras.layers.LeakyReLU):
    """LeakyReLU with the exact slope in float64, too.

    TensorFlow's own operation holds its slope as a float32: 0.2 is 0.20000000298 in float64, which
    changes a loss by 1e-9 a step.
    """

    def call(self, inputs):
        """Returns the inputs, those below 0 times the slope."""
        if self.compute_dtype != "float64":
            return super().call(inputs)  # one fused operation, and the same numbers
        return tf.where(inputs > 0, inputs, self.negative_slope * inputs)


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


def to_plain_keras(model: keras.Model) -> keras.Model:
    """Returns the model made of Keras's own layers, which `keras.models.load_model` can load."""
    if not any(type(layer) in _PLAIN for layer in model.layers):
        return model

    def to_plain(layer):
        return _PLAIN.get(type(layer), type(layer)).from_config(layer.get_config())

    copy = keras.models.clone_model(model, clone_function=to_plain)
    copy.set_weights(model.get_weights())
    return copy


_PLAIN = {
    TorchBatchNormalization: keras.layers.BatchNormalization,
    TorchLeakyReLU: keras.layers.LeakyReLU,
}
