"""The training loop: calls of the engine, and between them grids, scores and checkpoints.

`run_dir` writes the files of a run, `schedule` says when, and an engine makes the steps.
"""

import dataclasses
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_gan.config import TrainConfig
from keras_gan.data import datasets
from keras_gan.evaluation import features
from keras_gan.evaluation.distributed_extractor import distribute
from keras_gan.evaluation.score import Scorer
from keras_gan.files.atomic import check_utf8
from keras_gan.model.distributed import build_engine, check_shares
from keras_gan.model.workers import Workers
from keras_gan.progress import format_duration, print_warning, reporter
from keras_gan.report import page
from keras_gan.run import history, own_files
from keras_gan.run.config_json import RunInfo
from keras_gan.run.info import HISTORY, TENSORBOARD
from keras_gan.streams import format_error, ignore
from keras_gan.training import interrupt, monitor
from keras_gan.training.callbacks import Callbacks
from keras_gan.training.follow import follow
from keras_gan.training.notebook import NotebookView, is_notebook
from keras_gan.training.run_dir import open_run_dir
from keras_gan.training.schedule import check_fit, describe_run, make_schedule
from keras_gan.training.start import Training, begin, restore
from keras_gan.training.tensorboard import open_tensorboard

SECONDS_PER_CALL = 0.5  # of the engine: short enough for the progress bar and for Ctrl-C


def train(
    gan: Any,
    dataset: datasets.Dataset,
    config: TrainConfig,
    outdir: str | Path = "images",
    *,
    info: RunInfo | None = None,
    overwrite: bool = False,
    quiet: bool = False,
    offline: bool = False,
    tensorboard: bool = False,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    workers: Workers | None = None,
) -> dict[str, np.ndarray]:
    """Trains `gan` on `dataset` from its current step and writes the run directory.

    Args:
        gan: `GAN` for images of the data set's shape, or a class with the same updates and files.
        config: resolved `TrainConfig`; `epochs` are added to those already trained.
        outdir: run directory; created if it does not exist.
        info: of the run in `outdir` to resume from its checkpoint; `epochs` are then in total.
        overwrite: whether to replace a run in `outdir`.
        quiet: whether to print warnings only.
        offline: whether to refuse to download the weights of the feature extractor.
        tensorboard: whether to write event files, too.
        callbacks: Keras callbacks, called as `training.callbacks` says; the engine makes single steps.
        workers: that the strategy of `config` trains on; None is this process alone, on one device.

    Returns:
        The history of the whole run, as `history.read` returns it; see `follow` for other workers than
        the first one.

    Raises:
        ValueError: the images do not fit the networks or the batch size, another process trains
            in `outdir`, a loss is not finite, or no checkpoint of the run can be read.
        FileExistsError: `outdir` holds another run, or other files that this one would replace.
        OSError: `outdir` cannot be written.
        interrupt.Interrupted: a signal or a broken pipe stopped it, after a checkpoint.
    """
    workers = workers or Workers()
    _check_settings(gan, dataset, config, outdir, info, tensorboard, workers)
    # Load the network of the scores; all workers need the same one, and the same images
    extractor = workers.load_in_turn(lambda: _load_extractor(dataset, config, offline, workers))
    weights = getattr(extractor, "sha256", None)
    workers.check_same({"images": dataset.sha256, "feature extractor": weights})
    # All workers but the first make its steps from here on, and write nothing
    if workers.index:
        return follow(gan, dataset.images, config.batch_size, workers, extractor)
    workers.listening = True
    if extractor:
        config = dataclasses.replace(config, features=config.features or extractor.name)
    # Open the run directory: it is locked until the block ends
    with open_run_dir(outdir, print_warning) as folder:
        config, schedule = make_schedule(gan, dataset, config, epochs_in_total=info is not None)
        training = Training(gan, dataset, config, folder, schedule, workers)
        run_info = restore(training, info, overwrite)
        _train_and_finish(training, run_info, extractor, quiet, tensorboard, callbacks)
        return history.read(folder.path / HISTORY)


def _check_settings(gan, dataset, config, outdir, info, tensorboard, workers):
    """Refuses what cannot be trained, before anything is loaded or written."""
    if info is None:
        datasets.check_outdir(outdir, config.data)
    if tensorboard:
        check_utf8(outdir)
    check_fit(gan, dataset, config)
    check_shares(gan, len(dataset.images), config.batch_size, workers)


def _train_and_finish(training, run_info, extractor, quiet, tensorboard, callbacks):
    """Makes the steps that a run lacks and writes its last files."""
    gan, dataset, config, folder, schedule, workers = training
    done = gan.step >= schedule.total
    # Before signals are caught: of large images InceptionV3 takes hours
    scorer = Scorer(extractor, dataset, config.fid_samples, print_warning) if extractor and not done else None
    with interrupt.catch_signals() as request, folder.translate_errors():
        workers.request = request
        line = f"Nothing to train: the run in {folder.path} is at step {gan.step} of {schedule.total}."
        if not done:
            begin(training, run_info)
            line = _train_steps(training, request, scorer, quiet, tensorboard, callbacks)
        _write_results(gan, folder)  # a run that was killed at its end lacks them
        if not quiet:
            print(line if done else f"{line}\n{own_files.describe_files(folder.path, run_info)}")


