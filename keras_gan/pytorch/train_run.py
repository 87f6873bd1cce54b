"""Trains one run of a preset in PyTorch, from the weights that Keras begins with, in a process of its own.

    python -m keras_gan.pytorch.train_run --settings JSON --outdir FOLDER

`compare --preset` starts it.
"""

import json

import click

from keras_gan.config import TrainConfig
from keras_gan.start_tensorflow import import_tensorflow


@click.command()
@click.option("--settings", required=True, help="Fields of `TrainConfig`, as JSON.")
@click.option("--outdir", help="Run directory of a run that begins.")
@click.option("--resume", help="Run directory of a run that goes on.")
@click.option("--overwrite", is_flag=True)
@click.option("--offline", is_flag=True)
@click.option("--quiet", is_flag=True)
def main(settings, outdir, resume, overwrite, offline, quiet):
    """Trains a run or resumes it; the options are those of `train`."""
    import_tensorflow()
    from keras_gan.data import datasets
    from keras_gan.data.options import ImageOptions
    from keras_gan.run.config_json import read_info
    from keras_gan.training import loop

    config = TrainConfig.from_dict(json.loads(settings)).resolved()
    info = read_info(resume) if resume else None
    if info:
        config = info.config.resumed(config.to_dict())
        dataset = info.load_dataset(config, offline=offline)
    else:
        options = ImageOptions.create(config)
        dataset = datasets.load_dataset(config.dataset, config.data, options, offline=offline)
    config = config.of_shape(dataset.image_shape)
    gan, how = build_gan(config), dict(overwrite=overwrite, quiet=quiet, offline=offline)
    loop.train(gan, dataset, config, outdir or resume, info=info, **how)


def build_gan(config: TrainConfig):
    """Returns a `TorchGAN` with the weights that a `GAN` of the configuration begins with."""
    from keras_gan.model.gan import GAN
    from keras_gan.pytorch.gan import TorchGAN

    settings = config.gan.to_dict()
    gan = TorchGAN(**settings)
    gan.load(GAN(**settings, jit_compile=False).arrays())
    return gan


if __name__ == "__main__":
    main()
