"""A small classifier of labelled images, trained once and kept below Keras's cache."""

import contextlib
import hashlib

import keras
import numpy as np
import tensorflow as tf

from keras_gan import progress
from keras_gan.data import datasets
from keras_gan.data.datasets import Dataset
from keras_gan.data.pixels import resize, to_float
from keras_gan.device import get_cpu_kind, keras_settings
from keras_gan.evaluation.extractor import FeatureExtractor, make_extractor
from keras_gan.files import cache, npz
from keras_gan.rng import Stream, draw_batch_rows, make_rng
from keras_gan.streams import Warn

_VERSION = 2  # raise it when the layers or the training change
_MAX_SIDE = 32  # pixels of the images it sees
_BATCH_SIZE = 128
_PASSES, _MIN_STEPS, _MAX_STEPS = 4, 300, 2000
_SHIFT = 1  # pixels, at random, in training


def load_classifier(
    labelled: Dataset, test: Dataset | None, warn: Warn = progress.print_warning
) -> FeatureExtractor:
    """Returns the extractor of a classifier of labelled images: its last hidden layer.

    It is trained where it has not been before and kept below Keras's cache. For grey images without
    labels the classifier of the bundled digits stands in, with a warning.

    Args:
        labelled: images to train on.
        test: images to state its accuracy on, or None.

    Raises:
        ValueError: the images are in colour and have no labels.
    """
    why = ""
    if labelled.labels is None:
        if labelled.image_shape[2] != 1:
            raise ValueError(
                f"classifier features need labelled images. Received: {labelled.name}, images in colour "
                "without labels; --features inception or pca, or FILE.keras, needs none."
            )
        warn(f"{labelled.name} has no labels: features are those of a classifier of the bundled digits.")
        why = f", as {labelled.name} has no labels"
        labelled, test = (datasets.load_dataset("digits", split=split) for split in ("train", "test"))
    network, cpu = train_or_load_classifier(labelled, warn)
    extractor = make_extractor("classifier", "", network, batch_size=500)
    classes = np.unique(labelled.labels)
    accuracy = _describe_accuracy(extractor, classes, test)
    extractor.description = f"a classifier of the {len(classes)} classes of {labelled.name}, {accuracy}{why}"
    extractor.cpu = cpu
    return extractor


def _describe_accuracy(extractor: FeatureExtractor, classes: np.ndarray, test: Dataset | None) -> str:
    """Returns in words how many of the test images are classified correctly."""
    if test is None or test.labels is None:
        return "untested, as there are no labelled test images"
    _, probabilities = extractor(test.images)
    accuracy = (classes[probabilities.argmax(axis=1)] == test.labels).mean()
    return f"right on {accuracy:.1%} of {len(test.images)} test images"


def train_or_load_classifier(labelled: Dataset, warn: Warn) -> tuple[keras.Model, str]:
    """Returns the classifier of labelled images, from the cache or trained now.

    Returns:
        A Keras model: float32 (n, h, w, c) in [-1, 1], h and w at most 32, to the last hidden layer
        (n, 64) and the probabilities (n, classes), in the order of the sorted labels; and the kind of
        CPU that it was trained on, of which its weights depend, "" if an earlier version trained it.

    Args:
        labelled: `Dataset`.
        warn: called with a line where it has to be trained.

    Raises:
        ValueError: the labels are of fewer than two classes.
    """
    classes, targets = np.unique(labelled.labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"labels must be of at least two classes. Received: {len(classes)}.")
    path = cache.get_keras_home() / "keras_gan" / f"classifier-{_VERSION}-{_key(labelled)}.npz"
    height, width, channels = labelled.image_shape
    model = _network((min(height, _MAX_SIDE), min(width, _MAX_SIDE), channels), len(classes))
    if path.is_file():
        try:
            arrays = npz.load(path)
            model.set_weights([arrays[str(i)] for i in range(len(model.weights))])
            return model, str(arrays.get("cpu", ""))
        except (KeyError, ValueError) as error:
            warn(f"The cached classifier is trained again: {path} is damaged ({error}).")
    warn(f"Training a classifier of {labelled.name} for its features; it is kept for next time.")
    _train(model, resize(labelled.images, model.input_shape[1:3]), targets)
    cpu = get_cpu_kind()
    arrays = {str(i): w for i, w in enumerate(model.get_weights())}
    cache.write_cache(path, arrays | {"cpu": np.array(cpu)}, warn)
    return model, cpu


def _key(labelled):
    """Returns a name for images with these labels."""
    labels = np.ascontiguousarray(labelled.labels, dtype=np.int64)
    return hashlib.sha256(labelled.sha256.encode() + labels.tobytes()).hexdigest()[:16]


def _network(image_shape, n_classes):
    """Returns the untrained network: two convolutions, a hidden layer, probabilities."""
    with keras_settings("float32"):
        x = inputs = keras.Input(image_shape)
        for layer in (
            keras.layers.Conv2D(16, 5, **_settings(0), strides=2, padding="same"),
            keras.layers.Conv2D(32, 3, **_settings(1), strides=2, padding="same"),
            keras.layers.Flatten(),
            keras.layers.Dense(64, **_settings(2)),
        ):
            x = layer(x)
        return keras.Model(inputs, [x, keras.layers.Dense(n_classes, **_settings(3, "softmax"))(x)])


def _settings(seed, activation="leaky_relu"):
    """Returns arguments of a layer; its own seed leaves the global random state alone."""
    return {"activation": activation, "kernel_initializer": keras.initializers.HeNormal(seed=seed)}


@keras_settings("float32")
def _train(model, images, targets):
    """Trains on uint8 images and integer targets, with Adam at a rate that falls to 0.

    Every batch is moved by up to a pixel each way, without which the few bundled digits are
    learnt by heart. The batches are a function of the step: on one kind of CPU the weights are always
    the same.
    """
    steps = int(np.clip(_PASSES * len(images) // _BATCH_SIZE, _MIN_STEPS, _MAX_STEPS))
    classifier = keras.Model(model.inputs, model.outputs[1])
    rate = keras.optimizers.schedules.CosineDecay(3e-3, steps)
    classifier.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
    with _without_remapper():
        for step in range(steps):
            rows = draw_batch_rows(len(images), _BATCH_SIZE, 0, step, with_replacement=False)
            shift = make_rng(0, Stream.EVALUATION, step).integers(-_SHIFT, _SHIFT, 2, endpoint=True)
            unit = np.roll(to_float(images[rows]), shift, axis=(1, 2))
            classifier.train_on_batch(unit, targets[rows])


@contextlib.contextmanager
def _without_remapper():
    """Switches off a graph optimization of TensorFlow's, which fails on these layers and prints an error.

    It fails where oneDNN is on, and leaves the graph as it was: the numbers are the same.
    """
    before = tf.config.optimizer.get_experimental_options().get("remapping", True)
    tf.config.optimizer.set_experimental_options({"remapping": False})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({"remapping": before})