def _load_extractor(dataset, config, offline, workers):
    """Returns the feature extractor of the scores, None if the samples are not scored."""
    if config.fid_interval is None:
        return None

    def load(warn):
        return features.load_extractor(config.features, dataset, offline=offline, warn=warn)

    return distribute(load, workers, print_warning)


def _train_steps(training, request, scorer, quiet, tensorboard, callbacks):
    """Trains to the last step or a signal; prints what is about to happen, returns what was done."""
    gan, dataset, config, folder, schedule, _ = training
    say = ignore if quiet else print
    for line in describe_run(gan, dataset, config, folder.path):
        say(line)
    # Collect what watches the run: TensorBoard, a notebook, Keras callbacks
    views = []
    if tensorboard:
        name, settings = folder.path.absolute().name, config.to_dict()
        views.append(open_tensorboard(gan, folder.path / TENSORBOARD, name, settings))
    in_notebook = is_notebook() and not quiet
    if in_notebook:
        views.append(NotebookView(gan.step, schedule.total))
    own = Callbacks(gan, list(callbacks), schedule.per_epoch, schedule.total) if callbacks else None
    if own:
        views.append(own)

    # Train
    start, first_step = time.monotonic(), gan.step
    with reporter(gan.step, schedule.total, quiet or in_notebook) as progress:
        _handle_calls(training, _iterate_calls(training, request, own), progress, views, scorer)

    # Save where a signal or a callback asked
    if folder.saved != gan.step:
        folder.save(gan)
    if own:
        own.end()  # which may restore the weights of an earlier step
    if gan.step < schedule.total and not (own and own.stopped):
        raise interrupt.Interrupted(
            f"Stopped at step {gan.step} of {schedule.total} {request.describe()}; "
            f"the checkpoint is in {folder.path}.",
            request.signum,
        )
    if own:  # once more, as EarlyStopping and others may have restored earlier weights
        folder.save(gan)
    seconds, steps = time.monotonic() - start, gan.step - first_step
    each = f" ({1000 * seconds / steps:.1f} ms a step)" if steps else ""  # none: a callback stopped at once
    return f"Trained {steps} steps in {format_duration(seconds)}{each}."


def _iterate_calls(training, request, callbacks=None) -> Iterator[list]:
    """Yields the rows of each call of the engine, until the last step or a signal.

    A call ends at the next event, and after about `SECONDS_PER_CALL`; with callbacks it is one step.
    """
    gan, dataset, config, _, schedule, workers = training
    engine = build_engine(gan, dataset.images, config, workers)
    seconds_per_step = SECONDS_PER_CALL  # not known before the first call
    while gan.step < schedule.total and request.signum is None and not (callbacks and callbacks.stopped):
        step = gan.step
        k = min(schedule.next_event(step) - step, max(1, int(SECONDS_PER_CALL / seconds_per_step)))
        if callbacks:
            k = 1
            callbacks.begin_step(step)
        start = time.monotonic()
        values = engine(step, k)  # reads the losses back: waits for the device
        seconds_per_step = (time.monotonic() - start) / k
        if callbacks and not np.isfinite(values).all():  # for TerminateOnNaN; then the run stops
            callbacks.see_losses(history.make_rows(gan.rule, step + 1, schedule.per_epoch, values))
        monitor.check_finite(step, values)
        yield history.make_rows(gan.rule, step + 1, schedule.per_epoch, values)
        request.check_output()


def _handle_calls(training, calls, progress, views, scorer):
    """Does after each call of the engine what is due at its step."""
    gan, dataset, _, folder, schedule, _ = training
    observers = [monitor.Monitor(dataset.images, print_warning), *views]
    note = ""
    for rows in calls:
        is_last, is_best = gan.step == schedule.total, False
        folder.append(rows)

        # Score the samples: seconds with InceptionV3, on a CPU minutes
        if schedule.scores(gan.step):
            row = scorer(gan, epoch=rows[-1][1])
            note = f" [Fréchet {row['value']:.2f}, {row['features']}]"
            is_best = folder.add_score(row)
            for view in views:
                view.see_score(row)

        # Tell the progress bar and the observers
        progress.update(rows[-1], note)
        for observer in observers:
            observer.see_losses(rows)

        # Write a grid of samples
        if gan.step % schedule.grid_every == 0 or is_last:
            folder.sync_history()
            samples = gan.sample_images(gan.step)
            for observer in observers:
                observer.see_samples(gan.step, samples)

        # Save a checkpoint: writes all variables to disk and reads them back, about 0.2 s
        if is_best or is_last or folder.is_due(gan.step, schedule.save_every):
            folder.save(gan)


def _write_results(gan, folder):
    """Writes generator.keras, of a GAN of Keras, and report.html."""
    folder.write_generator(gan)
    try:
        page.write(folder.path)
    except Exception as error:  # of a damaged file, or of a grid that a subclass drew
        reason = format_error(error)
        print_warning(f"report.html is not written: {reason}")
