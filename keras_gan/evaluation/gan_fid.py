"""The Fréchet distance of a `GAN` object, as `GAN.fid` returns it."""

import numbers
from pathlib import Path
from typing import Any

from keras_gan import progress
from keras_gan.config import MODES
from keras_gan.data.datasets import Dataset, open_dataset
from keras_gan.data.options import DEFAULTS
from keras_gan.evaluation import fid
from keras_gan.evaluation.fid_text import list_warnings
from keras_gan.evaluation.inputs import (
    ImageSet,
    RunInput,
    choose_image_options,
    load_parts,
    load_real_images,
    match_shape,
)
from keras_gan.evaluation.sides import Side, open_side
from keras_gan.model.gan import GAN
from keras_gan.run.info import read as read_run
from keras_gan.setting_checks import check_choice
from keras_gan.streams import Warn


class FrechetDistance(float):
    """A Fréchet distance: a float that says what it depends on.

    Attributes:
        n: number of generated images, n_real: of real ones.
        real_baseline: the distance that real images get, a dict of `value`, `n` and `n_reference`, or None.
        feature_spec: dict of the features, their weights' hash and the preprocessing.
        method: "sqrtm", or "symmetric" where SciPy's root is wrong, which `note` explains.
        result: all that `fid --json` prints.
    """

    n: int
    n_real: int
    real_baseline: dict | None
    feature_spec: dict
    method: str
    note: str
    result: dict

    def __new__(cls, result: dict) -> "FrechetDistance":
        """Returns the distance of a result of `compute_fid`."""
        distance = super().__new__(cls, result["frechet_distance"])
        distance.result = result
        distance.n, distance.n_real = result["n_a"], result["n_b"]
        distance.real_baseline, distance.feature_spec = result["real_baseline"], result["feature_spec"]
        distance.method, distance.note = result["method"], result["note"]
        return distance


def measure_gan(gan: GAN, real: Any, count: int, name: str, seed: int, mode: str) -> FrechetDistance:
    """Does the work of `GAN.fid`: finds the real images, then measures."""
    warn = progress.print_warning
    if not isinstance(count, numbers.Integral) or count < 2:
        raise ValueError(f"count must be an integer of at least 2. Received: count={count!r}.")
    b = _open_real_side(gan, real, warn)
    source = RunInput("the GAN", None, gan, check_choice("mode", mode, MODES))
    match_shape([source], b.dataset.image_shape if b.dataset else source.image_shape)
    sides = Side(source.name, source=source), b
    load = fid.choose_loader(sides, None if name == "inception" else name, warn=warn)
    result = fid.compute_fid(*sides, load and load(warn), count, seed, warn)
    for line in list_warnings(result):
        warn(line)
    return FrechetDistance(result)


def _open_real_side(gan: GAN, real: Any, warn: Warn) -> Side:
    options = choose_image_options([path for path in (gan.outdir, gan.loaded_from) if path])
    if isinstance(real, (str, Path)):
        return open_side(str(real), options, None, False, warn)
    if real is not None:
        dataset = open_dataset(real, options, warn=warn)
        return Side(dataset.name, None, ImageSet(dataset.name, dataset.images), dataset)
    train, test = _find_training_images(gan, warn)
    part, other = (train, None) if test is None else (test, train)
    name = f"{part.name}:{part.split}"
    return Side(name, None, ImageSet(name, part.images), part, other)


def _find_training_images(gan: GAN, warn: Warn) -> tuple[Dataset, Dataset | None]:
    """Returns what a GAN was, or would be, trained on, and its test part or None."""
    path = gan.outdir or gan.loaded_from
    run = read_run(path) if path else None
    if run and run.info and run.info.data["source"] != "memory":
        return load_real_images([RunInput("the GAN", run, gan)], None, None, False, warn)
    if gan.trained_on is not None:
        return gan.trained_on, None
    if gan.step:
        raise ValueError(
            "real must be given, as the images that this GAN was trained on are not known. Received: None; "
            "give a data set's name, a path or an array."
        )
    return load_parts(gan.preset.dataset, None, DEFAULTS, warn=warn)
