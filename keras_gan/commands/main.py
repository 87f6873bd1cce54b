"""The command group, and the commands that list what there is.

Only click and plain data are imported here, so that --help answers at once.
"""

import click

import keras_gan
from keras_gan import preset_diff
from keras_gan.commands import compare, doctor, evaluate, sample, train
from keras_gan.commands.options import Commands
from keras_gan.config import get_preset
from keras_gan.presets import PRESETS


@click.group(
    cls=Commands,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "token_normalize_func": lambda word: word.replace("_", "-"),
        "max_content_width": 100,
    },
)
@click.version_option(keras_gan.__version__, prog_name="keras_gan")
def main():
    """The classic GAN of the Keras tutorials, working again on Keras 3.

    \b
    python cli.py train --epochs 30000     train on MNIST, samples go to images/
    python cli.py train --resume           go on with it, after whatever stopped it
    python cli.py sample images            draw new images from the trained generator
    """


@main.command(short_help="List the published GANs, or compare two.")
@click.argument("two", nargs=-1, metavar="[A B]")
def presets(two):
    """Lists the published GANs, or every difference between two, as Keras and PyTorch write it.

    \b
    python cli.py presets
    python cli.py presets keras pytorch-gan
    """
    if len(two) not in (0, 2):
        raise click.UsageError("give no preset, or two.")
    if two:
        a, b = map(get_preset, two)
        for what, *values in preset_diff.list_differences(a, b):
            click.echo(what)
            for preset, value in zip((a, b), values, strict=True):
                click.echo(f"  {preset.name:12} {value}")
        return
    for p in PRESETS.values():
        epoch = "one batch" if p.rule.epoch_is_one_batch else "one pass over the images"
        click.echo(f"{p.name:12} {p.source}")
        click.echo(f"{'':12} {p.dataset}; {p.epochs} epochs ({epoch} each), batches of {p.batch_size}")


@main.command(short_help="List the data sets and which of them are at hand.")
def datasets():
    """Lists the data sets that have a name; `train --data` takes any images beside them.

    \b
    python cli.py datasets
    python cli.py train --dataset fashion-mnist
    """
    from keras_gan.data import download

    for name, source in download.DATASETS.items():
        click.echo(f"{name:14} {source.title} ({source.licence})")
        click.echo(f"{'':14} {download.describe_location(name)}")


for module in (train, sample, evaluate, compare, doctor):
    for command in module.COMMANDS:
        main.add_command(command)
