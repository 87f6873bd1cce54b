"""Images to features: the network in whose terms samples are judged.

InceptionV3, a classifier of the images' own labels, which is trained here once and needs no
download, or a network in a file. What is made of the features is in `metrics`.
"""

import hashlib
import os
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from keras_gan import progress
from keras_gan.config import check_choice
from keras_gan.data import datasets, download
from keras_gan.data.pixels import resize, to_float, to_grey
from keras_gan.evaluation import classifier, inception

_VARIABLE = "KERAS_GAN_INCEPTION_WEIGHTS"


class Extractor:
    """A network that turns images into features and, where it can, into class probabilities.

    Attributes:
        name: what a number is said to be measured in: "inception", "digits" or a file's name.
        about: one line on the network.
        sha256: of the weights.
        preprocessing: how images are made to fit, in words.
        batch_size: images that go through the network at once; the results hardly depend on it.
        network: Keras model, float32 images -> features, or -> (features, probabilities).
    """

    def __init__(self, name, about, sha256, preprocessing, network, prepare, batch_size):
        self.name, self.about, self.sha256, self.preprocessing = name, about, sha256, preprocessing
        self.network, self._prepare, self.batch_size = network, prepare, batch_size
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
        starts = range(0, len(pictures), self.batch_size)
        parts = [self._run(pictures[i : i + self.batch_size]) for i in starts]
        none = [np.empty((0, output.shape[1]), np.float32) for output in self.network.outputs]
        features, *probabilities = map(np.concatenate, zip(none, *parts, strict=True))
        return features, probabilities[0] if probabilities else None

    def _run(self, pictures):
        outputs = self._compiled(tf.convert_to_tensor(self._prepare(pictures)))
        return [np.asarray(output, np.float32) for output in tf.nest.flatten(outputs)]


def load_extractor(which, labelled, test=None, weights=None, offline=False, warn=progress.print_warning):
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
        raise ValueError(f"Weights are of inception features alone. Received: {which} and {weights}.")
    if which == "inception":
        return load_inception(weights, offline, warn)
    if str(which).endswith(".keras"):
        return load_file(which)
    check_choice("features", which, ("inception", "digits", "FILE.keras"))
    return load_classifier(labelled, test, warn)


def load_inception(weights=None, offline=False, warn=progress.print_warning):
    """Returns the extractor of InceptionV3: the 2048 means over its last feature map.

    The network is Keras's, with the weights of ImageNet. It is not the one of Heusel et al. 2017
    (arXiv:1706.08500), so that the distances of the two are not comparable. Probabilities are of
    ImageNet's 1000 classes, where the weights have them.

    Args:
        weights: path of a .weights.h5 or .h5 file. Without it, the file that the environment's
            KERAS_GAN_INCEPTION_WEIGHTS names, the one in Keras's cache, or a download.

    Raises:
        FileNotFoundError: there is no such file, or none is at hand and `offline` is set.
        OSError: the download failed.
        ValueError: the file holds something else, or the cached one is not the published one.
    """
    path = _weights_at_hand(weights) or download.download_weights(offline, warn)
    network, arrays = inception.from_weights(path)
    published = download.are_published_weights(path)
    origin = "ImageNet weights" if published else f"unpublished weights from {path}"
    classes = "" if len(network.outputs) == 2 else ", without classes"
    return Extractor(
        "inception",
        f"InceptionV3 of Keras, {origin}{classes}",
        _sha256(arrays),
        inception.PREPROCESSING,
        network,
        inception.to_inception_input,
        batch_size=16,  # as fast on a CPU as larger ones, whose feature maps take more memory
    )


def _weights_at_hand(weights):
    """Returns the path of weights that are given, named in the environment or cached, or None."""
    given = weights or os.environ.get(_VARIABLE)
    if given and not Path(given).is_file():
        how = "--inception-weights" if weights else _VARIABLE
        raise FileNotFoundError(f"{how} must name a file of InceptionV3's weights. Received: {given}.")
    return Path(given) if given else download.find_cached_weights()


