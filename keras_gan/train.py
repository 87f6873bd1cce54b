"""A training run: what it will do, the loop between events, and the files it leaves."""

import dataclasses
import json
import platform
import re
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from keras_gan import checkpoint, engines, history, networks, progress, torch_semantics
from keras_gan.data import DATASETS, Dataset, load_dataset

SECONDS_PER_CALL = 0.5  # of the engine: short enough for the progress bar and for Ctrl-C
_MADE = re.compile(
    r"\d+\.png|history\.csv|config\.json|checkpoint(\.previous)?\.npz|generator\.keras"
    r"|metrics\.jsonl|report\.html"
)


def run(gan, dataset, config, outdir="images", overwrite=False, quiet=False):
    """Trains `gan` on `dataset` from its current step and writes the run directory.

    Args:
        gan: `GAN` whose image shape is the data set's.
        dataset: `data.Dataset`.
        config: resolved `TrainConfig`; `epochs` are trained beyond those done already.
        outdir: folder of the run; made where it is missing.
        overwrite: whether a run that stands there may be replaced.
        quiet: whether to print nothing.

    Returns:
        The history of the run, as `history.read` does.

    Raises:
        ValueError: the images do not fit the networks or the batch size.
        FileExistsError: `outdir` holds a run of another `GAN` object.
        OSError: `outdir` cannot be written.
    """
    _check_fit(gan, dataset, config)
    say = (lambda line: None) if quiet else print
    outdir = Path(outdir)
    per_epoch = gan.rule.steps_per_epoch(len(dataset.images), config.batch_size)
    first, total = gan.step, gan.step + config.epochs * per_epoch
    config = dataclasses.replace(config, epochs=total // per_epoch)
    _begin(gan, dataset, config, outdir, overwrite)
    for line in plan(gan, dataset, config, outdir):
        say(line)
    start = time.monotonic()
    _loop(gan, dataset, config, total, per_epoch, quiet)
    _finish(gan, config, outdir)
    say(f"{_done(total - first, time.monotonic() - start)} {_files(outdir)}")
    return history.read(outdir / "history.csv")


def train_gan(gan, numbers, source, outdir, engine, overwrite, quiet):
    """Does the work of `GAN.train`: finds the data set and the configuration, then runs."""
    given = {name: value for name, value in numbers.items() if value is not None}
    if isinstance(source, (str, Path)):
        known = str(source).replace("_", "-") in {*DATASETS, "auto"}
        given.update(dataset=str(source)) if known else given.update(data=str(source), dataset=None)
    config = dataclasses.replace(gan.config, engine=engine, **given).resolved()
    if isinstance(source, np.ndarray):
        dataset = Dataset.from_array(source)
    else:
        dataset = load_dataset(config.dataset, config.data)
    return run(gan, dataset, config, outdir, overwrite, quiet)


def plan(gan, dataset, config, outdir):
    """Returns the lines that say what a run will do."""
    n = len(dataset.images)
    steps = config.epochs * gan.rule.steps_per_epoch(n, config.batch_size)
    shape = "x".join(str(side) for side in dataset.image_shape)
    yield f"preset {gan.preset.name}: {gan.preset.source}"
    yield f"data {dataset.name}: {n} images of {shape} from {dataset.source}"
    yield f"{_epochs(gan.rule, config, steps, n)}, seed {config.seed}"
    yield f"device {networks.device_name()}, engine {config.engine}; writes to {outdir}"


def _epochs(rule, config, steps, n_images):
    passes = steps * config.batch_size / n_images
    over = f"{_count(f'{passes:.3g}' if passes < 100 else f'{passes:.0f}', 'pass')} over {n_images} images"
    batches = f"{_count(steps, 'batch')} of {config.batch_size}"
    epochs = _count(config.epochs, "epoch")
    if rule.epoch_is_one_batch:
        return f"{epochs} = {batches} = {over}"
    return f"{epochs} = {_count(config.epochs, 'pass')} over {n_images} images = {batches}"


def _count(n, thing):
    """Returns "1 batch", "2 batches"."""
    ending = "" if str(n) == "1" else "s" if thing == "epoch" else "es"
    return f"{n} {thing}{ending}"


def _check_fit(gan, dataset, config):
    if dataset.image_shape != gan.image_shape:
        raise ValueError(
            f"Images must be of the shape the networks were built for, {gan.image_shape}. "
            f"Received: {dataset.image_shape}; build GAN(image_shape={dataset.image_shape})."
        )
    if config.batch_size > len(dataset.images):
        raise ValueError(
            f"batch_size must be at most the number of images ({len(dataset.images)}). "
            f"Received: batch_size={config.batch_size}."
        )
    last = len(dataset.images) % config.batch_size
    if last == 1 and not gan.rule.batches_with_replacement and gan.preset.normalises():
        raise ValueError(
            "A pass must not end in a batch of one image, which has no variance to normalise by. "
            f"Received: batch_size={config.batch_size} for {len(dataset.images)} images."
        )


def _begin(gan, dataset, config, outdir, overwrite):
    """Makes the run directory and writes config.json and the grid before training."""
    if gan.outdir is None or outdir.resolve() != Path(gan.outdir).resolve():
        if outdir.exists() and not outdir.is_dir():
            raise NotADirectoryError(f"outdir must be a folder. Received: {outdir}, which is a file.")
        outdir.mkdir(parents=True, exist_ok=True)
        made = sorted(file for file in outdir.iterdir() if _MADE.fullmatch(file.name))
        if made and not overwrite:
            raise FileExistsError(
                f"outdir must not hold a run. Received: {outdir}, which holds {made[0].name}."
            )
        for file in made:
            file.unlink()
    gan.outdir = outdir
    record = {
        "config": config.to_dict(),
        "image_shape": list(dataset.image_shape),
        "data": {"name": dataset.name, "source": dataset.source, "sha256": dataset.sha256}
        | {"images": len(dataset.images)},
        "device": networks.device_name(),
        "versions": versions(),
    }
    with checkpoint.replacing(outdir / "config.json") as beside:
        beside.write_text(json.dumps(record, indent=2) + "\n")
    if gan.step == 0:
        gan.sample_images(0)


def versions():
    """Returns the versions a result depends on, by package name."""
    modules = {"keras_gan": keras_gan, "tensorflow": tf, "keras": keras, "numpy": np}
    return {"python": platform.python_version()} | {n: m.__version__ for n, m in modules.items()}


def _loop(gan, dataset, config, total, per_epoch, quiet):
    """Runs the engine from event to event; between events there is nothing but its calls."""
    engine = engines.ENGINES[config.engine](gan, dataset.images, config.batch_size)
    seconds_per_step = SECONDS_PER_CALL  # until the first call has shown it
    with progress.reporter(gan.step, total, quiet) as reporter:
        while gan.step < total:
            step = gan.step
            event = min(total, step + config.sample_interval - step % config.sample_interval)
            k = min(event - step, max(1, int(SECONDS_PER_CALL / seconds_per_step)))
            start = time.monotonic()
            values = engine(step, k)
            seconds_per_step = (time.monotonic() - start) / k
            _check_finite(step, values)
            rows = history.rows(gan.rule, step + 1, per_epoch, values)
            history.append(gan.outdir / "history.csv", rows)
            reporter.update(rows[-1])
            if gan.step == event:
                gan.sample_images(gan.step)


def _check_finite(step, values):
    """Raises ValueError that names the first loss of an engine's values that is not finite."""
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        i, column = wrong[0]
        name = ("d_loss_real", "d_loss_fake", "g_loss", "d_acc_real", "d_acc_fake")[column]
        raise ValueError(
            f"Losses must be finite. Received: {name}={values[i, column]} at step {step + i + 1}; "
            "a smaller lr may help."
        )


def _finish(gan, config, outdir):
    """Writes the checkpoint and the generator for `keras.models.load_model`."""
    gan.save(outdir / "checkpoint.npz")
    with checkpoint.replacing(outdir / "generator.keras") as beside:
        torch_semantics.plain(gan.generator).save(beside)


def _done(steps, seconds):
    return (
        f"Trained {steps} steps in {progress.duration(seconds)} "
        f"({1000 * seconds / steps:.1f} ms a step)."
    )


def _files(outdir):
    made = sorted(file.name for file in outdir.iterdir() if _MADE.fullmatch(file.name))
    grids = sorted((name for name in made if name.endswith(".png")), key=lambda name: int(name[:-4]))
    others = ", ".join(name for name in made if not name.endswith(".png"))
    return f"In {outdir}: {len(grids)} sample grids ({grids[0]} to {grids[-1]}), {others}."
