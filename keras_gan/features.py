"""Images to features: the network in whose terms samples are judged.

The classifier of digits is trained here on labelled images, once, and needs no download.
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from keras_gan import checkpoint, data, images

_VERSION = 1  # of the classifier: raise it when its layers or its training change
_IMAGES_SEEN = 300_000  # in training, at least 5 and at most 40 passes
_BATCH_SIZE = 128


class Extractor(NamedTuple):
    """A network that turns images into features and, where it can, into class probabilities.

    Attributes:
        name: what a number is said to be measured in: "digits".
        about: one line on the network.
        sha256: of its weights.
        network: Keras model, float images -> (features, probabilities).
    """

    name: str
    about: str
    sha256: str
    network: keras.Model

    def __call__(self, pictures):
        """Returns features float32 (n, d) and probabilities float32 (n, k).

        Args:
            pictures: uint8 (n, h, w, c); resized and made grey or RGB where the network needs it.
        """
        fitting = _as(pictures, self.network.input_shape[1:])
        parts = [
            self.network.predict_on_batch(images.to_unit(fitting[i : i + 1000]))
            for i in range(0, len(fitting), 1000)
        ]
        features, probabilities = (np.concatenate(part) for part in zip(*parts, strict=True))
        return features, probabilities


def digits(labelled, test, warn=data.print_to_stderr):
    """Returns the extractor of a classifier of labelled images; features are its last hidden layer.

    It is trained where it has not been before and kept below the Keras cache. Where the images
    have no labels, the classifier of the bundled digits stands in, and it is said.

    Args:
        labelled: `data.Dataset` to train on.
        test: `data.Dataset` to state its accuracy on.
    """
    if labelled.labels is None:
        warn(f"{labelled.name} has no labels: samples are judged by a classifier of the bundled digits.")
        labelled, test = (data.load_dataset("digits", split=split) for split in ("train", "test"))
    network = _classifier(labelled, warn)
    sha256 = hashlib.sha256(b"".join(w.tobytes() for w in network.get_weights())).hexdigest()
    extractor = Extractor("digits", "", sha256, network)
    _, probabilities = extractor(test.images)
    classes = np.unique(labelled.labels)
    accuracy = (classes[probabilities.argmax(axis=1)] == test.labels).mean()
    about = (
        f"a classifier of {labelled.name}'s {len(classes)} classes, "
        f"right on {accuracy:.1%} of {len(test.images)} test images"
    )
    return extractor._replace(about=about)


def _classifier(labelled, warn):
    """Returns the classifier of labelled images, from the cache or trained now."""
    path = _cache_folder() / f"classifier-{_VERSION}-{_key(labelled)}.npz"
    shape, n_classes = labelled.image_shape, len(np.unique(labelled.labels))
    if n_classes < 2:
        raise ValueError(f"labels must be of at least two classes. Received: {n_classes}.")
    network = _network(shape, n_classes)
    if path.is_file():
        try:
            kept = checkpoint.load(path)
            network.set_weights([kept[str(i)] for i in range(len(network.weights))])
            return network
        except (KeyError, ValueError) as error:
            warn(f"The cached classifier is trained again: {path} is damaged ({error}).")
    warn(f"Training a classifier of {labelled.name} to judge samples by, once.")
    _train(network, labelled)
    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.save(path, {str(i): w for i, w in enumerate(network.get_weights())})
    return network


def _cache_folder():
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras") / "keras_gan"


def _key(labelled):
    """Returns a name for images with these labels."""
    labels = np.ascontiguousarray(labelled.labels, dtype=np.int64)
    return hashlib.sha256(labelled.sha256.encode() + labels.tobytes()).hexdigest()[:16]


def _network(image_shape, n_classes):
    """Returns the untrained network: two convolutions, a hidden layer, probabilities."""
    seeds = iter(range(4))

    def weights():
        return keras.initializers.GlorotUniform(seed=next(seeds))

    x = inputs = keras.Input(image_shape)
    for filters in (16, 32):
        x = keras.layers.Conv2D(
            filters, 3, padding="same", activation="relu", kernel_initializer=weights()
        )(x)
        x = keras.layers.MaxPooling2D(padding="same")(x)
    x = keras.layers.Flatten()(x)
    features = keras.layers.Dense(64, activation="relu", kernel_initializer=weights())(x)
    probabilities = keras.layers.Dense(n_classes, "softmax", kernel_initializer=weights())(features)
    return keras.Model(inputs, [features, probabilities])


def _train(network, labelled):
    """Trains on labels with Adam, rate falling to 0; the order of the images is always the same."""
    n = len(labelled.images)
    passes = int(np.clip(_IMAGES_SEEN // n, 5, 40))
    unit = images.to_unit(labelled.images)
    targets = np.unique(labelled.labels, return_inverse=True)[1]
    steps = passes * -(-n // _BATCH_SIZE)
    model = keras.Model(network.inputs, network.outputs[1])
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        "sparse_categorical_crossentropy",
    )
    for epoch in range(passes):
        order = data.rng(0, data.EVALUATION, epoch).permutation(n)
        model.fit(unit[order], targets[order], batch_size=_BATCH_SIZE, shuffle=False, verbose=0)


def _as(pictures, shape):
    """Returns the images in the shape (h, w, c) of a network's input."""
    if pictures.shape[1:3] != shape[:2]:
        pictures = images.resize(pictures, shape[:2])
    if pictures.shape[3] == shape[2]:
        return pictures
    return images.to_grey(pictures) if shape[2] == 1 else np.repeat(pictures, 3, axis=3)
