"""What a Fréchet Inception Distance costs: features, the distance itself, and memory.

    pip install pytorch-fid
    python -m benchmarks.fid

Features: images of 28x28 a second through this project's InceptionV3 and through the network of
pytorch-fid, taking turns on the same images; the weights are random, nothing is downloaded. The
distance: at 2048 dimensions, by SciPy's sqrtm of the product, as published, and by the symmetric
form. Memory: the peak of a process that makes the statistics of so many images, with a small
network of 2048 features in Inception's place, which would take half an hour.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import click
import numpy as np
from scipy import linalg

from keras_gan import start_tensorflow
from keras_gan.evaluation import metrics

PYTORCH_FID_BATCH = 50  # its default
COUNTS = (1000, 20000)
_REPOSITORY = Path(__file__).parents[1]


def features_of_keras(pictures):
    """Returns a function that computes the features of the images."""
    import keras

    from keras_gan.evaluation import inception

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "random.weights.h5")
        keras.applications.InceptionV3(weights=None).save_weights(path)
        extractor = inception.load_inception(path)
    return lambda: extractor(pictures)


def features_of_pytorch_fid(pictures):
    """Returns a function that does the same with the network, the resizing and batches of pytorch-fid."""
    import torch
    from pytorch_fid import inception

    torch.set_num_threads(os.cpu_count())
    with (
        mock.patch.object(inception, "load_state_dict_from_url"),
        mock.patch.object(torch.nn.Module, "load_state_dict"),
    ):
        network = inception.InceptionV3([3]).eval()
    grey = torch.from_numpy(pictures.transpose(0, 3, 1, 2) / np.float32(255)).repeat(1, 3, 1, 1)

    def run():
        with torch.no_grad():
            return [network(batch)[0].numpy() for batch in grey.split(PYTORCH_FID_BATCH)]

    return run


def medians(functions, rounds):
    """Returns the median seconds of each function, called in turn, once before it is timed."""
    seconds = {name: [] for name in functions}
    for number in range(rounds + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name] += [time.perf_counter() - start] if number else []
    return {name: statistics.median(found) for name, found in seconds.items()}


def images_a_second(count, rounds):
    """Returns {name: images a second}; without pytorch-fid of this project alone, which is said."""
    pictures = np.random.default_rng(0).integers(0, 256, (count, 28, 28, 1), np.uint8)
    functions = {"keras_gan": features_of_keras(pictures)}
    try:
        functions["pytorch-fid"] = features_of_pytorch_fid(pictures)
    except (ImportError, RuntimeError) as error:
        click.echo(f"pytorch-fid is left out: {error}", err=True)
    return {name: count / seconds for name, seconds in medians(functions, rounds).items()}


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
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--dimensions", default=2048, show_default=True, type=click.IntRange(2))
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def main(count, rounds, dimensions, as_json):
    """Measures and prints all three."""
    memory = {n: peak_memory(n) for n in COUNTS}
    start_tensorflow.import_tensorflow()
    rates = images_a_second(count, rounds)
    seconds, values = seconds_of_a_distance(dimensions, rounds)
    if as_json:
        found = {"images_a_second": rates, "seconds": seconds, "distances": values, "peak_bytes": memory}
        click.echo(json.dumps(found, indent=2))
        return
    for name, rate in rates.items():
        ratio = rate / rates.get("pytorch-fid", np.nan)
        click.echo(f"{name:12} {rate:6.1f} images/s   {ratio:.2f} of pytorch-fid's")
    for form, taken in seconds.items():
        ratio = seconds["sqrtm"] / taken
        click.echo(
            f"{form:22} {taken:7.2f} s at {dimensions} dimensions   {ratio:.1f} times as fast as sqrtm"
        )
    click.echo(f"the two forms differ by {abs(values['sqrtm'] / values['symmetric'] - 1):.1e}")
    for n, peak in memory.items():
        click.echo(f"{n:6} images: {peak / 2**20:.0f} MiB at most")


if __name__ == "__main__":
    main()
