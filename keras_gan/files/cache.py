"""Keras's own cache folder: data sets and weights that were downloaded, and what took time to compute."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from keras_gan.files import npz
from keras_gan.streams import Warn


def get_keras_home() -> Path:
    """Returns the folder of Keras's own cache, by Keras's own rule: $KERAS_HOME or ~/.keras."""
    home = os.path.expanduser("~")
    return Path(os.environ.get("KERAS_HOME") or Path(home if os.access(home, os.W_OK) else "/tmp", ".keras"))


def write_cache(path: Path, arrays: Mapping[str, np.ndarray], warn: Warn) -> None:
    """Writes arrays that took time to compute as an .npz file below the cache.

    A cache that cannot be written ends no work: `warn` is told in one line.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        npz.save(path, arrays)
    except OSError as error:
        reason = f"{path} cannot be written ({error.strerror}), so it will be computed again next time"
        warn(f"{reason}; KERAS_HOME names another folder.")