def load_classifier(labelled, test, warn=progress.print_warning):
    """Returns the extractor of a classifier of labelled images: its last hidden layer.

    It is trained where it has not been before and kept below Keras's cache. Where the images
    have no labels, the classifier of the bundled digits stands in, and it is said.

    Args:
        labelled: `data.Dataset` to train on.
        test: `data.Dataset` to state its accuracy on, or None.
    """
    why = ""
    if labelled.labels is None:
        warn(f"{labelled.name} has no labels: the classifier of the bundled digits is the judge.")
        why = f", as {labelled.name} has no labels"
        labelled, test = (datasets.load_dataset("digits", split=split) for split in ("train", "test"))
    network, classes = classifier.train_or_load_classifier(labelled, warn), np.unique(labelled.labels)
    extractor = _of_images("digits", "", network, batch_size=500)
    accuracy = _accuracy(extractor, classes, test)
    extractor.about = f"a classifier of the {len(classes)} classes of {labelled.name}, {accuracy}{why}"
    return extractor


def _accuracy(extractor, classes, test):
    """Returns in words how many of the test images are named rightly."""
    if test is None or test.labels is None:
        return "untested, as there are no labelled test images"
    _, probabilities = extractor(test.images)
    accuracy = (classes[probabilities.argmax(axis=1)] == test.labels).mean()
    return f"right on {accuracy:.1%} of {len(test.images)} test images"


def load_file(path):
    """Returns the extractor of a network that Keras saved: features are what its last layer gets.

    It is given images in [-1, 1]. Its outputs are probabilities where its last layer is a softmax.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no network of images whose last layer gets one vector for each.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Expected a network saved by Keras. Received: {path}, no file.")
    try:
        network = keras.models.load_model(path, compile=False)
        last, [image], [output] = network.layers[-1], network.inputs, network.outputs
        softmax, features = _is_softmax(last), last.input
        judge = keras.Model(image, [features, output] if softmax else features)
        shapes = image.shape[1:], features.shape[1:]
    except Exception as error:  # whatever a file can hold, in Keras's many words
        raise _no_such_network(path, " ".join(str(error).split()).split(". ")[0]) from None
    if [len(shape) for shape in shapes] != [3, 1] or shapes[0][2] not in (1, 3):
        raise _no_such_network(path, "from {} to {}".format(*shapes))
    about = f"the network in {path}" + ("" if softmax else ", without probabilities")
    return _of_images(path.name, about, judge, batch_size=32)


def _no_such_network(path, reason):
    return ValueError(
        "Expected a network of images (h, w, 1 or 3) whose last layer gets one vector for each. "
        f"Received: {path} ({reason})."
    )


def _is_softmax(layer):
    activation = getattr(layer, "activation", None)
    return isinstance(layer, keras.layers.Softmax) or activation is keras.activations.softmax


def _of_images(name, about, network, batch_size):
    """Returns the extractor of a network that has a size and channels of its own."""
    height, width, channels = network.inputs[0].shape[1:]

    def prepare(pictures):
        size = (height or pictures.shape[1], width or pictures.shape[2])
        return to_float(_with_channels(resize(pictures, size), channels))

    sides = [str(side or "any") for side in (height, width, channels)]
    preprocessing = f"{'x'.join(sides)} bicubic antialiased, [-1, 1]"
    sha256 = _sha256(network.get_weights())
    return Extractor(name, about, sha256, preprocessing, network, prepare, batch_size)


def _with_channels(pictures, channels):
    if pictures.shape[3] == channels:
        return pictures
    return to_grey(pictures) if channels == 1 else np.repeat(pictures, 3, axis=3)


def _sha256(arrays):
    """Returns the hash of a network's weights, whatever kind of file they were read from."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode() + array.tobytes())
    return digest.hexdigest()
