"""The commands that measure one run and show its numbers."""

import json
from pathlib import Path

import click

from keras_gan.commands.fid import feature_options, load_extractor
from keras_gan.commands.option_types import DatasetName, Integer, UserPath
from keras_gan.commands.options import (
    DATA,
    gan_option,
    get_png_path,
    image_options,
    mode_option,
    reject_wrong_values,
    warn,
)
from keras_gan.commands.workers import get_warn, lead_or_follow, open_workers
from keras_gan.config import SAMPLES
from keras_gan.setting_checks import check_strategy


@click.command(short_help="Measure a run: quality, diversity, stability.")
@gan_option
@click.argument("run", type=UserPath())
@click.option("--count", default=SAMPLES, show_default=True, type=Integer(10), help="Number of samples.")
@click.option("--dataset", type=DatasetName(), help="Real images, see `datasets`. Default: those of the run.")
@click.option("--data", type=UserPath(), help=DATA)
@image_options
@mode_option
@feature_options
def evaluate(
    run, count, dataset, data, fit, background, mode, strategy, replicas, device, as_json, **options
):
    """Measures the samples of a run, with real images for comparison, and adds the numbers to metrics.jsonl.

    \b
    python cli.py evaluate images
    python cli.py evaluate images/checkpoint.best.npz --features classifier

    Prints quality (Fréchet and kernel distance, Inception Score, precision, recall, SSIM, PSNR), diversity,
    copying, stability of the losses, how often the discriminator is right, and a diagnosis.
    """
    with reject_wrong_values():
        check_strategy(strategy, replicas)
    seed = options.pop("seed")
    with open_workers(strategy, replicas, device) as workers:

        def load():
            source, parts = _open_run(
                run, dataset, data, fit, background, mode, options["offline"], get_warn(workers)
            )
            return source, parts, load_extractor(parts, workers=workers, **options)

        source, (train, test), extractor = workers.load_in_turn(load)
        if not lead_or_follow(workers, extractor):
            return
        from keras_gan.evaluation.evaluate import evaluate

        rows = evaluate(source, extractor, train, test, count, seed, warn)
        _print_rows(rows, extractor, as_json)
    _add_to_run(Path(run), rows)


def _open_run(run, dataset, data, fit, background, mode, offline, say):
    """Returns the `RunInput` of a run, and the training and the test part of its real images."""
    from keras_gan.evaluation import compare
    from keras_gan.evaluation.inputs import is_run, load_real_images, match_shape, open_inputs

    if not is_run(run):
        raise ValueError(f"RUN must be a run directory or a checkpoint. Received: {run}.")
    source = open_inputs([run], say)[0]._replace(mode=mode or "inference")
    parts = load_real_images([source], dataset, data, offline, say, fit=fit, background=background)
    train, test = compare.train_test_split(*parts, say)
    match_shape([source], train.image_shape)
    return source, (train, test)


def _print_rows(rows, extractor, as_json):
    from keras_gan.evaluation.diagnosis import diagnose
    from keras_gan.evaluation.table import format_evaluation

    if as_json:
        result = {"diagnosis": diagnose(rows), "features": extractor.description, "rows": rows}
        click.echo(json.dumps(result, indent=2))
    else:
        click.echo("\n".join(format_evaluation(rows, extractor.description)))


def _add_to_run(run, rows):
    """Adds rows to the metrics.jsonl of a run that no process is training."""
    from keras_gan.run import info, metrics_log
    from keras_gan.training import lock, run_dir

    folder = run if run.is_dir() else run.parent
    if run != folder and not (folder / info.CONFIG).is_file():
        warn(f"These numbers are not recorded, as {run} is not in a run directory.")
        return
    try:
        with run_dir.open_run_dir(folder, warn):
            metrics_log.add(folder / info.METRICS, rows)
            _rewrite_report(folder)
    except lock.Busy as error:
        warn(f"{error} metrics.jsonl is left as it is.")


def _rewrite_report(folder):
    """Writes the report of a run with its new numbers; what stands in its place is not followed."""
    from keras_gan.report import page
    from keras_gan.run import config_json, info

    if not config_json.find_info(folder) or (folder / info.REPORT).is_symlink():
        return
    try:
        page.write(folder)
    except (ValueError, OSError) as error:  # of a damaged grid or history: the numbers are kept all the same
        warn(f"report.html is not written: {error}")


@click.command(short_help="Draw losses, accuracy and scores of runs.")
@click.argument("runs", nargs=-1, required=True, metavar="RUN [RUN ...]", type=UserPath())
@click.option("--label", "labels", multiple=True, help="Name of a RUN, once for each, in their order.")
@click.option(
    "--out",
    type=UserPath(),
    metavar="FILE.png",
    help="Picture to write. Default: curves.png in the first RUN.",
)
def plot(runs, labels, out):
    """Draws the losses, the discriminator's accuracy and the Fréchet distances of runs over the epochs.

    \b
    python cli.py plot images
    python cli.py plot images pytorch-run --out both.png
    python cli.py plot images losses.csv --label Keras --label PyTorch

    A RUN may also be losses that another program wrote: a csv with columns such as loss_D and
    loss_G, or a folder of TensorBoard's event files.
    """
    if labels and (len(labels) != len(runs) or len(set(labels)) < len(labels)):
        raise click.UsageError("give a --label of its own for each RUN, or none.")
    from keras_gan.figures.curves import draw_curves

    first = Path(runs[0])
    path = get_png_path(out, (first if first.is_dir() else first.parent) / "curves.png")
    click.echo(f"{path}: {draw_curves(path, runs, labels)}")


@click.command(short_help="Write an HTML page on a run.")
@click.argument("run", type=UserPath())
@click.option(
    "--out", type=UserPath(), metavar="FILE.html", help="Page to write. Default: report.html in RUN."
)
def report(run, out):
    """Writes a page on a run: samples, settings, curves, every number, the commands that repeat it.

    \b
    python cli.py report images
    python cli.py report images --out report-of-images.html

    It is one file, to keep or to send. `train` and `evaluate` write report.html in RUN, too.
    """
    from keras_gan.report import page

    click.echo(page.write(run, out))


COMMANDS = (evaluate, plot, report)
