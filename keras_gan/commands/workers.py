"""What the commands that run on several devices or machines share."""

import contextlib
import sys

import click

import keras_gan
from keras_gan.commands.option_types import Integer
from keras_gan.commands.options import start_tensorflow, warn
from keras_gan.config import STRATEGIES
from keras_gan.streams import ignore


def strategy_options(function):
    """Adds --strategy and --replicas."""
    for option in (
        click.option(
            "--replicas",
            type=Integer(),
            help="Devices of --strategy mirrored: GPUs, or parts of --device cpu. Default: all GPUs.",
        ),
        click.option(
            "--strategy",
            default="none",
            show_default=True,
            type=click.Choice(STRATEGIES, case_sensitive=False),
            help="Share each batch among all GPUs of this machine, or of several machines.",
        ),
    ):
        function = option(function)
    return function


@contextlib.contextmanager
def open_workers(strategy, replicas, device, precision="float32"):
    """Starts TensorFlow and yields the `Workers` of a strategy, after all of them have started."""
    start_tensorflow(device, precision, strategy)
    from keras_gan.model.workers import join_workers

    with join_workers(strategy, replicas, device) as workers:
        workers.check_same({"keras_gan version": keras_gan.__version__})
        yield workers


def is_follower(config):
    """Returns whether this is another worker than the first one, which alone needs the run directory."""
    if config.strategy != "multi-worker":
        return False
    start_tensorflow(config.device, config.gan.precision, config.strategy)
    from keras_gan.model.strategy import read_cluster

    return read_cluster().own > 0


def agree_on_config(own, workers):
    """Returns the configuration of the first worker; `own` are the settings of this one."""
    from keras_gan.training.follow import share_config

    return share_config(own, workers)


def get_warn(workers):
    """Returns what prints a warning: only the first worker does."""
    return warn if workers is None or workers.index == 0 else ignore


def lead_or_follow(workers, extractor):
    """Returns True on the first worker, which goes on to compute and print.

    Any other one computes features for it until the end, and then returns False or exits.

    Args:
        extractor: of `distribute`, or None where no features are computed.
    """
    from keras_gan.evaluation.feature_stats import get_feature_spec
    from keras_gan.model.workers import FEATURES

    workers.check_same({"feature extractor": extractor and get_feature_spec(extractor)})
    if workers.index == 0:
        workers.listening = True
        return True
    if code := workers.follow({FEATURES: extractor.follow} if extractor else {}):
        sys.exit(code)
    return False
