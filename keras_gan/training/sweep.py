"""Many training runs: each in a process of its own, here or on a Dask cluster.

A killed sweep goes on: finished runs are kept, and unfinished ones are resumed from their checkpoints.
A run has its process to itself, since TensorFlow does not give back the memory of a GAN.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import keras_gan
from keras_gan.run.info import CONFIG, GENERATOR, read


class Job(NamedTuple):
    """A run of a sweep.

    Attributes:
        folder: its run directory.
        options: those of `train` but --outdir, as words of a command line.
        steps: number of steps in all.
    """

    folder: str
    options: tuple[str, ...]
    steps: int


def run_jobs(jobs: list[Job], n_jobs: int = 1, cluster: str | None = None) -> Iterator[Job]:
    """Trains the runs of all jobs and yields each job as soon as its run is finished.

    Args:
        n_jobs: number of processes on this machine that train at once.
        cluster: address of a Dask scheduler, whose workers train instead; folders and images must be
            reached by the same paths from all of them.

    Raises:
        ValueError: a run failed; the message has its last line.
        ImportError: `cluster` is given and Dask is not installed.
    """
    import joblib

    if cluster:
        _connect(cluster)
    with joblib.parallel_config("dask" if cluster else "threading", n_jobs=-1 if cluster else n_jobs):
        parallel = joblib.Parallel(return_as="generator_unordered")
        yield from parallel(joblib.delayed(train_in_process)(job) for job in jobs)


def _connect(cluster):
    try:
        from dask.distributed import Client
    except ImportError as error:
        raise ImportError(
            "A cluster needs Dask. Received: no module dask.distributed; install it with "
            "`pip install distributed`."
        ) from error
    Client(cluster, set_as_default=True)


def is_finished(job: Job) -> bool:
    """Returns whether the run of a job is there with all its steps and its generator."""
    if not Path(job.folder, GENERATOR).is_file():
        return False
    history = read(job.folder).read_history()
    return history is not None and len(history["step"]) > 0 and int(history["step"][-1]) >= job.steps


def train_in_process(job: Job) -> Job:
    """Starts the run of a job, or resumes it where it is unfinished, and waits for its end.

    Raises:
        ValueError: it failed.
    """
    if is_finished(job):
        return job
    where = ["--resume" if Path(job.folder, CONFIG).is_file() else "--outdir", job.folder]
    command = [sys.executable, "-m", "keras_gan", "train", *job.options, *where, "--quiet"]
    path = os.pathsep.join([str(Path(keras_gan.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path}  # this package, wherever the sweep was started
    result = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment)
    if result.returncode:
        lines = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
        raise ValueError(f"The run in {job.folder} failed: {lines[-1]}")
    return job
