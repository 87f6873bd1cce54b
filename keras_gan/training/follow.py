"""A run of several workers: how they agree on it, and what all but the first one do.

The first worker runs the training loop. The others write no files and print nothing.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

import keras_gan
from keras_gan.config import TrainConfig
from keras_gan.model.distributed import DistributedEngine
from keras_gan.model.workers import FEATURES, STEPS, Workers
from keras_gan.run import history
from keras_gan.training import interrupt

_OWN = {"data", "device"}  # settings that each worker has of its own; images are compared by their hash


def share_config(own: Mapping[str, Any], workers: Workers) -> TrainConfig:
    """Returns the first worker's configuration on each worker.

    Args:
        own: settings of this worker, all of them on the first one.

    Raises:
        ValueError: a worker has another version of this package, or other settings.
    """
    workers.check_same({"keras_gan version": keras_gan.__version__})
    first = json.loads(workers.share(json.dumps(dict(own)).encode()))
    here = {name: json.loads(json.dumps(own.get(name, value))) for name, value in first.items()}
    workers.check_same({name: value for name, value in here.items() if name not in _OWN})
    return TrainConfig.from_dict(first | {name: here[name] for name in _OWN}).resolved()


def follow(gan: Any, images: np.ndarray, batch_size: int, workers: Workers, extractor: Any):
    """Does what the first worker asks for until it says that the run ends.

    Args:
        extractor: `DistributedExtractor` of the scores, or None.

    Returns:
        The history of the steps made here, as `history.read` returns that of a run.

    Raises:
        ConnectionError: the first worker failed, or does not answer.
        interrupt.Interrupted: a signal ended the run.
    """
    engine, rows = DistributedEngine(gan, images, batch_size, workers), []
    per_epoch = gan.rule.steps_per_epoch(len(images), batch_size)

    def make_steps(numbers):
        step, k, has_changed = numbers[:3]
        values = engine.make_steps(step, k, bool(has_changed))
        rows.extend(history.make_rows(gan.rule, step + 1, per_epoch, values))

    with interrupt.catch_signals() as workers.request:
        code = workers.follow({STEPS: make_steps, FEATURES: lambda numbers: extractor.follow(numbers)})
    if code:
        raise interrupt.Interrupted("", code - 128)
    return {name: np.array([row[i] for row in rows]) for i, name in enumerate(history.COLUMNS)}
