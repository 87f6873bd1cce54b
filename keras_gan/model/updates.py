"""The update of each network, in Keras: fakes, losses, optimizers, and the combined model.

Functions and no methods, so that `GAN` and the compiled engine run the same lines: a `train` that makes
one update of a compiled model is an argument. Where Keras and PyTorch compute differently, `semantics`
("keras" or "torch") chooses.
"""

import keras
import numpy as np
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


def make_fakes(generator, rule, z):
    """Returns fakes to show to the discriminator, in the mode the rule gives.

    The moving statistics of the generator stay as they are.
    """
    if not rule.fakes_in_training_mode:
        return generator(z, training=False)
    variables = generator.trainable_variables, generator.non_trainable_variables
    fake, _ = generator.stateless_call(*([v.value for v in vs] for vs in variables), z, training=True)
    return fake


def update_discriminator(gan, real, fake, train):
    """Trains the discriminator once, on a batch of each; the generator does not move.

    Args:
        gan: offers `rule`, `step` and `discriminator`.
        real, fake: floats (batch, h, w, c) in [-1, 1].
        train: function (model, x, y) -> dict of the losses and metrics of one update.

    Returns:
        (d_loss_real, d_loss_fake, d_acc_real, d_acc_fake) of this batch, before its update.
    """
    if gan.rule.shared_step_counter:  # it counts three updates a step, two of them this network's
        gan.discriminator.optimizer.iterations.assign(3 * gan.step)
    valid, invalid = np.ones((real.shape[0], 1)), np.zeros((fake.shape[0], 1))
    if gan.rule.joint_d_update:
        both = tf.concat([tf.cast(real, fake.dtype), fake], axis=0)
        logs = train(gan.discriminator, both, np.concatenate([valid, invalid]))
        return tuple(logs[name] for name in ("loss_real", "loss_fake", "acc_real", "acc_fake"))
    on_real = train(gan.discriminator, real, valid)
    on_fake = train(gan.discriminator, fake, invalid)
    return on_real["loss"], on_fake["loss"], on_real["accuracy"], on_fake["accuracy"]


def update_generator(gan, z, train):
    """Trains the generator once, through `combined`; the discriminator does not move.

    Args:
        gan: offers `rule`, `step` and `combined`.
        z: floats (batch, latent_dim).
        train: as for `update_discriminator`.

    Returns:
        g_loss of this batch, before its update.
    """
    if gan.rule.shared_step_counter:
        gan.combined.optimizer.iterations.assign(3 * gan.step + 2)
    return train(gan.combined, z, np.ones((z.shape[0], 1)))["loss"]


def train_on_batch(model, x, y):
    """Makes one update of a compiled model by Keras's own call; returns its losses and metrics."""
    return model.train_on_batch(x, y, return_dict=True)


def train_step(model, x, y):
    """Makes the same update as operations of the graph that is being traced."""
    logs = model.train_step((x, y))
    model.reset_metrics()  # each batch's own values, as of `train_on_batch`
    return logs
