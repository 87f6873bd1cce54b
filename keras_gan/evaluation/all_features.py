"""One distance in the features of every extractor at hand: why is your FID not mine?"""

from collections.abc import Sequence
from typing import NamedTuple

from keras_gan import progress
from keras_gan.evaluation import features, fid, weights
from keras_gan.evaluation.sides import Side, Warn, find_reference_images
from keras_gan.run.metrics_log import describe_samples


class AllFeatures(NamedTuple):
    """The result of `compute_fid` for each extractor at hand, and why there is none for the others."""

    results: dict[str, dict]
    missing: dict[str, str]


def compute_all(
    a: Side, b: Side, count: int | None, seed: int, batch_size: int | None, warn: Warn
) -> AllFeatures:
    """Returns the distances of two sides in all features whose network is at hand; downloads nothing.

    Statistics are of one network alone: the others are missing.
    """
    real = find_reference_images((a, b), True, warn)
    found = AllFeatures({}, {})
    for name in features.NAMES:
        try:
            if name in weights.FILES and not weights.find_weights(name):
                file = weights.FILES[name][0]
                address = f"{file.folder}{file.name} into {weights.get_cache_folder()}"
                found.missing[name] = f"--features NAME downloads the weights, or put {address}"
                continue
            if name == "classifier" and real[0].labels is None:
                found.missing[name] = f"{real[0].name} has no labels"
                continue
            extractor = features.load_extractor(name, *real, None, True, warn)
            extractor.batch_size = batch_size or extractor.batch_size
            found.results[name] = fid.compute_fid(a, b, extractor, count, seed, warn)
        except ValueError as error:  # images in colour, other statistics, a damaged file
            found.missing[name] = str(error)
    return found


def format_all(found: AllFeatures) -> str:
    """Returns the table of all distances, and below it a line for each extractor that is missing."""
    results = list(found.results.values())
    lines = []
    if results:
        first = results[0]
        lines.append(f"Fréchet distance of {first['a']} to {first['b']}, seed {first['seed']}")
        lines += [describe_samples(first)] if "mode" in first else []
        header = ("features", "distance", "real baseline", "n", "n real")
        lines.append(
            progress.format_table(header, [_make_row(*item) for item in found.results.items()], "lrrrr")
        )
    for why in dict.fromkeys(found.missing.values()):  # several extractors share a file
        names = ", ".join(name for name, reason in found.missing.items() if reason == why)
        lines.append(progress.fold(f"{names}: missing; {why}", indent=2))
    return "\n".join(lines)


def _make_row(name: str, result: dict) -> Sequence[str | None]:
    real = result["real_baseline"]
    label = f"{name}, as assumed" if result["assumed_spec"] else name
    numbers = (result["n_a"], result["n_b"])
    return (
        label,
        f"{result['frechet_distance']:z.4f}",
        f"{real['value']:z.4f}" if real else None,
        *(None if n is None else str(n) for n in numbers),
    )
