"""`parity`: trains Keras and PyTorch side by side and compares them step by step."""

import json
from pathlib import Path

import click

from keras_gan import progress
from keras_gan.commands.option_types import SEED, DatasetName, Integer, PresetName, UserPath
from keras_gan.commands.options import BACKGROUND, DATA, JSON, OFFLINE, start_tensorflow, warn
from keras_gan.preset_diff import get_preset
from keras_gan.setting_checks import MAX_VALUES

_MODES = ("float64", "resync", "free")


@click.command(short_help="Compare Keras with PyTorch step by step.")
@click.option(
    "--preset", default="keras", show_default=True, type=PresetName(), help="Published GAN; see `presets`."
)
@click.option("--steps", default=100, show_default=True, type=Integer(), help="Training steps to compare.")
@click.option(
    "--mode",
    "modes",
    multiple=True,
    type=click.Choice(_MODES),
    help="How to compare, as above; repeatable. Default: float64 and resync.",
)
@click.option("--batch-size", type=Integer(), help="Images in a batch. Default: the preset's.")
@click.option(
    "--seed", default=0, show_default=True, type=SEED, help="Seed of weights, noise and batches, 0 or more."
)
@click.option(
    "--loss-tolerance",
    type=click.FloatRange(0),
    metavar="FLOAT",
    help="Largest difference of a loss. Default: 1e-10 in float64, 1e-5 in resync.",
)
@click.option(
    "--weight-tolerance",
    type=click.FloatRange(0),
    metavar="FLOAT",
    help="Largest difference of a weight. Default: 1e-7 in float64.",
)
@click.option(
    "--dataset",
    default="auto",
    show_default=True,
    type=DatasetName(),
    help="Data set, see `datasets`, or auto.",
)
@click.option("--data", type=UserPath(), help=DATA)
@click.option("--background", default="white", show_default=True, metavar="COLOUR", help=BACKGROUND)
@click.option("--offline", is_flag=True, help=OFFLINE)
@click.option("--outdir", type=UserPath(), help="Folder of chart and samples. Default: parity-PRESET.")
@click.option("--json", "as_json", is_flag=True, help=JSON)
def parity(
    preset,
    steps,
    modes,
    batch_size,
    seed,
    dataset,
    data,
    background,
    offline,
    outdir,
    as_json,
    **tolerances,
):
    """Trains a preset in Keras and in PyTorch from the same weights, batches and noise.

    \b
    python cli.py parity --preset pytorch-gan --steps 100

    float64 trains both independently; resync trains in float32 and sets PyTorch to Keras's state
    before every step; free trains both independently in float32. Exit code 1 when a difference is
    above its tolerance.
    """
    from keras_gan.data import datasets
    from keras_gan.data.options import ImageOptions

    chosen = get_preset(preset)
    options = ImageOptions.create(background=background, max_values=MAX_VALUES)
    images = datasets.load_dataset(dataset, data, options, offline=offline, warn=warn).images
    start_tensorflow("cpu")
    from keras_gan.figures.curves import save_differences
    from keras_gan.figures.grid import draw_grid, join_images, save_image
    from keras_gan.pytorch import parity

    size = batch_size or chosen.batch_size
    traces = [parity.trace(chosen.name, mode, images, size, steps, seed) for mode in modes or _MODES[:2]]
    folder = Path(outdir or f"parity-{chosen.name}")
    folder.mkdir(parents=True, exist_ok=True)
    save_differences(folder / "differences.png", traces)
    grids = [draw_grid(samples, 5, 5) for samples in traces[-1].samples]
    save_image(folder / "samples.png", join_images(grids, axis=1, gap=24))
    exceeded = [line for trace in traces for line in trace.exceeded(**tolerances)]
    same_updates, sentence = parity.conclude(traces, exceeded)
    if as_json:
        click.echo(json.dumps(_to_dict(chosen, steps, traces, same_updates), indent=2))
    else:
        click.echo(_format_traces(chosen, steps, traces))
        click.echo(f"In {folder}: differences.png, samples.png (Keras left, PyTorch right).")
        click.echo(sentence)
    if exceeded:
        raise click.ClickException("; ".join(exceeded))


def _to_dict(preset, steps, traces, same_updates):
    modes = {
        t.mode: {
            "max_abs_diff": t.max_abs_diff(),
            "torch_from_itself": float(t.rounding_noise.max()),
            "ms_per_step": t.ms_per_step,
        }
        for t in traces
    }
    return {"preset": preset.name, "steps": steps, "same_updates": same_updates, **modes}


def _format_traces(preset, steps, traces):
    header = ("mode", "d_loss", "g_loss", "weights", "rounding", "Keras, ms", "PyTorch, ms")
    rows = []
    for trace in traces:
        differences = [*trace.max_abs_diff().values(), trace.rounding_noise.max()]
        ms = trace.ms_per_step.values()
        rows.append([trace.mode, *(f"{x:.1e}" for x in differences), *(f"{x:.1f}" for x in ms)])
    return (
        f"{preset.name}, {steps} steps: largest |Keras - PyTorch|, and milliseconds a step\n"
        f"{progress.format_table(header, rows, 'lrrrrrr')}\n"
        "rounding: losses of PyTorch and of PyTorch with the rows of each batch in another order"
    )


COMMANDS = (parity,)
