"""A run that is stopped in every way again and again, against the run that was not: bit for bit the same?

    python -m benchmarks.soak --kills 50 --steps 2000
    python -m benchmarks.soak --kills 10 --steps 1000 -- --preset kmnist --data mnist.npz
    python -m benchmarks.soak --kills 50 --steps 1000 -- --dataset digits --fid-interval 20 --fid-samples 200

Two processes start at once, of which one may train. It is killed with SIGKILL, half of the times while a
checkpoint is written, and once each a SIGHUP, a broken pipe and a full disk stop it. The default
preset trains on the bundled digits; what stands behind -- goes to `train`. Exit code 1 if anything differs.
"""

import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import click
import numpy as np

from keras_gan.files import npz

CHECKPOINT_EVERY, GRID_EVERY = 5, 25  # steps: so often that kills land in saves and lose little
_KINDS = {"at a step": 0.4, "in a save": 0.5, "in a start": 0.1}
_FORMS = {"by SIGHUP": 128 + signal.SIGHUP, "by a broken pipe": 128 + signal.SIGPIPE, "by a full disk": 1}
_REPOSITORY = Path(__file__).parents[1]
_TRAIN = [sys.executable, "-m", "keras_gan", "train"]


def soak(folder, steps, kills, seed, words=("--dataset", "digits"), say=lambda line: None):
    """Trains without and with kills; returns how many fell where, and the differences.

    Args:
        folder: where the two run directories, whole and killed, are made.
        steps: epochs of the default preset; another's are given by `words`.
        words: further options of `train`.
        say: called with a line after every kill.
    """
    rng = np.random.default_rng(seed)
    whole, killed = folder / "whole", folder / "killed"
    first = [*_TRAIN, "--epochs", str(steps), "--sample-interval", str(GRID_EVERY)]
    first += ["--checkpoint-interval", str(CHECKPOINT_EVERY), *map(str, words), "--outdir"]
    counts = dict.fromkeys(("kills", *_KINDS, *_FORMS), 0)
    hows = rng.permutation(["by SIGKILL"] * kills + list(_FORMS))
    with subprocess.Popen([*first, str(whole), "--quiet"], cwd=_REPOSITORY) as unharmed:
        _race([*first, str(killed), "--quiet"])
        say("one of two starts was refused")
        moments = sorted(rng.integers(0, steps - 2 * CHECKPOINT_EVERY, len(hows)))
        for step, how in [*zip(moments, hows, strict=True), (None, "")]:
            begun = (killed / "config.json").exists()
            life = [*_TRAIN, "--resume", str(killed)] if begun else [*first, str(killed)]
            found = _live(life, killed, step, rng, how)
            if found is None and how:
                raise click.ClickException(f"the run ended before it was stopped {how} at step {step}.")
            if found is None:
                break
            counts["kills"] += how == "by SIGKILL"
            counts[found] += 1
            say(f"{how}{f', {found}' if found != how else ''}, after {max(_last_step(killed), 0)} rows")
    if unharmed.returncode:
        raise click.ClickException(f"the run without kills ended with exit code {unharmed.returncode}.")
    return counts | {"differences": differences(whole, killed)}


