"""Builds the Keras networks of a preset from its lists of layers, and draws their initial weights.

`semantics` is "keras" or "torch": where the two differ, a preset that was published in PyTorch
follows PyTorch, so that it makes the updates of the published code.
"""

import re
from typing import Any

import keras
import numpy as np

from keras_gan.model import torch_like
from keras_gan.presets import Preset
from keras_gan.rng import Stream, make_rng, seed_globals


def build_networks(gan: Any) -> tuple[keras.Model, keras.Model]:
    """Returns the discriminator and the generator of a `GAN`; those of a subclass are built and checked.

    Raises:
        TypeError: one is no Keras model.
        ValueError: one takes or returns another shape than it must.
    """
    with seed_globals(gan.seed):  # for what a subclass leaves to Keras
        discriminator, generator = gan.build_discriminator(), gan.build_generator()
        if type(gan).__module__.split(".")[0] != "keras_gan":
            _check_network("generator", generator, (gan.latent_dim,), gan.image_shape)
            own = type(gan).update_discriminator.__module__ != f"{__package__}.gan"
            _check_network("discriminator", discriminator, gan.image_shape, None if own else (1,))
    return discriminator, generator


def _check_network(name, network, taken, returned):
    """Calls a network once, which also builds it, and checks the shape of its output, unless that is None."""
    if not isinstance(network, keras.Model):
        raise TypeError(f"build_{name} must return a Keras model. Received: {network!r}.")
    expected = f"build_{name} must return a model of inputs {(None, *taken)}"
    try:
        output = network(keras.Input(taken))
    except Exception as error:  # whatever its layers raise
        reason = " ".join(re.sub(r"\x1b\[\d*m", "", str(error)).split()) or type(error).__name__
        raise ValueError(f"{expected}. Received: {reason[:200]}") from error
    shape = getattr(output, "shape", type(output).__name__)
    if returned and shape != (None, *returned):
        raise ValueError(f"{expected} and outputs {(None, *returned)}. Received: outputs {shape}.")


def build_generator(
    preset: Preset, latent_dim: int, image_shape: tuple[int, int, int], seed: int
) -> keras.Model:
    """Returns the generator: floats (batch, latent_dim) -> (batch, h, w, c) in [-1, 1]."""
    model = _sequential("generator", (latent_dim,), preset, preset.generator, image_shape)
    model.add(keras.layers.Reshape(image_shape, dtype=keras.config.floatx()))
    return _with_initial_weights(model, preset.semantics_of("weights"), make_rng(seed, Stream.WEIGHTS, 0))


def build_discriminator(preset: Preset, image_shape: tuple[int, int, int], seed: int) -> keras.Model:
    """Returns the discriminator: floats (batch, h, w, c) in [-1, 1] -> probabilities (batch, 1)."""
    model = _sequential("discriminator", image_shape, preset, preset.discriminator, image_shape)
    return _with_initial_weights(model, preset.semantics_of("weights"), make_rng(seed, Stream.WEIGHTS, 1))


def _sequential(name, input_shape, preset, layers, image_shape):
    model = keras.Sequential([keras.Input(input_shape)], name=name)
    if len(input_shape) > 1:
        model.add(keras.layers.Flatten())
    for layer in layers:
        model.add(_keras_layer(layer, preset.semantics_of("variance"), int(np.prod(image_shape))))
    return model


def _keras_layer(layer, semantics, n_pixels):
    """Returns the Keras layer for one entry of a preset's layer list.

    The probability and its logit are never computed in bfloat16, where 1 - p, and with it the
    gradient, is 0 for logits above 6.5.
    """
    kind = type(layer).__name__
    if kind == "Dense":
        dtype = keras.config.floatx() if layer.units == 1 else None
        return keras.layers.Dense(layer.units or n_pixels, activation=layer.activation, dtype=dtype)
    if kind in ("BatchNormalization", "LeakyReLU") and semantics == "torch":
        return getattr(torch_like, f"Torch{kind}")(**layer._asdict())
    if kind == "Activation":
        dtype = keras.config.floatx() if layer.name == "sigmoid" else None
        return keras.layers.Activation(layer.name, dtype=dtype)
    return getattr(keras.layers, kind)(**layer._asdict())


def _with_initial_weights(model, semantics, rng):
    """Returns the model with kernels and biases drawn as the framework of the semantics does by default."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            layer.set_weights(draw_dense_weights(semantics, *layer.kernel.shape, rng))
    return model


def draw_dense_weights(
    semantics: str, fan_in: int, fan_out: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
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
