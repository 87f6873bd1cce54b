"""`train`: trains a GAN or resumes a run."""

import functools
import os
import shlex
from pathlib import Path

import click
from click.core import ParameterSource

from keras_gan.commands.option_types import SEED, DatasetName, Integer, PresetName, Size, UserPath
from keras_gan.commands.options import (
    BACKGROUND,
    DATA,
    FEATURES,
    FIT,
    IMAGE_SIZE,
    OFFLINE,
    gan_option,
    get_checkpoint_file,
    reject_wrong_values,
    start_tensorflow,
    start_tensorflow_while,
    warn,
)
from keras_gan.commands.workers import (
    agree_on_config,
    get_warn,
    is_follower,
    open_workers,
    strategy_options,
)
from keras_gan.config import DEVICES, ENGINES, FITS, PRECISIONS, SAMPLES, TrainConfig
from keras_gan.progress import get_program
from keras_gan.report.reproduce import quote_folder, resume_command
from keras_gan.training import interrupt

_OUTDIR = "\0"  # what --resume without a folder stands for: no path can be it


@click.command(short_help="Train a GAN; samples, history and checkpoint go to --outdir.")
@gan_option
@click.option(
    "--preset", default="keras", show_default=True, type=PresetName(), help="Published GAN; see `presets`."
)
@click.option(
    "--dataset", type=DatasetName(), help="Data set, see `datasets`, or auto. Default: the preset's."
)
@click.option("--data", type=UserPath(), help=DATA)
@click.option("--image-size", type=Size(), help=IMAGE_SIZE)
@click.option("--fit", default="crop", show_default=True, type=click.Choice(FITS), help=FIT)
@click.option("--background", default="white", show_default=True, metavar="COLOUR", help=BACKGROUND)
@click.option("--epochs", type=Integer(), help="Epochs, as the preset counts them. Default: the preset's.")
@click.option("--batch-size", type=Integer(), help="Images in a batch. Default: the preset's.")
@click.option("--sample-interval", type=Integer(), help="Steps between sample grids. Default: the preset's.")
@click.option(
    "--checkpoint-interval", type=Integer(), help="Epochs between checkpoints. Default: one every minute."
)
@click.option(
    "--fid-interval", type=Integer(), help="Epochs between scores (Fréchet distances). Default: none."
)
@click.option("--fid-samples", type=Integer(2), default=SAMPLES, show_default=True, help="Samples per score.")
@click.option("--features", type=UserPath(), metavar="NAME", help=FEATURES)
@click.option("--latent-dim", type=Integer(), help="Length of the noise vector. Default: the preset's, 100.")
@click.option("--lr", type=float, help="Adam's learning rate, for both networks. Default: the preset's.")
@click.option("--g-lr", type=float, help="Learning rate of the generator. Default: --lr.")
@click.option("--d-lr", type=float, help="Learning rate of the discriminator. Default: --lr.")
@click.option(
    "--label-smoothing",
    type=float,
    default=0.0,
    show_default=True,
    help="The discriminator's label for real images is 1 minus this; from 0 to below 0.5.",
)
@click.option(
    "--d-steps", type=Integer(), default=1, show_default=True, help="Updates of the discriminator per step."
)
@click.option("--b1", type=float, help="Adam's beta_1, from 0 to below 1. Default: the preset's.")
@click.option("--b2", type=float, help="Adam's beta_2, from 0 to below 1. Default: the preset's.")
@click.option(
    "--seed", type=SEED, default=0, show_default=True, help="Seed of weights, noise and batches, 0 or more."
)
@click.option("--outdir", default="images", show_default=True, type=UserPath(), help="Run directory.")
@click.option(
    "--engine",
    default="train_on_batch",
    show_default=True,
    type=click.Choice(ENGINES, case_sensitive=False),
    metavar=f"[{'|'.join(ENGINES)}]",  # click would write hyphens
    help="compiled: the same updates, many in one call; faster on long runs.",
)
@click.option(
    "--precision",
    default="float32",
    show_default=True,
    type=click.Choice(PRECISIONS),
    metavar=f"[{'|'.join(PRECISIONS)}]",
    help="Floating-point type to compute in; mixed_bfloat16 keeps the weights in float32.",
)
@click.option(
    "--device", default="auto", show_default=True, type=click.Choice(DEVICES), help="Device to train on."
)
@strategy_options
@click.option("--overwrite", is_flag=True, help="Replace the run in --outdir.")
@click.option(
    "--resume",
    is_flag=False,
    flag_value=_OUTDIR,
    type=UserPath(),
    metavar="[DIR]",
    help="Continue the run in DIR, or --outdir, to --epochs in total.",
)
@click.option(
    "--from", "start", type=UserPath(), metavar="RUN", help="Begin with the weights of a run or checkpoint."
)
@click.option("--tensorboard", is_flag=True, help="Also write losses and grids for TensorBoard.")
@click.option("--offline", is_flag=True, help=OFFLINE)
@click.option("-n", "--dry-run", is_flag=True, help="Print the resolved configuration and stop.")
@click.option("--quiet", is_flag=True, help="Print warnings and errors only.")
@click.pass_context
def train(ctx, outdir, overwrite, resume, start, tensorboard, offline, dry_run, quiet, **settings):
    """Trains a GAN, and writes a grid of samples every --sample-interval steps.

    \b
    python cli.py train --epochs 30000
    python cli.py train --resume images
    python cli.py train --data photos/ --image-size 64 --outdir photos-run
    python cli.py train --preset pytorch-gan --epochs 20 --outdir run-2

    With the default preset an epoch is one batch, as in the original; `presets` says what it is in the
    others. Ctrl-C saves a checkpoint and prints the command that continues. With --resume, every
    option that is not given stays as it was.
    """
    given = {name: value for name, value in settings.items() if _is_given(ctx, name)}
    if start and resume:
        raise click.UsageError("give --resume or --from, not both.")
    if start:
        settings |= _read_start(start, given)
    with reject_wrong_values():
        config = TrainConfig.from_dict(given if resume else settings).resolved()
    info, own = None, settings
    if resume:
        outdir = outdir if resume == _OUTDIR else resume
        info = None if is_follower(config) else _read_info(ctx, outdir, overwrite)
        config = info.config.resumed(given) if info else config
        own = config.to_dict() if info else given
    if dry_run:
        click.echo(config.to_json())
        return
    options = dict(info=info, overwrite=overwrite, quiet=quiet, offline=offline, tensorboard=tensorboard)
    try:
        if config.strategy == "none":
            load = _choose_loader(config, info, outdir, offline)
            dataset = start_tensorflow_while(load, config.device, config.gan.precision)
            _train(ctx, dataset, config, start, outdir, options)
            return
        with open_workers(config.strategy, config.replicas, config.device, config.gan.precision) as workers:
            config = agree_on_config(own, workers)
            dataset = workers.load_in_turn(lambda: _choose_loader(config, info, outdir, offline, workers)())
            _train(ctx, dataset, config, start, outdir, options | {"workers": workers})
    except FileExistsError as error:
        from keras_gan.training.run_dir import RunExistsError

        has_run = isinstance(error, RunExistsError)
        raise ValueError(f"{error}{'' if resume else _list_ways_out(ctx, outdir, has_run)}") from None
    except interrupt.Interrupted as stop:
        if str(stop):  # which only the first worker says
            warn(f"{stop} To continue: {resume_command(outdir, tensorboard)}")
        ctx.exit(stop.exit_code)


