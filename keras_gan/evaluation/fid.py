"""The Fréchet distance between any two of: images, statistics of images, runs, parts of data sets."""

from collections.abc import Callable, Iterator

import numpy as np

from keras_gan import progress
from keras_gan.data.datasets import Dataset
from keras_gan.evaluation import feature_stats, metrics
from keras_gan.evaluation.feature_stats import FeatureStats
from keras_gan.evaluation.features import FeatureExtractor
from keras_gan.evaluation.inputs import Side
from keras_gan.rng import Stream, choose_rows, make_rng

ENOUGH_IMAGES = 2048  # the number of Inception's features: with fewer images the covariance is singular

Warn = Callable[[str], object]


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
    # Features of A: samples that the run draws now, or images that are read; the costly part.
    stats_a = compute_side_stats(a, extractor, a.count(count) if a.source else None, seed, warn)

    # Features of B. Its other part, or some of its own images, is the baseline's held-out side.
    n_b, held_out, rest = b.count(count) if b.source else None, None, None
    if b.dataset and b.other:
        held_out = _compute_held_out_stats(extractor, b.other, stats_a.gaussian.n, seed, warn)
    elif b.dataset and n_b >= 4:
        held_out, rest = _split_stats(extractor, b.dataset, stats_a.gaussian.n, n_b, seed, warn)
    stats_b = _merge_stats(held_out, rest) if rest else compute_side_stats(b, extractor, n_b, seed, warn)

    # The distance: as published, by sqrtm. The baseline, by the symmetric form, which is faster.
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
        "real_baseline": _compute_real_baseline(held_out, rest or stats_b) if held_out else None,
        "feature_spec": stats_a.spec if "assumed" in stats_b.spec else stats_b.spec,
        "assumed_spec": any("assumed" in stats.spec for stats in (stats_a, stats_b)),
        "seed": seed,
    }


def compute_side_stats(
    side: Side, extractor: FeatureExtractor | None, count: int | None, seed: int, warn: Warn
) -> FeatureStats:
    """Returns the `FeatureStats` of `count` images of a side, or those that it is."""
    if side.statistics:
        return side.statistics
    if side.dataset:
        rows = choose_rows(len(side.dataset.images), seed, count)
        return feature_stats.load_or_compute_stats(extractor, side.dataset, rows, warn)
    size = max(feature_stats.CHUNK, extractor.batch_size)
    batches = side.source.draw_batches(seed, count, size)
    return feature_stats.compute_stats(
        extractor, progress.counted(batches, count, f"features of {side.name}")
    )


def _compute_held_out_stats(extractor, other: Dataset, n: int | None, seed: int, warn: Warn) -> FeatureStats:
    """Returns the statistics of n images that are not among B's, or of as many as there are."""
    rows = choose_rows(len(other.images), seed, n or len(other.images))
    return feature_stats.load_or_compute_stats(extractor, other, rows, warn)


def _split_stats(extractor, dataset: Dataset, n: int | None, n_b: int, seed: int, warn: Warn):
    """Returns the statistics of n of B's images, half of them at most, and of the rest."""
    rows = choose_rows(len(dataset.images), seed, n_b)
    shuffled = make_rng(seed, Stream.EVALUATION, 1).permutation(rows)
    cut = max(2, min(n or n_b, n_b // 2))
    parts = [np.sort(part) for part in (shuffled[:cut], shuffled[cut:])]
    return [feature_stats.load_or_compute_stats(extractor, dataset, part, warn) for part in parts]


def _merge_stats(held_out: FeatureStats, rest: FeatureStats) -> FeatureStats:
    return rest._replace(gaussian=metrics.merge(held_out.gaussian, rest.gaussian))


def _compute_real_baseline(held_out: FeatureStats, reference: FeatureStats) -> dict:
    value = metrics.frechet_distance(held_out.gaussian, reference.gaussian, "symmetric").value
    return {"value": value, "n": held_out.gaussian.n, "n_reference": reference.gaussian.n}


def name_distance(spec: dict[str, str], assumed: bool) -> str:
    """Returns what a distance of a feature spec is called: never FID without its network's name."""
    name = spec.get("features") or spec.get("assumed")
    if assumed:
        return f"Fréchet distance ({name} features, as assumed)"
    if name == "inception":
        return "Fréchet Inception Distance (Keras's InceptionV3)"
    return f"Fréchet distance ({name} features)"


def format_result(result: dict, extractor_description: str) -> Iterator[str]:
    """Yields the lines that say the distance, its real baseline and what they are of.

    A value that rounds to 0 is written without a sign.
    """
    n_a, n_b = (n or "an unknown number of" for n in (result["n_a"], result["n_b"]))
    name = name_distance(result["feature_spec"], result["assumed_spec"])
    yield f"{name}: {result['frechet_distance']:z.4f}"
    yield f"  of {n_a} images of {result['a']} to {n_b} of {result['b']}, seed {result['seed']}"
    if result["note"]:
        yield f"  by the {result['method']} form, as {result['note']}"
    if real := result["real_baseline"]:
        real_images = f"{real['n']} real images to {real['n_reference']} others"
        yield f"real baseline: {real['value']:z.4f}, of {real_images}"
    else:
        yield f"real baseline: none, as {result['b']} is not a set of real images"
    yield f"feature extractor: {extractor_description}"


def list_warnings(result: dict) -> Iterator[str]:
    """Yields a line for each way in which there are too few images."""
    few = min(n for n in (result["n_a"], result["n_b"], ENOUGH_IMAGES) if n is not None)
    if few < ENOUGH_IMAGES:
        yield (
            f"With {few} images, fewer than {ENOUGH_IMAGES}, a Fréchet distance is mostly the bias of their "
            "number: compare it at equal numbers, and with the real baseline."
        )
    real = result["real_baseline"]
    if real and result["n_a"] and real["n"] < result["n_a"]:
        yield (
            f"The real baseline is of {real['n']} images, as there are no more real ones; at "
            f"{result['n_a']} it would be lower."
        )
