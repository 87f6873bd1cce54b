"""The Fréchet distance between any two of: images, statistics of images, runs, parts of data sets."""

import numpy as np

from keras_gan import progress
from keras_gan.evaluation import feature_stats, metrics
from keras_gan.rng import Stream, choose_rows, make_rng

FEW_IMAGES = 2048  # images, the number of Inception's features: below it the covariance is singular


def compute_side_stats(one, extractor, count, seed, warn):
    """Returns the `statistics.Statistics` of `count` images of a side, or those that it is."""
    if one.statistics:
        return one.statistics
    if one.dataset:
        rows = choose_rows(len(one.dataset.images), seed, count)
        return feature_stats.load_or_compute_stats(extractor, one.dataset, rows, warn)
    size = max(feature_stats.CHUNK, extractor.batch_size)
    batches = progress.counted(one.source.draw_batches(seed, count, size), count, f"features of {one.name}")
    return feature_stats.compute_stats(extractor, batches)


def compute_fid(a, b, extractor, count, seed, warn):
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
    of_a = compute_side_stats(a, extractor, a.count(count) if a.source else None, seed, warn)
    n_b, held, rest = b.count(count) if b.source else None, None, None
    if b.dataset and b.other:
        held = _held_out_stats(extractor, b.other, of_a.gaussian.n, seed, warn)
    elif b.dataset and n_b >= 4:
        held, rest = _split_stats(extractor, b, of_a.gaussian.n, n_b, seed, warn)
    of_b = _merge_stats(held, rest) if rest else compute_side_stats(b, extractor, n_b, seed, warn)
    feature_stats.check_same_spec(of_a, of_b)
    found = metrics.frechet_distance(of_a.gaussian, of_b.gaussian)
    return {
        "a": a.name,
        "b": b.name,
        "n_a": of_a.gaussian.n,
        "n_b": of_b.gaussian.n,
        "frechet_distance": found.value,
        "method": found.method,
        "note": found.note,
        "floor": _real_baseline(held, rest or of_b) if held else None,
        "protocol": of_a.protocol if "stated" in of_b.protocol else of_b.protocol,
        "stated": any("stated" in side.protocol for side in (of_a, of_b)),
        "seed": seed,
    }


def _held_out_stats(extractor, other, n, seed, warn):
    """Returns the statistics of n images that are not among B's, of as many as there are."""
    rows = choose_rows(len(other.images), seed, n or len(other.images))
    return feature_stats.load_or_compute_stats(extractor, other, rows, warn)


def _split_stats(extractor, b, n, n_b, seed, warn):
    """Returns the statistics of n of B's images, half of them at most, and of the rest."""
    rows = choose_rows(len(b.dataset.images), seed, n_b)
    shuffled = make_rng(seed, Stream.EVALUATION, 1).permutation(rows)
    cut = max(2, min(n or n_b, n_b // 2))
    parts = [np.sort(part) for part in (shuffled[:cut], shuffled[cut:])]
    return [feature_stats.load_or_compute_stats(extractor, b.dataset, part, warn) for part in parts]


def _merge_stats(held, rest):
    return rest._replace(gaussian=metrics.merge(held.gaussian, rest.gaussian))


def _real_baseline(held, reference):
    value = metrics.frechet_distance(held.gaussian, reference.gaussian, "symmetric").value
    return {"value": value, "n": held.gaussian.n, "n_reference": reference.gaussian.n}


def name_distance(protocol, stated):
    """Returns what a distance of that protocol is called: never FID without its network's name."""
    name = protocol.get("features", protocol.get("stated"))
    if stated:
        return f"Fréchet distance ({name} features, as stated)"
    if name == "inception":
        return "Fréchet Inception Distance (Keras's InceptionV3)"
    return f"Fréchet distance ({name} features)"


def format_result(found, about):
    """Returns the lines that say the distance, its floor and what they are of."""
    n_a, n_b = (n or "an unknown number of" for n in (found["n_a"], found["n_b"]))
    yield f"{name_distance(found['protocol'], found['stated'])}: {found['frechet_distance']:.4f}"
    yield f"  of {n_a} images of {found['a']} to {n_b} of {found['b']}, seed {found['seed']}"
    if found["note"]:
        yield f"  by the {found['method']} form, as {found['note']}"
    if floor := found["floor"]:
        yield f"floor: {floor['value']:.4f}, of {floor['n']} real images to {floor['n_reference']} others"
    else:
        yield f"floor: none, as {found['b']} is not a set of real images"
    yield f"judge: {about}"


def list_warnings(found):
    """Returns the lines of what is to be said of the numbers of images."""
    few = min(n for n in (found["n_a"], found["n_b"], FEW_IMAGES) if n is not None)
    if few < FEW_IMAGES:
        yield (
            f"With {few} images, fewer than {FEW_IMAGES}, a Fréchet distance is mostly the bias of their "
            "number: compare it at equal numbers, and with the floor."
        )
    if found["floor"] and found["n_a"] and found["floor"]["n"] < found["n_a"]:
        yield (
            f"The floor is of {found['floor']['n']} images, as there are no more real ones; at "
            f"{found['n_a']} it would be lower."
        )
