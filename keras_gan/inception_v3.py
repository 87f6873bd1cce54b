"""InceptionV3 with weights from a file, made ready to compute features, and what it is shown.

Szegedy et al. 2015 (arXiv:1512.00567), as `keras.applications` has it. Where the file comes from
is known elsewhere.
"""

import warnings

import keras
import numpy as np
import tensorflow as tf

from keras_gan import images, networks

SIDE = 299  # pixels of an image it is shown
PREPROCESSING = f"{SIDE}x{SIDE} bilinear antialiased, grey as RGB, [-1, 1]"


def to_inception_input(pictures):
    """Returns float32 (n, 299, 299, 3) in [-1, 1] of uint8 (n, h, w, 1 or 3), the one way in.

    Bilinear, antialiased, which matters where images shrink; not rounded to levels again.
    """
    resized = tf.image.resize(images.to_unit(pictures), (SIDE, SIDE), "bilinear", antialias=True)
    return tf.repeat(resized, 3 // pictures.shape[3], axis=3)


def from_weights(path):
    """Returns the network with the weights in a file, and the arrays that its features come from.

    The network gives the means over the last feature map (n, 2048) and, where the weights have
    the layer for them, the probabilities of the 1000 classes of ImageNet.

    Args:
        path: of what Keras 3 writes, .weights.h5, or of the older form, .h5.

    Raises:
        ValueError: the file holds something else.
    """
    with networks.policy("float32"):
        whole = keras.applications.InceptionV3(weights=None)
        body = keras.Model(whole.inputs, whole.get_layer("avg_pool").output)
        loaded = _loaded(path, whole, body)
        outputs = [body.output, whole.output] if loaded is whole else body.output
        return folded(keras.Model(whole.inputs, outputs)), body.get_weights()


def _loaded(path, *candidates):
    """Returns the first of the networks that the weights in a file are of."""
    for network in candidates:
        try:
            with warnings.catch_warnings(action="ignore"):  # dozens, before the error that counts
                network.load_weights(path)
            return network
        except Exception as error:  # of h5py, zipfile and Keras: half a dozen kinds
            reason = " ".join(str(error).split()).split(". ")[0]
    raise ValueError(
        "Expected weights of InceptionV3 as Keras writes them, in a file that is named .weights.h5 "
        f"or, in the older form, .h5. Received: {path} ({reason})."
    )


def folded(network):
    """Returns a network that computes the same with its batch normalizations in its convolutions.

    gamma (Wx + b - mean) / s + beta is a convolution, too, with the kernel gamma W / s, where s is
    sqrt(variance + epsilon). It saves a pass over every feature map.
    """
    normalizations, rest = {}, []
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            normalizations[id(layer.input)] = layer
        elif layer.weights:
            rest.append(layer)
    lighter = keras.models.clone_model(network, None, _with_bias, _unless_normalization)
    for layer in rest:
        after = normalizations.get(id(layer.output))
        weights = _with_normalization(layer, after) if after else layer.get_weights()
        lighter.get_layer(layer.name).set_weights(weights)
    return lighter


def _with_bias(layer):
    bias = {"use_bias": True} if isinstance(layer, keras.layers.Conv2D) else {}
    return type(layer).from_config(layer.get_config() | bias)


def _unless_normalization(layer, inputs, **mask):
    return inputs if isinstance(layer, keras.layers.BatchNormalization) else layer(inputs)


def _with_normalization(convolution, normalization):
    """Returns the kernel and bias of a convolution and the normalization, without gamma, after it."""
    [kernel] = convolution.get_weights()
    beta, mean, variance = (w.astype(np.float64) for w in normalization.get_weights())
    scale = 1 / np.sqrt(variance + normalization.epsilon)
    return [kernel * scale, beta - mean * scale]
