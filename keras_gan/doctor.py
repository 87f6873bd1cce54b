"""Whether this installation trains: small checks of what has gone wrong elsewhere, in seconds.

A check returns a sentence, or fails by raising; facts are told and fail nothing.
"""

import functools
import importlib.metadata
import platform
import shlex
import tempfile
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import tensorflow as tf
from packaging.requirements import Requirement

from keras_gan.data import download
from keras_gan.data.pixels import to_float
from keras_gan.device import get_device_name
from keras_gan.evaluation import metrics
from keras_gan.files import cache
from keras_gan.model import engines
from keras_gan.model.gan import GAN
from keras_gan.rng import Stream, make_rng

_STEPS, _TOLERANCE = 5, 1e-10


class Finding(NamedTuple):
    """What was looked at, whether it is well (None where it only is to be known), and a sentence."""

    name: str
    ok: bool | None
    sentence: str


class _Fault(Exception):
    """What is wrong, in a sentence."""


def run_checks():
    """Yields the `Finding`s, each as soon as it is made."""
    for name, check in CHECKS.items():
        try:
            yield Finding(name, True, check())
        except Exception as error:  # whatever it is, it is what was asked for
            yield Finding(name, False, _in_a_line(error))
    for name, fact in _facts().items():
        try:
            yield Finding(name, None, fact())
        except (OSError, ValueError) as error:
            yield Finding(name, None, _in_a_line(error))


def _in_a_line(error):
    told = isinstance(error, (_Fault, ValueError, OSError))
    return " ".join([*([] if told else [f"{type(error).__name__}:"]), *str(error).split()])


def _require(condition, sentence):
    if not condition:
        raise _Fault(sentence)


def _versions():
    required = [r for r in map(Requirement, _requirements()) if r.name != "pytest" and not r.marker]
    found = {r.name: _version(r.name) for r in required}
    lacking = [
        r for r in required if not (found[r.name] and r.specifier.contains(found[r.name], prereleases=True))
    ]
    needed = "; ".join(f"{r} and found {found[r.name] or 'none'}" for r in lacking)
    _require(not lacking, f"Needs {needed}: pip install --upgrade {shlex.join(map(str, lacking))}.")
    return f"{', '.join(f'{name} {version}' for name, version in found.items())}."


def _requirements():
    """Returns lines such as "numpy>=2.0", of the file beside the package or of what pip installed.

    Those of the second kind that have a marker belong to an extra.
    """
    file = Path(__file__).parents[1] / "requirements.txt"
    lines = file.read_text().splitlines() if file.is_file() else importlib.metadata.requires("keras_gan")
    return ["python>=3.11", *lines]


def _version(name):
    """Returns the version of a package, None where it is not installed."""
    imported = {"python": platform.python_version(), "tensorflow": tf.__version__}  # or tensorflow-cpu
    try:
        return imported.get(name) or importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _sqrtm():
    """The covariances S and 4 S are tr S = 4 apart, and the means 25."""
    sigma = np.array([[2.0, 1.0], [1.0, 2.0]])
    a = metrics.Gaussian(np.zeros(2), sigma, n=9)
    b = metrics.Gaussian(np.array([3.0, 4.0]), 4 * sigma, n=9)
    found = metrics.frechet_distance(a, b)
    _require(not found.note, f"SciPy's matrix root fails: {found.note}.")
    _require(abs(found.value - 29) < 1e-9, f"A Fréchet distance of 29 comes out as {found.value:.9g}.")
    return "A Fréchet distance by SciPy's sqrtm comes out as it must."


def _own_loss():
    """Trains nothing on two batches, whose losses are 1 and 9; Keras 3.14 gave 1 and their mean."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.0), jit_compile=False)
    losses = [float(model.train_on_batch(np.ones((2, 1)), np.full((2, 1), y))) for y in (1.0, 3.0)]
    _require(losses == [1, 9], f"train_on_batch returns {losses} where batches lose [1.0, 9.0].")
    return "train_on_batch returns the loss of its own batch."


def _discriminator_moves():
    return _moves("discriminator", lambda gan, n: gan.update_discriminator(*_real_and_fake(gan, n)))


def _generator_moves():
    return _moves("generator", lambda gan, n: gan.update_generator(gan.noise(n)))


def _real_and_fake(gan, n):
    return to_float(_pictures()[:n]), gan.generate(gan.noise(n))


def _moves(own, update):
    """Checks that an update moves every weight of its own network and none of the other.

    It is made with two batch sizes, as Keras traces a step anew for each.
    """
    gan = _gan("keras")
    for batch_size in (16, 8):
        where = f"in the {own}'s step on batches of {batch_size}"
        before = {net: net.get_weights() for net in (gan.discriminator, gan.generator)}
        update(gan, batch_size)
        for net, weights in before.items():
            moved = [np.any(a != b) for a, b in zip(weights, net.get_weights(), strict=True)]
            still = f"{moved.count(False)} of the {net.name}'s {len(moved)} weights stand still {where}."
            _require(net.name != own or all(moved), still)
            _require(net.name == own or not any(moved), f"The {net.name} moves {where}.")
    return f"The {own} moves in its own step, and nothing else does, at two batch sizes."


def _gan(preset, **settings):
    return GAN(preset, image_shape=(8, 8, 1), latent_dim=8, jit_compile=False, **settings)


def _pictures():
    """Returns random uint8 images (32, 8, 8, 1)."""
    return make_rng(0, Stream.EVALUATION).integers(0, 256, (32, 8, 8, 1), dtype=np.uint8)


def _engines_agree():
    gans = [_gan("aioz", precision="float64") for _ in engines.ENGINES]
    runs = [make(gan, _pictures(), 16) for make, gan in zip(engines.ENGINES.values(), gans, strict=True)]
    losses = [run(0, _STEPS) for run in runs]
    pairs = [losses, *zip(*(gan.arrays().values() for gan in gans), strict=True)]
    apart = np.max([np.abs(a - b).max() for a, b in pairs])  # NaN where there is one
    found = f"{apart:.0e} apart after {_STEPS} steps in float64"
    _require(apart <= _TOLERANCE, f"{' and '.join(engines.ENGINES)} are {found}, above {_TOLERANCE:g}.")
    return f"{' and '.join(engines.ENGINES)} are {found}."


def _facts():
    """Returns what is told: dict of name to function."""
    sets = {
        f"data set {name}": functools.partial(download.describe_location, name) for name in download.DATASETS
    }
    return {"device": _device, "cache": _cache, **sets, "InceptionV3": _inception}


def _device():
    return f"TensorFlow computes on {get_device_name()}"


def _cache():
    folder = cache.get_keras_home()
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        return f"{folder} cannot be written ({error.strerror}); KERAS_HOME names another folder"
    return f"{folder} can be written"


def _inception():
    path = download.find_cached_weights()
    return f"at hand: {path}" if path else "to be downloaded where a distance asks for it, 96 MB"


CHECKS = {
    "versions": _versions,
    "sqrtm": _sqrtm,
    "losses": _own_loss,
    "discriminator": _discriminator_moves,
    "generator": _generator_moves,
    "engines": _engines_agree,
}
