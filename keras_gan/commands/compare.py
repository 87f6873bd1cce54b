"""`compare`: runs or folders of images beside each other, or both frameworks over seeds."""

import json
from pathlib import Path

import click

from keras_gan.commands.option_types import SEED, DatasetName, Integer, PresetName, Seeds, UserPath
from keras_gan.commands.options import (
    DATA,
    JSON,
    OFFLINE,
    WEIGHTS,
    gan_option,
    image_options,
    reject_wrong_values,
    start_tensorflow,
    warn,
)
from keras_gan.commands.sweep import sweep_options, train_jobs
from keras_gan.config import GanConfig, TrainConfig
from keras_gan.preset_diff import get_preset


@click.command(short_help="Compare runs, or both frameworks over seeds.")
@gan_option
@click.argument("runs", nargs=-1, metavar="[RUN RUN ...]", type=UserPath())
@click.option(
    "--label",
    "labels",
    multiple=True,
    help="Name of a RUN, once for each; a run and its losses may share one.",
)
@click.option("--preset", type=PresetName(), help="Train this published GAN in both frameworks.")
@click.option("--epochs", type=Integer(), help="With --preset: epochs. Default: the preset's.")
@click.option("--batch-size", type=Integer(), help="With --preset: images in a batch. Default: the preset's.")
@click.option("--seeds", type=Seeds(), help="With --preset: 0-2 or 0,1,4-6. Default: 0-2.")
@sweep_options
@click.option("--overwrite", is_flag=True, help="With --preset: replace the runs in --outdir.")
@click.option(
    "--dataset", type=DatasetName(), help="Real images, see `datasets`. Default: those of the first run."
)
@click.option("--data", type=UserPath(), help=DATA)
@image_options
@click.option("--offline", is_flag=True, help=OFFLINE)
@click.option("--count", default=5000, show_default=True, type=Integer(2), help="Samples scored per run.")
@click.option(
    "--seed", default=0, show_default=True, type=SEED, help="Seed of the samples' noise, 0 or more."
)
@click.option(
    "--outdir", type=UserPath(), help="Folder of pictures and runs. Default: compare or compare-PRESET."
)
@click.option(
    "--features",
    "which",
    type=UserPath(),
    metavar="NAME",
    help="Feature extractor, as in `evaluate`. Default: classifier.",
)
@click.option("--inception-weights", "weights", type=UserPath(), metavar="FILE", help=WEIGHTS)
@click.option("--json", "as_json", is_flag=True, help=JSON)
def compare(runs, labels, preset, epochs, batch_size, seeds, overwrite, jobs, cluster, **settings):
    """Compares runs, folders of images and .npz files of images; or trains a preset in both frameworks.

    \b
    python cli.py compare images pytorch-samples/ --data mnist.npz
    python cli.py compare images samples/ losses.csv \\
        --label Keras --label PyTorch --label PyTorch
    python cli.py compare --preset pytorch-gan --epochs 5 --seeds 0-9 --jobs 2

    A RUN may also be losses that another program wrote: a csv with columns such as loss_D and
    loss_G, or a folder of TensorBoard's event files.

    Writes samples of the same noise side by side and a chart of the losses, and prints losses,
    accuracies and quality of each. With --preset both start from the same weights and see the same
    batches and noise, in run directories keras-0, torch-0 and so on; mean and standard deviation (std)
    over the seeds follow, and whether the frameworks differ by more than one std. Runs that are
    finished are kept and others resumed when the command is given again.
    """
    given = {"epochs": epochs, "batch_size": batch_size}
    given = {name: value for name, value in given.items() if value is not None}
    if runs and (preset or given or seeds or overwrite or cluster or jobs != 1):
        raise click.UsageError("give RUNs or --preset with its options, not both.")
    if labels and len(labels) != len(runs):
        raise click.UsageError(
            f"give a --label for each RUN or none. Received: {len(labels)} for {len(runs)}."
        )
    if preset and "gan_class" in click.get_current_context().meta:
        raise click.UsageError("give --gan with RUNs: --preset trains the published GAN.")
    if preset:
        sweep = {"overwrite": overwrite, "jobs": jobs, "cluster": cluster}
        _compare_frameworks(get_preset(preset).name, given, seeds or [0, 1, 2], **sweep, **settings)
    elif len(runs) < 2:
        raise click.UsageError(f"give two RUNs or more, or --preset. Received: {' '.join(runs) or 'none'}.")
    else:
        _compare_runs(runs, labels, **settings)


