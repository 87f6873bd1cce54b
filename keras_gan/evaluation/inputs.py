"""What a comparison is of: run directories, folders and files of samples, and the real images.

A run is sampled by Keras whichever framework trained it.
"""

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_gan.data import datasets
from keras_gan.data.options import DEFAULTS, ImageOptions
from keras_gan.model import sampling
from keras_gan.model.gan import GAN
from keras_gan.model.saved_generator import load_gan_or_generator
from keras_gan.rng import Stream, choose_rows, draw_noise
from keras_gan.run.info import CHECKPOINT, Run, is_run
from keras_gan.run.info import read as read_run

GRID_IMAGES = 25  # images of a source in a grid


class RunInput(NamedTuple):
    """A run, which is sampled by Keras whichever framework trained it.

    Attributes:
        name: the last part of its path, or the path where another ends in the same.
        run: `run.info.Run`, None of a GAN in memory.
        gan: `GAN` of its checkpoint.
        mode: of its samples, as in `GAN.sample`.
    """

    name: str
    run: Run | None
    gan: GAN
    mode: str = "inference"

    @property
    def info(self):
        """`RunInfo`, None where there is no config.json."""
        return self.run.info if self.run else None

    @property
    def framework(self):
        """ "keras" or "torch", which trained it; None where that is not known."""
        return self.run.framework

    @property
    def image_shape(self):
        """(h, w, c) of each image."""
        return tuple(self.gan.image_shape)

    def read_history(self):
        """Returns the history up to the checkpoint, beyond which a run may have gone on."""
        return self.run.read_history(self.gan.step)

    def draw(self, seed, count, stream=Stream.EVALUATION):
        """Returns `count` samples, uint8 (count, h, w, c)."""
        return self.gan.sample(draw_noise(seed, stream, 0, count, self.gan.latent_dim), self.mode)

    def draw_grid(self, seed):
        """Returns the uint8 images of a grid, of the same noise for all runs."""
        return self.draw(seed, GRID_IMAGES, Stream.GRID)

    def draw_batches(self, seed, count, size):
        """Yields what `draw` returns, `size` images at a time, or in training mode a batch."""
        z = draw_noise(seed, Stream.EVALUATION, 0, count, self.gan.latent_dim)
        if self.mode == "training":
            return sampling.draw_batches(self.gan, [z], self.mode)
        return (self.gan.sample(z[i : i + size]) for i in range(0, count, size))

    def describe_samples(self):
        """Returns what samples depend on beside seed and step, a dict: {} in inference mode."""
        if self.mode == "inference":
            return {}
        return {"mode": self.mode, "sample_batch_size": sampling.get_batch_size(self.gan, self.mode)}


class ImageSet(NamedTuple):
    """Images from anywhere, with the same methods as a `RunInput`.

    Attributes:
        name: the last part of their path, or the path where another ends in the same.
        images: uint8 (n, h, w, c).
    """

    name: str
    images: np.ndarray

    @property
    def info(self):
        """None: no run is known that made them."""

    @property
    def framework(self):
        """None, as `info`."""

    @property
    def image_shape(self):
        """(h, w, c) of each image."""
        return self.images.shape[1:]

    def read_history(self):
        """Returns None: there is none."""

    def draw(self, seed, count):
        """Returns `count` of the images, uint8 (count, h, w, c), or all where there are no more."""
        return self.images[choose_rows(len(self.images), seed, count)]

    def draw_grid(self, seed):
        """Returns the first images, as many as a grid has."""
        return self.images[:GRID_IMAGES]

    def draw_batches(self, seed, count, size):
        """Yields what `draw` returns, `size` images at a time."""
        rows = choose_rows(len(self.images), seed, count)
        yield from (self.images[rows[i : i + size]] for i in range(0, len(rows), size))


def choose_image_options(paths, size=None, fit=None, background=None):
    """Returns how images beside runs are read: as given, else as the images of the first run among them were.

    Args:
        paths: of runs and images. size: as in `ImageOptions`; it is never the run's.
    """
    infos = (read_run(path).info for path in paths if is_run(path))
    config = next((info.config for info in infos if info), None)
    how = {"fit": fit or (config and config.fit), "background": background or (config and config.background)}
    return ImageOptions.create(size=size, **how)


