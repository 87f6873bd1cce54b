"""A training run: the loop between events, and what is done before and after it.

An event is a sample grid, a checkpoint or the end. The files of a run are `run_dir`'s, its schedule `plan`'s.
"""

import dataclasses
import platform
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from keras_gan import progress
from keras_gan.config import TrainConfig
from keras_gan.data import datasets
from keras_gan.device import get_device_name
from keras_gan.evaluation import features
from keras_gan.evaluation.score import Scorer
from keras_gan.export import generator
from keras_gan.files.atomic import atomic_write
from keras_gan.model import engines
from keras_gan.report import page
from keras_gan.run import history
from keras_gan.run.info import GENERATOR, HISTORY, TENSORBOARD, RunInfo, read_info
from keras_gan.training import interrupt, monitor, run_dir, tensorboard
from keras_gan.training.schedule import check_fit, describe_run, make_schedule

SECONDS_PER_CALL = 0.5  # of the engine: short enough for the progress bar and for Ctrl-C


def train(
    gan,
    dataset,
    config,
    outdir="images",
    overwrite=False,
    quiet=False,
    info=None,
    offline=False,
    events=False,
):
    """Trains `gan` on `dataset` from its current step and writes the run directory.

    Args:
        gan: `GAN` whose image shape is the data set's, or what has its updates and its files.
        dataset: `data.Dataset`.
        config: resolved `TrainConfig`; `epochs` are trained beyond those done already.
        outdir: folder of the run; made where it is missing.
        overwrite: whether a run that stands there may be replaced.
        quiet: whether to print nothing but warnings.
        info: `RunInfo` of the run in `outdir`, of these images, to go on with from its
            checkpoint; `epochs` are then in total.
        offline: refuses to download the weights of the features that score the samples.
        events: whether to write losses, scores and grids for TensorBoard, too.

    Returns:
        The history of the run, as `history.read` does.

    Raises:
        ValueError: the images do not fit the networks or the batch size, another process trains
            in `outdir`, a loss is not finite, or no whole checkpoint of the run is there.
        FileExistsError: `outdir` holds a run of another `GAN` object.
        OSError: `outdir` cannot be written.
        interrupt.Interrupted: by SIGINT or SIGTERM, after a checkpoint.
    """
    check_fit(gan, dataset, config)
    say = (lambda line: None) if quiet else print
    judge = _judge(dataset, config, offline)
    if judge:
        config = dataclasses.replace(config, features=config.features or judge.name)
    with run_dir.open_run_dir(outdir, _warn) as folder:
        run_of = _taken_over(gan, dataset, config, folder, overwrite, info)
        config, schedule = make_schedule(gan, dataset, config, info)
        if gan.step >= schedule.total:
            say(f"Nothing to train: the run in {outdir} is at step {gan.step} of {schedule.total}.")
            with folder.explained():
                _write_generator(gan, folder)  # which a run that was killed at its end may lack
                _write_report(folder)
            return history.read(folder.path / HISTORY)
        scorer = judge and Scorer(judge, dataset, config.fid_samples, _warn)  # hours, by InceptionV3
        with interrupt.catch_signals() as request, folder.explained():
            _begin(gan, dataset, config, folder, overwrite, run_of)
            for line in describe_run(gan, dataset, config, outdir):
                say(line)
            watches = [monitor.Monitor(dataset.images, _warn)]
            if events:
                watches.append(tensorboard.open_tensorboard(gan, folder.path / TENSORBOARD))
            start = time.monotonic()
            with progress.reporter(gan.step, schedule.total, quiet) as reporter:
                calls = _calls(gan, dataset, config, schedule, request)
                _loop(gan, calls, schedule, folder, reporter, watches, scorer)
            _stop_if_asked(gan, schedule, folder, request)
            _write_generator(gan, folder)
            _write_report(folder)
            seconds, steps = time.monotonic() - start, gan.step - schedule.first
            took = f"{progress.duration(seconds)} ({1000 * seconds / steps:.1f} ms a step)"
            say(f"Trained {steps} steps in {took}. {folder.summary()}")
        return history.read(folder.path / HISTORY)


def train_gan(gan, numbers, source, outdir, overwrite, resume, quiet, events):
    """Does the work of `GAN.train`: finds the data set and the configuration, then runs."""
    if resume and overwrite:
        raise ValueError("A run is resumed or replaced. Received: resume and overwrite.")
    given = {name: value for name, value in numbers.items() if value is not None}
    if isinstance(source, (str, Path)):
        known = str(source).replace("_", "-") in {*datasets.DATASETS, "auto"}
        given |= {"dataset": str(source)} if known else {"data": str(source), "dataset": None}
    info = read_info(outdir) if resume else None
    if info:
        own = gan.config.to_dict()
        del own["image_shape"]  # which is compared with the images'
        config = info.config.resumed(own | given)
    else:
        config = TrainConfig(gan.config, **given).resolved()
    return train(gan, _dataset(config, source, info), config, outdir, overwrite, quiet, info, events=events)


