"""Two real processes on this machine: the same run as on one device, and what is left when one is killed."""

import json
import os
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from keras_gan.files import npz
from keras_gan.run import history
from tests.conftest import REPOSITORY, run

# 300 steps of 5 a pass: long enough to be killed in the middle
TRAIN = (
    "train --preset aioz --latent-dim 7 --precision float64 --device cpu --batch-size 10 --epochs 60".split()
)
TRAIN += ["--checkpoint-interval", "2", "--sample-interval", "300", "--quiet"]


@pytest.fixture
def start(tmp_path):
    """A function that starts `train` on two workers, the second in a folder without the run directory."""
    (tmp_path / "elsewhere").mkdir()
    started = []

    def start_both(*words):
        with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b:
            addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in (a, b)]
        both = []
        for i, folder in enumerate((tmp_path, tmp_path / "elsewhere")):
            task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": i}}
            environment = os.environ | {"TF_CONFIG": json.dumps(task), "PYTHONPATH": str(REPOSITORY)}
            command = [sys.executable, "-m", "keras_gan", *words, "--strategy", "multi-worker"]
            both.append(
                subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
            )
        started.extend(both)
        return both

    yield start_both
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


def finish(processes):
    """Returns exit code and stderr of each process."""
    return [(process.wait(), process.communicate()[1]) for process in processes]


def assert_close_runs(one, other, tolerance):
    """Compares losses, which history.csv has in nine digits, and all variables."""
    ours, theirs = (history.read(folder / "history.csv") for folder in (one, other))
    for name in ("d_loss", "g_loss", "d_acc_real", "d_acc_fake"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-8 if tolerance else 0)
    ours, theirs = (npz.load(folder / "checkpoint.npz") for folder in (one, other))
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        if array.dtype.kind == "f":
            np.testing.assert_allclose(array, theirs[name], rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.slow
def test_two_processes_make_the_run_of_one_and_a_killed_one_is_resumed(start, tmp_path, images_npz):
    train = [*TRAIN, "--data", str(images_npz), "--outdir"]
    assert finish(start(*train, "whole")) == [(0, "")] * 2
    assert run(*train, tmp_path / "one").exit_code == 0
    # The rounding of sums over 10 rows or twice 5, which 300 updates of Adam amplify
    assert_close_runs(tmp_path / "whole", tmp_path / "one", 1e-9)

    first, second = start(*train, "killed")
    while history.find_last_step(tmp_path / "killed/history.csv") < 30:
        assert first.poll() is None
        time.sleep(0.01)
    second.kill()
    killed = time.monotonic()
    [(code, line)] = finish([first])
    assert time.monotonic() - killed < 60
    assert (code, line.count("\n")) == (1, 1) and line.startswith("Error: ") and "worker 1" in line
    step = int(npz.load(tmp_path / "killed/checkpoint.npz")["step"])
    assert 0 < step < 300

    assert finish(start("train", "--resume", "killed", "--quiet")) == [(0, "")] * 2
    assert_close_runs(tmp_path / "whole", tmp_path / "killed", 0)
    assert not list((tmp_path / "elsewhere").iterdir())
