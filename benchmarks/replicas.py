"""One GAN on one device against the same GAN on several devices and on two processes of this machine.

    python -m benchmarks.replicas --steps 100
    python -m benchmarks.replicas --preset keras --replicas 2 --workers 1

Float64 runs freely, as in `parity`; beside it stands the rounding noise, the difference of one device from
itself with the rows of every batch in another order. Float32 starts every step from the state of one device.
Exit code 1 when a difference exceeds its tolerance: 1e-10 of losses and 1e-9 of weights and moments in
float64, or a hundred times the rounding noise; 1e-5 of losses in float32.
"""

import json
import os
import subprocess
import sys

import click
import numpy as np

from keras_gan.presets import PRESETS
from keras_gan.start_tensorflow import import_tensorflow

LOSSES, VARIABLES, FLOAT32, NOISE_FACTOR = 1e-10, 1e-9, 1e-5, 100
PORT = 24555


def compare(preset, precision, steps, images, workers):
    """Returns the largest differences of losses and of variables, and those of the rounding noise."""
    from keras_gan.data.pixels import to_float
    from keras_gan.device import keras_settings
    from keras_gan.model import engines
    from keras_gan.model.distributed import DistributedEngine
    from keras_gan.model.gan import GAN
    from keras_gan.model.step import gan_step

    one, other, many = (GAN(preset, precision=precision, jit_compile=False) for _ in range(3))
    size = one.preset.batch_size // workers.replicas * workers.replicas
    engine, batch = DistributedEngine(many, images, size, workers), engines.batches(one, len(images), size)
    largest = np.zeros(4)
    for step in range(steps):
        rows, z = batch(step)
        if precision == "float32":
            for gan in (other, many):
                copy(one, gan)
        with keras_settings(precision):
            real = to_float(images[rows])
            values = np.array(gan_step(one.rule, one, real, z), np.float64)
            noisy = np.array(gan_step(one.rule, other, real[::-1], [each[::-1] for each in z]), np.float64)
        found = engine(step, 1)[0]
        differences = [np.abs(x - values)[:3].max() for x in (found, noisy)]
        differences[1:1] = [difference(one, many)]
        largest = np.maximum(largest, [*differences, difference(one, other)])
    return dict(zip(("losses", "variables", "noise", "noise of variables"), largest.tolist(), strict=True))


def copy(source, target):
    """Sets one GAN to the state of another."""
    arrays = source.arrays()
    for name, variable in target.variables().items():
        variable.assign(arrays[name])
    target.step = source.step


def difference(one, other):
    """Returns the largest difference of any variable of two GANs."""
    ours, theirs = one.arrays(), other.arrays()
    return max(float(np.abs(ours[name] - theirs[name]).max()) for name in ours)


def exceeds(precision, row):
    """Returns whether differences are above their tolerance."""
    if precision == "float32":
        return not row["losses"] <= FLOAT32
    losses = max(LOSSES, NOISE_FACTOR * row["noise"])
    return not (
        row["losses"] <= losses
        and row["variables"] <= max(VARIABLES, NOISE_FACTOR * row["noise of variables"])
    )


def run_all(presets, precisions, steps, images, workers):
    """Yields (preset, precision, differences); the other workers follow and yield nothing."""
    from keras_gan.model.gan import GAN
    from keras_gan.training.follow import follow

    for preset in presets:
        for precision in precisions:
            if workers.index:
                gan = GAN(preset, precision=precision, jit_compile=False)
                with workers:
                    follow(gan, images, gan.preset.batch_size, workers, None)
                continue
            with workers:
                workers.listening = True
                yield preset, precision, compare(preset, precision, steps, images, workers)


@click.command()
@click.option("--preset", "presets", multiple=True, type=click.Choice(list(PRESETS)), default=list(PRESETS))
@click.option("--precision", "precisions", multiple=True, default=("float64", "float32"))
@click.option("--replicas", type=click.IntRange(1), default=2, show_default=True, help="Logical CPU devices.")
@click.option(
    "--workers", "n_workers", type=click.IntRange(1), default=1, show_default=True, help="Processes."
)
@click.option("--steps", type=click.IntRange(1), default=100, show_default=True)
@click.option("--n-images", type=click.IntRange(1024), default=6000, show_default=True, help="Random images.")
@click.option("--index", type=int, default=0, hidden=True)
def main(presets, precisions, replicas, n_workers, steps, n_images, index):
    """Compares and prints a line for each preset and precision."""
    others = []
    if n_workers > 1:
        workers = [f"127.0.0.1:{PORT + i}" for i in range(n_workers)]
        task = {"type": "worker", "index": index}
        os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": workers}, "task": task})
        if not index:
            words = [sys.executable, "-m", "benchmarks.replicas", *sys.argv[1:], "--index"]
            others = [subprocess.Popen([*words, str(i)]) for i in range(1, n_workers)]
    import_tensorflow()
    import tensorflow as tf

    from keras_gan.model.workers import join_workers

    tf.get_logger().setLevel("ERROR")  # the many GANs of one process make it warn of retracing
    how = ("multi-worker", None, "cpu") if n_workers > 1 else ("mirrored", replicas, "cpu")
    workers, failed = join_workers(*how), False
    images = np.random.default_rng(0).integers(0, 256, (n_images, 28, 28, 1), dtype=np.uint8)
    for preset, precision, row in run_all(presets, precisions, steps, images, workers):
        above = exceeds(precision, row)
        failed |= above
        numbers = ", ".join(f"{name} {value:.1e}" for name, value in row.items())
        click.echo(
            f"{preset} {precision}, {workers.replicas} replicas, {steps} steps: {numbers}{' ABOVE' * above}"
        )
    sys.exit(failed or any(other.wait() for other in others))


if __name__ == "__main__":
    main()
