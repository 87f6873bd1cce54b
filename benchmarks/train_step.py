"""Milliseconds a training step: this project's engines beside PyTorch, JAX and the published loop.

    python -m benchmarks.train_step --rounds 8

Each contestant has a process of its own, since the thread pools of two frameworks in one process disturb
each other. All make the same updates: first each trains 20 steps on the same batches, and how far its losses
are from the compiled engine's is printed. Then they take turns, because a shared machine drifts; medians and
the medians of the rounds' own ratios are printed. What is not installed is left out with a line.
"""

import json
import os
import subprocess
import sys
import time

import click
import numpy as np

from benchmarks.contestants import CONTESTANTS, EAGER, draw_batches, list_products
from keras_gan.presets import PRESETS

COMPARED_STEPS = 20
SECONDS_OF_REST = 0.5  # between contestants: threads of BLAS and OpenMP wait for work without sleeping


class Process:
    """A contestant in a process of its own, which does what a line tells it and answers with JSON."""

    def __init__(self, name, batch_size):
        command = [
            sys.executable,
            "-m",
            "benchmarks.train_step",
            "--worker",
            name,
            "--batch-size",
            str(batch_size),
        ]
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._process = subprocess.Popen(command, **pipes)

    def ask(self, request):
        """Returns the answer; raises RuntimeError with the contestant's error."""
        self._process.stdin.write(f"{request}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("its process ended")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["result"]

    def end(self):
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()


def work(name, batch_size):
    """Answers requests from stdin: "compare" with losses, a number of steps with milliseconds a step."""
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a framework prints is no answer
    made = []
    for line in sys.stdin:
        try:
            made = made or CONTESTANTS[name](batch_size)
            compare, run = made
            if line.strip() == "compare":
                result = compare and compare(draw_batches(batch_size, COMPARED_STEPS)).tolist()
            else:
                start = time.perf_counter()
                run(int(line))
                result = 1000 * (time.perf_counter() - start) / int(line)
            answer = {"result": result}
        except Exception as error:  # a package that is not installed, a compiler that is not there
            answer = {"error": " ".join(str(error).split())[:200] or type(error).__name__}
        print(json.dumps(answer), file=answers, flush=True)


def start(names, batch_size):
    """Returns {name: Process} of the contestants that can take part, once their losses are compared."""
    processes, expected = {}, None
    for name in names:
        process = Process(name, batch_size)
        try:
            losses = process.ask("compare")
            if losses:
                expected = losses if expected is None else expected
                apart = np.abs(np.subtract(losses, expected)).max()
                click.echo(f"{name:20} losses of {COMPARED_STEPS} steps within {apart:.0e} of {names[0]}'s")
            process.ask(10)
            processes[name] = process
        except RuntimeError as error:
            click.echo(f"{name} is left out: {error}", err=True)
            process.end()
    return processes


def measure(processes, rounds, steps):
    """Returns {name: milliseconds a step (rounds,)}, all taking turns."""
    ms = {name: [] for name in processes}
    for _ in range(rounds):
        for name, process in processes.items():
            time.sleep(SECONDS_OF_REST)
            process.ask(2)  # wakes its threads, and fills the caches with its own
            ms[name].append(process.ask(steps))
    return {name: np.array(values) for name, values in ms.items()}


@click.command()
@click.option("--batch-size", "sizes", multiple=True, type=click.IntRange(1), default=(64, 256, 1024))
@click.option("--rounds", default=12, show_default=True, type=click.IntRange(1))
@click.option("--steps", default=10, show_default=True, type=click.IntRange(1), help="Steps in a round.")
@click.option(
    "--only", multiple=True, type=click.Choice(list(CONTESTANTS)), help="Contestants. Default: all."
)
@click.option("--json", "path", metavar="FILE", help="Write the numbers to this file, too.")
@click.option("--worker", hidden=True)
def main(sizes, rounds, steps, only, path, worker):
    """Measures and prints a table for each batch size."""
    if worker:
        work(worker, sizes[0])
        return
    found = {}
    for size in sizes:
        multiply_adds = sum(m * k * n for m, k, n in list_products(PRESETS["keras"], size))
        about = (
            f"{rounds} rounds of {steps} steps, {os.cpu_count()} cores, {2 * multiply_adds / 1e9:.2f} GFLOP"
        )
        click.echo(f"batch {size}: {about} a step")
        processes = start(only or list(CONTESTANTS), size)
        ms = measure(processes, rounds, steps)
        for process in processes.values():
            process.end()
        found[size] = {
            name: {"ms": float(np.median(v)), "of_eager": float(np.median(v / ms.get(EAGER, np.nan)))}
            for name, v in ms.items()
        }
        for name, row in found[size].items():
            ratio = f"   {row['of_eager']:.2f} of eager PyTorch" if EAGER in ms else ""
            click.echo(f"{name:20} {row['ms']:8.1f} ms a step{ratio}")
    if path:
        with open(path, "w") as file:
            json.dump({"rounds": rounds, "steps": steps, "batch_sizes": found}, file, indent=2)


if __name__ == "__main__":
    main()
