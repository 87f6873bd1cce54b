"""Whether this installation trains: small checks of what has gone wrong elsewhere, in seconds.

A check returns a sentence or fails by raising. Information about the machine follows and fails nothing.
"""

import configparser
import functools
import importlib.metadata
import platform
import shlex
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras
import matplotlib
import numpy as np
import tensorflow as tf
from packaging.requirements import Requirement

from keras_gan.data import download
from keras_gan.data.pixels import to_float
from keras_gan.device import get_cpu_count, get_cpu_kind, get_device_name
from keras_gan.evaluation import metrics
from keras_gan.evaluation.weights import find_weights
from keras_gan.files import cache
from keras_gan.model import engines
from keras_gan.model.gan import GAN
from keras_gan.rng import Stream, make_rng

_STEPS, _TOLERANCE = 5, 1e-10


class Finding(NamedTuple):
    """The result of a check: its name, whether it passed (None: information only), and a sentence."""

    name: str
    ok: bool | None
    sentence: str


class _Failure(Exception):
    """A check failed; the message is a sentence."""


def run_checks() -> Iterator[Finding]:
    """Yields the `Finding`s, each as soon as it is made."""
    for name, check in CHECKS.items():
        try:
            yield Finding(name, True, check())
        except Exception as error:  # whatever fails is what was looked for
            yield Finding(name, False, _format_error(error))
    for name, describe in _list_information().items():
        try:
            yield Finding(name, None, describe())
        except (OSError, ValueError) as error:
            yield Finding(name, None, _format_error(error))


def _format_error(error: Exception) -> str:
    is_sentence = isinstance(error, (_Failure, ValueError, OSError))
    return " ".join([*([] if is_sentence else [f"{type(error).__name__}:"]), *str(error).split()])


def _require(condition: Any, sentence: str) -> None:
    if not condition:
        raise _Failure(sentence)


# checks


def _check_versions() -> str:
    required = [
        requirement for requirement in map(Requirement, _read_requirements()) if _is_needed(requirement)
    ]
    versions = {r.name: _find_version(r.name) for r in required}
    wrong = [
        r
        for r in required
        if not (versions[r.name] and r.specifier.contains(versions[r.name], prereleases=True))
    ]
    needed = "; ".join(f"{r} and found {versions[r.name] or 'none'}" for r in wrong)
    _require(not wrong, f"Needs {needed}: pip install --upgrade {shlex.join(map(str, wrong))}.")
    return f"{', '.join(f'{name} {version}' for name, version in versions.items())}."


def _read_requirements() -> list[str]:
    """Returns lines such as "numpy>=2.0", of setup.cfg beside the package or of what pip installed."""
    config = configparser.ConfigParser()
    config.read(Path(__file__).parents[1] / "setup.cfg")
    if config.get("metadata", "name", fallback="") == "keras_gan":
        lines = config["options"]["install_requires"].split("\n")
    else:
        lines = importlib.metadata.requires("keras_gan") or []
    return ["python>=3.11", *filter(None, lines)]


def _is_needed(requirement: Requirement) -> bool:
    """Returns whether a requirement is of this system and of no extra."""
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _find_version(name: str) -> str | None:
    """Returns the version of a package, None where it is not installed."""
    imported = {"python": platform.python_version(), "tensorflow": tf.__version__}  # or tensorflow-cpu
    try:
        return imported.get(name) or importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _check_sqrtm() -> str:
    """Covariances S and 4 S differ by tr S = 4 and the means by 25, so that the distance is 29."""
    sigma = np.array([[2.0, 1.0], [1.0, 2.0]])
    a = metrics.Gaussian(np.zeros(2), sigma, n=9)
    b = metrics.Gaussian(np.array([3.0, 4.0]), 4 * sigma, n=9)
    distance = metrics.frechet_distance(a, b)
    _require(not distance.note, f"SciPy's matrix root fails: {distance.note}.")
    _require(
        abs(distance.value - 29) < 1e-9, f"A Fréchet distance of 29 is computed as {distance.value:.9g}."
    )
    return "A Fréchet distance by SciPy's sqrtm is right."


