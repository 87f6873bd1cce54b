"""When more devices pay: a step on 1, 2 and 4 replicas, bytes exchanged, and a table worked out of them.

    python -m benchmarks.scaling
    python -m benchmarks.scaling --preset pytorch-gan --no-measure --tflops 40

The first part is measured on logical parts of this machine's CPU, in turns: it shows what sharing a batch
costs where nothing is won, beside the compiled engine of one device. The second counts bytes and operations
from the layer sizes. The table says from which batch on a step on many devices is faster than on one with the
compiled engine, under assumptions: sustained operations a second of a device, what a step under a strategy
costs beside its products, bandwidth and latency.
"""

import subprocess
import sys
import time

import click
import numpy as np

from keras_gan.presets import PRESETS, BatchNormalization, Dense
from keras_gan.start_tensorflow import import_tensorflow

BYTES = 4  # of a float32
SHAPES = (28, 28, 1), (64, 64, 3), (128, 128, 3), (256, 256, 3)
BATCHES = [2**i for i in range(5, 21)]
LINKS = {  # devices, bytes a second of each device's link, seconds of a message
    "8 GPUs in one machine": (8, 150e9, 10e-6),
    "16 machines, 100 Gbit/s": (16, 12.5e9, 30e-6),
    "16 machines, 10 Gbit/s": (16, 1.25e9, 50e-6),
}
ROUNDS, STEPS = 7, 20  # of the measurement


def count_step(preset, image_shape):
    """Returns what a step of a preset exchanges and computes, counted from the layer sizes.

    Returns:
        Bytes of gradients, bytes of batch normalisation's sums, number of exchanges, and multiplications
        and additions per image of the batch.
    """
    pixels, rule = int(np.prod(image_shape)), preset.rule
    g_weights, g_products, g_normalised = _count(preset.generator, preset.latent_dim, pixels)
    d_weights, d_products, _ = _count(preset.discriminator, pixels, pixels)
    d_updates = 1 if rule.joint_d_update else 2
    g_passes = 1 + rule.fakes_in_training_mode  # of those that take the batch's moments
    gradients = BYTES * (g_weights + d_updates * d_weights)
    # Two vectors of each layer, forwards and, in the generator's update, backwards
    sums = BYTES * 2 * sum(g_normalised) * (g_passes + 1)
    exchanges = d_updates + 1 + 2 * len(g_normalised) * (g_passes + 1)
    # A pass costs two operations a weight, a backward pass twice as much: G for the fakes and in its own
    # update, D forwards and backwards on real and fake images, and once through for G without its own weights
    operations = 2 * (g_products + 3 * g_products + 2 * 3 * d_products + 2 * d_products)
    return gradients, sums, exchanges, operations


def _count(layers, n_in, pixels):
    """Returns number of trainable weights, of weights in products, and the units that are normalised."""
    weights = products = 0
    normalised = []
    for layer in layers:
        if isinstance(layer, Dense):
            n_out = layer.units or pixels
            products += n_in * n_out
            weights += n_in * n_out + n_out
            n_in = n_out
        elif isinstance(layer, BatchNormalization):
            normalised.append(n_in)
            weights += 2 * n_in
    return weights, products, normalised


def seconds_per_step(counted, batch, devices, link, tflops, overhead):
    """Returns the time of a step: its products and, on several devices, `overhead` and the exchanges.

    Over a ring of n devices each link takes 2 (n - 1) / n of the bytes, in 2 (n - 1) messages.
    """
    gradients, sums, exchanges, operations = counted
    seconds = operations * batch / devices / (tflops * 1e12)
    if devices == 1:
        return seconds
    bandwidth, latency = link
    sent = 2 * (devices - 1) / devices * (gradients + sums)
    return seconds + overhead + sent / bandwidth + exchanges * 2 * (devices - 1) * latency


def find_batch(counted, devices, link, tflops, overhead, gain=1.0):
    """Returns the smallest batch of `BATCHES` at which many devices are `gain` times faster; None of none."""
    for batch in BATCHES:
        one, many = (seconds_per_step(counted, batch, n, link, tflops, overhead) for n in (1, devices))
        if one > gain * many:
            return batch
    return None


