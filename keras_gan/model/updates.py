"""The update of each network in Keras: fakes, losses, optimizers and the combined model.

Where Keras and PyTorch compute differently, `semantics` ("keras" or "torch") chooses.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_gan.config import GanConfig
from keras_gan.model import torch_like
from keras_gan.presets import Preset, UpdateRule


def build_adam(semantics: str, lr: float, b1: float, b2: float, epsilon: float) -> keras.optimizers.Adam:
    """Returns an Adam optimizer as Keras or PyTorch computes it."""
    kind = torch_like.TorchAdam if semantics == "torch" else keras.optimizers.Adam
    return kind(float(lr), float(b1), float(b2), epsilon=epsilon)


def build_optimizers(
    preset: Preset, config: GanConfig
) -> tuple[keras.optimizers.Adam, keras.optimizers.Adam]:
    """Returns the discriminator's and the generator's Adam optimizer."""
    d_lr, g_lr = (config.lr if own is None else own for own in (config.d_lr, config.g_lr))
    semantics, others = preset.semantics_of("adam"), (config.b1, config.b2, preset.epsilon)
    return build_adam(semantics, d_lr, *others), build_adam(semantics, g_lr, *others)


def build_loss(semantics: str) -> keras.losses.Loss:
    """Returns binary cross-entropy of probabilities (batch, 1), as Keras or PyTorch computes it.

    Keras's own recovers the logits behind a sigmoid, so that it neither saturates nor clips. It is an
    object and not a name, as Keras fixes the precision of a loss when the object is made.
    """
    if semantics == "torch":
        return torch_like.TorchBinaryCrossentropy()
    return keras.losses.BinaryCrossentropy()


def accuracy(y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
    """Returns the share of images classified correctly, (batch,); a smoothed label counts as real."""
    right = (y_true > 0.5) == (y_pred > 0.5)
    return tf.reduce_mean(tf.cast(right, y_pred.dtype), axis=-1)


def build_metrics_of_parts(loss: keras.losses.Loss) -> list[keras.metrics.Metric]:
    """Returns losses and accuracies on real (label 1) and fake (label 0) images of a joint update."""
    return [
        _on_part(function, label, f"{measure}_{part}")
        for measure, function in (("loss", loss.call), ("acc", accuracy))
        for part, label in (("real", 1), ("fake", 0))
    ]


def build_metrics(model: keras.Model) -> None:
    """Makes the variables of a model's metrics: made in the first step, they would trace it twice."""
    model.compute_metrics(None, *tf.zeros((2, 2, 1)))
    model.reset_metrics()


def _on_part(function, label, name):
    """Returns the metric that averages `function(y_true, y_pred)` over the rows of one label."""

    def mean(y_true, y_pred):
        rows = tf.cast((y_true > 0.5) == bool(label), y_pred.dtype)  # a smoothed label is real, too
        values = tf.reshape(tf.cast(function(y_true, y_pred), y_pred.dtype), tf.shape(rows))
        return tf.reduce_sum(values * rows) / tf.reduce_sum(rows)

    return keras.metrics.MeanMetricWrapper(mean, name=name)


def compile_networks(
    gan: Any,
    d_optimizer: keras.optimizers.Optimizer,
    g_optimizer: keras.optimizers.Optimizer,
    jit_compile: bool,
) -> None:
    """Compiles the discriminator and the combined model of a `GAN` for the updates of its preset.

    Raises:
        ValueError: both networks have the same optimizer, which would mix their moments.
    """
    if d_optimizer is g_optimizer:
        raise ValueError("build_optimizers must return two optimizers. Received: one, twice.")
    d_optimizer.build(gan.discriminator.trainable_variables)
    g_optimizer.build(gan.generator.trainable_variables)
    loss = build_loss(gan.preset.semantics_of("loss"))
    joint = gan.rule.joint_d_update
    gan.discriminator.compile(
        loss=loss,
        loss_weights=2.0 if joint and gan.rule.d_loss == "sum" else None,
        optimizer=d_optimizer,
        metrics=build_metrics_of_parts(loss) if joint else [accuracy],
        jit_compile=jit_compile,
    )
    gan.combined.compile(loss=loss, optimizer=g_optimizer, jit_compile=jit_compile)
    for model in (gan.discriminator, gan.combined):
        build_metrics(model)


class Combined(keras.Model):
    """The discriminator on top of the generator; training it updates the generator alone.

    Keras 3 reads `trainable` when a step is traced, not when the model is compiled, so the
    classic order (compile the discriminator, freeze it, compile this) would freeze the
    discriminator in its own step too. Here it is frozen while this model's step is traced,
    for whatever batch size, and trainable at any other time.
    """

    def __init__(self, generator: keras.Model, discriminator: keras.Model, latent_dim: int):
        z = keras.Input((latent_dim,))
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


def update_discriminator(gan: Any, real: tf.Tensor, fake: tf.Tensor) -> tuple[Any, ...]:
    """Trains the discriminator once, on a batch of each; the generator does not change.

    Args:
        gan: `GAN`.
        real, fake: floats (batch, h, w, c) in [-1, 1].

    Returns:
        (d_loss_real, d_loss_fake, d_acc_real, d_acc_fake) of this batch, before its update.
    """
    model = gan.discriminator
    _share_count(gan, model.optimizer)
    valid = np.full((real.shape[0], 1), 1 - gan.config.label_smoothing)
    invalid = np.zeros((fake.shape[0], 1))
    # One update on the real and fake images together, or one on each.
    if gan.rule.joint_d_update:
        both = tf.concat([tf.cast(real, fake.dtype), fake], axis=0)
        logs = model.train_on_batch(both, np.concatenate([valid, invalid]), return_dict=True)
        return tuple(logs[name] for name in ("loss_real", "loss_fake", "acc_real", "acc_fake"))
    on_real = model.train_on_batch(real, valid, return_dict=True)
    on_fake = model.train_on_batch(fake, invalid, return_dict=True)
    return on_real["loss"], on_fake["loss"], on_real["accuracy"], on_fake["accuracy"]


def update_generator(gan: Any, z: tf.Tensor) -> Any:
    """Trains the generator once, through `combined`; the discriminator does not change.

    Args:
        gan: `GAN`.
        z: floats (batch, latent_dim).

    Returns:
        g_loss of this batch, before its update.
    """
    _share_count(gan, gan.combined.optimizer)
    return gan.combined.train_on_batch(z, np.ones((z.shape[0], 1)), return_dict=True)["loss"]


def _share_count(gan, optimizer):
    """Sets Adam's count before an update if, as in the Keras 2 program, both networks share a counter."""
    if gan.rule.shared_step_counter:
        counts = [get_iterations(model.optimizer) for model in (gan.discriminator, gan.combined)]
        get_iterations(optimizer).assign(tf.maximum(*(tf.convert_to_tensor(count) for count in counts)))


def get_iterations(optimizer: keras.optimizers.Optimizer) -> keras.Variable:
    """Returns the variable that counts the updates of an optimizer.

    Its `iterations` is no variable where it accumulates gradients.
    """
    return getattr(optimizer, "inner_optimizer", optimizer)._iterations
