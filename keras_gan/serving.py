"""The generator alone for other programs: Keras's own file, TensorFlow's SavedModel, ONNX.

What is written takes z float32 (n, latent_dim) and gives images float32 (n, h, w, c) in [-1, 1], in
inference mode, whatever the precision of the run. The state_dicts of PyTorch are `export`'s.
"""

import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_gan import data, networks, torch_semantics

N_CHECKED, TOLERANCE = 1000, 1e-5


class Format(NamedTuple):
    """A file or folder of that name: `save(model, path)`, and `load(path)`, a function of z."""

    name: str
    runtime: str
    save: Callable
    load: Callable


def write(gan, kind, folder):
    """Writes the generator in a format, once it has been loaded and compared in its own runtime.

    Args:
        kind: one of FORMATS.
        folder: to write to; what an earlier export of this format left there is replaced.

    Returns:
        The path, and the largest difference of the values of 1,000 images.

    Raises:
        ImportError: a package that the format needs is not installed.
        ValueError: what was written gives other images.
        FileExistsError: a folder that is no SavedModel is in its place.
    """
    chosen = FORMATS[kind]
    path = Path(folder, chosen.name)
    model = float32(gan)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as beside:
        new = Path(beside, chosen.name)
        chosen.save(model, new)
        apart = _largest_difference(model, chosen.load(new), gan)
        if not apart <= TOLERANCE:  # true for NaN, too
            raise ValueError(
                f"{path.name} must give the generator's images to {TOLERANCE:g} in "
                f"{chosen.runtime}. Received: a difference of {apart:.1e}; nothing was written."
            )
        _make_room(path)
        new.replace(path)
    return path, apart


def float32(gan):
    """Returns a copy of the generator in float32, of Keras's own layers."""
    with networks.policy("float32"):
        model = gan.build_generator()
        model.set_weights(gan.generator.get_weights())
        return torch_semantics.plain(model)


def _largest_difference(model, loaded, gan):
    z = data.noise(gan.seed, data.EVALUATION, 0, N_CHECKED, gan.latent_dim)
    return float(np.abs(np.asarray(loaded(z)) - model(z, training=False)).max())


def _make_room(path):
    """Removes what an earlier export left, and nothing else."""
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise FileExistsError(
                f"{path} must be free or a SavedModel. Received: another folder; name one with --out."
            )
        shutil.rmtree(path)


def _signature(model):
    return [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name="z")]


def _save_keras(model, path):
    model.save(path)


def _load_keras(path):
    model = keras.models.load_model(path)
    return lambda z: model(z, training=False)


def _save_savedmodel(model, path):
    model.export(path, format="tf_saved_model", verbose=False, input_signature=_signature(model))


def _load_savedmodel(path):
    loaded = tf.saved_model.load(path)  # whose variables live as long as it does
    return lambda z: loaded.serve(z)


def _save_onnx(model, path):
    _onnxruntime()
    with warnings.catch_warnings(action="ignore"):  # Keras's, of how it patches tf2onnx
        model.export(path, format="onnx", verbose=False, input_signature=_signature(model))


def _load_onnx(path):
    session = _onnxruntime().InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda z: session.run(None, {"z": z})[0]


def _onnxruntime():
    """Returns the module, once all that ONNX needs is there."""
    try:
        import onnxruntime
        import tf2onnx  # noqa: F401, which Keras exports through
    except ImportError as error:
        raise ImportError(
            f"ONNX needs tf2onnx and onnxruntime. Received: {error}; install them with "
            "`pip install tf2onnx onnxruntime`."
        ) from None
    return onnxruntime


FORMATS = {
    "keras": Format("generator.keras", "Keras", _save_keras, _load_keras),
    "savedmodel": Format("savedmodel", "TensorFlow", _save_savedmodel, _load_savedmodel),
    "onnx": Format("generator.onnx", "onnxruntime", _save_onnx, _load_onnx),
}
