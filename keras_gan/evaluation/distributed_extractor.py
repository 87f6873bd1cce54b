"""A feature extractor on every device of every worker."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import tensorflow as tf

from keras_gan.evaluation.extractor import FeatureExtractor
from keras_gan.model.workers import FEATURES, Workers
from keras_gan.streams import Warn, ignore


def distribute(
    load: Callable[[Warn], FeatureExtractor], workers: Workers, warn: Warn
) -> "FeatureExtractor | DistributedExtractor":
    """Returns the extractor that `load` returns, on all devices of the workers.

    Args:
        load: takes a function that is called with each line the user should see; only the first worker's are.
    """
    if not workers.strategy:
        return load(warn)
    first = iter([warn] if workers.index == 0 else [])  # of the devices, which all print the same
    return DistributedExtractor(lambda: load(next(first, ignore)), workers)


class DistributedExtractor:
    """Cuts images into parts for all devices and joins their features in order; called as an extractor is.

    The first worker sends the images to all others, so that they need none of their own.

    Args:
        load: returns the extractor, with its weights on the device that TensorFlow then creates variables on.
            It is called for every device of this worker.
    """

    def __init__(self, load: Callable[[], FeatureExtractor], workers: Workers):
        self._workers = workers
        self._devices = workers.strategy.extended.worker_devices
        self._extractors = []
        for device in self._devices:
            with tf.device(device):
                self._extractors.append(load())
        self.batch_size = self._extractors[0].batch_size * workers.replicas

    def __getattr__(self, name: str) -> Any:
        """Returns what else an extractor tells: name, description, sizes and so on."""
        return getattr(self._extractors[0], name)

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns what `FeatureExtractor` does; to be called on the first worker."""
        parts = [
            self._compute(images[i : i + self.batch_size]) for i in range(0, len(images), self.batch_size)
        ]
        outputs = np.concatenate([np.empty((0, sum(self.sizes)), np.float32), *parts])
        features, *probabilities = np.split(outputs, np.cumsum(self.sizes)[:-1], axis=1)
        return features, probabilities[0] if probabilities else None

    def _compute(self, images):
        self._workers.send_request(FEATURES, *images.shape)
        self._workers.share(images.tobytes())
        outputs = self._join(self._compute_part(images), len(images))
        self._workers.listening = True
        return outputs

    def follow(self, numbers: Sequence[int]) -> None:
        """Does the part of a worker that is not the first one, of images (n, h, w, c) of these numbers."""
        images = np.frombuffer(self._workers.share(), np.uint8).reshape(numbers[:4])
        self._join(self._compute_part(images), len(images))

    def _compute_part(self, images):
        """Returns the outputs float32 (m, all sizes) of this worker's part of the images."""

        def compute(extractor, device, part):
            with tf.device(device):
                features, probabilities = extractor(part)
            return features if probabilities is None else np.hstack([features, probabilities])

        first = self._workers.index * len(self._devices)
        parts = np.array_split(images, self._workers.replicas)[first : first + len(self._devices)]
        with ThreadPoolExecutor(len(self._devices)) as threads:
            return np.concatenate(list(threads.map(compute, self._extractors, self._devices, parts)))

    def _join(self, part, n):
        """Returns the outputs (n, all sizes) of all workers, of which `part` is this one's."""
        if self._workers.count == 1:
            return part
        starts = np.cumsum([0, *map(len, np.array_split(np.empty(n), self._workers.replicas))])
        start = starts[self._workers.index * len(self._devices)]
        outputs = np.zeros((n, part.shape[1]), np.float32)
        outputs[start : start + len(part)] = part
        padded = outputs.tobytes().ljust(-(-outputs.nbytes // 8) * 8, b"\0")
        bits = self._workers.exchange(np.frombuffer(padded, np.int64))  # of which only one is not 0
        return np.frombuffer(bits.tobytes(), np.float32, outputs.size).reshape(outputs.shape)
