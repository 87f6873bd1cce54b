"""The program, and its commands that list presets and data sets.

Only click and plain data are imported here, so that --help answers at once.
"""

import click

import keras_gan
from keras_gan import preset_diff, progress
from keras_gan.commands import ablate, compare, doctor, evaluate, export, fid, parity, sample, train, verify
from keras_gan.commands.group import Commands
from keras_gan.commands.option_types import PresetName
from keras_gan.preset_diff import get_preset
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
    python cli.py train --resume           continue that run, whatever stopped it
    python cli.py sample images            draw new images from the trained generator
    """


@main.command(short_help="List the published GANs, or compare two.")
@click.argument("names", nargs=-1, metavar="[A B]", type=PresetName())
def presets(names):
    """Lists the published GANs, or every difference between two, as Keras and PyTorch write it.

    \b
    python cli.py presets
    python cli.py presets keras pytorch-gan
    """
    if len(names) not in (0, 2):
        raise click.UsageError("give no preset, or two.")
    if names:
        differences = preset_diff.list_differences(*map(get_preset, names))
        click.echo(progress.format_table(["", *names], differences, "lll"))
        return
    header = ["preset", "data set", "epochs", "an epoch is", "batch size"]
    rows = [
        [p.name, p.dataset, str(p.epochs), _describe_epoch(p.rule), str(p.batch_size)]
        for p in PRESETS.values()
    ]
    click.echo(progress.format_table(header, rows, "llrlr"))
    click.echo("\nPublished as")
    for p in PRESETS.values():
        click.echo(progress.fold(f"{p.name:12} {p.source}", indent=13))


def _describe_epoch(rule):
    return "one batch" if rule.epoch_is_one_batch else "one pass"


@main.command(short_help="List the data sets and which are downloaded.")
def datasets():
    """Lists the data sets that have a name; `train --data` takes other images.

    \b
    python cli.py datasets
    python cli.py train --dataset fashion-mnist
    """
    from keras_gan.data import download

    for name, source in download.DATASETS.items():
        lines = f"{source.title} ({source.licence})", download.describe_location(name)
        for heading, line in zip((name, ""), lines):
            click.echo(progress.fold(f"{heading:14} {line}", indent=15))


for module in (train, sample, fid, evaluate, compare, parity, ablate, export, verify, doctor):
    for command in module.COMMANDS:
        main.add_command(command)
