"""The generator alone for other programs: Keras's own file, TensorFlow's SavedModel, ONNX, a web page.

What is written takes z float32 (n, latent_dim) and gives images float32 (n, h, w, c) in [-1, 1], in
inference mode, whatever the precision of the run. The state_dicts of PyTorch are `export`'s.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from keras_gan.device import dtype_policy
from keras_gan.export import onnx, savedmodel, web
from keras_gan.model import torch_like
from keras_gan.rng import Stream, draw_noise

N_CHECKED, ONE_GREY_LEVEL = 1000, 2 / 255


class Format(NamedTuple):
    """A file or folder of that name: `save(model, path, gan)`, and `load(path)`, a function of z."""

    name: str
    runtime: str
    save: Callable
    load: Callable
    tolerance: float = 1e-5  # of the images' values, in [-1, 1]


def export_generator(gan, kind, folder):
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
    model = to_float32(gan)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as beside:
        new = Path(beside, chosen.name)
        chosen.save(model, new, gan)
        apart = _largest_difference(model, chosen.load(new), gan)
        if not apart <= chosen.tolerance:  # true for NaN, too
            raise ValueError(
                f"{path.name} must give the generator's images to {chosen.tolerance:g} in "
                f"{chosen.runtime}. Received: a difference of {apart:.1e}; nothing was written."
            )
        _make_room(path)
        new.replace(path)
    return path, apart


def to_float32(gan):
    """Returns a copy of the generator in float32, of Keras's own layers."""
    with dtype_policy("float32"):
        model = gan.build_generator()
        model.set_weights(gan.generator.get_weights())
        return torch_like.to_plain_keras(model)


def _largest_difference(model, loaded, gan):
    z = draw_noise(gan.seed, Stream.EVALUATION, 0, N_CHECKED, gan.latent_dim)
    return float(np.abs(np.asarray(loaded(z)) - model(z, training=False)).max())


def _make_room(path):
    """Removes what an earlier export left, and nothing else."""
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise FileExistsError(
                f"{path} must be free or a SavedModel. Received: another folder; name one with --out."
            )
        shutil.rmtree(path)


def _save_keras(model, path, gan):
    model.save(path)


def _load_keras(path):
    model = keras.models.load_model(path)
    return lambda z: model(z, training=False)


FORMATS = {
    "keras": Format("generator.keras", "Keras", _save_keras, _load_keras),
    "savedmodel": Format("savedmodel", "TensorFlow", savedmodel.save_savedmodel, savedmodel.load_savedmodel),
    "onnx": Format("generator.onnx", "onnxruntime", onnx.save_onnx, onnx.load_onnx),
    "html": Format(
        "generator.html", "NumPy from the page's weights", web.save_page, web.load_page, ONE_GREY_LEVEL
    ),
}
