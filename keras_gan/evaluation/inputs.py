"""What a comparison is of: run directories, folders and files of samples, and the real images.

A run is sampled by Keras whichever framework trained it.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_gan.config import SAMPLES, get_preset
from keras_gan.data import datasets, download
from keras_gan.evaluation import feature_stats
from keras_gan.files import npz
from keras_gan.model.gan import GAN
from keras_gan.rng import Stream, choose_rows, draw_noise
from keras_gan.run import history, info

GRID_IMAGES = 25  # images of a source in the picture


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
    record: info.RunInfo | None
    history: dict | None
    gan: GAN | None
    images: np.ndarray | None

    @property
    def framework(self):
        """ "keras" or "torch", which trained it; None where that is not recorded."""
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
        rule = get_preset(self.record.config.preset).rule
        return rule.steps_per_epoch(self.record.data["images"], self.record.config.batch_size)

    def first(self, seed):
        """Returns the uint8 images of the grid: of the same noise for all runs, or the first."""
        return (
            self.images[:GRID_IMAGES] if self.gan is None else self._sampled(seed, Stream.GRID, GRID_IMAGES)
        )

    def drawn(self, seed, count):
        """Returns `count` uint8 images, of a set of images no more than there are."""
        if self.gan is not None:
            return self._sampled(seed, Stream.EVALUATION, count)
        return self.images[choose_rows(len(self.images), seed, count)]

    def batches(self, seed, count, size):
        """Yields the same images, `size` at a time."""
        if self.gan is None:
            rows = choose_rows(len(self.images), seed, count)
            yield from (self.images[rows[i : i + size]] for i in range(0, len(rows), size))
            return
        z = draw_noise(seed, Stream.EVALUATION, 0, count, self.gan.latent_dim)
        yield from (self.gan.sample(z[i : i + size]) for i in range(0, count, size))

    def _sampled(self, seed, stream, n):
        return self.gan.sample(draw_noise(seed, stream, 0, n, self.gan.latent_dim))


def open_inputs(paths, warn):
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
    return any((path / file).is_file() for file in files) or "gan" in npz.list_names(path)


def _source(name, path, warn):
    if not is_run(path):
        return Source(name, None, None, None, datasets.load_dataset(path=path, warn=warn).images)
    file = path / "checkpoint.npz" if path.is_dir() else path
    recorded = info.read(file.parent) if (file.parent / "config.json").is_file() else None
    if not file.is_file():
        raise FileNotFoundError(f"Expected a run with a checkpoint.npz. Received: {path}, without one.")
    gan, rows = GAN.load(file), file.parent / "history.csv"
    table = history.read(rows) if rows.is_file() else None
    if table:  # which may go on beyond the checkpoint
        table = {column: values[table["step"] <= gan.step] for column, values in table.items()}
    return Source(name, recorded, table, gan, None)


def load_real_images(sources, dataset, path, offline, warn):
    """Returns the training part of the real images, and the test part or None.

    Args and errors are those of `training_images`.
    """
    where = dict(offline=offline, warn=warn)
    train = load_training_images(sources, dataset, path, **where)
    config = next((source.record.config for source in sources if source.record), None)
    if not (dataset or path):
        dataset, path = config.dataset, config.data
    name = train.name if path is None else dataset or "auto"
    return train, _other_part(name, path, config.image_size if config else None, "train", **where)


def load_training_images(sources, dataset, path, offline, warn):
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
        return datasets.load_dataset(dataset or "auto", path, size, **where)
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


def load_parts(name, path, size, split="train", **where):
    """Returns a part of a data set and the other one, None where it has no other.

    Args:
        split: "train" or "test", the part that comes first.
    """
    part = datasets.load_dataset(name, path, size, split, **where)
    return part, _other_part(part.name if path is None else name, path, size, split, **where)


def _other_part(name, path, size, split, **where):
    try:
        return datasets.load_dataset(name, path, size, "test" if split == "train" else "train", **where)
    except ValueError:
        return None


def match_shape(sources, image_shape):
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


class Side(NamedTuple):
    """One of the two things that a distance is between.

    Attributes:
        name: as it was given.
        statistics: `Statistics`, where these were given; else
        source: `sources.Source`, a run or images.
        dataset: `data.Dataset` of the source's images; None of a run.
        other: the other part of that data set, or None.
    """

    name: str
    statistics: feature_stats.FeatureStats | None = None
    source: Source | None = None
    dataset: datasets.Dataset | None = None
    other: datasets.Dataset | None = None

    def count(self, most):
        """Returns how many images are judged where `most` are asked for, None being all there are."""
        if self.dataset is None:
            return most or SAMPLES
        return min(len(self.dataset.images), most or len(self.dataset.images))


def open_side(text, image_size, stated, offline, warn):
    """Returns the `Side` that a user names.

    Args:
        text: a run, an .npz file of statistics, or images: a path or the name of a data set,
            followed by :train or :test where that part of it is meant.
        image_size: (h, w) to which images are resized as they are read; None leaves them.
        stated: the protocol of a file of statistics that has none.

    Raises:
        OSError, ValueError: it cannot be read as any of them.
    """
    if feature_stats.is_stats_file(text):
        return Side(text, statistics=feature_stats.load_stats(text, stated))
    if is_run(text):
        return Side(text, source=open_inputs([text], warn)[0])
    place, _, split = text.rpartition(":")
    if split not in ("train", "test"):
        place, split = text, "train"
    known = place.replace("_", "-") in download.DATASETS and not Path(place).exists()
    name, path = (place, None) if known else ("auto", place)
    part, other = load_parts(name, path, image_size, split, offline=offline, warn=warn)
    return Side(text, source=Source(text, None, None, None, part.images), dataset=part, other=other)


def find_labelled_images(sides, offline, warn):
    """Returns the labelled images, training and test part, that a digit classifier is to learn from.

    They are those of a side, the second one before the first, and else the bundled digits.
    """
    for one in reversed(sides):
        if one.dataset and one.dataset.labels is not None:
            both = (one.dataset, one.other)
            return both if one.dataset.split == "train" or one.other is None else both[::-1]
        if one.source and one.source.record:
            try:
                return load_real_images([one.source], None, None, offline, warn)
            except (OSError, ValueError) as error:
                warn(f"{error} The classifier of the bundled digits is the judge.")
    return [datasets.load_dataset("digits", split=split) for split in ("train", "test")]
