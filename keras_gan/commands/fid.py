"""The command `fid`, the options of feature extractors, and the weights of PyTorch's packages."""

import json

import click

from keras_gan.commands.option_types import SEED, Integer, Size, UserPath
from keras_gan.commands.options import (
    FEATURES,
    JSON,
    OFFLINE,
    WEIGHTS,
    gan_option,
    image_options,
    mode_option,
    reject_wrong_values,
    start_tensorflow,
    warn,
)
from keras_gan.commands.workers import get_warn, lead_or_follow, open_workers, strategy_options
from keras_gan.config import DEVICES
from keras_gan.setting_checks import check_strategy

_FEATURES_OF_FID = (
    "inception, pytorch-fid, torch-fidelity, torchmetrics, clean-fid, torcheval, classifier, pca, "
    "FILE.keras or all. Default: inception, or that of the statistics."
)


def add_feature_options(features_help):
    """Returns a decorator that adds the options of the feature extractor and the devices."""

    def add(function):
        function = strategy_options(function)
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
                help="Images through the network of a device at once. Default: depends on the network.",
            ),
            click.option("--inception-weights", "weights", type=UserPath(), metavar="FILE", help=WEIGHTS),
            click.option("--features", "which", type=UserPath(), metavar="NAME", help=features_help),
        ):
            function = option(function)
        return function

    return add


feature_options = add_feature_options(FEATURES)


def load_extractor(real, which, weights, batch_size, offline, workers):
    """Returns the feature extractor and says, where none was asked for, which one it is."""
    from keras_gan.evaluation import features
    from keras_gan.evaluation.distributed_extractor import distribute

    def load(warn):
        extractor = features.load_extractor(which, *real, weights, offline, warn)
        extractor.batch_size = batch_size or extractor.batch_size
        return extractor

    extractor = distribute(load, workers, get_warn(workers))
    if which is None:
        get_warn(workers)(f"--features {extractor.name}: {extractor.description}.")
    return extractor


@click.command(short_help="Fréchet distance of two sets of images.")
@gan_option
@click.argument("a", type=UserPath())
@click.argument("b", required=False, type=UserPath())
@click.option("--count", type=Integer(2), help="Images of each side at most. Default: all, 5000 of a run.")
@click.option("--image-size", type=Size(), help="Resize images to 64 or to 64x48 as they are read.")
@image_options
@mode_option
@click.option(
    "--save-stats",
    type=UserPath(),
    metavar="FILE.npz",
    help="Write A's statistics; B is then optional.",
)
@click.option(
    "--stats-features", "--protocol", metavar="NAME", help="Features of statistics files that record none."
)
@add_feature_options(_FEATURES_OF_FID)
def fid(
    a,
    b,
    count,
    image_size,
    fit,
    background,
    mode,
    save_stats,
    stats_features,
    which,
    weights,
    batch_size,
    seed,
    device,
    strategy,
    replicas,
    offline,
    as_json,
):
    """Computes the Fréchet distance of A to B, in the features of a network.

    \b
    python cli.py fid images mnist:test
    python cli.py fid fakes.npz photos/ --features pytorch-fid
    python cli.py fid images mnist:test --features all
    python cli.py fid mnist --save-stats mnist-train.npz

    A, which is measured, and B, which it is compared with, are each a run, a folder of images, an
    .npz of images or of statistics (mu, sigma), or a data set; :train or :test after it names its part.
    A package's name gives that package's FID; all gives one table of every network at hand.
    """
    _check_usage(b, save_stats, which, weights or strategy != "none")
    with reject_wrong_values():
        check_strategy(strategy, replicas)
    assumed = stats_features or (None if which == "all" else which)
    with open_workers(strategy, replicas, device) as workers:
        from keras_gan.evaluation.sides import check_options

        def open_all():
            how = {"size": image_size, "fit": fit, "background": background}
            sides = _open_sides([text for text in (a, b) if text], how, assumed, mode, offline, workers)
            check_options(sides, mode, stats_features, how)
            if which == "all":
                return sides, None
            return sides, _load_fid_extractor(sides, which, weights, batch_size, offline, workers)

        sides, extractor = workers.load_in_turn(open_all)
        if which == "all":
            _print_all(sides, count, seed, batch_size, as_json)
        elif lead_or_follow(workers, extractor):
            if save_stats:
                sides[0] = _save_stats(sides[0], save_stats, extractor, count, seed, as_json)
            if b is not None:
                _print_distance(sides, extractor, count, seed, as_json)


