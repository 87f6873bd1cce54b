"""Keras and PyTorch trained from the same weights, batches and noise, over several seeds."""

import dataclasses
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from keras_gan import progress
from keras_gan.config import TrainConfig
from keras_gan.data.datasets import Dataset
from keras_gan.model import engines
from keras_gan.model.checkpoint import read_checkpoint
from keras_gan.model.gan import GAN
from keras_gan.preset_diff import get_preset
from keras_gan.pytorch.gan import TorchGAN
from keras_gan.report.reproduce import list_settings
from keras_gan.run.info import CHECKPOINT
from keras_gan.setting_checks import check_distinct
from keras_gan.training.sweep import Job, check_images, make_job

FRAMEWORKS = ("keras", "torch")

MEASURES = {  # what is averaged over the seeds, where it is known: its name in the table and its format
    "frechet_distance": ("Fréchet distance, {features} features", ".2f"),
    "confident": ("share classified with p >= 0.95", ".3f"),
    "classes": ("classes", ".1f"),
    "ms_per_step": ("ms a step", ".1f"),
}

ROUNDS = 5  # of timed calls, after one that is not timed

Summary = dict[str, dict[str, dict[str, Any]]]  # framework, measure, "mean" or "std"


def list_jobs(
    config: TrainConfig,
    dataset: Dataset,
    outdir: Path,
    seeds: list[int],
    flags: tuple[str, ...] = (),
    overwrite: bool = False,
) -> dict[tuple[int, str], Job]:
    """Returns {(seed, framework): job} of the runs to train on a data set, in the order of the seeds.

    Args:
        config: resolved.
        flags: of `train`, such as "--offline".

    Raises:
        ValueError: a seed is given twice, or a run that is there is of other images.
    """
    check_distinct("Seeds", seeds)
    if config.data is None:
        config = dataclasses.replace(config, dataset=dataset.name)  # "auto" may be another on a worker
    rule, preset = get_preset(config.gan.preset).rule, {"preset": config.gan.preset}
    steps = config.epochs * rule.steps_per_epoch(len(dataset.images), config.batch_size)
    jobs = {}
    for seed in seeds:
        settings = preset | list_settings(config) | {"seed": seed}
        ours = make_job(outdir / f"keras-{seed}", settings, steps, flags, overwrite)
        words = ("keras_gan.pytorch.train_run", "--settings", json.dumps(settings), *flags)
        jobs[seed, "keras"] = ours
        jobs[seed, "torch"] = ours._replace(folder=str((outdir / f"torch-{seed}").absolute()), command=words)
    check_images(jobs.values(), dataset)
    return jobs


def time_runs(jobs: dict[tuple[int, str], Job], config: TrainConfig, images: np.ndarray) -> list[float]:
    """Returns the milliseconds per step of each run, in their order; see `time_steps`.

    PyTorch goes first at every other seed. All seeds share two GANs, so that XLA compiles once.
    """
    paths = [Path(job.folder, CHECKPOINT) for (_, framework), job in jobs.items() if framework == "keras"]
    ours = GAN.load(paths[0])
    theirs = TorchGAN(**ours.config.to_dict())
    times: list[float] = []
    for i, path in enumerate(paths):
        for gan in (ours, theirs):
            gan.restore(read_checkpoint(path), path)
        if i % 2:
            times += reversed(time_steps([(theirs, config), (ours, config)], images))
        else:
            times += time_steps([(ours, config), (theirs, config)], images)
    return times


def time_steps(pairs: list[tuple[Any, TrainConfig]], images: np.ndarray) -> list[float]:
    """Returns the median milliseconds per step of each (GAN, configuration).

    They take turns at `ROUNDS` calls of their engines, so that whatever else the machine does slows
    both. A call is a tenth of the training's steps, at most 64. The first call, which may compile, is
    left out. The GANs are trained further by the calls.
    """
    steps = min(engines.MAX_STEPS, max(1, pairs[0][0].step // 10))
    calls = [engines.ENGINES[c.engine](gan, images, c.batch_size) for gan, c in pairs]
    seconds: list[list[float]] = [[] for _ in pairs]
    for _ in range(ROUNDS + 1):
        for (gan, _), call, taken in zip(pairs, calls, seconds):
            start = time.perf_counter()
            call(gan.step, steps)
            taken.append(time.perf_counter() - start)
    return [1000 * statistics.median(taken[1:]) / steps for taken in seconds]


def summarise(rows: list[dict]) -> Summary:
    """Returns {framework: {measure: {"mean", "std"}}} over the rows of each framework.

    The standard deviation is the sample's, with n - 1; None for a single row. A measure that is None,
    as the classes of features without probabilities are, is left out.
    """
    own = {f: [row for row in rows if row["framework"] == f] for f in FRAMEWORKS}
    known = [m for m in MEASURES if all(row[m] is not None for f in FRAMEWORKS for row in own[f])]
    return {f: {m: _mean_and_std([row[m] for row in own[f]]) for m in known} for f in FRAMEWORKS}


def _mean_and_std(values):
    std = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "std": std}


def compare_means(summary: Summary) -> dict[str, dict[str, Any]]:
    """Returns {measure: {"difference", "within_std"}}, the difference being PyTorch's mean minus Keras's.

    "within_std" tells whether it is at most the larger of the two standard deviations; None with
    one seed, which has no standard deviation.
    """
    compared = {}
    for measure, ours in summary["keras"].items():
        theirs = summary["torch"][measure]
        difference = theirs["mean"] - ours["mean"]
        within = None if ours["std"] is None else abs(difference) <= max(ours["std"], theirs["std"])
        compared[measure] = {"difference": difference, "within_std": within}
    return compared


def format_summary(summary: Summary, features: str) -> str:
    """Returns a summary and what `compare_means` says of it as a table; `features` names the extractor."""
    rows = []
    for measure, compared in compare_means(summary).items():
        name, form = MEASURES[measure]
        cells = [_plus_minus(summary[framework][measure], form) for framework in FRAMEWORKS]
        rows.append([name.format(features=features), *cells, _WITHIN[compared["within_std"]]])
    header = ["mean and std over the seeds", "Keras", "PyTorch", "difference"]
    return progress.format_table(header, rows, "lrrl")


_WITHIN = {True: "within one std", False: "more than one std", None: "one seed has no std"}


def _plus_minus(value, form):
    std = "" if value["std"] is None else f" +- {value['std']:{form}}"
    return f"{value['mean']:{form}}{std}"
