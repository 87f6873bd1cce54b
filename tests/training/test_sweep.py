"""Many runs: in this process by the fixture `in_process`, and, slow, each in a process of its own."""

import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

import joblib
import numpy as np
import pytest

import keras_gan
from keras_gan.files import npz
from keras_gan.training import cluster, interrupt, lock, sweep
from tests.conftest import WITHOUT_XLA, train_here
from tests.training.conftest import make_run

SMALL = {
    "preset": "aioz",
    "epochs": 2,
    "batch_size": 25,
    "latent_dim": 7,
    "device": "cpu",
}  # 2 steps an epoch


@pytest.fixture
def make(tmp_path, images_npz):
    """A function that returns a job on `pixels`: of a folder's name and settings."""

    def make_job(name, steps=4, **settings):
        return sweep.make_job(tmp_path / name, SMALL | {"data": str(images_npz)} | settings, steps)

    return make_job


def assert_equal_runs(one, other):
    for name in ("history.csv", "0.png"):
        assert Path(one.folder, name).read_bytes() == Path(other.folder, name).read_bytes(), name
    ours, theirs = (npz.load(Path(job.folder, "checkpoint.npz")) for job in (one, other))
    assert ours.keys() == theirs.keys()
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)


@pytest.mark.slow
def test_finished_run_is_kept_and_unfinished_one_goes_on_to_the_same_numbers(make, in_process):
    short, whole, long = make("a"), make("b", 8, epochs=4), make("a", 8, epochs=4)
    told = []
    sweep.run_jobs([short, whole], say=told.append)
    assert told == [short, whole] and [sweep.is_finished(job) for job in (short, whole, long)] == [1, 1, 0]
    in_process.clear()
    sweep.run_jobs([long, whole], say=told.append)
    assert [command[-3:] for command in in_process] == [["--resume", long.folder, "--quiet"]]
    assert_equal_runs(long, whole)


@pytest.mark.slow
def test_run_that_is_there_and_is_another_is_refused_before_any_trains(make, in_process, tmp_path, pixels):
    sweep.run_jobs([make("a")])
    in_process.clear()
    np.savez(tmp_path / "others.npz", images=pixels ^ 1)
    for settings, match in (
        ({"lr": 0.5}, "a: A run keeps its settings when it is resumed. Received: lr=0.5 given, "),
        (
            {"fid_samples": 9},
            "a: A finished run keeps its scores. Received: fid_samples=9 given, 5000 in the",
        ),
        ({"steps": 3}, "at most the 3 steps that are asked for. Received: .*a of 4 steps"),
        ({"data": str(tmp_path / "others.npz")}, "a: The images must be those of the run"),
    ):
        with pytest.raises(ValueError, match=match):
            sweep.run_jobs([make("b"), make("a", **settings)])
    assert in_process == []
    sweep.run_jobs([make("a", lr=0.5)._replace(overwrite=True)])
    assert in_process[0][-2:] == ["--overwrite", "--quiet"]


def test_run_that_went_on_and_was_killed_before_its_last_checkpoint_is_unfinished(folder):
    gan = make_run(folder, 4, end=12)
    (folder.path / "generator.keras").touch()  # of step 4, where the run had ended before
    job = sweep.Job(str(folder.path), {}, 12, ())
    assert not sweep.is_finished(job)
    folder.save(gan)
    assert sweep.is_finished(job)