def _check_own_loss() -> str:
    """Two batches with losses 1 and 9, no training; Keras 3.14 returned 1 and their mean, 5."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.0), jit_compile=False)
    losses = [float(model.train_on_batch(np.ones((2, 1)), np.full((2, 1), y))) for y in (1.0, 3.0)]
    _require(losses == [1, 9], f"train_on_batch returns {losses} for batches whose losses are [1.0, 9.0].")
    return "train_on_batch returns the loss of its own batch."


def _check_discriminator_step() -> str:
    def update(gan: GAN, n: int) -> None:
        gan.update_discriminator(to_float(_draw_images()[:n]), gan.generate(gan.noise(n)))

    return _check_step("discriminator", update)


def _check_generator_step() -> str:
    return _check_step("generator", lambda gan, n: gan.update_generator(gan.noise(n)))


def _check_step(own: str, update: Callable) -> str:
    """Checks that an update changes every weight of its own network and none of the other.

    Two batch sizes are tried, because Keras traces a step anew for each.
    """
    gan = _build_gan("keras")
    for batch_size in (16, 8):
        where = f"in the {own}'s step on batches of {batch_size}"
        before = {net: net.get_weights() for net in (gan.discriminator, gan.generator)}
        update(gan, batch_size)
        for net, weights in before.items():
            changed = [bool(np.any(a != b)) for a, b in zip(weights, net.get_weights(), strict=True)]
            unchanged = f"{changed.count(False)} of the {net.name}'s {len(changed)} weights do not change"
            _require(net.name != own or all(changed), f"{unchanged} {where}.")
            _require(net.name == own or not any(changed), f"The {net.name} changes {where}.")
    return f"The {own} changes in its own step, and nothing else does, at two batch sizes."


def _build_gan(preset: str, jit_compile: bool = False, **settings) -> GAN:
    return GAN(preset, image_shape=(8, 8, 1), latent_dim=8, jit_compile=jit_compile, **settings)


def _draw_images() -> np.ndarray:
    """Returns random uint8 images (32, 8, 8, 1)."""
    return make_rng(0, Stream.EVALUATION).integers(0, 256, (32, 8, 8, 1), dtype=np.uint8)


def _check_engines() -> str:
    # As users run them: the compiled engine by XLA
    gans = [_build_gan("aioz", name == "compiled", precision="float64") for name in engines.ENGINES]
    runs = [make(gan, _draw_images(), 16) for make, gan in zip(engines.ENGINES.values(), gans, strict=True)]
    losses = [run(0, _STEPS) for run in runs]
    pairs = [losses, *zip(*(gan.arrays().values() for gan in gans), strict=True)]
    difference = np.max([np.abs(a - b).max() for a, b in pairs])  # NaN if there is one
    sentence = f"{' and '.join(engines.ENGINES)} differ by {difference:.0e} after {_STEPS} steps in float64"
    _require(difference <= _TOLERANCE, f"{sentence}, more than {_TOLERANCE:g}.")
    return f"{sentence}."


CHECKS = {
    "versions": _check_versions,
    "sqrtm": _check_sqrtm,
    "losses": _check_own_loss,
    "discriminator": _check_discriminator_step,
    "generator": _check_generator_step,
    "engines": _check_engines,
}


# information


def _list_information() -> dict[str, Callable[[], str]]:
    data_sets = {
        f"data set {name}": functools.partial(download.describe_location, name) for name in download.DATASETS
    }
    first = {"device": _describe_device, "keras.json": _describe_keras, "matplotlib": _describe_matplotlib}
    return first | {"cache": _describe_cache, **data_sets, "InceptionV3": _describe_inception}


def _describe_device() -> str:
    return f"TensorFlow computes on {get_device_name()}; {get_cpu_kind()}, {get_cpu_count()} cores"


def _describe_keras() -> str:
    """What keras.json or a program has set, which the networks here do not depend on."""
    return (
        f"{keras.config.image_data_format()}, floatx {keras.config.floatx()}, epsilon "
        f"{keras.config.epsilon():g}, dtype policy {keras.config.dtype_policy().name}; "
        "the numbers here do not depend on them"
    )


def _describe_matplotlib() -> str:
    changed = sorted(
        name
        for name, value in matplotlib.rcParams.items()
        if name not in ("backend", "backend_fallback") and value != matplotlib.rcParamsDefault[name]
    )
    style = f"sets {', '.join(changed)}" if changed else "sets nothing"
    return f"{matplotlib.matplotlib_fname()} {style}; the pictures here do not depend on it"


def _describe_cache() -> str:
    folder = cache.get_keras_home()
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        tempfile.TemporaryFile(dir=existing).close()
    except OSError as error:
        return f"{folder} cannot be written ({error.strerror}); KERAS_HOME names another folder"
    return f"{folder} can be written"


def _describe_inception() -> str:
    path = find_weights("inception")
    return f"at hand: {path}" if path else "downloaded when a distance needs it, 96 MB"
