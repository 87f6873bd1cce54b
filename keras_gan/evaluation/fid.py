"""The Fréchet distance between any two of: images, statistics of images, runs, parts of data sets."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_gan import progress
from keras_gan.data.datasets import Dataset
from keras_gan.device import get_device_name
from keras_gan.evaluation import feature_stats, features, metrics
from keras_gan.evaluation.extractor import FeatureExtractor
from keras_gan.evaluation.feature_stats import FeatureStats
from keras_gan.evaluation.inputs import ImageSet, RunInput
from keras_gan.evaluation.sides import Side, find_reference_images
from keras_gan.rng import Stream, choose_rows, make_rng
from keras_gan.streams import Warn


def choose_loader(
    sides: Sequence[Side],
    name: str | None,
    given: str | Path | None = None,
    batch_size: int | None = None,
    offline: bool = False,
    warn: Warn = progress.print_warning,
) -> Callable[[Warn], FeatureExtractor] | None:
    """Returns what loads the extractor for some sides, None where all of them are statistics.

    It is called with a function that takes each line the user should see, once for each device.

    Args:
        name: of the features, as `load_extractor` takes it; None is what a side's statistics are of, else
            "inception", for which another stands in if its weights cannot be had.
        given: path of the weights.
        batch_size: images through the network at once; None is the extractor's own.
    """
    if all(side.statistics for side in sides):
        return None
    name = name or next((side.statistics.features for side in sides if side.statistics), None)
    real = find_reference_images(sides, offline, warn)

    def load(warn):
        if name or given:
            extractor = features.load_extractor(name or "inception", *real, given, offline, warn)
        else:
            extractor = features.load_inception_or_stand_in(*real, offline, warn)
        extractor.batch_size = batch_size or extractor.batch_size
        return extractor

    return load


class _Part(NamedTuple):
    """Images whose features are to be computed: rows of a data set, or so many of a source."""

    name: str
    n: int
    rows: np.ndarray | None
    dataset: Dataset | None
    source: RunInput | ImageSet | None = None


def compute_fid(
    a: Side, b: Side, extractor: FeatureExtractor | None, count: int | None, seed: int, warn: Warn
) -> dict:
    """Returns the distance of two sides and all it depends on, as a dict that JSON can hold.

    Beside it stands the `real_baseline`: the distance that as many real images as there are of A
    get, or as many as there are. They are of the other part of B's data set, compared with all of
    B; where it has no other part they are some of B's, compared with the rest. None where B is a
    run or statistics. `assumed_spec` is whether the features of one side are a user's word.

    Args:
        extractor: None where both sides are statistics.
        count: images of a side at most; None is all, and 5,000 of a run.
        seed: of a run's noise and of which images are taken.

    Raises:
        ValueError: the statistics are of different feature specs.
    """
    # Which images go through the network: those of A, of B, and real ones for the baseline.
    part_a = None if a.statistics else _make_part(a, count, seed)
    n_a = part_a.n if part_a else a.statistics.gaussian.n
    part_b, held_out, rest = None if b.statistics else _make_part(b, count, seed), None, None
    if b.dataset and b.other:
        held_out = _choose_part(b.name, b.other, n_a or len(b.other.images), seed)
    elif b.dataset and part_b.n >= 4:
        held_out, rest = _split_part(part_b, n_a, seed)
        part_b = None  # its statistics are those of the two together

    # Their features, the costly part: 16 images a second through InceptionV3 on a CPU.
    parts = [part for part in (part_a, held_out, rest, part_b) if part]
    announce(parts, extractor, warn)
    stats_a, stats_held_out, stats_rest, stats_b = (
        part and _compute_stats(part, extractor, seed, warn) for part in (part_a, held_out, rest, part_b)
    )
    stats_a, stats_b = stats_a or a.statistics, stats_b or b.statistics
    if stats_rest:
        stats_b = stats_rest._replace(gaussian=metrics.merge(stats_held_out.gaussian, stats_rest.gaussian))

    # The distance: as published, by sqrtm. The baseline: by the symmetric form, which is faster.
    feature_stats.check_same_spec(stats_a, stats_b)
    distance = metrics.frechet_distance(stats_a.gaussian, stats_b.gaussian)
    return {
        "a": a.name,
        "b": b.name,
        "n_a": stats_a.gaussian.n,
        "n_b": stats_b.gaussian.n,
        "frechet_distance": distance.value,
        "method": distance.method,
        "note": distance.note,
        "real_baseline": _compute_real_baseline(stats_held_out, stats_rest or stats_b),
        "feature_spec": stats_a.spec if "assumed" in stats_b.spec else stats_b.spec,
        "assumed_spec": any("assumed" in stats.spec for stats in (stats_a, stats_b)),
        "seed": seed,
        **(a.describe_samples() or b.describe_samples()),
    }


def compute_side_stats(
    side: Side, extractor: FeatureExtractor | None, count: int | None, seed: int, warn: Warn
) -> FeatureStats:
    """Returns the `FeatureStats` of a side, or those that it is."""
    if side.statistics or extractor is None:
        return side.statistics
    part = _make_part(side, count, seed)
    announce([part], extractor, warn)
    return _compute_stats(part, extractor, seed, warn)


def _make_part(side: Side, count: int | None, seed: int) -> _Part:
    n = side.count(count)
    if side.dataset:
        return _choose_part(side.name, side.dataset, n, seed)
    return _Part(side.name, n, None, None, side.source)


def _choose_part(name: str, dataset: Dataset, n: int, seed: int) -> _Part:
    rows = choose_rows(len(dataset.images), seed, n)
    return _Part(name, len(rows), rows, dataset)


def _split_part(part: _Part, n: int | None, seed: int) -> list[_Part]:
    """Returns n of a part's images, half of them at most, and the rest."""
    shuffled = make_rng(seed, Stream.EVALUATION, 1).permutation(part.rows)
    cut = max(2, min(n or part.n, part.n // 2))
    halves = [np.sort(rows) for rows in (shuffled[:cut], shuffled[cut:])]
    return [part._replace(n=len(rows), rows=rows) for rows in halves]


def _compute_stats(part: _Part, extractor: FeatureExtractor, seed: int, warn: Warn) -> FeatureStats:
    if part.dataset:
        return feature_stats.load_or_compute_stats(extractor, part.dataset, part.rows, warn)
    size = max(feature_stats.CHUNK, extractor.batch_size)
    batches = part.source.draw_batches(seed, part.n, size)
    return feature_stats.compute_stats(
        extractor, progress.show_progress(batches, part.n, f"features of {part.name}")
    )


def announce(parts: list[_Part], extractor: FeatureExtractor | None, warn: Warn) -> None:
    """Says how many images go through which network and about how long that takes on this device.

    Images whose statistics are cached are left out. Two batches are timed; the first compiles.
    """
    cached = [p for p in parts if p.dataset and feature_stats.is_cached(extractor, p.dataset, p.rows)]
    n = sum(part.n for part in parts) - sum(part.n for part in cached)
    if not n:
        return
    sides = [part.dataset.image_shape if part.dataset else part.source.image_shape for part in parts]
    batch = np.zeros((min(extractor.batch_size, n), *sides[0]), np.uint8)
    extractor(batch)
    start = time.monotonic()
    extractor(batch)
    seconds = (time.monotonic() - start) * n / len(batch)
    about = "less than a minute" if seconds < 60 else f"about {progress.format_duration(seconds)}"
    device = get_device_name()
    warn(f"{n:,} images go through {extractor.description}: {about} on this {device}.")


def _compute_real_baseline(held_out: FeatureStats | None, reference: FeatureStats) -> dict | None:
    if held_out is None:
        return None
    value = metrics.frechet_distance(held_out.gaussian, reference.gaussian, "symmetric").value
    return {"value": value, "n": held_out.gaussian.n, "n_reference": reference.gaussian.n}
