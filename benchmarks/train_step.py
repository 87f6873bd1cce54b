"""Milliseconds a training step: this project's engine against eager PyTorch and the original loop.

    python -m benchmarks.train_step --batch-size 256 --rounds 12

All take turns in one process on the same batches of random images; medians and the median of the
ratios to PyTorch, round by round, are printed, because a shared machine drifts.
"""

import json
import os
import time

import click
import numpy as np

from keras_gan import quiet


def _contestants(batch_size):
    """Yields (name, function of a number of steps), each warmed up."""
    from keras_gan import engines
    from keras_gan.gan import GAN

    pictures = np.random.default_rng(0).integers(0, 256, (10000, 28, 28, 1), dtype=np.uint8)
    gan = GAN()
    runs = {"train_on_batch": engines.train_on_batch(gan, pictures, batch_size)}
    runs["original loop"] = _original(pictures, batch_size)
    try:
        import torch

        from keras_gan.torch_reference import TorchGAN
    except ImportError as error:
        click.echo(f"PyTorch is left out: {error}", err=True)
    else:
        torch.set_num_threads(os.cpu_count())
        reference = TorchGAN()
        reference.load(gan.arrays())
        runs["PyTorch eager"] = engines.train_on_batch(reference, pictures, batch_size)
    return runs


def _original(pictures, batch_size):
    """Returns the loop as published, `generator.predict` and all, with the discriminator learning."""
    from keras_gan import images
    from keras_gan.gan import GAN

    gan = GAN(jit_compile=False)
    unit = images.to_unit(pictures)
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


@click.command()
@click.option("--batch-size", default=256, show_default=True, type=click.IntRange(1))
@click.option("--rounds", default=12, show_default=True, type=click.IntRange(1))
@click.option("--steps", default=10, show_default=True, type=click.IntRange(1), help="In a round.")
@click.option("--json", "as_json", is_flag=True)
def main(batch_size, rounds, steps, as_json):
    """Measures and prints the table."""
    quiet.import_tensorflow()
    runs = _contestants(batch_size)
    for run in runs.values():
        run(0, 5)
    ms = {name: [] for name in runs}
    for r in range(rounds):
        for name, run in runs.items():
            run(r * steps, 2)  # the caches and threads of the one before are not this one's
            start = time.perf_counter()
            run(r * steps, steps)
            ms[name].append(1000 * (time.perf_counter() - start) / steps)
    base = np.array(ms.get("PyTorch eager", [np.nan] * rounds))
    table = {
        name: {"ms": round(float(np.median(v)), 2), "ratio": round(float(np.median(v / base)), 3)}
        for name, v in ms.items()
    }
    if as_json:
        click.echo(json.dumps({"batch_size": batch_size, "rounds": rounds, "engines": table}, indent=2))
        return
    click.echo(f"batch {batch_size}, {rounds} rounds of {steps} steps, {os.cpu_count()} cores")
    for name, row in table.items():
        click.echo(f"{name:16} {row['ms']:8.1f} ms a step   {row['ratio']:.2f} of eager PyTorch")


if __name__ == "__main__":
    main()
