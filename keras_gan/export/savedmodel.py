"""The generator as TensorFlow's SavedModel."""

import tensorflow as tf


def input_signature(model):
    """Returns the specification of z: float32, any number of rows."""
    return [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="z")]


def save_savedmodel(model, path, gan=None):
    """Writes a model of z (n, latent_dim) as a SavedModel."""
    model.export(path, format="tf_saved_model", verbose=False, input_signature=input_signature(model))


def load_savedmodel(path):
    """Returns the function z -> images of a SavedModel."""
    loaded = tf.saved_model.load(path)  # whose variables live as long as it does
    return lambda z: loaded.serve(z)
