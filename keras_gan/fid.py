"""The Fréchet distance between any two of: images, statistics of images, runs, parts of data sets."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_gan import data, metrics, progress, sources, statistics
from keras_gan.config import SAMPLES
from keras_gan.statistics import Statistics

FEW = 2048  # images, the number of Inception's features: below it the covariance is singular


class Side(NamedTuple):
    """One of the two things that a distance is between.

    Attributes:
        name: as it was given.
        statistics: `Statistics`, where these were given; else
        source: `sources.Source`, a run or images.
        dataset: `data.Dataset` of the source's images; None of a run.
        other: the other part of that data set, or None.
    """

    name: str
    statistics: Statistics | None = None
    source: sources.Source | None = None
    dataset: data.Dataset | None = None
    other: data.Dataset | None = None

    def count(self, most):
        """Returns how many images are judged where `most` are asked for, None being all there are."""
        if self.dataset is None:
            return most or SAMPLES
        return min(len(self.dataset.images), most or len(self.dataset.images))


def side(text, image_size, stated, offline, warn):
    """Returns the `Side` that a user names.

    Args:
        text: a run, an .npz file of statistics, or images: a path or the name of a data set,
            followed by :train or :test where that part of it is meant.
        image_size: (h, w) to which images are resized as they are read; None leaves them.
        stated: the protocol of a file of statistics that has none.

    Raises:
        OSError, ValueError: it cannot be read as any of them.
    """
    if statistics.are_in(text):
        return Side(text, statistics=statistics.load(text, stated))
    if sources.is_run(text):
        return Side(text, source=sources.found([text], warn)[0])
    place, _, split = text.rpartition(":")
    if split not in ("train", "test"):
        place, split = text, "train"
    known = place.replace("_", "-") in data.DATASETS and not Path(place).exists()
    name, path = (place, None) if known else ("auto", place)
    part, other = sources.parts(name, path, image_size, split, offline=offline, warn=warn)
    return Side(text, source=sources.Source(text, None, None, None, part.images), dataset=part, other=other)


def labelled(sides, offline, warn):
    """Returns the labelled images, training and test part, that a digit classifier is to learn from.

    They are those of a side, the second one before the first, and else the bundled digits.
    """
    for one in reversed(sides):
        if one.dataset and one.dataset.labels is not None:
            both = (one.dataset, one.other)
            return both if one.dataset.split == "train" or one.other is None else both[::-1]
        if one.source and one.source.record:
            try:
                return sources.real_images([one.source], None, None, offline, warn)
            except (OSError, ValueError) as error:
                warn(f"{error} The classifier of the bundled digits is the judge.")
    return [data.load_dataset("digits", split=split) for split in ("train", "test")]


def of_side(one, extractor, count, seed, warn):
    """Returns the `statistics.Statistics` of `count` images of a side, or those that it is."""
    if one.statistics:
        return one.statistics
    if one.dataset:
        rows = data.some_rows(len(one.dataset.images), seed, count)
        return statistics.of_rows(extractor, one.dataset, rows, warn)
    size = max(statistics.PIECE, extractor.batch_size)
    batches = progress.counted(one.source.batches(seed, count, size), count, f"features of {one.name}")
    return statistics.of_batches(extractor, batches)


def between(a, b, extractor, count, seed, warn):
    """Returns the distance of two sides and all it depends on, as a dict that JSON can hold.

    Beside it stands the `floor`: the distance that as many real images as there are of A get, or as
    many as there are. They are of the other part of B's data set, compared with all of B; where
    it has no other part they are some of B's, compared with the rest. None where B is a run or
    statistics. `stated` is whether a user's word stands for the protocol of one side.

    Args:
        a, b: `Side`s.
        extractor: `features.Extractor`; None where both are statistics.
        count: images of a side at most; None is all, and 5,000 of a run.
        seed: of a run's noise and of which images are taken.

    Raises:
        ValueError: the statistics are of different protocols.
    """
    of_a = of_side(a, extractor, a.count(count) if a.source else None, seed, warn)
    n_b, held, rest = b.count(count) if b.source else None, None, None
    if b.dataset and b.other:
        held = _held(extractor, b.other, of_a.gaussian.n, seed, warn)
    elif b.dataset and n_b >= 4:
        held, rest = _halves(extractor, b, of_a.gaussian.n, n_b, seed, warn)
    of_b = _whole(held, rest) if rest else of_side(b, extractor, n_b, seed, warn)
    statistics.check_same(of_a, of_b)
    found = metrics.frechet_distance(of_a.gaussian, of_b.gaussian)
    return {
        "a": a.name,
        "b": b.name,
        "n_a": of_a.gaussian.n,
        "n_b": of_b.gaussian.n,
        "frechet_distance": found.value,
        "method": found.method,
        "note": found.note,
        "floor": _floor(held, rest or of_b) if held else None,
        "protocol": of_a.protocol if "stated" in of_b.protocol else of_b.protocol,
        "stated": any("stated" in side.protocol for side in (of_a, of_b)),
        "seed": seed,
    }


def _held(extractor, other, n, seed, warn):
    """Returns the statistics of n images that are not among B's, of as many as there are."""
    rows = data.some_rows(len(other.images), seed, n or len(other.images))
    return statistics.of_rows(extractor, other, rows, warn)


