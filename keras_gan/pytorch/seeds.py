"""Keras and PyTorch trained from the same weights, batches and noise, and summed up over seeds."""

import dataclasses
import statistics
import time

from keras_gan.model import engines
from keras_gan.model.gan import GAN
from keras_gan.pytorch.gan import TorchGAN
from keras_gan.run.info import CONFIG
from keras_gan.training import loop

FRAMEWORKS = ("keras", "torch")

MEASURES = {  # what is summed up, in words, and how it is written
    "frechet_distance": ("Fréchet distance, digit features", ".2f"),
    "confident": ("share named with 95 % or more", ".3f"),
    "classes": ("classes", ".1f"),
    "ms_per_step": ("ms a step", ".1f"),
}

ROUNDS = 5  # of timed calls, after one that is not


def plan_run_dirs(outdir, seeds, overwrite):
    """Returns {(seed, framework): path} of the runs to write, in the order of the seeds.

    Raises:
        ValueError: a seed is given twice.
        FileExistsError: a run is there already; found later, hours would be lost.
    """
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"Seeds must differ. Received: {', '.join(map(str, seeds))}.")
    folders = {(s, f): outdir / f"{f}-{s}" for s in seeds for f in FRAMEWORKS}
    for folder in folders.values():
        if (folder / CONFIG).exists() and not overwrite:
            raise FileExistsError(
                f"Expected no run of these seeds yet. Received: {folder}; say --overwrite to replace "
                "it, or name another --outdir."
            )
    return folders


def train_all(config, dataset, folders, overwrite, quiet):
    """Trains every seed in both frameworks; returns the ms a step of each run, in their order.

    PyTorch goes first at every other seed.

    Args:
        config: resolved `TrainConfig`; its engine is Keras's, PyTorch's is always a step at a time.
        dataset: `data.Dataset`.
        folders: of `run_directories`.
    """
    found = []
    for i, seed in enumerate(dict.fromkeys(seed for seed, _ in folders)):
        own = {framework: folders[seed, framework] for framework in FRAMEWORKS}
        ms = train_pair(
            dataclasses.replace(config, gan=dataclasses.replace(config.gan, seed=seed)),
            dataset,
            own,
            i % 2,
            overwrite,
            quiet,
        )
        found += [ms[framework] for framework in FRAMEWORKS]
    return found


def train_pair(config, dataset, folders, torch_first, overwrite, quiet):
    """Trains one seed from the same weights in both frameworks; returns {framework: ms a step}.

    Args:
        folders: {framework: run directory}.
        torch_first: whether PyTorch trains first, and has the first turn when both are timed.
    """
    settings = config.of_shape(dataset.image_shape).gan.to_dict()
    ours, theirs = GAN(**settings), TorchGAN(**settings)
    theirs.load(ours.arrays())
    pairs = [(ours, config), (theirs, dataclasses.replace(config, engine="train_on_batch"))]
    pairs = pairs[::-1] if torch_first else pairs
    for gan, own in pairs:
        loop.train(gan, dataset, own, folders[_framework(gan)], overwrite=overwrite, quiet=quiet)
    return dict(zip([_framework(gan) for gan, _ in pairs], ms_per_step(pairs, dataset.images)))


def _framework(gan):
    return getattr(gan, "framework", "keras")


def ms_per_step(pairs, pictures):
    """Returns the median milliseconds a step of each (GAN, configuration).

    They take turns at `ROUNDS` calls of their engines of a tenth of the training's steps, at most
    64, so that what else the machine does slows both. The first call, which may compile, is left
    out; so is what a run does beside its steps. The GANs go on training in them.
    """
    steps = min(engines.MAX_STEPS, max(1, pairs[0][0].step // 10))
    calls = [engines.ENGINES[c.engine](gan, pictures, c.batch_size) for gan, c in pairs]
    seconds = [[] for _ in pairs]
    for _ in range(ROUNDS + 1):
        for (gan, _), call, taken in zip(pairs, calls, seconds):
            start = time.perf_counter()
            call(gan.step, steps)
            taken.append(time.perf_counter() - start)
    return [1000 * statistics.median(taken[1:]) / steps for taken in seconds]


def summarise(rows):
    """Returns {framework: {measure: {"mean", "std"}}} over the rows of a framework.

    The deviation is the sample's, with n - 1, and None of one row.
    """
    own = {f: [row for row in rows if row["framework"] == f] for f in FRAMEWORKS}
    return {f: {m: _mean_and_std([row[m] for row in own[f]]) for m in MEASURES} for f in FRAMEWORKS}


def _mean_and_std(values):
    std = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.fmean(values), "std": std}


def verdicts(summed):
    """Returns {measure: {"difference", "within_spread"}} of a summary, PyTorch's mean minus Keras's.

    Within the spread is a difference no larger than the larger of the two standard deviations;
    None where one seed has no spread.
    """
    found = {}
    for measure, ours in summed["keras"].items():
        theirs = summed["torch"][measure]
        difference = theirs["mean"] - ours["mean"]
        within = None if ours["std"] is None else abs(difference) <= max(ours["std"], theirs["std"])
        found[measure] = {"difference": difference, "within_spread": within}
    return found


def format_summary(summed):
    """Returns a summary and its verdicts as the lines of a table."""
    lines = [f"{'mean and deviation over the seeds':34} {'Keras':>17} {'PyTorch':>17}  difference"]
    for measure, verdict in verdicts(summed).items():
        what, form = MEASURES[measure]
        cells = [_plus_minus(summed[framework][measure], form) for framework in FRAMEWORKS]
        lines.append(f"{what:34} {cells[0]:>17} {cells[1]:>17}  {_WORDS[verdict['within_spread']]}")
    return "\n".join(lines)


_WORDS = {True: "within the spread", False: "beyond the spread", None: "one seed has no spread"}


def _plus_minus(found, form):
    spread = "" if found["std"] is None else f" +- {found['std']:{form}}"
    return f"{found['mean']:{form}}{spread}"
