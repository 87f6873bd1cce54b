"""What happens before the first step of a run: it begins in a folder, or continues there."""

import platform
import sys
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

import keras_gan
from keras_gan.config import TrainConfig
from keras_gan.data.datasets import Dataset
from keras_gan.device import get_device_name, get_processors
from keras_gan.model.gan_class import describe_gan_class
from keras_gan.model.workers import Workers
from keras_gan.progress import print_warning
from keras_gan.run.config_json import RunInfo, read_info
from keras_gan.run.grids import extend_schedules
from keras_gan.training.run_dir import RunDir
from keras_gan.training.schedule import Schedule


class Training(NamedTuple):
    """What the steps of a run need; `config` has the epochs in total."""

    gan: Any
    dataset: Dataset
    config: TrainConfig
    folder: RunDir
    schedule: Schedule
    workers: Workers


def restore(training: Training, info: RunInfo | None, overwrite: bool) -> RunInfo:
    """Sets the GAN to where its run continues, or checks that a new run may begin; returns the new `RunInfo`.

    Nothing is changed on disk before all is checked.
    """
    gan, dataset, config, folder, schedule, _ = training
    old = info
    if old is None and not overwrite and folder.is_run_of(gan):
        # A second call of `GAN.train`, whose run ends where the GAN is
        old = read_info(folder.path)
        old.config.resumed(config.to_dict())
        old.check_dataset(dataset)
    # What config.json will hold
    framework = getattr(gan, "framework", "keras")
    environment = framework, get_device_name(), get_versions(framework)
    new = RunInfo.create(config, dataset, old.first_step if old else gan.step, *environment)
    weights_from = old.weights_from if old else getattr(gan, "weights_from", None)
    new = new._replace(gan_class=describe_gan_class(gan), weights_from=weights_from)
    new = new._replace(grids=((config.sample_interval, schedule.total),))
    # A new run needs a free folder; another continues from its checkpoint, or from the GAN in memory
    if old is None:
        folder.check_free(new, overwrite)
        return new
    if info:
        with folder.translate_errors():
            folder.resume(gan, old, new, print_warning)
    else:
        folder.continue_from(gan, old, new)
    if line := old.describe_changes(new.versions):
        print_warning(line)
    schedules = extend_schedules(old.grids, gan.step, config.sample_interval, schedule.total)
    return new._replace(grids=schedules)


def begin(training: Training, info: RunInfo) -> None:
    """Writes config.json and, of a run that begins, the first grid and checkpoint."""
    gan, folder = training.gan, training.folder
    if folder.continues:
        folder.write_info(info)
    else:
        folder.begin(info)
    gan.outdir, gan.trained_on = folder.path, training.dataset
    if folder.saved is None:
        if gan.step == 0:
            gan.sample_images(0)
        folder.save(gan)


def get_versions(framework: str) -> dict[str, str]:
    """Returns what the rounding of a result depends on: versions by package name, and the processors."""
    modules = {"keras_gan": keras_gan, "tensorflow": tf, "keras": keras, "numpy": np}
    if framework == "torch":
        modules["torch"] = sys.modules["torch"]
    versions = {name: module.__version__ for name, module in modules.items()}
    return {"python": platform.python_version()} | versions | get_processors()