def _halves(extractor, b, n, n_b, seed, warn):
    """Returns the statistics of n of B's images, half of them at most, and of the rest."""
    rows = data.some_rows(len(b.dataset.images), seed, n_b)
    shuffled = data.rng(seed, data.EVALUATION, 1).permutation(rows)
    cut = max(2, min(n or n_b, n_b // 2))
    parts = [np.sort(part) for part in (shuffled[:cut], shuffled[cut:])]
    return [statistics.of_rows(extractor, b.dataset, part, warn) for part in parts]


def _whole(held, rest):
    return rest._replace(gaussian=metrics.merged(held.gaussian, rest.gaussian))


def _floor(held, reference):
    value = metrics.frechet_distance(held.gaussian, reference.gaussian, "symmetric").value
    return {"value": value, "n": held.gaussian.n, "n_reference": reference.gaussian.n}


def title(protocol, stated):
    """Returns what a distance of that protocol is called: never FID without its network's name."""
    name = protocol.get("features", protocol.get("stated"))
    if stated:
        return f"Fréchet distance ({name} features, as stated)"
    if name == "inception":
        return "Fréchet Inception Distance (Keras's InceptionV3)"
    return f"Fréchet distance ({name} features)"


class Scorer:
    """Scores a GAN while it is trained: the Fréchet distance of its samples to the training images.

    Args:
        extractor: `features.Extractor`.
        dataset: `data.Dataset` of the training images, all of which are the real side.
        samples: number of samples, of the same noise every time.
        warn: called with a line where cached statistics are damaged.
    """

    def __init__(self, extractor, dataset, samples, warn):
        self.extractor, self._dataset, self._samples = extractor, dataset, samples
        rows = np.arange(len(dataset.images))
        self._real = statistics.of_rows(extractor, dataset, rows, warn).gaussian

    def __call__(self, gan, epoch):
        """Returns the row of metrics.jsonl of a GAN at its step, by the symmetric form."""
        pictures = gan.sample(data.noise(gan.seed, data.EVALUATION, 0, self._samples, gan.latent_dim))
        own = metrics.gaussian(self.extractor(pictures)[0])
        about = {"n": self._samples, "n_real": self._real.n, "data": self._dataset.sha256}
        return {
            "step": gan.step,
            "epoch": epoch,
            "metric": "frechet_distance",
            "value": metrics.frechet_distance(own, self._real, "symmetric").value,
            **about,
            "seed": gan.seed,
            **statistics.protocol(self.extractor),
        }


def in_words(found, about):
    """Returns the lines that say the distance, its floor and what they are of."""
    n_a, n_b = (n or "an unknown number of" for n in (found["n_a"], found["n_b"]))
    yield f"{title(found['protocol'], found['stated'])}: {found['frechet_distance']:.4f}"
    yield f"  of {n_a} images of {found['a']} to {n_b} of {found['b']}, seed {found['seed']}"
    if found["note"]:
        yield f"  by the {found['method']} form, as {found['note']}"
    if floor := found["floor"]:
        yield f"floor: {floor['value']:.4f}, of {floor['n']} real images to {floor['n_reference']} others"
    else:
        yield f"floor: none, as {found['b']} is not a set of real images"
    yield f"judge: {about}"


def warnings_of(found):
    """Returns the lines of what is to be said of the numbers of images."""
    few = min(n for n in (found["n_a"], found["n_b"], FEW) if n is not None)
    if few < FEW:
        yield (
            f"With {few} images, fewer than {FEW}, a Fréchet distance is mostly the bias of their "
            "number: compare it at equal numbers, and with the floor."
        )
    if found["floor"] and found["n_a"] and found["floor"]["n"] < found["n_a"]:
        yield (
            f"The floor is of {found['floor']['n']} images, as there are no more real ones; at "
            f"{found['n_a']} it would be lower."
        )
