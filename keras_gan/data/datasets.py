"""Data sets by name or path, and every random number of a run as a function of its step.

`downloads` knows the named data sets, `readers` and `pictures` the formats, `images` the pixels.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_gan import progress
from keras_gan.config import check_choice
from keras_gan.data import download, image_folder, readers
from keras_gan.data.pixels import from_array, resize

_SPLITS = ("train", "test")


class Dataset(NamedTuple):
    """Images and where they come from.

    Attributes:
        images: uint8 (n, h, w, c), c 1 or 3.
        labels: integers (n,) or None.
        name: of the data set, or of the file or folder.
        source: the path that was read, or "scikit-learn" or "memory".
        split: "train" or "test".
        sha256: of the images' shape, dtype and bytes: equal images, wherever they lay.
    """

    images: np.ndarray
    labels: np.ndarray | None
    name: str
    source: str
    split: str
    sha256: str

    @property
    def image_shape(self):
        """(h, w, c) of each image."""
        return self.images.shape[1:]

    @classmethod
    def from_array(cls, array, name="array"):
        """Returns the data set of an array of images, as `images.from_array` takes it."""
        return _identified(from_array(array), None, name, "memory", "train")


def _identified(pixels, labels, name, source, split):
    digest = hashlib.sha256(f"{pixels.shape} {pixels.dtype}".encode())
    digest.update(np.ascontiguousarray(pixels))
    return Dataset(pixels, labels, name, source, split, digest.hexdigest())


def load_dataset(
    name="auto", path=None, image_size=None, split="train", offline=False, warn=progress.print_warning
):
    """Returns the data set of a name, or the images at a path.

    Args:
        name: one of DATASETS, or "auto": MNIST where it is cached or can be downloaded, and
            otherwise the digits, which `warn` is told. A named set is never replaced.
        path: of an idx(.gz) file of images, an .npz or .npy file of images, a folder with idx
            files under their published names, or a folder of pictures. It is read in place of
            the data set, and `name`, unless it is "auto", names the result.
        image_size: (h, w) in pixels to resize to.
        split: "train" or "test".
        offline: refuses to download.
        warn: called with each line that the user should see.

    Raises:
        FileNotFoundError: nothing is at the path, or the set is not cached and offline is set.
        OSError: the download failed.
        ValueError: a name or split is unknown, a checksum is wrong, or a file cannot be read.
    """
    name = check_choice("dataset", name, ("auto", *download.DATASETS))
    if split not in _SPLITS:
        raise ValueError(f"split must be one of {', '.join(_SPLITS)}. Received: {split!r}.")
    if path is not None:
        name, source = _name_of(path, name), str(path)
        pixels, labels = _read(path, split, image_size, warn)
    else:
        name, source = _locate(name, split, offline, warn)
        pixels, labels = _digits(split) if name == "digits" else _read_cached(source, split)
    if image_size is not None:
        pixels = resize(pixels, tuple(image_size))
    return _identified(pixels, labels, name, source, split)


def is_dataset_name(name: str) -> bool:
    """Returns whether a word is the name of a data set or "auto"; hyphen and underscore are the same."""
    return name.replace("_", "-") in ("auto", *download.DATASETS)


def check_outdir(outdir: str | Path, data: str | Path | None) -> None:
    """Refuses a run directory whose sample grids would mix with the pictures in a folder.

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
            "outdir and data must be apart, so that sample grids and pictures never mix. "
            f"Received: outdir={outdir} and data={data}, {relation}; give another folder with --outdir."
        )


def _name_of(path, name):
    if name == "digits":
        raise ValueError(
            "The data set digits comes from scikit-learn and takes no path. "
            f"Received: {path}; leave out the name or the path."
        )
    absolute = Path(path).absolute()
    return name if name != "auto" else absolute.name if absolute.is_dir() else absolute.stem


def _digits(split):
    """Returns uint8 (n, 28, 28, 1) images and integer labels of scikit-learn's digits."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    rows = slice(None, -360) if split == "train" else slice(-360, None)
    pixels = from_array(digits.images[rows] / 16)  # stored as 0..16
    return resize(pixels, (28, 28)), digits.target[rows]


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
        return readers.read_file(path, split)
    except ValueError as error:
        raise ValueError(f"{error} Delete the file to have it downloaded again.") from None


def _read(path, split, image_size, warn):
    """Returns the images and labels in a file or folder, whatever it is."""
    path = Path(path)
    if not path.is_dir():
        return readers.read_file(path, split)
    idx = {part: readers.find_idx(path, part) for part in _SPLITS}
    if not any(idx.values()) and split == "train":
        return image_folder.read_folder(path, image_size, warn), None
    if idx[split] is None:
        raise readers.no_such_part(path, split)
    return readers.read_idx(idx[split])
