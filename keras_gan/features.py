"""Images to features: the network in whose terms samples are judged.

InceptionV3, a classifier of the images' own labels, which is trained here once and needs no
download, or a network in a file. What is made of the features is in `metrics`.
"""

import hashlib
import os
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_gan import checkpoint, data, downloads, images, networks, presets

_VARIABLE = "KERAS_GAN_INCEPTION_WEIGHTS"
_VERSION = 2  # of the classifier: raise it when its layers or its training change
_MAX_SIDE = 32  # pixels of the images the classifier sees
_TRAINING_BATCH = 128
_PASSES, _MIN_STEPS, _MAX_STEPS = 4, 300, 2000  # of the training


class Extractor:
    """A network that turns images into features and, where it can, into class probabilities.

    Attributes:
        name: what a number is said to be measured in: "inception", "digits" or a file's name.
        about: one line on the network.
        sha256: of the weights.
        preprocessing: how images are made to fit, in words.
        network: Keras model, float32 images -> features, or -> (features, probabilities).
    """

    def __init__(self, name, about, sha256, preprocessing, network, prepare, batch_size):
        self.name, self.about, self.sha256, self.preprocessing = name, about, sha256, preprocessing
        self.network, self._prepare, self._batch_size = network, prepare, batch_size
        function = tf.function(lambda unit: network(unit, training=False))
        self._compiled = function.get_concrete_function(tf.TensorSpec(network.inputs[0].shape))

    def __call__(self, pictures):
        """Returns features float32 (n, d) and probabilities float32 (n, k), or None.

        The images go through the network batch by batch: memory grows with the results alone.

        Args:
            pictures: uint8 (n, h, w, 1 or 3), any size.

        Raises:
            ValueError: they are not.
        """
        if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] not in (1, 3):
            expected = "Images to judge must be uint8 of shape (n, h, w, 1) or (n, h, w, 3)."
            raise ValueError(f"{expected} Received: {pictures.dtype} of shape {pictures.shape}.")
        starts = range(0, max(1, len(pictures)), self._batch_size)
        parts = [self._run(pictures[i : i + self._batch_size]) for i in starts]
        features, *probabilities = map(np.concatenate, zip(*parts, strict=True))
        return features, probabilities[0] if probabilities else None

    def _run(self, pictures):
        outputs = self._compiled(tf.convert_to_tensor(self._prepare(pictures)))
        return [np.asarray(output, np.float32) for output in tf.nest.flatten(outputs)]


def load(which, labelled, test=None, weights=None, offline=False, warn=data.print_to_stderr):
    """Returns the extractor of that name.

    Args:
        which: "inception", "digits", the path of a .keras file, or None: "inception" where its
            weights are given or cached, and otherwise "digits".
        labelled, test: `data.Dataset`s for "digits".
        weights: path of InceptionV3's weights.
        offline: refuses to download.
        warn: called with each line that the user should see.

    Raises:
        FileNotFoundError, OSError, ValueError: the name is unknown, or see `inception`,
            `from_file` and `digits`.
    """
    if which is None:
        which = "inception" if _weights_at_hand(weights) else "digits"
    if which != "inception" and weights:
        raise ValueError(f"Weights are given for inception features alone. Received: {which} and {weights}.")
    if which == "inception":
        return inception(weights, offline, warn)
    if str(which).endswith(".keras"):
        return from_file(which)
    presets.one_of("features", which, ("inception", "digits", "FILE.keras"))
    return digits(labelled, test, warn)


def _sha256(network):
    """Returns the hash of a network's weights, whatever file they were read from."""
    digest = hashlib.sha256()
    for array in network.get_weights():
        digest.update(f"{array.shape} {array.dtype}".encode() + array.tobytes())
    return digest.hexdigest()


# InceptionV3


