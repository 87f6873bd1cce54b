"""Many training runs: each in a process of its own, here or on a Dask cluster.

A killed sweep goes on: finished runs are kept, and unfinished ones are resumed from their checkpoints.
A run has its process to itself, since TensorFlow does not give back the memory of a GAN.
"""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import keras_gan
from keras_gan.config import TrainConfig
from keras_gan.data.datasets import Dataset
from keras_gan.files import npz
from keras_gan.progress import show_runs
from keras_gan.run import history
from keras_gan.run.config_json import find_info
from keras_gan.run.info import CHECKPOINT, CONFIG, GENERATOR, HISTORY, REPORT
from keras_gan.start_tensorflow import FLAGS
from keras_gan.streams import ignore
from keras_gan.training import interrupt, lock
from keras_gan.training.cluster import connect


class Job(NamedTuple):
    """A run of a sweep.

    Attributes:
        folder: its run directory.
        settings: fields of `TrainConfig`, by which a run that is there is recognised.
        steps: number of steps in all.
        command: words after `python -m` that begin the run, but for its directory.
        overwrite: whether a run that is there is replaced.
    """

    folder: str
    settings: dict[str, Any]
    steps: int
    command: tuple[str, ...]
    overwrite: bool = False


def make_job(
    folder: str | Path, settings: dict[str, Any], steps: int, flags: tuple[str, ...] = (), overwrite=False
) -> Job:
    """Returns the job that `train` does with some settings and flags, such as "--offline".

    Its paths are absolute: a worker of a cluster has another working directory.
    """
    paths = TrainConfig.from_dict(settings)
    settings = settings | {n: getattr(paths, n) for n in ("data", "features") if settings.get(n) is not None}
    words = []
    for name, value in settings.items():
        text = "x".join(map(str, value)) if isinstance(value, tuple) else str(value)  # of image_size
        words += [f"--{name.replace('_', '-')}", text]
    return Job(
        str(Path(folder).absolute()), settings, steps, ("keras_gan", "train", *words, *flags), overwrite
    )


def run_jobs(
    jobs: list[Job], n_jobs: int = 1, cluster: str | None = None, say: Callable[[Job], object] = ignore
) -> None:
    """Trains the runs of all jobs; a terminal shows a table of those that train.

    Args:
        n_jobs: number of processes on this machine that train at once.
        cluster: address of a Dask scheduler, whose workers train instead; folders and images must be
            reached by the same paths from all of them.
        say: called with each job as soon as its run is finished.

    Raises:
        ValueError: a run failed, where the message has its last line, one that is there is another, or
            the cluster has no workers or not this version of the package.
        ImportError: `cluster` is given and Dask is not installed.
        interrupt.Interrupted: a signal ended the sweep; the runs of this machine have saved checkpoints.
    """
    import joblib

    for job in jobs:
        check_run(job)
    totals = {job.folder: job.steps for job in jobs}
    environment = {name: os.environ.get(name) for name in FLAGS}
    try:
        with (
            _choose_backend(min(n_jobs, len(jobs)), cluster),  # joblib starts a thread for each
            interrupt.raise_on_signals(),
            show_runs(totals, find_last_step),
        ):
            parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="all")
            for job in parallel(joblib.delayed(train_in_process)(job, environment) for job in jobs):
                say(job)
    finally:
        _stop_processes()


@contextlib.contextmanager
def _choose_backend(n_jobs, cluster):
    import joblib

    if not cluster:
        with joblib.parallel_config("threading", n_jobs=n_jobs):
            yield
        return
    with connect(cluster) as client, joblib.parallel_config("dask", n_jobs=-1, client=client):
        yield


def find_last_step(folder: str) -> int:
    """Returns the last step of the run in a folder, 0 where there is none."""
    return history.find_last_step(Path(folder, HISTORY))


