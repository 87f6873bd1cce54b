"""What a Fréchet Inception Distance costs: features, the distance itself, and memory.

    pip install torch torchvision pytorch-fid torch-fidelity torchmetrics clean-fid torcheval
    python -m benchmarks.fid

Features: images a second of each extractor beside the package that it is named after, from the same file of
random weights, as `benchmarks.packages` makes it. Each has a
process of its own, since the thread pools of two frameworks in one process disturb each other, and all of a
row take turns, because a shared machine drifts; medians, and the median of the rounds' own ratios, are
printed. What is not installed is left out with a line. The distance: at 2048 dimensions, by SciPy's sqrtm of
the product, as published, and by the symmetric form. Memory: the peak of a process that makes the statistics
of so many images, with a small network of 2048 features in Inception's place, which would take half an hour.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from scipy import linalg

from keras_gan import start_tensorflow
from keras_gan.evaluation import metrics

PACKAGES = ("pytorch-fid", "torch-fidelity", "torchmetrics", "clean-fid", "torcheval")
PAIRS = {"inception": "pytorch-fid"} | {name: name for name in PACKAGES}  # an extractor, and who it is beside
PACKAGE_BATCH = 50  # images through a package's network at once: pytorch-fid's default
COUNTS = (1000, 20000)
_REPOSITORY = Path(__file__).parents[1]


def build_package_features(name, folder):
    """Returns a function from uint8 images to a package's features; writes its weights into a folder."""
    from benchmarks.packages import build_package

    compute = build_package(name, folder).features

    def in_batches(images):
        rgb = np.repeat(images, 3 // images.shape[3], axis=3)
        return [compute(rgb[i : i + PACKAGE_BATCH]) for i in range(0, len(rgb), PACKAGE_BATCH)]

    return in_batches


def build_features(name, folder):
    """Returns an extractor of this project, with the weights that are in a folder."""
    start_tensorflow.import_tensorflow()
    from keras_gan.evaluation import inception, package_inception

    if name == "inception":
        path = Path(folder, "random.weights.h5")
        inception.build_inception().save_weights(path)
        return inception.load_inception(path)
    path = Path(folder, "torchvision.pth" if name == "torcheval" else "2015.pth")
    return package_inception.load_package_extractor(name, path, True, lambda line: None)


def work(side, name, folder, count, shape):
    """Computes features of so many images whenever a line comes, and answers with the seconds."""
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a package prints is no answer
    images = np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)
    if side == "package":
        compute = build_package_features(name, folder)
    else:
        compute = build_features(name, folder)
    compute(images)
    print("ready", file=answers, flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        compute(images)
        print(time.perf_counter() - start, file=answers, flush=True)


def start(side, name, folder, count, size):
    """Returns the process of one side, once it is ready; None where it cannot take part."""
    words = ["--worker", side, "--only", name, "--folder", folder, "--images", str(count), "--size", size]
    command = [sys.executable, "-m", "benchmarks.fid", *words]
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process = subprocess.Popen(command, cwd=_REPOSITORY, **pipes)
    if process.stdout.readline() == "ready\n":
        return process
    lines = process.communicate()[1].strip().splitlines() or ["its process ended"]
    click.echo(f"{name}, {side}, is left out: {lines[-1]}", err=True)
    return None


def images_a_second(name, count, rounds, size):
    """Returns the images a second of an extractor and of the package beside it.

    None without the package that writes the weights.
    """
    with tempfile.TemporaryDirectory() as folder:
        theirs = start("package", PAIRS[name], folder, count, size)
        if not theirs and name in PACKAGES:
            return None
        sides = {side: start(side, name, folder, count, size) for side in ("keras_gan",)}
        sides = {side: process for side, process in (sides | {"package": theirs}).items() if process}
        seconds = {side: [] for side in sides}
        for _ in range(rounds):
            for side, process in sides.items():
                process.stdin.write("\n")
                process.stdin.flush()
                seconds[side].append(float(process.stdout.readline()))
        for process in sides.values():
            process.communicate()
    row = {side: count / statistics.median(taken) for side, taken in seconds.items()}
    if theirs:
        row["ratio"] = float(np.median(np.divide(seconds["package"], seconds["keras_gan"])))
    return row


def medians(functions, rounds):
    """Returns the median seconds of each function, called in turn, once before it is timed."""
    seconds = {name: [] for name in functions}
    for number in range(rounds + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name] += [time.perf_counter() - start] if number else []
    return {name: statistics.median(found) for name, found in seconds.items()}


def seconds_of_a_distance(dimensions, rounds):
    """Returns {form: seconds} and the distance by each, of two sets of random features."""
    rng = np.random.default_rng(0)
    a, b = (
        metrics.gaussian(rng.standard_normal((2 * dimensions, dimensions)) * rng.uniform(0.1, 1, dimensions))
        for _ in range(2)
    )
    functions = {
        "sqrtm": lambda: np.trace(linalg.sqrtm(a.sigma @ b.sigma)),
        "symmetric": lambda: metrics.frechet_distance(a, b, "symmetric"),
    }
    values = {form: metrics.frechet_distance(a, b, form).value for form in ("sqrtm", "symmetric")}
    return medians(functions, rounds), values


def peak_memory(count):
    """Returns the bytes that a new process has at most while it makes the statistics of images."""
    program = f"from benchmarks import fid; print(fid.peak_of_this({count}))"
    command = [sys.executable, "-c", program]
    return int(subprocess.run(command, cwd=_REPOSITORY, capture_output=True, check=True).stdout)


def peak_of_this(count):
    """Makes the statistics of images in this process and returns the bytes it had at most."""
    start_tensorflow.import_tensorflow()
    import keras

    from keras_gan.evaluation import feature_stats
    from keras_gan.evaluation.extractor import FeatureExtractor

    inputs = keras.Input((28, 28, 1))
    network = keras.Model(inputs, keras.layers.Dense(2048)(keras.layers.Flatten()(inputs)))
    extractor = FeatureExtractor("x", "", "0", "", network, lambda p: p.astype(np.float32), batch_size=64)
    rng = np.random.default_rng(0)
    sizes = [min(64, count - i) for i in range(0, count, 64)]
    feature_stats.compute_stats(extractor, (rng.integers(0, 256, (n, 28, 28, 1), np.uint8) for n in sizes))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@click.command()
@click.option("--images", "count", default=100, show_default=True, type=click.IntRange(1), help="In a round.")
@click.option("--size", default="28x28x1", show_default=True, help="Height, width and channels of an image.")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--dimensions", default=2048, show_default=True, type=click.IntRange(2))
@click.option("--only", multiple=True, type=click.Choice(list(PAIRS)), help="Extractors. Default: all.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
@click.option("--worker", hidden=True)
@click.option("--folder", hidden=True)
def main(count, size, rounds, dimensions, only, as_json, worker, folder):
    """Measures and prints all three; with --only the features alone."""
    if worker:
        work(worker, only[0], folder, count, tuple(map(int, size.split("x"))))
        return
    rates = {}
    for name in only or PAIRS:
        rates[name] = images_a_second(name, count, rounds, size)
        if rates[name] and not as_json:
            click.echo(format_rate(name, rates[name]))
    found = {"images_a_second": rates}
    if not only:
        memory = {n: peak_memory(n) for n in COUNTS}
        seconds, values = seconds_of_a_distance(dimensions, rounds)
        found |= {"seconds": seconds, "distances": values, "peak_bytes": memory}
    if as_json:
        click.echo(json.dumps(found, indent=2))
    elif not only:
        click.echo("\n".join(format_costs(dimensions, **found)))


def format_rate(name, row):
    """Returns a line on the images a second of an extractor and of the package beside it."""
    line = f"{name:15} {row['keras_gan']:6.1f} images/s"
    if "package" in row:
        line += f"   {PAIRS[name]} itself {row['package']:6.1f}: {row['ratio']:.2f} times as fast"
    return line


def format_costs(dimensions, seconds, distances, peak_bytes, **_):
    """Yields the lines on the distance and the memory."""
    for form, taken in seconds.items():
        ratio = seconds["sqrtm"] / taken
        yield f"{form:22} {taken:7.2f} s at {dimensions} dimensions   {ratio:.1f} times as fast as sqrtm"
    yield f"the two forms differ by {abs(distances['sqrtm'] / distances['symmetric'] - 1):.1e}"
    for n, peak in peak_bytes.items():
        yield f"{n:6} images: {peak / 2**20:.0f} MiB at most"


if __name__ == "__main__":
    main()
