"""The losses, metrics and optimizers of both networks, and the combined model of the generator's update.

Where Keras and PyTorch compute differently, `semantics` ("keras" or "torch") chooses.
"""

import keras
import tensorflow as tf

from keras_gan.model import torch_like


def build_adam(semantics, lr, b1, b2, epsilon, variables):
    """Returns an Adam optimizer of those semantics, built over the variables it may train."""
    kind = torch_like.TorchAdam if semantics == "torch" else keras.optimizers.Adam
    optimizer = kind(float(lr), float(b1), float(b2), epsilon=epsilon)
    optimizer.build(variables)
    return optimizer


def build_loss(semantics):
    """Returns the Keras loss of those semantics, of labels and probabilities (batch, 1).

    Keras's own recovers the logits behind a sigmoid, so that it neither saturates nor clips.
    It is an object, not a name: Keras fixes the precision of a loss when it makes the object.
    """
    if semantics == "torch":
        return torch_like.TorchBinaryCrossentropy()
    return keras.losses.BinaryCrossentropy()


def build_metrics_of_parts(loss):
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
