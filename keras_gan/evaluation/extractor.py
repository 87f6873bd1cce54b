"""What turns images into features: a network, what it is shown, and what a number must say of both."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_gan.data.pixels import resize, to_float

Network = Callable[[tf.Tensor], list[np.ndarray]]


class FeatureExtractor:
    """A network that turns images into features and, where it can, into class probabilities.

    Attributes:
        name: of the features: "inception", "pytorch-fid", "classifier", "pca", a file's name and so on.
        description: one line on the network.
        sha256: of the weights.
        preprocessing: size, resize and range of what the network is shown, in words.
        batch_size: images that go through the network at once; the results hardly depend on it.
        sizes: number of features and, with probabilities, of classes.
        cpu: kind of CPU on which the weights were trained, "" of weights that were not trained here.
    """

    def __init__(
        self,
        name: str,
        description: str,
        sha256: str,
        preprocessing: str,
        network: Any,
        prepare: Callable[[np.ndarray], np.ndarray | tf.Tensor],
        batch_size: int,
        sizes: tuple[int, ...] = (),
    ):
        """Takes a network that is a Keras model, or a function beside the `sizes` of its outputs.

        Args:
            prepare: turns uint8 (n, h, w, 1 or 3) into what the network is shown.
        """
        self.name, self.description = name, description
        self.sha256, self.preprocessing, self.cpu = sha256, preprocessing, ""
        self._prepare, self.batch_size = prepare, batch_size
        self.sizes = sizes or tuple(output.shape[1] for output in network.outputs)
        self._network = compile_network(network) if isinstance(network, keras.Model) else network

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns features float32 (n, d) and probabilities float32 (n, k), or None.

        The images go through the network batch by batch: memory grows with the results alone.

        Args:
            images: uint8 (n, h, w, 1 or 3), any size.

        Raises:
            ValueError: they are not, or they are in colour and the network sees grey images.
        """
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
            expected = "Images must be uint8 of shape (n, h, w, 1) or (n, h, w, 3)."
            raise ValueError(f"{expected} Received: {images.dtype} of shape {images.shape}.")
        outputs: list[list[np.ndarray]] = [[np.empty((0, size), np.float32)] for size in self.sizes]
        for start in range(0, len(images), self.batch_size):
            batch = self._prepare(images[start : start + self.batch_size])
            for parts, output in zip(outputs, self._network(tf.convert_to_tensor(batch)), strict=True):
                parts.append(output)
        features, *probabilities = map(np.concatenate, outputs)
        return features, probabilities[0] if probabilities else None


def compile_network(network: keras.Model) -> Network:
    """Returns a Keras model as a function of float32 images, in inference mode, for batches of any size."""
    function = tf.function(lambda images: network(images, training=False))
    compiled = function.get_concrete_function(tf.TensorSpec(network.inputs[0].shape))
    return lambda images: [np.asarray(output, np.float32) for output in tf.nest.flatten(compiled(images))]


def make_extractor(name: str, description: str, network: keras.Model, batch_size: int) -> FeatureExtractor:
    """Returns the extractor of a network that is shown images in [-1, 1], in its own size and channels."""
    height, width, channels = network.inputs[0].shape[1:]

    def prepare(images):
        size = (height or images.shape[1], width or images.shape[2])
        return to_float(resize(_match_channels(images, channels, name), size))

    sides = [str(side or "any") for side in (height, width, channels)]
    preprocessing = f"{'x'.join(sides)} bicubic antialiased, [-1, 1]"
    sha256 = hash_arrays(network.get_weights())
    return FeatureExtractor(name, description, sha256, preprocessing, network, prepare, batch_size)


def _match_channels(images: np.ndarray, channels: int, name: str) -> np.ndarray:
    """Returns images with so many channels; grey ones that were saved in colour are grey again."""
    if images.shape[3] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=3)
    if not (images == images[..., :1]).all():
        raise ValueError(
            f"Images in colour need features that see colours. Received: {name} features, of a network for "
            "grey images; --features inception or pca, or FILE.keras, takes colours."
        )
    return images[..., :1]


def hash_arrays(arrays: Iterable[np.ndarray]) -> str:
    """Returns the hash of a network's weights, whatever kind of file they were read from."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
