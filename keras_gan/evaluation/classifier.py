"""A small classifier of labelled images, trained once and kept below Keras's cache."""

import contextlib
import hashlib

import keras
import numpy as np
import tensorflow as tf

from keras_gan.data.pixels import resize, to_float
from keras_gan.device import keras_settings
from keras_gan.files import cache, npz
from keras_gan.rng import Stream, draw_batch_rows, make_rng

_VERSION = 2  # raise it when the layers or the training change
_MAX_SIDE = 32  # pixels of the images it sees
_BATCH_SIZE = 128
_PASSES, _MIN_STEPS, _MAX_STEPS = 4, 300, 2000
_SHIFT = 1  # pixels, at random, in training


def train_or_load_classifier(labelled, warn):
    """Returns the classifier of labelled images, from the cache or trained now.

    Returns:
        A Keras model: float32 (n, h, w, c) in [-1, 1], h and w at most 32, to the last hidden
        layer (n, 64) and the probabilities (n, classes), in the order of the sorted labels.

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
            return model
        except (KeyError, ValueError) as error:
            warn(f"The cached classifier is trained again: {path} is damaged ({error}).")
    warn(f"Training a classifier of {labelled.name}, once: its features measure the samples.")
    _train(model, resize(labelled.images, model.input_shape[1:3]), targets)
    cache.write_cache(path, {str(i): w for i, w in enumerate(model.get_weights())}, warn)
    return model


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
    learnt by heart. The batches are a function of the step: the weights are always the same.
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