def _dataset(config, source, info=None):
    if isinstance(source, np.ndarray):
        dataset = datasets.Dataset.from_array(source)
        return info.check_dataset(dataset) if info else dataset
    return info.load_dataset(config) if info else datasets.load_dataset(config.dataset, config.data)


def _taken_over(gan, dataset, config, folder, overwrite, info):
    """Returns the `RunInfo` of the run that the GAN goes on with, None where one is to begin."""
    if info:
        with folder.explained():
            folder.resume(gan, info, _warn)
    elif folder.is_of(gan) and not overwrite:
        info = read_info(folder.path)
        info.config.resumed(config.to_dict())
        info.check_dataset(dataset)
        folder.go_on(gan, info.first_step)
    else:
        folder.refuse_another(overwrite)
    return info


def _begin(gan, dataset, config, folder, overwrite, info):
    """Makes the run directory, which is a run once config.json is written; one that goes on is there."""
    if info is None:
        folder.begin(overwrite)
    gan.outdir = folder.path
    if folder.saved is None:
        if gan.step == 0:
            gan.sample_images(0)
        folder.save(gan)
    if info and (line := info.describe_changes(get_versions())):
        _warn(line)
    first_step = info.first_step if info else gan.step
    others = first_step, getattr(gan, "framework", "keras"), get_device_name(), get_versions()
    RunInfo.create(config, dataset, *others).write(folder.path)


def get_versions():
    """Returns the versions a result depends on, by package name."""
    modules = {"keras_gan": keras_gan, "tensorflow": tf, "keras": keras, "numpy": np}
    return {"python": platform.python_version()} | {n: m.__version__ for n, m in modules.items()}


def _calls(gan, dataset, config, schedule, request):
    """Yields the rows of each call of the engine, which ends where an event is due, if not before."""
    engine = engines.ENGINES[config.engine](gan, dataset.images, config.batch_size)
    seconds_per_step = SECONDS_PER_CALL  # until the first call has shown it
    while gan.step < schedule.total and request.signum is None:
        step = gan.step
        k = min(schedule.next_event(step) - step, max(1, int(SECONDS_PER_CALL / seconds_per_step)))
        start = time.monotonic()
        values = engine(step, k)
        seconds_per_step = (time.monotonic() - start) / k
        monitor.check_finite(step, values)
        yield history.make_rows(gan.rule, step + 1, schedule.per_epoch, values)


def _judge(dataset, config, offline):
    """Returns the `features.Extractor` of a run, None where its samples are not scored."""
    if config.fid_interval is None:
        return None
    return features.load_extractor(config.features, dataset, offline=offline, warn=_warn)


def _loop(gan, calls, schedule, folder, reporter, watches, scorer):
    """Runs from event to event; between events there is nothing but calls of the engine."""
    note = ""
    for rows in calls:
        folder.append(rows)
        is_best = False
        if schedule.scores(gan.step):
            row = scorer(gan, epoch=rows[-1][1])
            note = f" [Fréchet {row['value']:.2f}, {row['features']}]"
            is_best = folder.add_score(row)
            for watch in watches:
                watch.see_score(row)
        reporter.update(rows[-1], note)
        for watch in watches:
            watch.see_losses(rows)
        if gan.step % schedule.grid_every == 0 or gan.step == schedule.total:
            samples = gan.sample_images(gan.step)
            for watch in watches:
                watch.see_samples(gan.step, samples)
        if is_best or gan.step == schedule.total or folder.due(gan.step, schedule.save_every):
            folder.save(gan)
            folder.keep_best()


def _stop_if_asked(gan, schedule, folder, request):
    """Saves a run that was asked to end before its end, and ends it."""
    if gan.step < schedule.total:
        if folder.saved != gan.step:
            folder.save(gan)
        raise interrupt.Interrupted(
            f"Stopped at step {gan.step} of {schedule.total} by {request.name()}; "
            f"the checkpoint is in {folder.path}.",
            request.signum,
        )


def _write_generator(gan, folder):
    """Writes generator.keras for `keras.models.load_model`, where it is a Keras model."""
    if isinstance(gan.generator, keras.Model):
        with atomic_write(folder.path / GENERATOR) as beside:
            generator.to_float32(gan).save(beside)


def _write_report(folder):
    """Writes report.html; the run is whole without it, so that nothing that happens here ends it."""
    try:
        page.write(folder.path)
    except Exception as error:  # whatever a file of the run, or what a subclass drew, makes it raise
        reason = " ".join(str(error).split()) or type(error).__name__
        _warn(f"report.html is not written: {reason}")


def _warn(line):
    print(line, file=sys.stderr, flush=True)
