"""Data sets by name or path, or from what a program holds in memory; each with the hash of its images.

`download` knows the named data sets, `readers` and `convert` the formats, `pixels` the values.
"""

import difflib
import hashlib
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_gan import progress
from keras_gan.data import convert, download, readers
from keras_gan.data.options import DEFAULTS, ImageOptions, LoadedImages
from keras_gan.data.pixels import compute_crop, iterate_chunks, load_array, resize
from keras_gan.setting_checks import check_choice
from keras_gan.streams import Warn

_SPLITS = ("train", "test")


class Dataset(NamedTuple):
    """Images and where they come from.

    Attributes:
        images: uint8 (n, h, w, c), c 1 or 3; those of a large .npy file are mapped, not in memory.
        labels: integers (n,) or None.
        name: of the data set, or of the file or folder.
        source: the path that was read, or "scikit-learn" or "memory".
        split: "train" or "test".
        sha256: of the images' shape, dtype and bytes: equal images, wherever they lay.
        notes: a sentence on each thing that was done to what was given, such as turned or cropped.
    """

    images: np.ndarray
    labels: np.ndarray | None
    name: str
    source: str
    split: str
    sha256: str
    notes: tuple[str, ...] = ()

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(h, w, c) of each image."""
        return self.images.shape[1:]

    @classmethod
    def from_array(cls, array: np.ndarray, name: str = "array") -> "Dataset":
        """Returns the data set of an array of images, as `pixels.load_array` takes it."""
        return _identify(load_array(array), name, "memory", "train")


def _identify(loaded: LoadedImages, name: str, source: str, split: str) -> Dataset:
    images = loaded.images
    digest = hashlib.sha256(f"{images.shape} {images.dtype}".encode())
    for rows in iterate_chunks(images):
        digest.update(np.ascontiguousarray(images[rows]).data)
    return Dataset(images, loaded.labels, name, source, split, digest.hexdigest(), loaded.notes)


def open_dataset(
    data: Any,
    options: ImageOptions = DEFAULTS,
    offline: bool = False,
    warn: Warn = progress.print_warning,
) -> Dataset:
    """Returns the data set of whatever a user gives: a name, a path, or what `convert.read_data` takes.

    The name of a data set is one also where a file or folder is called so; "./mnist" is the folder.

    Errors are those of `load_dataset` and `convert.read_data`.
    """
    if isinstance(data, str) and is_dataset_name(data):
        return load_dataset(data, None, options, offline=offline, warn=warn)
    if isinstance(data, (str, os.PathLike)):
        return load_dataset("auto", data, options, offline=offline, warn=warn)
    return _finish(convert.read_data(data, options), "array", "memory", "train", options, warn)


def load_dataset(
    name: str = "auto",
    path: str | os.PathLike | None = None,
    options: ImageOptions = DEFAULTS,
    split: str = "train",
    offline: bool = False,
    warn: Warn = progress.print_warning,
) -> Dataset:
    """Returns the data set of a name, or the images at a path.

    Args:
        name: one of DATASETS, or "auto": MNIST where it is cached or can be downloaded, and
            otherwise the digits, which `warn` is told. A named set is never replaced.
        path: of a file or folder, as `readers.read_path` takes it. It is read in place of the data
            set, and `name`, unless it is "auto", names the result.
        options: what is done with the images as they are read.
        split: "train" or "test".
        offline: refuses to download.
        warn: called with each line that the user should see, such as what changed the images.

    Raises:
        FileNotFoundError: nothing is at the path, or the set is not cached and offline is set.
        OSError: the download failed.
        ValueError: a name or split is unknown, a checksum is wrong, or a file cannot be read.
    """
    name = check_choice("dataset", name, ("auto", *download.DATASETS))
    if split not in _SPLITS:
        raise ValueError(f"split must be one of {', '.join(_SPLITS)}. Received: {split!r}.")
    options.get_background()  # which may be no colour
    if options.size is not None:
        options.check_values((*options.size, 1), "--image-size")
    if path is not None:
        source = _check_path(path)
        name = _name_path(source, name)
        loaded = readers.read_path(source, split, options)
    else:
        name, source = _locate(name, split, offline, warn)
        loaded = _load_digits(split) if name == "digits" else _read_cached(source, split)
    return _finish(loaded, name, source, split, options, warn)


def _finish(loaded, name, source, split, options, warn):
    """Returns the data set of images once they have the size that is wanted and the notes are told."""
    n, height, width, channels = loaded.images.shape
    size = options.size or (height, width)
    options.check_values((*size, channels), source)
    if size != (height, width):
        options.check_total((n, *size, channels), source)
        is_cropped = options.fit == "crop" and compute_crop((height, width), size)[2:] != (height, width)
        note = options.describe_cropped(n if is_cropped else 0, n)
        images = resize(loaded.images, size, options.fit)
        loaded = loaded._replace(images=images, notes=(*loaded.notes, *note))
    for note in loaded.notes:
        warn(note)
    return _identify(loaded, name, source, split)


def is_dataset_name(name: str) -> bool:
    """Returns whether a word is the name of a data set or "auto"; hyphen and underscore are the same."""
    return name.replace("_", "-") in ("auto", *download.DATASETS)


def check_outdir(outdir: str | Path, data: str | Path | None) -> None:
    """Refuses a run directory whose sample grids would mix with the images in a folder.

    A file of images may lie in the run directory: nothing there is written or read but by its name.

    Raises:
        ValueError: `outdir` is the folder `data`, contains it, or lies inside it.
    """
    if data is None or not Path(data).is_dir():
        return
    out, images = Path(outdir).resolve(), Path(data).resolve()
    if out == images or out in images.parents or images in out.parents:
        relation = "the same" if out == images else "inside data" if images in out.parents else "around data"
        raise ValueError(
            "outdir and data must be apart, so that sample grids and images never mix. "
            f"Received: outdir={outdir} and data={data}, {relation}; give another folder with --outdir."
        )


def _check_path(path):
    """Returns a path as a string, its ~ expanded; refuses what is none with what was likely meant."""
    text = os.path.expanduser(os.fspath(path))
    if not text:
        raise ValueError("data must be a path or the name of a data set. Received: ''.")
    if os.path.exists(text):
        return text
    if address := re.search(r"\b(https?|ftp|s3|gs)://?(.+)", text):  # a path that was made absolute has one /
        where = f"{address[1]}://{address[2]}"
        raise ValueError(f"data must be a path. Received: the address {where}; download it first.")
    if close := difflib.get_close_matches(Path(text).name, download.DATASETS, 1):
        hint = f"no file {text}; did you mean the data set {close[0]}?"
        raise FileNotFoundError(f"Expected a file or folder of images. Received: {hint}")
    return text


def _name_path(path, name):
    if name == "digits":
        raise ValueError(
            "The data set digits comes from scikit-learn and takes no path. "
            f"Received: {path}; leave out the name or the path."
        )
    absolute = Path(path).absolute()
    return name if name != "auto" else absolute.name if absolute.is_dir() else absolute.stem


def _load_digits(split):
    """Returns uint8 (n, 28, 28, 1) images and integer labels of scikit-learn's digits."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows = slice(None, -360) if split == "train" else slice(-360, None)
    images = load_array(digits.images[rows] / 16).images  # stored as 0..16
    return LoadedImages(resize(images, (28, 28)), digits.target[rows])


def _locate(name, split, offline, warn):
    """Returns the name and the source of a named data set, downloaded if need be."""
    if name == "digits":
        return name, "scikit-learn"
    if name != "auto":
        return name, str(download.find_cached(name, split) or download.download(name, split, offline))
    try:
        return _locate("mnist", split, offline, warn)
    except (OSError, ValueError) as error:  # nothing has been read yet: a damaged file is no cause
        warn(f"MNIST is replaced by the 8x8 digits bundled with scikit-learn: {error}")
        return "digits", "scikit-learn"


def _read_cached(path, split):
    try:
        return readers.read_path(path, split)
    except ValueError as error:
        raise ValueError(f"{error} Delete the file to have it downloaded again.") from None
