"""The generator alone for other programs: Keras's own file, TensorFlow's SavedModel, ONNX, a web page.

What is written takes z, float32 (n, latent_dim), and returns images, float32 (n, h, w, c) in [-1, 1], in
inference mode, whatever the precision of the run. PyTorch's state_dicts are written by `pytorch.state_dict`.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from keras_gan.device import keras_settings
from keras_gan.export import onnx, savedmodel, web
from keras_gan.files.atomic import check_utf8
from keras_gan.model import torch_like
from keras_gan.model.gan import GAN
from keras_gan.model.saved_generator import shorten_error
from keras_gan.rng import Stream, draw_noise, seed_globals

N_CHECKED, ONE_GREY_LEVEL = 1000, 2 / 255
_IN_A_SAVEDMODEL = {"saved_model.pb", "fingerprint.pb", "variables", "assets"}


class Format(NamedTuple):
    """What is written: `save(model, path, gan)` writes `name`, `load(path)` returns a function of z."""

    name: str
    runtime: str
    save: Callable
    load: Callable
    tolerance: float = 1e-5  # of the images' values, in [-1, 1]


def export_generator(gan: GAN, kind: str, folder: str | Path) -> tuple[Path, float]:
    """Writes the generator in a format, once it has been loaded and compared in its own runtime.

    Args:
        kind: one of FORMATS.
        folder: to write to; what an earlier export of this format left there is replaced.

    Returns:
        The path, and the largest absolute difference of any value of 1,000 images.

    Raises:
        ImportError: a package that the format needs is not installed.
        ValueError: what was written makes other images.
        FileExistsError: a folder that is no SavedModel is in its place.
    """
    chosen = FORMATS[kind]
    path = Path(folder, chosen.name)
    if kind == "savedmodel":
        check_utf8(path)
    model = copy_float32_generator(gan)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".export-") as beside:
        new = Path(beside, chosen.name)
        chosen.save(model, new, gan)
        difference = _compute_largest_difference(model, chosen.load(new), gan)
        if not difference <= chosen.tolerance:  # true for NaN, too
            raise ValueError(
                f"{path.name} must make the generator's images to {chosen.tolerance:g} in "
                f"{chosen.runtime}. Received: a difference of {difference:.1e}; nothing was written."
            )
        _remove_savedmodel(path)
        new.replace(path)
    return path, difference


def copy_float32_generator(gan: GAN) -> keras.Model:
    """Returns a copy of the generator in float32, of Keras's own layers; the GAN stays as it is."""
    builder = object.__new__(type(gan))  # a `build_generator` may set attributes
    vars(builder).update(vars(gan))
    with keras_settings("float32"), seed_globals(gan.seed):
        model = builder.build_generator()
        if not model.built:  # before its first call
            model(keras.Input((gan.latent_dim,)))
        model.set_weights(gan.generator.get_weights())
        return torch_like.to_plain_keras(model)


def _compute_largest_difference(model: keras.Model, loaded: Callable, gan: GAN) -> float:
    z = draw_noise(gan.seed, Stream.EVALUATION, 0, N_CHECKED, gan.latent_dim)
    return float(np.abs(np.asarray(loaded(z)) - model(z, training=False)).max())


def _remove_savedmodel(path: Path) -> None:
    """Removes a SavedModel, and no other folder; a file is left to be replaced."""
    if not path.is_dir():
        return
    names = {entry.name for entry in path.iterdir()}
    if path.is_symlink() or "saved_model.pb" not in names or names - _IN_A_SAVEDMODEL:
        raise FileExistsError(
            f"{path} must be free or a SavedModel. Received: another folder; name one with --out."
        )
    shutil.rmtree(path)


def _load_keras(path: Path) -> Callable:
    try:
        model = keras.models.load_model(path)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{path.name} must load without your code. Received: {shorten_error(error)}; nothing was "
            "written. The format savedmodel takes any layers."
        ) from None
    return lambda z: model(z, training=False)


FORMATS = {
    "keras": Format("generator.keras", "Keras", lambda model, path, gan: model.save(path), _load_keras),
    "savedmodel": Format(
        "savedmodel",
        "TensorFlow",
        lambda model, path, gan: savedmodel.save_savedmodel(model, path, gan.latent_dim),
        savedmodel.load_savedmodel,
    ),
    "onnx": Format(
        "generator.onnx",
        "onnxruntime",
        lambda model, path, gan: onnx.save_onnx(model, path, gan.latent_dim),
        onnx.load_onnx,
    ),
    "html": Format(
        "generator.html", "NumPy from the page's weights", web.save_page, web.load_page, ONE_GREY_LEVEL
    ),
}
