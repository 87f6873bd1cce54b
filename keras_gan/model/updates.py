"""The update of each network in Keras: fakes, losses, optimizers and the combined model.

The updates are functions, so that `GAN` and the compiled engine run the same lines; how one update of a
compiled model is made is their argument `train`. Where Keras and PyTorch compute differently,
`semantics` ("keras" or "torch") chooses.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_gan.model import torch_like
from keras_gan.presets import UpdateRule

Train = Callable[[keras.Model, Any, Any], dict[str, Any]]


def build_adam(
    semantics: str, lr: float, b1: float, b2: float, epsilon: float, variables: list[keras.Variable]
) -> keras.optimizers.Adam:
    """Returns an Adam optimizer as Keras or PyTorch computes it, built for the variables it trains."""
    kind = torch_like.TorchAdam if semantics == "torch" else keras.optimizers.Adam
    optimizer = kind(float(lr), float(b1), float(b2), epsilon=epsilon)
    optimizer.build(variables)
    return optimizer


def build_loss(semantics: str) -> keras.losses.Loss:
    """Returns binary cross-entropy of probabilities (batch, 1), as Keras or PyTorch computes it.

    Keras's own recovers the logits behind a sigmoid, so that it neither saturates nor clips. It is an
    object and not a name, as Keras fixes the precision of a loss when the object is made.
    """
    if semantics == "torch":
        return torch_like.TorchBinaryCrossentropy()
    return keras.losses.BinaryCrossentropy()


def build_metrics_of_parts(loss: keras.losses.Loss) -> list[keras.metrics.Metric]:
    """Returns losses and accuracies on real (label 1) and fake (label 0) images of a joint update."""
    accurate = keras.metrics.binary_accuracy
    return [
        _on_part(function, label, f"{measure}_{part}")
        for measure, function in (("loss", loss.call), ("acc", accurate))
        for part, label in (("real", 1), ("fake", 0))
    ]


def _on_part(function, label, name):
    """Returns the metric that averages `function(y_true, y_pred)` over the rows of one label."""

    def mean(y_true, y_pred):
        rows = tf.cast(y_true == label, y_pred.dtype)
        values = tf.reshape(tf.cast(function(y_true, y_pred), y_pred.dtype), tf.shape(rows))
        return tf.reduce_sum(values * rows) / tf.reduce_sum(rows)

    return keras.metrics.MeanMetricWrapper(mean, name=name)


class Combined(keras.Model):
    """The discriminator on top of the generator; training it updates the generator alone.

    Keras 3 reads `trainable` when a step is traced, not when the model is compiled, so the
    classic order (compile the discriminator, freeze it, compile this) would freeze the
    discriminator in its own step too. Here it is frozen while this model's step is traced,
    for whatever batch size, and trainable at any other time.
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model):
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


def make_fakes(generator: keras.Model, rule: UpdateRule, z: tf.Tensor) -> tf.Tensor:
    """Returns fakes for the discriminator, made in training or inference mode as the rule says.

    The moving statistics of the generator stay as they are.
    """
    if not rule.fakes_in_training_mode:
        return generator(z, training=False)
    variables = generator.trainable_variables, generator.non_trainable_variables
    fake, _ = generator.stateless_call(*([v.value for v in vs] for vs in variables), z, training=True)
    return fake


def update_discriminator(gan: Any, real: tf.Tensor, fake: tf.Tensor, train: Train) -> tuple[Any, ...]:
    """Trains the discriminator once, on a batch of each; the generator does not change.

    Args:
        gan: offers `rule`, `step` and `discriminator`.
        real, fake: floats (batch, h, w, c) in [-1, 1].
        train: makes one update of a compiled model: `train_on_batch` or `train_step`.

    Returns:
        (d_loss_real, d_loss_fake, d_acc_real, d_acc_fake) of this batch, before its update.
    """
    # The shared count of the Keras 2 program: three updates a step, two of them of this network.
    if gan.rule.shared_step_counter:
        gan.discriminator.optimizer.iterations.assign(gan.rule.shared_counts(gan.step)[0])
    valid, invalid = np.ones((real.shape[0], 1)), np.zeros((fake.shape[0], 1))
    # One update on the real and fake images together, or one on each.
    if gan.rule.joint_d_update:
        both = tf.concat([tf.cast(real, fake.dtype), fake], axis=0)
        logs = train(gan.discriminator, both, np.concatenate([valid, invalid]))
        return tuple(logs[name] for name in ("loss_real", "loss_fake", "acc_real", "acc_fake"))
    on_real = train(gan.discriminator, real, valid)
    on_fake = train(gan.discriminator, fake, invalid)
    return on_real["loss"], on_fake["loss"], on_real["accuracy"], on_fake["accuracy"]


def update_generator(gan: Any, z: tf.Tensor, train: Train) -> Any:
    """Trains the generator once, through `combined`; the discriminator does not change.

    Args:
        gan: offers `rule`, `step` and `combined`.
        z: floats (batch, latent_dim).
        train: as for `update_discriminator`.

    Returns:
        g_loss of this batch, before its update.
    """
    if gan.rule.shared_step_counter:
        gan.combined.optimizer.iterations.assign(gan.rule.shared_counts(gan.step)[1])
    return train(gan.combined, z, np.ones((z.shape[0], 1)))["loss"]


def train_on_batch(model: keras.Model, x: Any, y: Any) -> dict[str, Any]:
    """Updates a compiled model by Keras's own call; returns its losses and metrics."""
    return model.train_on_batch(x, y, return_dict=True)


def train_step(model: keras.Model, x: Any, y: Any) -> dict[str, Any]:
    """Makes the same update as operations of the graph that is traced."""
    logs = model.train_step((x, y))
    model.reset_metrics()  # so that they are of each batch alone, as those of `train_on_batch`
    return logs
