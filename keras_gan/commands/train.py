"""`train`: trains a GAN or resumes a run."""

import shlex
from pathlib import Path

import click
from click.core import ParameterSource

from keras_gan.commands.options import FEATURES, Sides, start_tensorflow, warn
from keras_gan.config import DEVICES, ENGINES, PRECISIONS, SAMPLES, TrainConfig


@click.command(short_help="Train a GAN; samples, history and checkpoint go to --outdir.")
@click.option("--preset", default="keras", show_default=True, help="Published GAN; see `presets`.")
@click.option("--dataset", help="Data set, see `datasets`, or auto. Default: the preset's.")
@click.option("--data", metavar="PATH", help="mnist.npz, idx(.gz), .npz, .npy or a folder of pictures.")
@click.option("--image-size", type=Sides(), help="Resize images to 64 or to 64x48 (height x width).")
@click.option("--epochs", type=int, help="Epochs, as the preset counts them. Default: the preset's.")
@click.option("--batch-size", type=int, help="Images in a batch. Default: the preset's.")
@click.option("--sample-interval", type=int, help="Steps between sample grids. Default: the preset's.")
@click.option("--checkpoint-interval", type=int, help="Epochs between checkpoints. Default: a minute.")
@click.option("--fid-interval", type=int, help="Epochs between Fréchet distances. Default: none.")
@click.option("--fid-samples", type=int, default=SAMPLES, show_default=True, help="Judged each time.")
@click.option("--features", metavar="NAME", help=FEATURES)
@click.option("--latent-dim", type=int, help="Length of the noise vector. Default: the preset's, 100.")
@click.option("--lr", type=float, help="Adam's step size, for both networks. Default: the preset's.")
@click.option("--b1", type=float, help="Adam's decay of the first moment. Default: the preset's.")
@click.option("--b2", type=float, help="Adam's decay of the second moment. Default: the preset's.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of weights, noise and batches.")
@click.option("--outdir", default="images", show_default=True, metavar="DIR", help="Run directory.")
@click.option(
    "--engine",
    default="train_on_batch",
    show_default=True,
    type=click.Choice(ENGINES, case_sensitive=False),
    help="compiled: the same updates, many in one call, for long runs.",
)
@click.option(
    "--precision",
    default="float32",
    show_default=True,
    type=click.Choice(PRECISIONS),
    help="Of weights and products; mixed_bfloat16 keeps the weights in float32.",
)
@click.option("--device", default="auto", show_default=True, type=click.Choice(DEVICES), help="Where.")
@click.option("--overwrite", is_flag=True, help="Replace a run that stands in --outdir.")
@click.option(
    "--resume",
    is_flag=False,
    flag_value="",
    metavar="[DIR]",
    help="Go on with the run in DIR, or --outdir, to --epochs in total.",
)
@click.option("--tensorboard", is_flag=True, help="Write losses and grids for TensorBoard, too.")
@click.option("--offline", is_flag=True, help="Download nothing.")
@click.option("-n", "--dry-run", is_flag=True, help="Print the resolved configuration and stop.")
@click.option("--quiet", is_flag=True, help="Print warnings and errors only.")
@click.pass_context
def train(ctx, outdir, overwrite, resume, tensorboard, offline, dry_run, quiet, **settings):
    """Trains a GAN and writes sample grids while it goes on.

    \b
    python cli.py train --epochs 30000
    python cli.py train --resume images
    python cli.py train --data photos/ --image-size 64 --outdir photos-run
    python cli.py train --preset pytorch-gan --epochs 20 --outdir run-2

    With the default preset an epoch is one batch, as in the original; `presets` tells for each.
    Ctrl-C saves a checkpoint and says how to go on; what is not given with --resume is as it was.
    """
    info = None
    if resume is not None:
        outdir = resume or outdir
        info = _read_info(ctx, outdir, overwrite)
        given = {n: v for n, v in settings.items() if _is_given(ctx, n)}
        config = info.config.resumed(given)
    else:
        config = TrainConfig.from_dict(settings).resolved()
    if dry_run:
        click.echo(config.to_json())
        return
    dataset = _dataset(config, info, offline)
    start_tensorflow(config.device, config.gan.precision)
    from keras_gan.model.gan import GAN
    from keras_gan.training import interrupt, loop

    config = config.of_shape(dataset.image_shape)
    gan = GAN(**config.gan.to_dict())
    try:
        loop.train(gan, dataset, config, outdir, overwrite, quiet, info, offline, tensorboard)
    except FileExistsError as error:
        raise ValueError(f"{error} {_ways_out(ctx, outdir)}") from None
    except interrupt.Interrupted as stop:
        warn(f"{stop} To go on: {_resume(ctx, outdir)}")
        ctx.exit(stop.exit_code)


def _program(ctx):
    return f"{ctx.find_root().info_name} train"


def _resume(ctx, outdir):
    too = " --tensorboard" if ctx.params["tensorboard"] else ""  # which no file of the run records
    return f"{_program(ctx)} --resume {shlex.quote(outdir)}{too}"


def _is_given(ctx, name):
    return ctx.get_parameter_source(name) is not ParameterSource.DEFAULT


def _read_info(ctx, outdir, overwrite):
    """Returns the `RunInfo` of the run to resume."""
    if overwrite:
        raise click.UsageError("give --resume or --overwrite, not both.")
    if _is_given(ctx, "outdir") and Path(outdir) != Path(ctx.params["outdir"]):
        raise click.UsageError(f"give --resume {outdir} or --outdir {ctx.params['outdir']}, not both.")
    from keras_gan.run.info import read_info

    try:
        return read_info(outdir)
    except FileNotFoundError as error:
        start = f"{_program(ctx)} --outdir {shlex.quote(outdir)}"
        raise FileNotFoundError(f"{error} To start one: {start}") from None


def _dataset(config, info, offline):
    """Returns the images of a run that begins or, where there is one, is resumed."""
    if info:
        return info.load_dataset(config, offline=offline, warn=warn)
    from keras_gan.data import datasets

    return datasets.load_dataset(config.dataset, config.data, config.image_size, offline=offline, warn=warn)


def _ways_out(ctx, outdir):
    """Returns the full commands that work where `outdir` holds a run."""
    program, words = ctx.find_root().info_name, shlex.join(ctx.obj)
    go_on = f"To go on with it: {_resume(ctx, outdir)}    "
    elsewhere = next(p for i in range(2, 10**6) if not (p := Path(f"{outdir.rstrip('/')}-{i}")).exists())
    return (
        f"{go_on if Path(outdir, 'config.json').is_file() else ''}"
        f"To replace it: {program} {words} --overwrite    "
        f"To keep it: {program} {words} --outdir {shlex.quote(str(elsewhere))}"
    )


COMMANDS = (train,)
