"""Feature extractors: InceptionV3, a classifier of the images' own labels, or a network in a file."""

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

EARLIER_NAMES = {"digits": "classifier"}
_VARIABLE = "KERAS_GAN_INCEPTION_WEIGHTS"


class FeatureExtractor:
    """A network that turns images into features and, where it can, into class probabilities.

    Attributes:
        name: of the features: "inception", "classifier" or a file's name.
        description: one line on the network.
        sha256: of the weights.
        preprocessing: size, resize and range of what the network is given, in words.
        batch_size: images that go through the network at once; the results hardly depend on it.
        network: Keras model, float32 images -> features, or -> (features, probabilities).
    """

    def __init__(self, name, description, sha256, preprocessing, network, prepare, batch_size):
        self.name, self.description = name, description
        self.sha256, self.preprocessing = sha256, preprocessing
        self.network, self._prepare, self.batch_size = network, prepare, batch_size
        function = tf.function(lambda unit: network(unit, training=False))
        self._compiled = function.get_concrete_function(tf.TensorSpec(network.inputs[0].shape))

    def __call__(self, images):
        """Returns features float32 (n, d) and probabilities float32 (n, k), or None.

        The images go through the network batch by batch: memory grows with the results alone.

        Args:
            images: uint8 (n, h, w, 1 or 3), any size.

        Raises:
            ValueError: they are not.
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
            expected = "Images must be uint8 of shape (n, h, w, 1) or (n, h, w, 3)."
            raise ValueError(f"{expected} Received: {images.dtype} of shape {images.shape}.")
        starts = range(0, len(images), self.batch_size)
        parts = [self._run(images[i : i + self.batch_size]) for i in starts]
        none = [np.empty((0, output.shape[1]), np.float32) for output in self.network.outputs]
        features, *probabilities = map(np.concatenate, zip(none, *parts, strict=True))
        return features, probabilities[0] if probabilities else None

    def _run(self, images):
        outputs = self._compiled(tf.convert_to_tensor(self._prepare(images)))
        return [np.asarray(output, np.float32) for output in tf.nest.flatten(outputs)]


def load_extractor(name, labelled, test=None, weights=None, offline=False, warn=progress.print_warning):
    """Returns the extractor of that name.

    Args:
        name: "inception", "classifier" (or its earlier name, "digits"), the path of a .keras file,
            or None: "inception" where its weights are given or cached, otherwise "classifier".
        labelled, test: `Dataset`s for "classifier".
        weights: path of InceptionV3's weights.
        offline: refuses to download.
        warn: called with each line that the user should see.

    Raises:
        FileNotFoundError, OSError, ValueError: the name is unknown, or see `inception`,
            `load_file` and `load_classifier`.
    """
    name = EARLIER_NAMES.get(name, name)
    if name is None:
        name = "inception" if _find_weights(weights) else "classifier"
    if name != "inception" and weights:
        raise ValueError(f"Weights are of inception features alone. Received: {name} and {weights}.")
    if name == "inception":
        return load_inception(weights, offline, warn)
    if str(name).endswith(".keras"):
        return load_file(name)
    check_choice("features", name, ("inception", "classifier", "FILE.keras"))
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
    path = _find_weights(weights) or download.download_weights(offline, warn)
    network, arrays = inception.from_weights(path)
    published = download.are_published_weights(path)
    origin = "ImageNet weights" if published else f"unpublished weights from {path}"
    classes = "" if len(network.outputs) == 2 else ", without classes"
    return FeatureExtractor(
        "inception",
        f"InceptionV3 of Keras, {origin}{classes}",
        _hash_arrays(arrays),
        inception.PREPROCESSING,
        network,
        inception.to_inception_input,
        batch_size=16,  # as fast on a CPU as larger ones, whose feature maps take more memory
    )


def _find_weights(weights):
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
        warn(f"{labelled.name} has no labels: features are those of a classifier of the bundled digits.")
        why = f", as {labelled.name} has no labels"
        labelled, test = (datasets.load_dataset("digits", split=split) for split in ("train", "test"))
    network, classes = classifier.train_or_load_classifier(labelled, warn), np.unique(labelled.labels)
    extractor = _build_image_extractor("classifier", "", network, batch_size=500)
    accuracy = _describe_accuracy(extractor, classes, test)
    extractor.description = f"a classifier of the {len(classes)} classes of {labelled.name}, {accuracy}{why}"
    return extractor


def _describe_accuracy(extractor, classes, test):
    """Returns in words how many of the test images are classified correctly."""
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
        whole = keras.models.load_model(path, compile=False)
        last, [image], [output] = whole.layers[-1], whole.inputs, whole.outputs
        softmax, features = _is_softmax(last), last.input
        network = keras.Model(image, [features, output] if softmax else features)
        shapes = image.shape[1:], features.shape[1:]
    except Exception as error:  # whatever a file can hold, in Keras's many words
        raise _refuse_network(path, " ".join(str(error).split()).split(". ")[0]) from None
    if [len(shape) for shape in shapes] != [3, 1] or shapes[0][2] not in (1, 3):
        raise _refuse_network(path, "from {} to {}".format(*shapes))
    description = f"the network in {path}" + ("" if softmax else ", without probabilities")
    return _build_image_extractor(path.name, description, network, batch_size=32)


def _refuse_network(path, reason):
    return ValueError(
        "Expected a network of images (h, w, 1 or 3) whose last layer gets one vector for each. "
        f"Received: {path} ({reason})."
    )


def _is_softmax(layer):
    activation = getattr(layer, "activation", None)
    return isinstance(layer, keras.layers.Softmax) or activation is keras.activations.softmax


def _build_image_extractor(name, description, network, batch_size):
    """Returns the extractor of a network that has a size and channels of its own."""
    height, width, channels = network.inputs[0].shape[1:]

    def prepare(images):
        size = (height or images.shape[1], width or images.shape[2])
        return to_float(_with_channels(resize(images, size), channels))

    sides = [str(side or "any") for side in (height, width, channels)]
    preprocessing = f"{'x'.join(sides)} bicubic antialiased, [-1, 1]"
    sha256 = _hash_arrays(network.get_weights())
    return FeatureExtractor(name, description, sha256, preprocessing, network, prepare, batch_size)


def _with_channels(images, channels):
    if images.shape[3] == channels:
        return images
    return to_grey(images) if channels == 1 else np.repeat(images, 3, axis=3)


def _hash_arrays(arrays):
    """Returns the hash of a network's weights, whatever kind of file they were read from."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode() + array.tobytes())
    return digest.hexdigest()
