"""The commands that measure: the distance of two sets of images, and all of a run's numbers."""

import json
from pathlib import Path

import click

from keras_gan.commands.options import (
    DATA,
    FEATURES,
    JSON,
    OFFLINE,
    SEED,
    DatasetName,
    Integer,
    Size,
    UserPath,
    get_png_path,
    start_tensorflow,
    warn,
)
from keras_gan.config import DEVICES, SAMPLES

_WEIGHTS = "InceptionV3's weights. Default: $KERAS_GAN_INCEPTION_WEIGHTS, the Keras cache or a download."


def feature_options(function):
    """Adds the options of the feature extractor and the device."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help=JSON),
        click.option("--offline", is_flag=True, help=OFFLINE),
        click.option(
            "--device",
            default="auto",
            show_default=True,
            type=click.Choice(DEVICES),
            help="Device to compute on.",
        ),
        click.option(
            "--seed",
            default=0,
            show_default=True,
            type=SEED,
            help="Seed of the noise and of the choice of images, 0 or more.",
        ),
        click.option(
            "--batch-size",
            type=Integer(),
            help="Images through the network at once. Default: its own.",
        ),
        click.option("--inception-weights", "weights", type=UserPath(), metavar="FILE", help=_WEIGHTS),
        click.option("--features", "which", type=UserPath(), metavar="NAME", help=FEATURES),
    ):
        function = option(function)
    return function


def load_extractor(which, labelled, weights, batch_size, offline):
    """Returns the feature extractor and says, where none was asked for, which one it is."""
    from keras_gan.evaluation import features

    extractor = features.load_extractor(which, *labelled, weights, offline, warn)
    if which is None:
        warn(f"--features {extractor.name}: {extractor.description}.")
    if batch_size:
        extractor.batch_size = batch_size
    return extractor


@click.command(short_help="Fréchet distance of two sets of images.")
@click.argument("a", type=UserPath())
@click.argument("b", required=False, type=UserPath())
@click.option("--count", type=Integer(2), help="Most images of each. Default: all, 5000 of a run.")
@click.option("--image-size", type=Size(), help="Resize images to 64 or to 64x48 as they are read.")
@click.option(
    "--save-stats", type=UserPath(), metavar="FILE.npz", help="Write A's statistics; B may be left out."
)
@click.option("--protocol", metavar="NAME", help="Features of statistics files that do not record them.")
@feature_options
def fid(
    a, b, count, image_size, save_stats, protocol, which, weights, batch_size, seed, device, offline, as_json
):
    """Computes the Fréchet distance of A to B, in the features of a network.

    \b
    python cli.py fid images mnist:test
    python cli.py fid fakes.npz photos/ --features inception
    python cli.py fid mnist --save-stats mnist-train.npz

    A, which is measured, and B, which it is compared with, are each a run, a folder of images, an
    .npz of images or of statistics (mu, sigma), or a data set; :train or :test after it names its part.
    """
    if b is None and not save_stats:
        raise click.UsageError("give A and B, or A and --save-stats FILE.npz.")
    start_tensorflow(device)
    from keras_gan.evaluation import feature_stats, fid
    from keras_gan.evaluation.inputs import find_labelled_images, open_side

    sides = [open_side(text, image_size, protocol, offline, warn) for text in (a, b) if text]
    extractor, description = None, "the network that the statistics are of"
    if any(side.source for side in sides):
        named = which or next(_features_of(sides), None)
        labelled = find_labelled_images(sides, offline, warn)
        extractor = load_extractor(named, labelled, weights, batch_size, offline)
        description = extractor.description
    if save_stats:
        of_a = fid.compute_side_stats(
            sides[0], extractor, sides[0].source and sides[0].count(count), seed, warn
        )
        feature_stats.save_stats(save_stats, of_a)
        sides[0] = sides[0]._replace(statistics=of_a)  # which are not made twice
        if not as_json:
            click.echo(f"{save_stats}: mu and sigma of {of_a.gaussian.n} images of {a}, {description}")
    if b is None:
        return
    result = fid.compute_fid(*sides, extractor, count, seed, warn)
    for line in fid.list_warnings(result):
        warn(line)
    click.echo(json.dumps(result, indent=2) if as_json else "\n".join(fid.format_result(result, description)))


def _features_of(sides):
    """Yields what files of statistics among the sides record, or are said to be of."""
    for side in sides:
        if side.statistics:
            yield side.statistics.features


@click.command(short_help="Measure a run: quality, diversity, stability.")
@click.argument("run", type=UserPath())
@click.option("--count", default=SAMPLES, show_default=True, type=Integer(10), help="Number of samples.")
@click.option("--dataset", type=DatasetName(), help="Real images, see `datasets`. Default: those of the run.")
@click.option("--data", type=UserPath(), help=DATA)
@feature_options
def evaluate(run, count, dataset, data, which, weights, batch_size, seed, device, offline, as_json):
    """Measures the samples of a run, with real images for comparison, and adds the numbers to metrics.jsonl.

    \b
    python cli.py evaluate images
    python cli.py evaluate images/checkpoint.best.npz --features classifier

    Quality (Fréchet and kernel distance, Inception Score, precision, recall, SSIM, PSNR), diversity,
    copying, stability of the losses, discriminator against generator, and a diagnosis.
    """
    start_tensorflow(device)
    from keras_gan.evaluation import compare, diagnosis, evaluate
    from keras_gan.evaluation.inputs import is_run, load_real_images, match_shape, open_inputs
    from keras_gan.evaluation.table import format_table

    if not is_run(run):
        raise ValueError(f"RUN must be a run directory or a checkpoint. Received: {run}.")
    [source] = open_inputs([run], warn)
    parts = load_real_images([source], dataset, data, offline, warn)
    train, test = compare.train_test_split(*parts, warn)
    match_shape([source], train.image_shape)
    extractor = load_extractor(which, (train, test), weights, batch_size, offline)
    rows = evaluate.evaluate(source, extractor, train, test, count, seed, warn)
    if as_json:
        result = {"diagnosis": diagnosis.diagnose(rows), "features": extractor.description, "rows": rows}
        click.echo(json.dumps(result, indent=2))
    else:
        click.echo("\n".join(format_table(rows, extractor.description)))
    _add_to_run(Path(run), rows)


def _add_to_run(run, rows):
    """Adds rows to the metrics.jsonl of a run that no process is training."""
    from keras_gan.run import info, metrics_log
    from keras_gan.training import lock, run_dir

    folder = run if run.is_dir() else run.parent
    if run != folder and not (folder / info.CONFIG).is_file():
        warn(f"These numbers are not kept, as {run} is in no run directory.")
        return
    try:
        with run_dir.open_run_dir(folder, warn):
            metrics_log.add(folder / info.METRICS, rows)
    except lock.Busy as error:
        warn(f"{error} metrics.jsonl is left as it is.")


@click.command(short_help="Draw losses, accuracy and scores of runs.")
@click.argument("runs", nargs=-1, required=True, metavar="RUN [RUN ...]", type=UserPath())
@click.option(
    "--out",
    type=UserPath(),
    metavar="FILE.png",
    help="Picture to write. Default: curves.png in the first RUN.",
)
def plot(runs, out):
    """Draws the losses, the discriminator's accuracy and the Fréchet distances of runs over the epochs.

    \b
    python cli.py plot images
    python cli.py plot images pytorch-run --out both.png
    """
    from keras_gan.figures.curves import draw_curves

    path = get_png_path(out, Path(runs[0], "curves.png"))
    click.echo(f"{path}: {draw_curves(path, runs)}")


@click.command(short_help="Write an HTML page on a run.")
@click.argument("run", type=UserPath())
@click.option(
    "--out", type=UserPath(), metavar="FILE.html", help="Page to write. Default: report.html in RUN."
)
def report(run, out):
    """Writes a page of a run: samples, settings, curves, every number, the commands to repeat it.

    \b
    python cli.py report images
    python cli.py report images --out report-of-images.html

    It is one file, to keep or to send; `train` writes it at the end, too.
    """
    from keras_gan.report import page

    click.echo(page.write(run, out))


COMMANDS = (fid, evaluate, plot, report)
