"""InceptionV3 with weights from a file, made ready to compute features, and what it is shown.

Szegedy et al. 2015 (arXiv:1512.00567), as `keras.applications` has it. Where the file comes from
is known elsewhere.
"""

import warnings

import keras
import tensorflow as tf

from keras_gan.data.pixels import to_float
from keras_gan.device import keras_settings

SIDE = 299  # pixels of an image it is shown
PREPROCESSING = f"{SIDE}x{SIDE} bilinear antialiased, grey as RGB, [-1, 1]"


def to_inception_input(images):
    """Returns float32 (n, 299, 299, 3) in [-1, 1] of uint8 (n, h, w, 1 or 3), the one way in.

    Bilinear, antialiased, which matters where images shrink; not rounded to levels again.
    """
    resized = tf.image.resize(to_float(images), (SIDE, SIDE), "bilinear", antialias=True)
    return tf.repeat(resized, 3 // images.shape[3], axis=3)


def from_weights(path):
    """Returns the network with the weights in a file, and the arrays that its features come from.

    The network gives the means over the last feature map (n, 2048) and, where the weights have
    the layer for them, the probabilities of the 1000 classes of ImageNet.

    Args:
        path: of what Keras 3 writes, .weights.h5, or of the older form, .h5.

    Raises:
        ValueError: the file holds something else.
    """
    with keras_settings("float32"):
        whole = keras.applications.InceptionV3(weights=None)
        body = keras.Model(whole.inputs, whole.get_layer("avg_pool").output)
        loaded = _loaded(path, whole, body)
        outputs = [body.output, whole.output] if loaded is whole else body.output
        return keras.Model(whole.inputs, outputs), body.get_weights()


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
