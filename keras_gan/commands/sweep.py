"""What the commands that train many runs share."""

import functools
from pathlib import Path

import click

from keras_gan.commands.option_types import Integer
from keras_gan.commands.options import warn
from keras_gan.training import interrupt


def sweep_options(function):
    """Adds --jobs and --cluster, of which one may be given."""

    @functools.wraps(function)
    def check(*args, jobs, cluster, **options):
        if cluster == "":
            raise click.UsageError("give --cluster the address of a scheduler. Received: ''.")
        if cluster and jobs != 1:
            raise click.UsageError("give --jobs or --cluster, whose workers train as many runs as they can.")
        return function(*args, jobs=jobs, cluster=cluster, **options)

    for option in (
        click.option("--cluster", metavar="ADDRESS", help="Train on the workers of this Dask scheduler."),
        click.option(
            "--jobs",
            type=Integer(),
            default=1,
            show_default=True,
            help="Runs trained at once, each in a process of its own.",
        ),
    ):
        check = option(check)
    return check


def train_jobs(todo, n_jobs, cluster, describe=None):
    """Trains the runs of a sweep and prints a line for each that is finished.

    Args:
        describe: returns what is to be said of a job whose run is finished.
    """
    from keras_gan.training.sweep import run_jobs

    done = []

    def say(job):
        done.append(job)
        about = f": {describe(job)}" if describe else ""
        warn(f"{len(done)} of {len(todo)} runs finished: {Path(job.folder).name}{about}")

    try:
        run_jobs(todo, n_jobs, cluster, say)
    except interrupt.Interrupted as stop:
        warn(f"{stop} The runs are kept; the same command goes on with them.")
        raise click.exceptions.Exit(stop.exit_code) from None