def _train(ctx, dataset, config, start, outdir, options):
    """Builds a GAN for the images and trains it."""
    from keras_gan.model.checkpoint import load_weights
    from keras_gan.model.gan import GAN
    from keras_gan.training import loop

    config = config.of_shape(dataset.image_shape)
    gan = ctx.meta.get("gan_class", GAN)(**config.gan.to_dict())
    if start:
        load_weights(gan, get_checkpoint_file(start))
    loop.train(gan, dataset, config, outdir, **options)


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
        start = f"{get_program()} train --outdir {quote_folder(outdir)}"
        raise FileNotFoundError(f"{error} To start one: {start}") from None


def _read_start(start, given):
    """Returns the settings that a checkpoint of --from stands for, where they are not given."""
    start_tensorflow()
    from keras_gan.model.checkpoint import read_checkpoint

    own = read_checkpoint(get_checkpoint_file(start)).config
    return {"preset": own.preset, "latent_dim": own.latent_dim} | given


def _choose_loader(config, info, outdir, offline, workers=None):
    """Returns the function that loads the images of a run that begins or, where there is one, is resumed."""
    from keras_gan.data import datasets
    from keras_gan.data.options import ImageOptions

    how = dict(offline=offline, warn=get_warn(workers))
    if info:
        return functools.partial(info.load_dataset, config, **how)
    datasets.check_outdir(outdir, config.data)  # before images are read
    options = ImageOptions.create(config)
    return functools.partial(datasets.load_dataset, config.dataset, config.data, options, **how)


def _is_given(ctx, name):
    return ctx.get_parameter_source(name) is not ParameterSource.DEFAULT


def _list_ways_out(ctx, outdir, has_run):
    """Returns the full commands that work where `outdir` holds a run, or other files."""
    train = f"{get_program()} {shlex.join(ctx.obj)}"
    names = (f"{outdir.rstrip('/')}-{i}" for i in range(2, 10**6))
    keep = f"{train} --outdir {quote_folder(next(name for name in names if not os.path.lexists(name)))}"
    if not has_run:
        return f" To keep them: {keep}"
    resume = resume_command(outdir, ctx.params["tensorboard"])
    return f" To continue it: {resume}    To replace it: {train} --overwrite    To keep it: {keep}"


COMMANDS = (train,)
