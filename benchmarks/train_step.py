"""Milliseconds a training step: both engines against PyTorch, the original loop and the floor.

    python -m benchmarks.train_step --rounds 12

All take turns in one process on the same batches of random images; medians and the median of the
ratios to eager PyTorch, round by round, are printed, because a shared machine drifts. The floor is
the time NumPy's BLAS takes for the matrix products of a step alone, measured in the same rounds.
"""

import json
import os
import time

import click
import numpy as np

from keras_gan.commands import start_tensorflow
from keras_gan.presets import PRESETS, Dense

EAGER, FLOOR = "PyTorch eager", "matrix products"


def products(preset, batch_size, pixels):
    """Returns the (m, k, n) of every matrix product of a step, by its update rule.

    A dense layer's forward pass, the gradient of its kernel and that of its input are a product
    each; the input of a network's first layer needs none unless the other network is behind it.
    """
    sizes = {}
    for network, first in (("generator", preset.latent_dim), ("discriminator", pixels)):
        layers = [layer for layer in getattr(preset, network) if isinstance(layer, Dense)]
        outs = [layer.units or pixels for layer in layers]
        sizes[network] = list(zip([first, *outs[:-1]], outs, strict=True))
    g, d, b = sizes["generator"], sizes["discriminator"], batch_size
    forward = {"g": [(b, i, o) for i, o in g], "d": [(b, i, o) for i, o in d]}
    kernel = {"g": [(i, b, o) for i, o in g], "d": [(i, b, o) for i, o in d]}
    to_input = {"g": [(b, o, i) for i, o in g], "d": [(b, o, i) for i, o in d]}
    d_update = forward["d"] + kernel["d"] + to_input["d"][1:]
    fakes = forward["g"] if preset.rule.fresh_noise else []
    g_update = forward["g"] + forward["d"] + to_input["d"] + kernel["g"] + to_input["g"][1:]
    return fakes + 2 * d_update + g_update


def _floor(shapes):
    """Returns a contestant that multiplies matrices of those shapes with NumPy."""
    rng = np.random.default_rng(0)
    pairs = [
        [rng.random(s, dtype=np.float32) for s in ((m, k), (k, n))] + [np.empty((m, n), np.float32)]
        for m, k, n in shapes
    ]

    def run(_, k):
        for _ in range(k):
            for a, b, out in pairs:
                np.dot(a, b, out=out)

    return run


def _contestants(batch_size):
    """Returns {name: function of a first step and a number of steps}."""
    from keras_gan.model import engines
    from keras_gan.model.gan import GAN
    from keras_gan.pytorch.gan import TorchGAN

    images = np.random.default_rng(0).integers(0, 256, (10000, 28, 28, 1), dtype=np.uint8)
    gan = GAN()
    runs = {name: engine(gan, images, batch_size) for name, engine in engines.ENGINES.items()}
    runs["original loop"] = _original(images, batch_size)
    runs[FLOOR] = _floor(products(PRESETS["keras"], batch_size, 784))
    try:
        import torch

    except ImportError as error:
        click.echo(f"PyTorch is left out: {error}", err=True)
        return runs
    torch.set_num_threads(os.cpu_count())
    for name in (EAGER, "torch.compile"):
        reference = TorchGAN()
        reference.load(gan.arrays())
        if name != EAGER:  # forward and backward of both networks; the optimizer stays eager
            reference.generator = torch.compile(reference.generator)
            reference._d_loss_and_acc = torch.compile(reference._d_loss_and_acc)
        runs[name] = engines.train_on_batch(reference, images, batch_size)
    return runs


def _original(images, batch_size):
    """Returns the loop as published, `generator.predict` and all, with the discriminator learning."""
    from keras_gan.data.pixels import to_float
    from keras_gan.model.gan import GAN

    gan = GAN(jit_compile=False)
    unit = to_float(images)
    valid, fake = np.ones((batch_size, 1)), np.zeros((batch_size, 1))

    def run(_, k):
        for _ in range(k):
            real = unit[np.random.randint(0, len(unit), batch_size)]
            z = np.random.normal(0, 1, (batch_size, gan.latent_dim))
            made = gan.generator.predict(z, verbose=0)
            gan.discriminator.train_on_batch(real, valid)
            gan.discriminator.train_on_batch(made, fake)
            z = np.random.normal(0, 1, (batch_size, gan.latent_dim))
            gan.combined.train_on_batch(z, valid)

    return run


def _measure(batch_size, rounds, steps):
    """Returns {name: {"ms": median, "ratio": median of the ratios to eager PyTorch}}."""
    runs = _contestants(batch_size)
    for name in list(runs):
        try:
            runs[name](0, 5)
        except Exception as error:  # torch.compile needs a C++ compiler, for one
            click.echo(f"{name} is left out: {' '.join(str(error).split())[:200]}", err=True)
            del runs[name]
    ms = {name: [] for name in runs}
    for r in range(rounds):
        for name, run in runs.items():
            run(r * steps, 2)  # the caches and threads of the one before are not this one's
            start = time.perf_counter()
            run(r * steps, steps)
            ms[name].append(1000 * (time.perf_counter() - start) / steps)
    base = np.array(ms.get(EAGER, [np.nan] * rounds))
    return {
        name: {"ms": round(float(np.median(v)), 2), "ratio": round(float(np.median(v / base)), 3)}
        for name, v in ms.items()
    }


@click.command()
@click.option("--batch-size", "sizes", multiple=True, type=click.IntRange(1), default=(64, 256, 1024))
@click.option("--rounds", default=12, show_default=True, type=click.IntRange(1))
@click.option("--steps", default=10, show_default=True, type=click.IntRange(1), help="In a round.")
@click.option("--json", "path", metavar="FILE", help="Write the numbers to this file, too.")
def main(sizes, rounds, steps, path):
    """Measures and prints a table for each batch size."""
    start_tensorflow.import_tensorflow()
    found = {}
    for size in sizes:
        table = found[size] = _measure(size, rounds, steps)
        multiply_adds = sum(m * k * n for m, k, n in products(PRESETS["keras"], size, 784))
        rate = 2 * multiply_adds / 1e6 / table[FLOOR]["ms"]
        click.echo(
            f"batch {size}, {rounds} rounds of {steps} steps, {os.cpu_count()} cores; "
            f"{2 * multiply_adds / 1e9:.2f} GFLOP a step, NumPy multiplies at {rate:.0f} GFLOP/s"
        )
        for name, row in table.items():
            click.echo(f"{name:16} {row['ms']:8.1f} ms a step   {row['ratio']:.2f} of eager PyTorch")
    if path:
        with open(path, "w") as file:
            json.dump({"rounds": rounds, "steps": steps, "batch_sizes": found}, file, indent=2)


if __name__ == "__main__":
    main()
