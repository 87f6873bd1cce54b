"""`ablate`: which difference between two presets matters."""

import json
from pathlib import Path

import click

from keras_gan.commands.option_types import DatasetName, Integer, PresetName, Seeds, Size, UserPath
from keras_gan.commands.options import (
    DATA,
    FEATURES,
    IMAGE_SIZE,
    JSON,
    OFFLINE,
    image_options,
    reject_wrong_values,
    warn,
)
from keras_gan.commands.sweep import sweep_options, train_jobs
from keras_gan.config import SAMPLES, TrainConfig
from keras_gan.preset_diff import get_preset
from keras_gan.progress import format_table

_EXCEEDS = {True: "more than 2 std", False: "within 2 std", None: "one seed has no std"}


@click.command(short_help="Which difference between two presets changes the result.")
@click.argument("a", type=PresetName())
@click.argument("b", type=PresetName())
@click.option("--facts", help="Facts to replace, separated by commas. Default: all in which A and B differ.")
@click.option("--walk/--no-walk", default=True, show_default=True, help="Also go from A to B fact by fact.")
@click.option("--seeds", type=Seeds(), default="0-1", show_default=True, help="Seeds of each run.")
@click.option("--steps", type=Integer(), default=6000, show_default=True, help="Training steps of each run.")
@sweep_options
@click.option("--dataset", type=DatasetName(), help="Data set, see `datasets`. Default: the preset's.")
@click.option("--data", type=UserPath(), help=DATA)
@click.option("--image-size", type=Size(), help=IMAGE_SIZE)
@image_options
@click.option("--features", type=UserPath(), metavar="NAME", help=FEATURES)
@click.option("--count", type=Integer(2), default=SAMPLES, show_default=True, help="Samples per score.")
@click.option("--offline", is_flag=True, help=OFFLINE)
@click.option("--outdir", type=UserPath(), help="Folder of the runs. Default: ablate-A-B.")
@click.option("--json", "as_json", is_flag=True, help=JSON)
def ablate(a, b, facts, seeds, steps, walk, jobs, cluster, outdir, offline, as_json, **options):
    """Trains preset A with one fact of preset B at a time, and walks from A to B, fact by fact.

    \b
    python cli.py ablate keras pytorch-gan
    python cli.py ablate keras pytorch-gan --seeds 0-2 \\
        --facts order,batch-norm-epsilon

    Prints the Fréchet distance of each, mean and standard deviation over the seeds, the largest
    difference from A first, and draws a chart and the sample grids. `presets A B` explains the facts.
    Runs that are finished are kept and others resumed when the command is given again.
    """
    from keras_gan.data.datasets import load_dataset
    from keras_gan.data.options import ImageOptions
    from keras_gan.training import ablation

    first, second = get_preset(a), get_preset(b)
    folder = Path(outdir or f"ablate-{first.name}-{second.name}")
    with reject_wrong_values():
        variants = ablation.list_variants(first, second, None if facts is None else facts.split(","))
        settings = _train_settings(options)
        config = TrainConfig.from_dict({"preset": first.name, **settings}).resolved()
    variants = [variant for variant in variants if walk or not variant.walk]
    read = ImageOptions.create(config)
    dataset = load_dataset(config.dataset, config.data, read, offline=offline, warn=warn)
    flags = ("--offline",) * offline
    todo = ablation.list_jobs(variants, seeds, steps, settings, flags, folder, dataset)
    folder.mkdir(parents=True, exist_ok=True)

    def describe(job):
        return f"Fréchet distance {ablation.read_score(job.folder):.2f}"

    train_jobs(todo, jobs, cluster, describe)
    runs = {v.preset: [ablation.get_run_folder(folder, v, seed) for seed in seeds] for v in variants}
    if line := ablation.describe_specs(run for folders in runs.values() for run in folders):
        warn(line)
    scores = {preset: [ablation.read_score(run) for run in folders] for preset, folders in runs.items()}
    rows = ablation.summarise(variants, scores)
    for row in rows:
        row["seconds"] = [ablation.read_seconds(run) for run in runs[row["preset"]]]
    written = _save_figures(folder, rows, {preset: folders[0] for preset, folders in runs.items()}, steps)
    if as_json:
        about = {"a": first.name, "b": second.name, "steps": steps, "seeds": seeds}
        click.echo(json.dumps(about | {"rows": rows}, indent=2))
    else:
        click.echo(f"{_format(rows)}\n{written}")


def _train_settings(options):
    """Returns the settings of `train` that all runs share."""
    given = {name: value for name, value in options.items() if value}
    return {"fid_samples": given.pop("count"), **given}


def _format(rows):
    """Returns the table of the rows as text."""
    cells = [
        (
            row["label"],
            f"{row['mean']:.2f}",
            "-" if row["std"] is None else f"{row['std']:.2f}",
            f"{row['difference']:+.2f}" if i else "",
            _EXCEEDS[row["exceeds"]] if i else "",
            f"{sum(row['seconds']) / len(row['seconds']):.0f} s",
        )
        for i, row in enumerate(rows)
    ]
    return format_table(("changed", "Fréchet", "std", "difference", "", "time"), cells, "lrrrlr")


def _save_figures(folder, rows, runs, steps):
    """Writes the chart and the sample grids of the first seed; returns a line on them."""
    from keras_gan.data.image_file import read_image
    from keras_gan.figures.dots import save_dots
    from keras_gan.figures.grid import add_caption, join_images, save_image

    title = f"{rows[0]['label']} with one fact changed"
    if any(row["walk"] for row in rows):
        title += "; + : one after the other"
    save_dots(
        folder / "ablation.png", rows, title, f"Fréchet distance after {steps:,} steps", rows[0]["mean"]
    )
    grids = [add_caption(read_image(runs[r["preset"]] / f"{steps}.png"), r["label"]) for r in rows]
    lines = [join_images(grids[i : i + 4], axis=1, gap=8) for i in range(0, len(grids), 4)]
    save_image(folder / "samples.png", join_images(lines, axis=0, gap=8))
    return f"In {folder}: ablation.png, samples.png and the runs."


COMMANDS = (ablate,)
