"""Keras's InceptionV3 and its weights of ImageNet, as a feature extractor."""

import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_gan import progress
from keras_gan.data.pixels import to_float
from keras_gan.device import keras_settings
from keras_gan.evaluation import weights
from keras_gan.evaluation.extractor import FeatureExtractor, hash_arrays
from keras_gan.evaluation.fused import fuse
from keras_gan.evaluation.resize import SIDE
from keras_gan.streams import Warn, format_error

PREPROCESSING = f"{SIDE}x{SIDE} bilinear antialiased, grey as RGB, [-1, 1]"


def load_inception(
    given: str | Path | None = None,
    offline: bool = False,
    warn: Warn = progress.print_warning,
) -> FeatureExtractor:
    """Returns the extractor of InceptionV3: the 2048 means over its last feature map.

    The network is Keras's, with the weights of ImageNet. It is not the one of Heusel et al. 2017
    (arXiv:1706.08500), so that the distances of the two are not comparable. Probabilities are of
    ImageNet's 1000 classes, where the weights have them.

    Args:
        given: path of a .weights.h5 or .h5 file. Without it, the file that the environment's
            KERAS_GAN_INCEPTION_WEIGHTS names, the one in Keras's cache, or a download.

    Raises:
        FileNotFoundError: there is no such file, or none is at hand and `offline` is set.
        OSError: the download failed.
        ValueError: the file holds something else, or the cached one is not the published one.
    """
    path = weights.find_weights("inception", given) or weights.download_weights("inception", offline, warn)
    network, arrays = from_weights(path)
    published = any(file.is_published(path) for file in weights.FILES["inception"])
    origin = "ImageNet weights" if published else f"unpublished weights from {path}"
    classes = "" if len(network.outputs) == 2 else ", without classes"
    return FeatureExtractor(
        "inception",
        f"InceptionV3 of Keras, {origin}{classes}",
        hash_arrays(arrays),
        PREPROCESSING,
        fuse(network),
        to_inception_input,
        batch_size=16,  # as fast on a CPU as larger ones, whose feature maps take more memory
        sizes=tuple(output.shape[1] for output in network.outputs),
    )


def to_inception_input(images: np.ndarray) -> tf.Tensor:
    """Returns float32 (n, 299, 299, 3) in [-1, 1] of uint8 (n, h, w, 1 or 3).

    Bilinear, antialiased, which matters where images shrink; not rounded to levels again.
    """
    resized = tf.image.resize(to_float(images), (SIDE, SIDE), "bilinear", antialias=True)
    return tf.repeat(resized, 3 // images.shape[3], axis=3)


def from_weights(path: Path) -> tuple[keras.Model, list[np.ndarray]]:
    """Returns the network with the weights in a file, and the arrays that its features come from.

    The network gives the means over the last feature map (n, 2048) and, where the weights have
    the layer for them, the probabilities of the 1000 classes of ImageNet.

    Args:
        path: of what Keras 3 writes, .weights.h5, or of the older form, .h5.

    Raises:
        ValueError: the file holds something else.
    """
    whole = build_inception()
    body = keras.Model(whole.inputs, whole.get_layer("avg_pool").output)
    outputs = [body.output, whole.output] if _load_weights(path, whole, body) is whole else body.output
    return keras.Model(whole.inputs, outputs), body.get_weights()


def build_inception(classes: int = 1000) -> keras.Model:
    """Returns Keras's InceptionV3 untrained, in float32 and channels_last whatever Keras is set to."""
    with keras_settings("float32"):
        return keras.applications.InceptionV3(weights=None, classes=classes)


def _load_weights(path: Path, *candidates: keras.Model) -> keras.Model:
    """Returns the first of the networks that the weights in a file are of."""
    for network in candidates:
        try:
            with warnings.catch_warnings(action="ignore"):  # dozens, before the error that counts
                network.load_weights(path)
            return network
        except Exception as error:  # of h5py, zipfile and Keras: half a dozen kinds
            reason = format_error(error).split(". ")[0]
    raise ValueError(
        "Expected weights of InceptionV3 as Keras writes them, in a file that is named .weights.h5 "
        f"or, in the older form, .h5. Received: {path} ({reason})."
    )