def _compare_runs(
    paths, labels, dataset, data, fit, background, offline, count, seed, outdir, which, weights, as_json
):
    for path in paths:
        if not Path(path).exists():
            raise FileNotFoundError(f"RUN must be a run directory, images or losses. Received: no {path}.")
    start_tensorflow("cpu")
    from keras_gan.evaluation import compare
    from keras_gan.evaluation.inputs import choose_image_options, load_real_images, match_shape, open_inputs
    from keras_gan.run.losses import is_loss_log, read_losses

    logs = [path for path in paths if is_loss_log(path)]
    if len(logs) == len(paths):
        raise ValueError("compare needs images of a RUN. Received: losses only, which `plot` draws.")
    names = dict(zip(paths, labels or (Path(path).absolute().name for path in paths)))
    how = {"fit": fit, "background": background}
    images = [path for path in paths if path not in logs]
    sources = open_inputs(images, warn, choose_image_options(images, **how))
    if labels:
        sources = [source._replace(name=names[path]) for source, path in zip(sources, images)]
    histories = {names[path]: read_losses(path) for path in logs}
    train, test = load_real_images(sources, dataset, data, offline, warn, **how)
    sources = match_shape(sources, train.image_shape)
    reference = compare.build_reference(train, test, warn, which, weights, offline)
    rows = compare.compute_rows(sources, reference, seed, count, histories)
    written = compare.save_figures(Path(outdir or "compare"), sources, seed, histories)
    if as_json:
        click.echo(json.dumps(compare.describe_reference(train, reference, seed) | {"rows": rows}, indent=2))
    else:
        click.echo(f"{compare.format_comparison(rows, reference)}\n{written}")


def _compare_frameworks(
    preset, given, seeds, overwrite, jobs, cluster, outdir, dataset, data, as_json, **settings
):
    names = ("offline", "count", "seed", "which", "weights")
    offline, count, seed, which, weights = (settings[name] for name in names)
    given = given | {name: settings[name] for name in ("fit", "background") if settings[name] is not None}
    with reject_wrong_values():
        config = TrainConfig(GanConfig(preset), dataset, data, device="cpu", **given).resolved()
    folder = Path(outdir or f"compare-{preset}")
    start_tensorflow("cpu")
    from keras_gan.data.options import ImageOptions
    from keras_gan.evaluation import compare
    from keras_gan.evaluation.inputs import load_parts, open_inputs
    from keras_gan.pytorch import seeds as pairs

    train, test = load_parts(
        config.dataset, config.data, ImageOptions.create(config), offline=offline, warn=warn
    )
    todo = pairs.list_jobs(config, train, folder, seeds, ("--offline",) * offline, overwrite)
    reference = compare.build_reference(train, test, warn, which, weights, offline)
    train_jobs(list(todo.values()), jobs, cluster)
    ms = pairs.time_runs(todo, config, train.images)
    found = open_inputs([job.folder for job in todo.values()], warn)
    rows = compare.compute_rows(found, reference, seed, count)
    rows = [row | {"ms_per_step": t} for row, t in zip(rows, [*ms, None], strict=False)]
    summed = pairs.summarise(rows)
    written = compare.save_figures(folder, found, seed)
    if as_json:
        about = {"preset": preset, "epochs": config.epochs, "seeds": seeds, "frameworks": summed}
        about |= {"differences": pairs.compare_means(summed)}
        about |= compare.describe_reference(train, reference, seed)
        click.echo(json.dumps(about | {"rows": rows}, indent=2))
    else:
        summary = pairs.format_summary(summed, reference.extractor.name)
        click.echo(f"{compare.format_comparison(rows, reference)}\n\n{summary}\n{written}")


COMMANDS = (compare,)
