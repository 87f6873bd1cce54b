"""One of two workers killed at random moments, against the run that was not: bit for bit the same?

    python -m benchmarks.soak_workers --kills 10 --steps 400

Two processes of this machine train the default preset on the bundled digits. At each moment one of them,
whichever, gets SIGKILL; the other must end within a minute with one line and exit code 1. Both are started
again until the run ends. Exit code 1 if anything differs.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from benchmarks.soak import differences
from keras_gan.run.history import find_last_step

SECONDS = 60  # in which the other worker must end
_REPOSITORY = Path(__file__).parents[1]
_TRAIN = "train --dataset digits --device cpu --checkpoint-interval 5 --sample-interval 25 --quiet".split()


def start(folders, words):
    """Returns the processes of two workers, each in a folder of its own."""
    with socket.create_server(("127.0.0.1", 0)) as a, socket.create_server(("127.0.0.1", 0)) as b:
        addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in (a, b)]
    workers = []
    for i, folder in enumerate(folders):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": i}}
        environment = os.environ | {"TF_CONFIG": json.dumps(config), "PYTHONPATH": str(_REPOSITORY)}
        command = [sys.executable, "-m", "keras_gan", *words, "--strategy", "multi-worker"]
        workers.append(
            subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)
        )
    return workers


def wait(workers, history, moment, rng):
    """Waits for a step or, at a tenth of the moments, for a time while both start; returns the kind."""
    end = time.monotonic() + rng.uniform(0, 15) if rng.random() < 0.1 else None
    while all(worker.poll() is None for worker in workers):
        if find_last_step(history) >= moment:
            time.sleep(rng.uniform(0, 0.1))  # somewhere in a step, a grid or a checkpoint
            return "at a step"
        if end and time.monotonic() > end:
            return "in a start"
        time.sleep(0.002)
    raise click.ClickException(f"a worker ended before it was killed: {[w.communicate() for w in workers]}")


def kill(workers, rng):
    """Kills one of two workers; returns which, and seconds, exit code and lines of the other."""
    i = int(rng.integers(2))
    workers[i].kill()
    begun = time.monotonic()
    lines = workers[1 - i].communicate()[1].splitlines()
    workers[i].communicate()
    return i, time.monotonic() - begun, workers[1 - i].returncode, lines


@click.command()
@click.option("--kills", default=10, show_default=True, type=click.IntRange(1))
@click.option("--steps", default=400, show_default=True, type=click.IntRange(50))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the moments.")
def main(kills, steps, seed):
    """Kills workers at random moments, resumes the run until it ends, and compares."""
    rng, wrong, longest = np.random.default_rng(seed), [], 0.0
    with tempfile.TemporaryDirectory() as root:
        folders = [Path(root, name) for name in ("first", "second")]
        for folder in folders:
            folder.mkdir()
        history = folders[0] / "killed/history.csv"
        begin = [*_TRAIN, "--epochs", str(steps), "--outdir"]
        for worker in start(folders, [*begin, "whole"]):
            if line := worker.communicate()[1] or worker.returncode:
                raise click.ClickException(f"the run without kills failed: {line}")
        for moment in sorted(rng.integers(0, steps - 20, kills)):
            words = (
                ["train", "--resume", "killed", "--quiet"]
                if history.with_name("config.json").exists()
                else [*begin, "killed"]
            )
            workers = start(folders, words)
            how = wait(workers, history, max(moment, find_last_step(history) + 1), rng)
            i, seconds, code, lines = kill(workers, rng)
            longest = max(longest, seconds)
            if code != 1 or len(lines) != 1 or seconds > SECONDS:
                wrong.append(f"exit code {code} after {seconds:.0f} s: {lines}")
            click.echo(
                f"worker {i} killed {how}, after {find_last_step(history)} rows: {seconds:.1f} s, {lines}"
            )
        ends = [
            (w.communicate()[1], w.returncode)
            for w in start(folders, ["train", "--resume", "killed", "--quiet"])
        ]
        wrong += [f"the last resume: {end}" for end in ends if end != ("", 0)]
        found = differences(folders[0] / "whole", folders[0] / "killed")
    click.echo(f"{kills} kills, the other worker ended in {longest:.0f} s at most; {len(found)} differences")
    for line in [*wrong, *found]:
        click.echo(line)
    sys.exit(bool(wrong or found))


if __name__ == "__main__":
    main()