def check_run(job: Job) -> None:
    """Checks that a run which is there is that of the job.

    Raises:
        ValueError: it has other settings, other images or more steps, or has been scored otherwise.
    """
    info = find_info(Path(job.folder))
    if not info or job.overwrite:
        return
    if (steps := find_last_step(job.folder)) > job.steps:
        raise ValueError(
            f"An earlier run must have at most the {job.steps} steps that are asked for. Received: "
            f"{job.folder} of {steps} steps; ask for more, or choose another --outdir."
        )
    try:
        config = info.config.resumed(TrainConfig.from_dict(job.settings).resolved().to_dict())
        if (config.dataset, config.data) != (info.config.dataset, info.config.data):
            info.load_dataset(config, offline=True)
        if is_finished(job):  # and its samples will not be scored again
            run = info.config.to_dict()
            for name in ("fid_samples", "features"):
                if (value := job.settings.get(name)) not in (None, run[name]):
                    raise ValueError(
                        f"A finished run keeps its scores. Received: {name}={value!r} given, "
                        f"{run[name]!r} in the run; give another --outdir."
                    )
    except ValueError as error:
        raise ValueError(f"{job.folder}: {error}") from None


def check_images(jobs: Iterable[Job], dataset: Dataset) -> None:
    """Checks that the runs which are there and kept are of the images of a data set.

    Raises:
        ValueError: a run is of others.
    """
    for job in jobs:
        if (info := find_info(Path(job.folder))) and not job.overwrite:
            try:
                info.check_dataset(dataset)
            except ValueError as error:
                raise ValueError(f"{job.folder}: {error}") from None


def is_finished(job: Job) -> bool:
    """Returns whether the run of a job is there with all its steps and the files that are written last."""
    info = find_info(Path(job.folder))
    last = info and (REPORT if info.framework == "torch" else GENERATOR)
    if not last or not Path(job.folder, last).is_file() or find_last_step(job.folder) < job.steps:
        return False
    # Of a run that went on, `last` may be from before: score and checkpoint follow the last row
    try:
        return int(npz.load(Path(job.folder, CHECKPOINT), ["step"])["step"]) >= job.steps
    except (OSError, ValueError, KeyError):
        return False


_processes: set[subprocess.Popen] = set()  # of the runs that train on this machine


def train_in_process(job: Job, environment: dict[str, str | None]) -> Job:
    """Starts the run of a job, or resumes it where it is unfinished, and waits for its end.

    Args:
        environment: variables that its process gets, None where one is not set. A Dask worker has numbers
            of threads of its own, with which PyTorch's sums are others.

    Raises:
        ValueError: it failed.
    """
    _wait_until_free(Path(job.folder))
    if is_finished(job) and not job.overwrite:
        return job
    where = ["--resume" if Path(job.folder, CONFIG).is_file() and not job.overwrite else "--outdir"]
    where += [job.folder, *["--overwrite"] * job.overwrite, "--quiet"]
    code, errors = _run([sys.executable, "-m", *job.command, *where], environment)
    if code:
        lines = errors.strip().splitlines() or [f"exit code {code}"]
        raise ValueError(f"The run in {job.folder} failed: {lines[-1]}")
    return job


def _wait_until_free(folder):
    """Waits while another process trains there: a killed sweep leaves its runs to themselves."""
    while folder.is_dir():
        try:
            with lock.hold_lock(folder, ignore):
                return
        except lock.Busy:
            time.sleep(1)


def _run(command, environment):
    """Returns exit code and stderr of a command."""
    path = os.pathsep.join([str(Path(keras_gan.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    # This package, wherever the sweep was started
    environment = {**os.environ, **environment, "PYTHONPATH": path}
    # A session of its own: Ctrl-C on the terminal is for the sweep, which ends its runs
    process = subprocess.Popen(
        command,
        env={name: value for name, value in environment.items() if value is not None},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    _processes.add(process)
    errors = process.communicate()[1]
    _processes.discard(process)
    return process.returncode, errors


def _stop_processes():
    """Lets the runs that still train save a checkpoint and end."""
    for process in list(_processes):
        process.terminate()
    while _processes:
        _processes.pop().wait()
