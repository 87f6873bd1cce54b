"""How far free-running float32 runs of the same updates part, step by step.

    python -m benchmarks.drift --data mnist.npz --steps 500

Four runs start from the same weights and see the same batches and noise: Keras, PyTorch, and each
of them again with one weight of its generator moved by one unit in the last place. The table gives
the largest difference of a loss so far, the chart each step's.
"""

import click
import numpy as np

from keras_gan import start_tensorflow

_AT = (1, 5, 10, 20, 50, 100, 150, 200, 300, 500)


def _losses(gan, images, steps):
    """Returns the reported discriminator's and the generator's losses, float64 (steps, 2)."""
    from keras_gan.model import engines

    values = engines.train_on_batch(gan, images, gan.preset.batch_size)(0, steps)
    return np.stack([gan.rule.combine(values[:, 0], values[:, 1]), values[:, 2]], axis=1)


def _one_ulp_off(arrays):
    """Returns a GAN's arrays with the first weight of the generator's first kernel moved."""
    kernel = arrays["generator/0/kernel"].copy()
    kernel[0, 0] = np.nextafter(kernel[0, 0], np.float32(np.inf))
    return arrays | {"generator/0/kernel": kernel}


def _chart(path, pairs):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    panel = figure.subplots()
    for name, difference in pairs.items():
        panel.plot(np.arange(1, len(difference) + 1), np.maximum(difference, 1e-9), label=name, linewidth=1)
    panel.set(yscale="log", xlabel="step", ylabel="difference of the losses", title="float32, free-running")
    panel.legend()
    figure.savefig(path, dpi=100)


@click.command()
@click.option("--data", "path", required=True, help="mnist.npz, or other images.")
@click.option("--preset", default="keras", show_default=True)
@click.option("--steps", default=500, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--out", metavar="FILE.png", help="Write a chart.")
def main(path, preset, steps, seed, out):
    """Runs all four and prints the table."""
    start_tensorflow.import_tensorflow()
    from keras_gan.data import datasets
    from keras_gan.model.gan import GAN
    from keras_gan.pytorch.gan import TorchGAN

    images = datasets.load_dataset(path=path).images
    moved = GAN(preset, seed=seed)
    initial = moved.arrays()
    for name, variable in moved.variables().items():
        variable.assign(_one_ulp_off(initial)[name])
    gans = {"Keras": GAN(preset, seed=seed), "Keras, one ulp off": moved}
    for name, arrays in (("PyTorch", initial), ("PyTorch, one ulp off", _one_ulp_off(initial))):
        gans[name] = TorchGAN(preset, seed=seed)
        gans[name].load(arrays)
    losses = {name: _losses(gan, images, steps) for name, gan in gans.items()}
    pairs = {
        f"{a} and {b}": np.abs(losses[a] - losses[b]).max(axis=1)
        for a, b in (
            ("Keras", "PyTorch"),
            ("Keras", "Keras, one ulp off"),
            ("PyTorch", "PyTorch, one ulp off"),
        )
    }
    at = [step for step in _AT if step <= steps]
    click.echo(f"{'up to step':32}" + "".join(f"{step:>9}" for step in at))
    for name, difference in pairs.items():
        so_far = np.maximum.accumulate(difference)
        click.echo(f"{name:32}" + "".join(f"{so_far[step - 1]:9.0e}" for step in at))
    if out:
        _chart(out, pairs)


if __name__ == "__main__":
    main()