def open_inputs(paths, warn, options=DEFAULTS):
    """Returns a `RunInput` or `ImageSet` for each path: run directory, checkpoint, folder or file of images.

    Raises:
        FileNotFoundError: there is nothing at a path, or a run has no checkpoint.
        ValueError: what is there can be read neither as a run nor as images, or it is given twice.
    """
    paths = [Path(path) for path in paths]
    paths = [path.parent if path.name == CHECKPOINT else path for path in paths]
    if len({path.resolve() for path in paths}) < len(paths):
        raise ValueError(f"Each source must be given once. Received: {', '.join(map(str, paths))}.")
    last = [path.absolute().name for path in paths]
    names = [name if last.count(name) == 1 else str(path) for name, path in zip(last, paths)]
    return [_open_input(name, path, warn, options) for name, path in zip(names, paths)]


def _open_input(name, path, warn, options):
    if not is_run(path):
        return ImageSet(name, datasets.load_dataset(path=path, options=options, warn=warn).images)
    run = read_run(path)
    if not run.checkpoint.is_file():
        raise FileNotFoundError(f"Expected a run with a {CHECKPOINT}. Received: {path}, which has none.")
    return RunInput(name, run, load_gan_or_generator(run.checkpoint))


def load_real_images(sources, dataset, path, offline, warn, fit=None, background=None):
    """Returns the training part of the real images, and the test part or None.

    Args and errors are those of `load_training_images`.
    """
    where, how = dict(offline=offline, warn=warn), dict(fit=fit, background=background)
    train = load_training_images(sources, dataset, path, **where, **how)
    config = next((source.info.config for source in sources if source.info), None)
    if not (dataset or path):
        dataset, path = config.dataset, config.data
    name = train.name if path is None else dataset or "auto"
    return train, _other_part(name, path, ImageOptions.create(config, **how), "train", **where)


def load_training_images(sources, dataset, path, offline, warn, fit=None, background=None):
    """Returns the training part of the real images.

    Where neither a `dataset` nor a `path` is given, the first source that is a run names its own.

    Args:
        fit, background: as in `ImageOptions`; None is the run's.

    Raises:
        ValueError: no source names its images, or others are now in their place.
        OSError: they are not at hand.
    """
    info = next((source.info for source in sources if source.info), None)
    where = dict(offline=offline, warn=warn)
    if dataset or path:
        options = ImageOptions.create(info.config if info else None, fit=fit, background=background)
        return datasets.load_dataset(dataset or "auto", path, options, **where)
    if info is None:
        raise ValueError(
            "Real images must be named with --dataset or --data where no source is a run that "
            f"recorded its own. Received: {', '.join(source.name for source in sources)}."
        )
    try:
        given = {name: v for name, v in (("fit", fit), ("background", background)) if v is not None}
        return info.load_dataset(dataclasses.replace(info.config, **given), **where)
    except (OSError, ValueError) as error:
        kind = ValueError if isinstance(error, ValueError) else FileNotFoundError
        raise kind(f"{error} Or name the real images with --dataset or --data.") from None


def load_parts(name, path, options, split="train", **where):
    """Returns a part of a data set and the other one, None where it has no other.

    Args:
        options: `ImageOptions`.
        split: "train" or "test", the part that comes first.
    """
    part = datasets.load_dataset(name, path, options, split, **where)
    return part, _other_part(part.name if path is None else name, path, options, split, **where)


def _other_part(name, path, options, split, **where):
    try:
        return datasets.load_dataset(name, path, options, "test" if split == "train" else "train", **where)
    except ValueError:
        return None


def match_shape(sources, image_shape):
    """Returns the sources; grey images saved as RGB get one channel where the real images are.

    Raises:
        ValueError: a source holds images of another shape than the real ones.
    """
    fitting = [_grey(source) if image_shape[2] == 1 else source for source in sources]
    for source in fitting:
        if source.image_shape != tuple(image_shape):
            expected, received = ("x".join(map(str, s)) for s in (image_shape, source.image_shape))
            raise ValueError(
                f"Images must have the shape of the real ones, {expected}. "
                f"Received: {source.name} of {received}."
            )
    return fitting


def _grey(source):
    """Returns a source of grey images saved as RGB, as torchvision does, with one channel."""
    if isinstance(source, RunInput) or not (source.images == source.images[..., :1]).all():
        return source
    return source._replace(images=source.images[..., :1])
