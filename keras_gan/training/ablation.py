"""Which difference between two presets matters: runs of one with facts of the other, and their scores.

A changed preset is a preset whose name says what was changed ("keras,order=pytorch-gan"), so that it is
trained, resumed and compared with PyTorch as any other.
"""

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from keras_gan.data.datasets import Dataset
from keras_gan.preset_diff import list_changes
from keras_gan.presets import Preset
from keras_gan.run.info import CONFIG, GENERATOR, read
from keras_gan.run.metrics_log import get_spec, select_training_scores
from keras_gan.setting_checks import check_distinct
from keras_gan.training.sweep import Job, check_images, make_job


class Variant(NamedTuple):
    """A changed preset of an ablation.

    Attributes:
        label: what was changed; in the walk, what was changed last.
        preset: its name.
        folder: the beginning of the names of its run directories.
        walk: whether it belongs to the walk from A to B, which adds one fact after the other.
    """

    label: str
    preset: str
    folder: str
    walk: bool


def list_variants(a: Preset, b: Preset, facts: Sequence[str] | None = None) -> list[Variant]:
    """Returns A itself, A with each fact of B alone, and A with the first, the first two, ... facts.

    An epoch is one batch in all of them, so that equal numbers of epochs are equal numbers of steps.

    Args:
        b: published: facts of a preset that has some of another have no name.
        facts: keys of `preset_facts.FACTS`; None are all in which A and B differ.

    Raises:
        ValueError: B is not published, a fact is given twice, or A and B do not differ in one.
    """
    if "," in b.name:
        raise ValueError(
            f"B must be a published preset; only A may have facts of others. Received: {b.name}."
        )
    differing = list_changes(a, b)
    if not differing:
        raise ValueError(f"A and B must differ. Received: {a.name} and {b.name}.")
    check_distinct("Facts", facts or ())
    if unknown := [key for key in facts or () if key not in differing]:
        raise ValueError(
            f"Facts must be some of {', '.join(differing)}, in which {a.name} and {b.name} differ. "
            f"Received: {', '.join(unknown)}."
        )
    keys = differing if facts is None else list(facts)
    base = a.name if a.rule.epoch_is_one_batch else f"{a.name},epoch=keras"
    changes = [f"{key}={b.name}" for key in keys]
    alone = [Variant(key, f"{base},{change}", key, False) for key, change in zip(keys, changes, strict=True)]
    walk = [
        Variant(f"+ {key}", ",".join([base, *changes[: i + 1]]), f"walk-{i + 1:02}", True)
        for i, key in enumerate(keys)
        if i
    ]
    return [Variant(a.name, base, a.name, False), *alone, *walk]


def list_jobs(
    variants: list[Variant],
    seeds: list[int],
    steps: int,
    settings: dict[str, Any],
    flags: tuple[str, ...],
    folder: Path,
    dataset: Dataset,
) -> list[Job]:
    """Returns a job for each variant and seed, the seeds of a variant one after the other.

    Args:
        settings, flags: of `train`, the same for all; see `sweep.make_job`.
        folder: in which each run gets a folder of its own.
        dataset: the images that `settings` give.

    Raises:
        ValueError: a seed is given twice, or a run that is there is of other images.
    """
    check_distinct("Seeds", seeds)
    every = dict.fromkeys(("epochs", "fid_interval", "sample_interval", "checkpoint_interval"), steps)
    settings = {**every, "engine": "compiled", **settings}
    if "data" not in settings:
        settings["dataset"] = dataset.name  # "auto" may be another on a worker
    jobs = [
        make_job(
            get_run_folder(folder, variant, seed),
            {"preset": variant.preset, "seed": seed, **settings},
            steps,
            flags,
        )
        for variant in variants
        for seed in seeds
    ]
    check_images(jobs, dataset)
    return jobs


def get_run_folder(folder, variant: Variant, seed: int):
    """Returns the run directory of a variant and a seed."""
    return folder / f"{variant.folder}-{seed}"


def read_score(folder) -> float:
    """Returns the Fréchet distance at the end of a run, as it was scored while it was trained."""
    return select_training_scores(read(folder).read_metrics())[-1]["value"]


def describe_specs(folders: Iterable[Path]) -> str | None:
    """Returns a line on scores that cannot be compared, as of other features; None where all can."""
    specs = {}
    for folder in folders:
        row = select_training_scores(read(folder).read_metrics())[-1]
        specs[folder.name] = {
            name: value for name, value in json.loads(get_spec(row)).items() if name != "seed"
        }
    first, *others = specs
    for name in others:
        differing = [n for n in {**specs[first], **specs[name]} if specs[first].get(n) != specs[name].get(n)]
        if differing:
            listed = "; ".join(f"{n} {specs[first].get(n)} and {specs[name].get(n)}" for n in differing)
            return f"Scores of {first} and {name} cannot be compared: {listed}."
    return None


def read_seconds(folder) -> float:
    """Returns how long a finished run took, or its last part where it was resumed."""
    return Path(folder, GENERATOR).stat().st_mtime - Path(folder, CONFIG).stat().st_mtime


def summarise(variants: list[Variant], scores: dict[str, list[float]]) -> list[dict]:
    """Returns a row for each variant: mean and std of its scores, and the difference from the first.

    Args:
        scores: {preset name of a variant: scores, one a seed}.

    Returns:
        The first variant, then the others alone by the size of their difference, then the walk in its
        order. `exceeds` is whether a difference is larger than twice the std of the difference of two means;
        None where there is one seed.
    """
    base = scores[variants[0].preset]
    rows = [_row(variant, scores[variant.preset], base) for variant in variants]
    alone = sorted((row for row in rows[1:] if not row["walk"]), key=lambda row: -abs(row["difference"]))
    return [rows[0], *alone, *(row for row in rows if row["walk"])]


def _row(variant, scores, base):
    std = statistics.stdev(scores) if len(scores) > 1 else None
    difference = statistics.fmean(scores) - statistics.fmean(base)
    exceeds = None
    if std is not None:
        variance = (statistics.variance(scores) + statistics.variance(base)) / len(scores)
        exceeds = abs(difference) > 2 * variance**0.5
    return variant._asdict() | {
        "scores": scores,
        "mean": statistics.fmean(scores),
        "std": std,
        "difference": difference,
        "exceeds": exceeds,
    }
