"""The commands that need PyTorch: Keras against PyTorch, and weights to and from it."""

import json
from pathlib import Path

import click

from keras_gan import presets
from keras_gan.options import tensorflow, warn

_MODES = ("float64", "resync", "free")


@click.command(short_help="Compare Keras with PyTorch step by step.")
@click.option("--preset", default="keras", show_default=True, help="Published GAN; see `presets`.")
@click.option("--steps", default=100, show_default=True, type=click.IntRange(1), help="To follow both.")
@click.option("--mode", "modes", multiple=True, type=click.Choice(_MODES), help="Default: float64, resync.")
@click.option("--batch-size", type=click.IntRange(1), help="Default: the preset's.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="As in `train`.")
@click.option("--loss-tolerance", type=float, help="Default: 1e-10 in float64, 1e-5 in resync.")
@click.option("--weight-tolerance", type=float, help="Default: 1e-7 in float64.")
@click.option("--dataset", default="auto", show_default=True, help="Data set, see `datasets`, or auto.")
@click.option("--data", metavar="PATH", help="mnist.npz, idx(.gz), .npz, .npy or a folder of pictures.")
@click.option("--offline", is_flag=True, help="Download nothing.")
@click.option("--outdir", metavar="DIR", help="Folder of chart and samples. Default: parity-PRESET.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def parity(preset, steps, modes, batch_size, seed, dataset, data, offline, outdir, as_json, **tolerances):
    """Trains a preset in Keras and in PyTorch from the same weights, batches and noise.

    \b
    python cli.py parity --preset pytorch-gan --steps 100

    float64 runs freely; resync sets PyTorch back to Keras's state before every step, in float32;
    free runs freely in float32. Exit code 1 when a tolerance is exceeded.
    """
    chosen = presets.get(preset)
    from keras_gan import data as data_sets

    pictures = data_sets.load_dataset(dataset, data, offline=offline, warn=warn).images
    tensorflow("cpu")
    from keras_gan import parity, plots

    size = batch_size or chosen.batch_size
    traces = [
        parity.trace(chosen.name, mode, pictures, size, steps, seed) for mode in modes or _MODES[:2]
    ]
    folder = Path(outdir or f"parity-{chosen.name}")
    folder.mkdir(parents=True, exist_ok=True)
    plots.save_differences(folder / "differences.png", traces)
    plots.save_side_by_side(folder / "samples.png", *traces[-1].samples)
    click.echo(_json(chosen, steps, traces) if as_json else _table(chosen, steps, traces, folder))
    exceeded = [line for trace in traces for line in trace.exceeded(**tolerances)]
    if exceeded:
        raise click.ClickException("; ".join(exceeded))


def _json(preset, steps, traces):
    modes = {t.mode: {"max_abs_diff": t.max_abs_diff(), "ms_per_step": t.ms_per_step} for t in traces}
    return json.dumps({"preset": preset.name, "steps": steps, **modes}, indent=2)


def _table(preset, steps, traces, folder):
    rows = [f"{preset.name}, {steps} steps: largest |Keras - PyTorch|, and ms a step of each"]
    rows.append(f"{'mode':8} {'d_loss':>8} {'g_loss':>8} {'weights':>8} {'Keras':>8} {'PyTorch':>8}")
    for trace in traces:
        found, ms = trace.max_abs_diff().values(), trace.ms_per_step.values()
        numbers = [f"{value:8.1e}" for value in found] + [f"{value:8.1f}" for value in ms]
        rows.append(" ".join([f"{trace.mode:8}", *numbers]))
    rows.append(f"In {folder}: differences.png, samples.png (Keras left, PyTorch right).")
    return "\n".join(rows)


@click.command(short_help="Write the weights of a run for PyTorch.")
@click.argument("run", type=click.Path())
@click.option("--format", "kind", type=click.Choice(["torch"]), required=True, help="torch: state_dicts.")
@click.option("--out", metavar="DIR", help="Folder to write to. Default: RUN.")
def export(run, kind, out):
    """Writes generator.pt and discriminator.pt, state_dicts that the published modules load.

    \b
    python cli.py export images --format torch
    """
    tensorflow()
    from keras_gan import export
    from keras_gan.gan import GAN

    gan = GAN.load(Path(run, "checkpoint.npz"))
    folder = Path(out or run)
    folder.mkdir(parents=True, exist_ok=True)
    for path in export.to_torch(gan, folder):
        click.echo(str(path))


@click.command("import", short_help="Read the weights of a PyTorch GAN into a run.")
@click.argument("run", type=click.Path())
@click.option("--preset", required=True, help="The published GAN the weights are of.")
@click.option("--generator", metavar="FILE.pt", required=True, help="state_dict of the generator.")
@click.option("--discriminator", metavar="FILE.pt", help="state_dict of the discriminator.")
def import_(run, preset, generator, discriminator):
    """Reads state_dicts of the published modules into RUN/checkpoint.npz, to sample from.

    \b
    python cli.py import torch-run --preset pytorch-gan --generator generator.pt
    """
    chosen = presets.get(preset)
    path = Path(run, "checkpoint.npz")
    if path.exists():
        raise ValueError(f"RUN must hold no checkpoint. Received: {path}; name another folder.")
    tensorflow()
    from keras_gan import export
    from keras_gan.gan import GAN

    gan = GAN(chosen.name)
    export.from_torch(gan, "generator", generator)
    if discriminator:
        export.from_torch(gan, "discriminator", discriminator)
    path.parent.mkdir(parents=True, exist_ok=True)
    gan.save(path)
    click.echo(f"{path}: draw from it with `python cli.py sample {run}`")