def inception(weights=None, offline=False, warn=data.print_to_stderr):
    """Returns the extractor of InceptionV3: the 2048 means over its last feature map.

    Szegedy et al. 2015 (arXiv:1512.00567), in Keras's form, with the weights of ImageNet. It is
    not the network of Heusel et al. 2017 (arXiv:1706.08500), so its FID is not comparable with
    theirs. Probabilities are of the 1000 classes, where the weights have them.

    Args:
        weights: path of a .weights.h5 or .h5 file. Without it, the file that the environment's
            KERAS_GAN_INCEPTION_WEIGHTS names, the one in Keras's cache, or a download.

    Raises:
        FileNotFoundError: there is no such file, or none is at hand and `offline` is set.
        OSError: the download failed.
        ValueError: the file holds something else, or the cached one is not the published one.
    """
    path = Path(_weights_at_hand(weights) or downloads.download_weights(offline, warn))
    network, classes = _inception_network(path)
    published = downloads.are_published_weights(path)
    origin = "its published ImageNet weights" if published else f"the weights of {path}, not the published"
    head = "" if classes else ", without classes"
    sha256 = _sha256(network if not classes else keras.Model(network.inputs, network.outputs[0]))
    preprocessing = "299x299 bilinear antialiased, grey as RGB, [-1, 1]"
    about = f"InceptionV3 of Keras with {origin}{head}"
    return Extractor("inception", about, sha256, preprocessing, network, to_inception_input, 32)


def _weights_at_hand(weights):
    """Returns the path of weights that are given, named in the environment or cached, or None."""
    given = weights or os.environ.get(_VARIABLE)
    if given and not Path(given).is_file():
        how = "--inception-weights" if weights else _VARIABLE
        raise FileNotFoundError(f"{how} must name a file of InceptionV3's weights. Received: {given}.")
    return given or downloads.cached_weights()


def _inception_network(path):
    """Returns InceptionV3 with the weights of a file, and whether it gives probabilities, too."""
    with networks.policy("float32"):
        whole = keras.applications.InceptionV3(weights=None)
    features = whole.get_layer("avg_pool").output
    body = keras.Model(whole.inputs, features)
    for network, outputs in ((whole, [features, whole.output]), (body, features)):
        try:
            with warnings.catch_warnings(action="ignore"):  # dozens before the error that counts
                network.load_weights(path)
            return keras.Model(whole.inputs, outputs), network is whole
        except Exception as error:  # of h5py, zipfile and Keras, half a dozen kinds
            reason = " ".join(str(error).split()).split(". ")[0]
    raise ValueError(
        "Expected weights of InceptionV3 as Keras writes them: .weights.h5 or, in the older form, "
        f".h5. Received: {path} ({reason})."
    )


def to_inception_input(pictures):
    """Returns float32 (n, 299, 299, 3) in [-1, 1] of uint8 (n, h, w, 1 or 3).

    Bilinear, antialiased, which matters where images shrink, and not rounded to levels again.
    """
    resized = tf.image.resize(images.to_unit(pictures), (299, 299), "bilinear", antialias=True)
    return tf.repeat(resized, 3 // pictures.shape[3], axis=3)


# networks in a file


def from_file(path):
    """Returns the extractor of a network that Keras saved: features are what its last layer gets.

    It is given images in [-1, 1]. Its outputs are probabilities where its last layer is a softmax.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no network of images whose last layer gets one vector for each.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Expected a network saved by Keras. Received: {path}, which is no file.")
    try:
        network = keras.models.load_model(path, compile=False)
        last, [image], [output] = network.layers[-1], network.inputs, network.outputs
        features, (_, *shape) = last.input, image.shape
        outputs = [features, output] if _is_softmax(last) else features
        both = keras.Model(image, outputs)
        fits = len(shape) == 3 and shape[2] in (1, 3) and len(features.shape) == 2
    except Exception as error:  # whatever a file can hold, in Keras's many words
        fits, both, shape = False, None, " ".join(str(error).split()).split(". ")[0]
    if not fits:
        raise ValueError(
            "Expected a network of images (h, w, 1 or 3) whose last layer gets one vector for each. "
            f"Received: {path} ({shape})."
        )
    about = f"the network in {path}" + ("" if _is_softmax(last) else ", without probabilities")
    return _of_images(path.name, about, both, 32)


def _is_softmax(layer):
    activation = getattr(layer, "activation", None)
    return isinstance(layer, keras.layers.Softmax) or activation is keras.activations.softmax


def _of_images(name, about, network, batch_size):
    """Returns the extractor of a network that sees images as they are stored, but for their size."""
    height, width, channels = network.inputs[0].shape[1:]

    def prepare(pictures):
        size = (height or pictures.shape[1], width or pictures.shape[2])
        return images.to_unit(_with_channels(images.resize(pictures, size), channels))

    preprocessing = f"{height}x{width}x{channels} bicubic antialiased, [-1, 1]"
    return Extractor(name, about, _sha256(network), preprocessing, network, prepare, batch_size)


def _with_channels(pictures, channels):
    if pictures.shape[3] == channels:
        return pictures
    return images.to_grey(pictures) if channels == 1 else np.repeat(pictures, 3, axis=3)
