"""The work of `GAN.train`: finds the data set and the configuration, and says in Python how to go on."""

import dataclasses
import os

import keras

from keras_gan.config import TrainConfig
from keras_gan.data import datasets
from keras_gan.data.options import ImageOptions
from keras_gan.model.workers import join_workers
from keras_gan.run.config_json import read_info
from keras_gan.streams import safe_output
from keras_gan.training import interrupt, loop
from keras_gan.training.follow import share_config
from keras_gan.training.run_dir import RunExistsError

# The images are given as `data`, and the device was chosen when the GAN was built.
_NOT_TAKEN = {"gan", "dataset", "data", "image_size", "fit", "background", "device"}


@safe_output()
def train_gan(
    gan,
    settings,
    data,
    outdir,
    *,
    overwrite=False,
    resume=False,
    quiet=False,
    tensorboard=False,
    callbacks=(),
):
    """Trains a GAN as `GAN.train` was asked to; returns its history.

    Args:
        settings: dict of fields of `TrainConfig`; those that are None were not given.
        data: name of a data set, path of images, what `convert.read_data` takes, or None.
    """
    known = {field.name for field in dataclasses.fields(TrainConfig)} - _NOT_TAKEN
    if unknown := settings.keys() - known:
        raise TypeError(
            f"GAN.train takes {', '.join(sorted(known))}. Received: {', '.join(sorted(unknown))}."
        )
    if resume and overwrite:
        raise ValueError("Give resume=True or overwrite=True, not both.")
    if isinstance(callbacks, keras.callbacks.Callback):
        callbacks = [callbacks]
    outdir = os.path.expanduser(outdir)
    given = {name: value for name, value in settings.items() if value is not None}
    if isinstance(data, (str, os.PathLike)):
        is_name = isinstance(data, str) and datasets.is_dataset_name(data)
        given |= {"dataset": data} if is_name else {"data": os.fspath(data), "dataset": None}
    info = read_info(outdir) if resume else None
    if info:
        own = gan.config.to_dict()
        del own["image_shape"]  # it is compared with that of the images
        config = info.config.resumed(own | given)
    else:
        config = TrainConfig(gan.config, **given).resolved()
    options = dict(overwrite=overwrite, quiet=quiet, tensorboard=tensorboard, callbacks=callbacks)
    try:
        with join_workers(config.strategy, config.replicas) as workers:
            config = share_config(config.to_dict(), workers).of_shape(gan.image_shape)
            dataset = workers.load_in_turn(lambda: _load_dataset(config, data, info))
            return loop.train(gan, dataset, config, outdir, info=info, workers=workers, **options)
    except RunExistsError as error:
        ways_out = "resume=True continues it to `epochs` in total, overwrite=True replaces it"
        raise RunExistsError(f"{error} {ways_out}, another outdir keeps it.") from None
    except interrupt.Interrupted as stop:
        stop.args = (f"{stop} With resume=True, `train` continues it to `epochs` in total.",)
        raise


def _load_dataset(config, data, info):
    if data is not None and not isinstance(data, (str, os.PathLike)):
        dataset = datasets.open_dataset(data, ImageOptions.create(config))
        return info.check_dataset(dataset) if info else dataset
    if info:
        return info.load_dataset(config)
    return datasets.load_dataset(config.dataset, config.data, ImageOptions.create(config))