def measure(presets, batch_size, replicas):
    """Yields (preset, milliseconds, ratio): of a step of the compiled engine, and one on replicas to it.

    Both are measured in turns. A process can have one number of replicas.
    """
    import_tensorflow()
    import tensorflow as tf

    from keras_gan.model import engines
    from keras_gan.model.distributed import DistributedEngine
    from keras_gan.model.gan import GAN
    from keras_gan.model.workers import join_workers

    tf.get_logger().setLevel("ERROR")  # which warns of the tracing of several GANs
    workers = join_workers("mirrored", replicas, "cpu")
    images = np.random.default_rng(0).integers(0, 256, (4 * batch_size, 28, 28, 1), dtype=np.uint8)
    for preset in presets:
        one, many = GAN(preset), GAN(preset, jit_compile=False)
        calls = [
            engines.compiled(one, images, batch_size),
            DistributedEngine(many, images, batch_size, workers),
        ]
        taken = np.empty((ROUNDS + 1, 2))
        for i in range(ROUNDS + 1):
            for j, call in enumerate(calls):
                start = time.perf_counter()
                call(i * STEPS, STEPS)
                taken[i, j] = (time.perf_counter() - start) / STEPS
        medians = np.median(taken[1:], axis=0)  # the first call compiles
        yield preset, 1000 * medians[0], medians[1] / medians[0]


def measure_all(presets, batch_size):
    """Prints what `measure` finds of 1, 2 and 4 replicas, each number in a process of its own."""
    click.echo(f"A step of {batch_size} images of 28x28, in steps of the compiled engine on one device:")
    for replicas in (1, 2, 4):
        words = [word for preset in presets for word in ("--preset", preset)]
        words += ["--batch-size", str(batch_size), "--replicas", str(replicas)]
        subprocess.run([sys.executable, "-m", "benchmarks.scaling", *words], check=True)


def say_table(presets, tflops, overhead):
    """Prints bytes and operations of each preset and image size, and from which batch on devices pay."""
    header = f"{'preset':12} {'image':11} {'gradients':>10} {'sums':>8} {'per image':>11}"
    click.echo(header + "".join(f"  {name:>24}" for name in LINKS))
    for name in presets:
        for shape in SHAPES:
            counted = count_step(PRESETS[name], shape)
            gradients, sums, _, operations = counted
            line = f"{name:12} {'x'.join(map(str, shape)):11} {gradients / 1e6:7.1f} MB {sums / 1e3:5.1f} kB"
            line += f" {operations / 1e6:6.0f} MFLOP"
            for devices, *link in LINKS.values():
                found = [
                    find_batch(counted, devices, link, tflops, overhead, gain) for gain in (1, devices / 2)
                ]
                line += "  " + " / ".join(
                    "never" if batch is None else f"{batch:,}" for batch in found
                ).rjust(24)
            usual = PRESETS[name].batch_size
            slower = [
                devices
                for devices, *link in LINKS.values()
                if seconds_per_step(counted, usual, devices, link, tflops, overhead)
                > seconds_per_step(counted, usual, 1, None, tflops, overhead)
            ]
            line += f"  at its batch of {usual} one device is faster" if len(slower) == len(LINKS) else ""
            click.echo(line)


@click.command()
@click.option("--preset", "presets", multiple=True, type=click.Choice(list(PRESETS)), default=list(PRESETS))
@click.option(
    "--batch-size", type=click.IntRange(4), default=256, show_default=True, help="Of the measurement."
)
@click.option("--measure/--no-measure", "measured", default=True, show_default=True)
@click.option("--replicas", type=click.IntRange(1), help="Measure this number alone.")
@click.option(
    "--tflops", type=float, default=10.0, show_default=True, help="Sustained by a device, in 10^12/s."
)
@click.option(
    "--overhead", type=float, default=3.0, show_default=True, help="Of a step under a strategy, in ms."
)
def main(presets, batch_size, measured, replicas, tflops, overhead):
    """Measures, counts and prints both tables."""
    if replicas:
        for preset, ms, ratio in measure(presets, batch_size, replicas):
            click.echo(f"  {preset}, {replicas} logical devices: {ratio:.2f} (of {ms:.2f} ms)")
        return
    if measured:
        measure_all(presets, batch_size)
    click.echo(
        f"\nSmallest batch at which a step is faster than on one device / by half the number of devices, "
        f"with {tflops:g} TFLOP/s a device and {overhead:g} ms a step under a strategy beside them:"
    )
    say_table(presets, tflops, overhead / 1000)


if __name__ == "__main__":
    main()