def test_paths_of_a_job_are_those_of_every_worker(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    job = sweep.make_job("a", {"data": "photos", "features": "mine.keras"}, 3)
    assert job.command[2:] == ("--data", f"{tmp_path}/photos", "--features", f"{tmp_path}/mine.keras")
    assert job.folder == f"{tmp_path}/a" and job.settings["data"] == f"{tmp_path}/photos"
    assert sweep.make_job("a", {"features": "pca"}, 3).command[-1] == "pca"


def test_no_more_threads_than_runs_are_started(make, monkeypatch):
    numbers = []

    def use(backend, n_jobs):
        numbers.append(n_jobs)
        return joblib_config(backend, n_jobs=1)

    joblib_config = joblib.parallel_config
    monkeypatch.setattr(joblib, "parallel_config", use)
    monkeypatch.setattr(sweep, "_run", lambda command, environment: (0, ""))
    sweep.run_jobs([make("a"), make("b")], n_jobs=50_000)
    assert numbers == [2]


def test_failed_run_ends_the_sweep_with_its_own_last_line(make, in_process):
    with pytest.raises(ValueError, match=r"The run in .*/a failed: Error: .*batch_size must be"):
        sweep.run_jobs([make("a", batch_size=60)])


@pytest.mark.slow
def test_run_that_another_process_trains_is_waited_for(make, in_process, monkeypatch):
    job = make("a")
    Path(job.folder).mkdir()
    with contextlib.ExitStack() as other:
        other.enter_context(lock.hold_lock(Path(job.folder), id))
        monkeypatch.setattr(sweep.time, "sleep", lambda seconds: other.close())
        sweep.train_in_process(job, {})
    assert len(in_process) == 1


def test_runs_have_the_flags_of_the_sweep_and_not_those_of_a_worker(make, monkeypatch):
    given = []
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with monkeypatch.context() as patch:
        patch.setattr(sweep, "_run", lambda command, environment: given.append(environment) or (0, ""))
        sweep.run_jobs([make("a")])
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as Dask does
    monkeypatch.setenv("MKL_NUM_THREADS", "1")
    program = "import os; exit([os.environ.get(name) for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS')])"
    assert sweep._run([sys.executable, "-c", program], given[0]) == (1, "['2', None]\n")


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_signal_ends_the_sweep_and_the_runs_that_train(n_jobs, make, monkeypatch):
    processes = []

    def run(command, environment):
        return start([sys.executable, "-c", "import time; time.sleep(60)"], environment)

    def stop():
        while len(sweep._processes) < n_jobs:
            time.sleep(0.01)
        processes.extend(sweep._processes)
        os.kill(os.getpid(), signal.SIGTERM)

    start = sweep._run
    monkeypatch.setattr(sweep, "_run", run)
    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(interrupt.Interrupted, match="Stopped by SIGTERM") as stopped:
        sweep.run_jobs([make("a"), make("b")], n_jobs)
    thread.join()
    assert stopped.value.exit_code == 143
    assert [process.returncode for process in processes] == [-signal.SIGTERM] * n_jobs


def test_cluster_without_dask_says_what_to_install(make, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with pytest.raises(ImportError, match=r"needs Dask. .*pip install 'keras_gan\[distributed\]'"):
        sweep.run_jobs([make("a")], cluster="127.0.0.1:1")


@pytest.mark.slow
def test_runs_at_once_give_the_numbers_of_runs_one_after_another(make, monkeypatch):
    apart, at_once = ([make(f"{name}-{seed}", seed=seed) for seed in (0, 1)] for name in ("apart", "at-once"))
    with pytest.MonkeyPatch.context() as patch:
        train_here(patch)
        sweep.run_jobs(apart)
    start = sweep._run
    monkeypatch.setattr(
        sweep, "_run", lambda command, environment: start([*WITHOUT_XLA, *command[3:]], environment)
    )
    sweep.run_jobs(at_once, n_jobs=2)
    for one, other in zip(apart, at_once, strict=True):
        assert_equal_runs(one, other)


@pytest.mark.slow
def test_runs_on_a_dask_cluster_give_the_numbers_of_runs_of_this_process(make):
    distributed = pytest.importorskip("dask.distributed", reason="needs Dask: pip install distributed")
    here, there = ([make(f"{name}-{seed}", seed=seed) for seed in (0, 1)] for name in ("here", "there"))
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        sweep.run_jobs(there, cluster=cluster.scheduler_address)
    sweep.run_jobs(here, n_jobs=2)
    for one, other in zip(here, there, strict=True):
        assert_equal_runs(one, other)


class Cluster:
    """A Dask client of a scheduler and workers that have some versions of the package."""

    def __init__(self, scheduler, workers):
        self.scheduler, self.workers = scheduler, workers

    def run(self, find_version):
        return self.workers

    def run_on_scheduler(self, find_version):
        assert find_version() == keras_gan.__version__
        return self.scheduler


@pytest.mark.parametrize(
    "scheduler, workers, message",
    [
        ("1", {}, "needs workers. Received: none at tcp://a:1; start some with `dask worker tcp://a:1`"),
        ("none", {"tcp://b:2": "1"}, "need this version of keras_gan, 1. Received: none on the scheduler"),
        ("1", {"tcp://b:2": "1", "tcp://c:3": "0.9"}, "Received: 0.9 on tcp://c:3; install it there"),
    ],
)
def test_cluster_that_would_wait_for_ever_is_refused(scheduler, workers, message, monkeypatch):
    monkeypatch.setattr(keras_gan, "__version__", "1")
    with pytest.raises(ValueError, match=message):
        cluster.check_versions(Cluster(scheduler, workers), "tcp://a:1")
    cluster.check_versions(Cluster("1", {"tcp://b:2": "1"}), "tcp://a:1")
