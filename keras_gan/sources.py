"""What a comparison is of: run directories, folders and files of samples, and the real images.

A run is sampled by Keras whichever framework trained it.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_gan import checkpoint, data, history, presets, record
from keras_gan.gan import GAN

GRID = 25  # images of a source in the picture


class Source(NamedTuple):
    """A run, or images.

    Attributes:
        name: the last part of its path, or the path where another ends in the same.
        record: `record.Record` of a run that has one, else None.
        history: as `history.read` returns it, up to the checkpoint; None where there is none.
        gan: `GAN` of a run, else None.
        images: uint8 (n, h, w, c), None of a run.
    """

    name: str
    record: record.Record | None
    history: dict | None
    gan: GAN | None
    images: np.ndarray | None

    @property
    def framework(self):
        """"keras" or "torch", which trained it; None where that is not recorded."""
        return self.record.framework if self.record else None

    @property
    def image_shape(self):
        """(h, w, c) of each image."""
        return tuple(self.gan.image_shape if self.gan else self.images.shape[1:])

    @property
    def steps_per_epoch(self):
        """Steps of an epoch as the run's preset counts them; 1 where that is not recorded."""
        if self.record is None:
            return 1
        rule = presets.get(self.record.config.preset).rule
        return rule.steps_per_epoch(self.record.data["images"], self.record.config.batch_size)

    def first(self, seed):
        """Returns the uint8 images of the grid: of the same noise for all runs, or the first."""
        return self.images[:GRID] if self.gan is None else self._sampled(seed, data.GRID, GRID)

    def drawn(self, seed, count):
        """Returns `count` uint8 images, of a set of images no more than there are."""
        if self.gan is not None:
            return self._sampled(seed, data.EVALUATION, count)
        return self.images[data.some_rows(len(self.images), seed, count)]

    def batches(self, seed, count, size):
        """Yields the same images, `size` at a time."""
        if self.gan is None:
            rows = data.some_rows(len(self.images), seed, count)
            yield from (self.images[rows[i : i + size]] for i in range(0, len(rows), size))
            return
        z = data.noise(seed, data.EVALUATION, 0, count, self.gan.latent_dim)
        yield from (self.gan.sample(z[i : i + size]) for i in range(0, count, size))

    def _sampled(self, seed, stream, n):
        return self.gan.sample(data.noise(seed, stream, 0, n, self.gan.latent_dim))


def found(paths, warn):
    """Returns the `Source`s at paths: run directories or checkpoints, folders, files.

    Raises:
        FileNotFoundError: there is nothing at a path, or a run has no checkpoint.
        ValueError: what is there can be read neither as a run nor as images, or it is given twice.
    """
    paths = [p.parent if (p := Path(path)).name == "checkpoint.npz" else p for path in paths]
    if len({path.resolve() for path in paths}) < len(paths):
        raise ValueError(f"Each source must be given once. Received: {', '.join(map(str, paths))}.")
    last = [path.absolute().name for path in paths]
    names = [name if last.count(name) == 1 else str(path) for name, path in zip(last, paths)]
    return [_source(name, path, warn) for name, path in zip(names, paths)]


def is_run(path):
    """Returns whether a path is a run directory or a checkpoint."""
    path = Path(path)
    files = ("config.json", "checkpoint.npz")
    return any((path / file).is_file() for file in files) or "gan" in checkpoint.names(path)


def _source(name, path, warn):
    if not is_run(path):
        return Source(name, None, None, None, data.load_dataset(path=path, warn=warn).images)
    file = path / "checkpoint.npz" if path.is_dir() else path
    recorded = record.read(file.parent) if (file.parent / "config.json").is_file() else None
    if not file.is_file():
        raise FileNotFoundError(f"Expected a run with a checkpoint.npz. Received: {path}, without one.")
    gan, rows = GAN.load(file), file.parent / "history.csv"
    table = history.read(rows) if rows.is_file() else None
    if table:  # which may go on beyond the checkpoint
        table = {column: values[table["step"] <= gan.step] for column, values in table.items()}
    return Source(name, recorded, table, gan, None)


def real_images(sources, dataset, path, offline, warn):
    """Returns the training part of the real images, and the test part or None.

    Args and errors are those of `training_images`.
    """
    where = dict(offline=offline, warn=warn)
    train = training_images(sources, dataset, path, **where)
    config = next((source.record.config for source in sources if source.record), None)
    if not (dataset or path):
        dataset, path = config.dataset, config.data
    name = train.name if path is None else dataset or "auto"
    return train, _other_part(name, path, config.image_size if config else None, "train", **where)


def training_images(sources, dataset, path, offline, warn):
    """Returns the training part of the real images.

    Where neither a `dataset` nor a `path` is given, the first source that is a run names its own.

    Raises:
        ValueError: no source names its images, or others are now in their place.
        OSError: they are not at hand.
    """
    recorded = next((source.record for source in sources if source.record), None)
    where = dict(offline=offline, warn=warn)
    if dataset or path:
        size = recorded.config.image_size if recorded else None
        return data.load_dataset(dataset or "auto", path, size, **where)
    if recorded is None:
        raise ValueError(
            "Real images must be named with --dataset or --data where no source is a run that "
            f"recorded its own. Received: {', '.join(source.name for source in sources)}."
        )
    try:
        return recorded.dataset(recorded.config, **where)
    except (OSError, ValueError) as error:
        kind = ValueError if isinstance(error, ValueError) else FileNotFoundError
        raise kind(f"{error} --dataset or --data names the real images, too.") from None


def parts(name, path, size, split="train", **where):
    """Returns a part of a data set and the other one, None where it has no other.

    Args:
        split: "train" or "test", the part that comes first.
    """
    part = data.load_dataset(name, path, size, split, **where)
    return part, _other_part(part.name if path is None else name, path, size, split, **where)


def _other_part(name, path, size, split, **where):
    try:
        return data.load_dataset(name, path, size, "test" if split == "train" else "train", **where)
    except ValueError:
        return None


def fitted(sources, image_shape):
    """Returns the sources; coloured pictures that are grey become so where the real images are.

    Raises:
        ValueError: a source holds images of another shape than the real ones.
    """
    fitting = [_grey(source) if image_shape[2] == 1 else source for source in sources]
    for source in fitting:
        if source.image_shape != tuple(image_shape):
            expected, received = ("x".join(map(str, s)) for s in (image_shape, source.image_shape))
            raise ValueError(
                f"Every source must hold images of the real ones' shape, {expected}. "
                f"Received: {source.name} of {received}."
            )
    return fitting


def _grey(source):
    """Returns a source of grey pictures saved as RGB, as torchvision does, with one channel."""
    pixels = source.images
    if pixels is None or not (pixels == pixels[..., :1]).all():
        return source
    return source._replace(images=pixels[..., :1])