def _race(command):
    """Starts a command twice at once, kills the process that trains, and expects the other to be refused."""
    both = [subprocess.Popen(command, cwd=_REPOSITORY, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    while all(process.poll() is None for process in both):
        time.sleep(0.01)
    refused, training = sorted(both, key=lambda process: process.poll() is None)
    line = refused.communicate()[1]
    training.kill()
    training.communicate()
    if refused.returncode != 1 or "Only one process may train" not in line or training.returncode >= 0:
        raise click.ClickException(f"of two starts one must be refused. Received: {line!r}.")


def _live(command, folder, step, rng, how):
    """Runs a process until it is stopped; returns where or how that was, None where it ended before."""
    before, stale = _last_step(folder), _being_saved(folder)
    if how == "by a broken pipe":
        with subprocess.Popen(command, cwd=_REPOSITORY, stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            process.stdout.close()
    else:
        heed = partial(signal.signal, signal.SIGHUP, signal.SIG_DFL)  # which nohup makes a process ignore
        with subprocess.Popen([*command, "--quiet"], cwd=_REPOSITORY, preexec_fn=heed) as process:
            if step is not None:
                _wait(process, folder, step, stale, rng, how)
                _stop(process, how)
    if process.returncode == 0:
        return None
    if process.returncode != _FORMS.get(how, -signal.SIGKILL):
        raise click.ClickException(f"a run stopped {how} ended with exit code {process.returncode}.")
    if how in _FORMS:
        return how
    if _being_saved(folder) - stale:
        return "in a save"
    return "at a step" if _last_step(folder) > before else "in a start"


def _stop(process, how):
    if how == "by SIGHUP":
        process.send_signal(signal.SIGHUP)
    elif how == "by a full disk":  # no file may grow: what appends to history.csv fails
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    else:
        process.kill()


def _wait(process, folder, step, stale, rng, how):
    """Waits for the moment to stop at: a step, in a save after it, or while the process starts."""
    kind = "at a step" if how in _FORMS else rng.choice(list(_KINDS), p=list(_KINDS.values()))
    step = step if how not in _FORMS else max(step, _last_step(folder) + 2)  # signals are caught by then
    if kind == "in a start":
        before, end = (
            _last_step(folder),
            time.monotonic() + rng.uniform(0, 12),
        )  # most of it TensorFlow's import
        while time.monotonic() < end and _last_step(folder) <= before:
            time.sleep(0.002)
        return
    while process.poll() is None and _last_step(folder) < step:
        time.sleep(0.002)
    while process.poll() is None and kind == "in a save" and not _being_saved(folder) - stale:
        time.sleep(0.0002)
    time.sleep(rng.uniform(0, 0.05))  # a few steps: the next moment must still be ahead


def _last_step(folder):
    """Returns the step of the last whole row of history.csv, -1 where there is none."""
    try:
        with open(folder / "history.csv", "rb") as file:
            file.seek(max(0, file.seek(0, 2) - 1000))
            rows = file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return -1
    number = rows[-1].split(b",")[0] if rows else b""
    return int(number) if number.isdigit() else -1


def _being_saved(folder):
    """Returns the names of what a save has begun and not ended."""
    names = {path.name for path in folder.glob("*checkpoint.*")}
    return {name for name in names if ".new." in name or name.endswith(".link")}


def differences(one, other):
    """Returns the names of the files and arrays of two run directories that are not the same."""
    grids = {path.name for folder in (one, other) for path in folder.glob("*.png")}
    names = ["history.csv", "metrics.jsonl", *sorted(grids)]
    found = [name for name in names if _content(one / name) != _content(other / name)]
    for file in ("checkpoint.npz", "checkpoint.best.npz"):
        ours, theirs = (_arrays(folder / file) for folder in (one, other))
        for name in sorted(ours.keys() | theirs.keys()):
            both = ours.get(name), theirs.get(name)
            if any(array is None for array in both) or both[0].tobytes() != both[1].tobytes():
                found.append(f"{file}: {name}")
    return found


def _arrays(path):
    return npz.load(path) if path.exists() or path.name == "checkpoint.npz" else {}


def _content(path):
    return path.read_bytes() if path.exists() else None


@click.command()
@click.option("--kills", default=50, show_default=True, type=click.IntRange(1))
@click.option("--steps", default=2000, show_default=True, type=click.IntRange(50))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the moments.")
@click.option("--json", "as_json", is_flag=True)
@click.argument("words", nargs=-1)
def main(kills, steps, seed, as_json, words):
    """Stops a run at random moments, resumes it until it ends, and compares."""
    with tempfile.TemporaryDirectory() as folder:
        words = words or ("--dataset", "digits")
        say = (lambda line: None) if as_json else click.echo
        counts = soak(Path(folder), steps, kills, seed, words, say)
    found = counts["differences"]
    fell = ", ".join(f"{counts[kind]} {kind}" for kind in (*_KINDS, *_FORMS))
    stops = f"{counts['kills']} kills and {len(_FORMS)} other stops ({fell})"
    line = f"{stops}; {len(found)} differences {' '.join(found[:5])}".strip()
    click.echo(json.dumps(counts) if as_json else line)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