def _check_usage(b, save_stats, which, others):
    if b is None and not save_stats:
        raise click.UsageError("give A and B, or A and --save-stats FILE.npz.")
    if which == "all" and (b is None or save_stats or others):
        raise click.UsageError(
            "--features all takes A and B, without --save-stats, --inception-weights and --strategy."
        )
    if save_stats:  # before the features are computed
        from keras_gan.files.npz import check_may_replace

        check_may_replace(save_stats, ["mu", "sigma"])


def _open_sides(texts, how, assumed, mode, offline, workers):
    from keras_gan.evaluation.inputs import choose_image_options
    from keras_gan.evaluation.sides import open_side

    options, say = choose_image_options(texts, **how), get_warn(workers)
    return [open_side(text, options, assumed, offline, say, mode or "inference") for text in texts]


def _load_fid_extractor(sides, which, weights, batch_size, offline, workers):
    from keras_gan.evaluation.distributed_extractor import distribute
    from keras_gan.evaluation.fid import choose_loader

    say = get_warn(workers)
    load = choose_loader(sides, which, weights, batch_size, offline, say)
    return load and distribute(load, workers, say)


def _print_all(sides, count, seed, batch_size, as_json):
    from keras_gan.evaluation.all_features import compute_all, format_all

    found = compute_all(*sides, count, seed, batch_size, warn)
    click.echo(json.dumps(found._asdict(), indent=2) if as_json else format_all(found))


def _save_stats(side, path, extractor, count, seed, as_json):
    """Writes the statistics of a side; returns the side with them, which are not computed twice."""
    from keras_gan.evaluation.feature_stats import save_stats
    from keras_gan.evaluation.fid import compute_side_stats

    stats = compute_side_stats(side, extractor, count, seed, warn)
    save_stats(path, stats)
    if not as_json:
        click.echo(
            f"{path}: mu and sigma of {stats.gaussian.n} images of {side.name}, {_describe(extractor)}"
        )
    return side._replace(statistics=stats)


def _print_distance(sides, extractor, count, seed, as_json):
    from keras_gan.evaluation.fid import compute_fid
    from keras_gan.evaluation.fid_text import format_result, list_warnings

    result = compute_fid(*sides, extractor, count, seed, warn)
    for line in list_warnings(result):
        warn(line)
    text = json.dumps(result, indent=2) if as_json else "\n".join(format_result(result, _describe(extractor)))
    click.echo(text)


def _describe(extractor):
    return extractor.description if extractor else "the network that the statistics are of"


@click.command("convert-weights", short_help="Convert a package's weights for use without PyTorch.")
@click.argument("file", type=UserPath(), metavar="FILE.pth")
@click.option("--out", type=UserPath(), metavar="FILE.npz", help="File to write. Default: FILE.npz.")
def convert_weights(file, out):
    """Converts InceptionV3's weights of pytorch-fid, torch-fidelity or torchvision to an .npz file.

    \b
    python cli.py convert-weights pt_inception-2015-12-05-6726825d.pth
    python cli.py fid images mnist:test --features pytorch-fid \\
        --inception-weights pt_inception-2015-12-05-6726825d.npz

    Neither needs PyTorch, and the features are the same bit for bit.
    """
    start_tensorflow("cpu")
    from keras_gan.evaluation.package_inception import convert_weights

    click.echo(f"{convert_weights(file, out)}: for --inception-weights")


COMMANDS = (fid, convert_weights)
