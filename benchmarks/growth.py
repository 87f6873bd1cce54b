"""How time and memory grow: with the batch, the side of the images, their number and the length of a history.

    python -m benchmarks.growth
    python -m benchmarks.growth --of images --engine compiled --steps 200

Every row is a process of its own, whose largest resident memory is that of the operating system. Images are
random, in an .npy file, which is mapped from 64 MiB on; a batch has 256 images of 28x28 where the row does
not say otherwise, and there are 10,000. A step is timed after one call that compiles.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from keras_gan import progress
from keras_gan.config import ENGINES
from keras_gan.presets import PRESETS
from keras_gan.run import history

BATCHES, SIDES = (64, 256, 1024, 4096), (28, 32, 64, 128)
IMAGES, HISTORIES = (1_000, 10_000, 100_000, 1_000_000), (1_000, 10_000, 100_000, 1_000_000)


def work(path, engine, batch_size, steps):
    """Prints, as JSON, the seconds until the images are ready and the milliseconds of a step."""
    from keras_gan.data.datasets import load_dataset
    from keras_gan.model import engines
    from keras_gan.model.gan import GAN

    start = time.perf_counter()
    dataset = load_dataset(path=path)
    seconds = time.perf_counter() - start
    gan = GAN(image_shape=dataset.image_shape)
    run = engines.ENGINES[engine](gan, dataset.images, batch_size)
    run(0, 2)
    start = time.perf_counter()
    run(gan.step, steps)
    print(json.dumps([seconds, 1000 * (time.perf_counter() - start) / steps]))


def save_images(path, n, side):
    """Writes uint8 (n, side, side, 1) of random pixels, a thousand at a time."""
    array = np.lib.format.open_memmap(path, "w+", np.uint8, (n, side, side, 1))
    rng = np.random.default_rng(0)
    for i in range(0, n, 1000):
        array[i : i + 1000] = rng.integers(0, 256, array[i : i + 1000].shape, dtype=np.uint8)


def save_history(folder, steps):
    """Writes a run's history of random losses."""
    folder.mkdir()
    values = np.random.default_rng(0).uniform(0.1, 1, (steps, 5))
    history.begin(folder / "history.csv")
    history.append(folder / "history.csv", history.make_rows(PRESETS["keras"].rule, 1, 1, values))


def measure(*words):
    """Runs `python -m WORDS`; returns what it printed, its seconds and its largest memory in MB."""
    start = time.perf_counter()
    command = [sys.executable, "-m", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        text = process.stdout.read()
        error = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"{' '.join(command)}: {error.strip()[-300:]}")
    return text, time.perf_counter() - start, usage.ru_maxrss * 1024 / 1e6


def measure_steps(folder, engine, steps, batch_size=256, side=28, n=10_000):
    """Returns the cells of a row: seconds to read the images, milliseconds of a step, memory."""
    save_images(path := folder / "images.npy", n, side)
    text, _, memory = measure("benchmarks.growth", "--worker", path, engine, batch_size, steps)
    seconds, ms = json.loads(text.splitlines()[-1])
    return [f"{seconds:.1f}", f"{ms:.1f}", f"{memory:,.0f}"]


def measure_history(folder, steps):
    """Returns the cells of a row: seconds and memory of `plot` and `report`."""
    save_history(run := folder / str(steps), steps)
    cells = []
    for command in ("plot", "report"):
        _, seconds, memory = measure("keras_gan", command, run)
        cells += [f"{seconds:.1f}", f"{memory:,.0f}"]
    return cells


def list_rows(of, folder, engine, steps):
    """Yields the rows of a table."""
    for value in {"batch": BATCHES, "side": SIDES, "images": IMAGES, "history": HISTORIES}[of]:
        if of == "history":
            yield [f"{value:,}", *measure_history(folder, value)]
        else:
            changed = {{"batch": "batch_size", "side": "side", "images": "n"}[of]: value}
            yield [f"{value:,}", *measure_steps(folder, engine, steps, **changed)]


@click.command()
@click.option("--of", "tables", multiple=True, type=click.Choice(["batch", "side", "images", "history"]))
@click.option("--engine", default="compiled", show_default=True, type=click.Choice(ENGINES))
@click.option("--steps", default=30, show_default=True, type=click.IntRange(1), help="Steps that are timed.")
@click.option("--worker", nargs=4, hidden=True)
def main(tables, engine, steps, worker):
    """Measures and prints a table each; all of them where --of is not given."""
    if worker:
        work(worker[0], worker[1], int(worker[2]), int(worker[3]))
        return
    click.echo(f"engine {engine}, {steps} steps, {os.cpu_count()} cores")
    for of in tables or ("batch", "side", "images", "history"):
        header = [of, "s to read", "ms a step", "MB"]
        if of == "history":
            header = [of, "s of plot", "MB", "s of report", "MB"]
        with tempfile.TemporaryDirectory() as folder:
            rows = list(list_rows(of, Path(folder), engine, steps))
        click.echo(f"\n{progress.format_table(header, rows, 'r' * len(header))}")


if __name__ == "__main__":
    main()
