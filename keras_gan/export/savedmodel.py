"""The generator as TensorFlow's SavedModel."""

from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf


def get_input_signature(latent_dim: int) -> list[tf.TensorSpec]:
    """Returns the specification of z: float32 (n, latent_dim), any n."""
    return [tf.TensorSpec((None, latent_dim), tf.float32, name="z")]


def save_savedmodel(model: keras.Model, path: Path, latent_dim: int) -> None:
    """Writes a model of z as a SavedModel with the function `serve` and signatures from "z" to "images"."""
    signature = get_input_signature(latent_dim)
    module = tf.Module()
    module.weights = [variable.value for variable in model.variables]
    module.serve = tf.function(lambda z: model(z, training=False), input_signature=signature)
    named = tf.function(lambda z: {"images": model(z, training=False)}, input_signature=signature)
    tf.saved_model.save(module, str(path), signatures={"serving_default": named, "serve": named})


def load_savedmodel(path: Path) -> Callable:
    """Returns the function z -> images of a SavedModel."""
    loaded = tf.saved_model.load(str(path))
    return lambda z: loaded.serve(z)  # which keeps `loaded` and so its variables alive
