"""The two sides of a distance: a run, images, a part of a data set, or statistics of features."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from keras_gan.config import SAMPLES
from keras_gan.data import datasets, download
from keras_gan.data.options import ImageOptions
from keras_gan.evaluation import feature_stats
from keras_gan.evaluation.inputs import ImageSet, RunInput, load_parts, load_real_images, open_inputs
from keras_gan.run.info import is_run
from keras_gan.streams import Warn


class Side(NamedTuple):
    """One of the two things that a distance is between.

    Attributes:
        name: as it was given.
        statistics: `FeatureStats`, where these were given; else
        source: a `RunInput` or an `ImageSet`.
        dataset: `Dataset` of the source's images; None of a run.
        other: the other part of that data set, or None.
    """

    name: str
    statistics: feature_stats.FeatureStats | None = None
    source: RunInput | ImageSet | None = None
    dataset: datasets.Dataset | None = None
    other: datasets.Dataset | None = None

    def describe_samples(self) -> dict:
        """Returns what a run's samples depend on beside seed and step, {} in inference mode."""
        return self.source.describe_samples() if isinstance(self.source, RunInput) else {}

    def count(self, most: int | None) -> int:
        """Returns how many images are used where `most` are asked for, None being all there are."""
        if self.dataset is None:
            return most or SAMPLES
        return min(len(self.dataset.images), most or len(self.dataset.images))


def open_side(
    text: str,
    options: ImageOptions,
    assumed: str | None,
    offline: bool,
    warn: Warn,
    mode: str = "inference",
) -> Side:
    """Returns the `Side` that a user names.

    Args:
        text: a run, an .npz file of statistics, or images: a path or the name of a data set,
            followed by :train or :test where that part of it is meant.
        options: what is done with images as they are read.
        assumed: name of the features of a file of statistics that does not record them.
        mode: of a run's samples, as in `GAN.sample`.

    Raises:
        OSError, ValueError: it cannot be read as any of them.
    """
    if feature_stats.is_stats_file(text):
        return Side(text, statistics=feature_stats.load_stats(text, assumed))
    if is_run(text):
        return Side(text, source=open_inputs([text], warn)[0]._replace(mode=mode))
    place, _, split = text.rpartition(":")
    if split not in ("train", "test"):
        place, split = text, "train"
    known = place.replace("_", "-") in download.DATASETS and not Path(place).exists()
    name, path = (place, None) if known else ("auto", place)
    part, other = load_parts(name, path, options, split, offline=offline, warn=warn)
    return Side(text, source=ImageSet(text, part.images), dataset=part, other=other)


def check_options(
    sides: Sequence[Side], mode: str | None, stats_features: str | None, how: dict[str, Any]
) -> None:
    """Raises ValueError for an option that is given and that neither side heeds.

    Args:
        how: options of reading images, None where one is not given.
    """
    runs = any(isinstance(side.source, RunInput) for side in sides)
    images = any(side.dataset for side in sides)
    statistics = any(side.statistics for side in sides)
    for option, is_given, is_heeded, what in (
        ("--mode", mode, runs, "the samples of a run"),
        ("--stats-features", stats_features, statistics, "files of statistics"),
        ("--image-size", how["size"], images, "images"),
        ("--fit", how["fit"], images, "images"),
        ("--background", how["background"], images, "images"),
    ):
        if is_given and not is_heeded:
            names = " and ".join(side.name for side in sides)
            raise ValueError(f"{option} is of {what}. Received: {names}.")


def find_reference_images(
    sides: Sequence[Side], offline: bool, warn: Warn
) -> tuple[datasets.Dataset, datasets.Dataset | None]:
    """Returns the real images, a part and the other one or None, that an extractor is fitted to.

    They are those of a side, or that a side's run was trained on: labelled ones before others, and
    those of the second side before the first's. Without any they are the bundled digits.
    """
    found = None
    for side in reversed(sides):
        both = _find_real_images(side, offline, warn)
        if both and both[0].labels is not None:
            return both
        found = found or both
    if found:
        return found
    return datasets.load_dataset("digits", split="train"), datasets.load_dataset("digits", split="test")


def _find_real_images(side, offline, warn):
    if side.dataset:
        both = (side.dataset, side.other)
        return both if side.dataset.split == "train" or side.other is None else both[::-1]
    if side.source and side.source.info:
        try:
            return load_real_images([side.source], None, None, offline, warn)
        except (OSError, ValueError) as error:
            warn(f"{error} The features are chosen without these images.")
    return None
