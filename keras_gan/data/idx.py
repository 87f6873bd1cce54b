"""Idx files, the format of MNIST, packed or not: big-endian magic and lengths, then the bytes.

http://yann.lecun.com/exdb/mnist/. EMNIST stores its images transposed, which is told by its name.
"""

import gzip
import math
import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np

from keras_gan.data.labels import convert_labels
from keras_gan.data.options import DEFAULTS, ImageOptions, LoadedImages
from keras_gan.data.pixels import check_array_shape

MAX_BYTES = 4 * 2**30  # once unpacked; the largest published file (EMNIST) has 0.6 GiB
_MAX_DEFLATION = 1032  # no gzip file unpacks to more than this many times its size
_PIECE = 2**20
_IMAGES = {
    "train": re.compile(r"(.*-)?train-images.*idx3.*", re.I),
    "test": re.compile(r"(.*-)?(t10k|test)-images.*idx3.*", re.I),
}
_MAX_DEPTH = 3  # of folders in which files are found: torchvision's data/MNIST/raw


def find_idx(folder: Path, split: str) -> Path | None:
    """Returns the path of the idx file with the images of a split in a folder or below it, or None.

    Published names are found with any word before them, as emnist-letters-train-images-idx3-ubyte.gz.

    Raises:
        ValueError: there are several; the message names them.
    """
    for depth in range(_MAX_DEPTH):
        paths = sorted(folder.glob("*/" * depth + "*images*idx3*"), reverse=True)  # .gz first
        paths = [path for path in paths if _IMAGES[split].fullmatch(path.name) and path.is_file()]
        by_set = {path.with_name(path.name.removesuffix(".gz")): path for path in paths}
        if len(by_set) > 1:
            which = ", ".join(str(path.relative_to(folder)) for path in by_set.values())
            raise ValueError(f"Expected one idx file of {split} images in {folder}; name one of {which}.")
        if by_set:
            return paths[-1]
    return None


def get_split_path(path: Path, split: str) -> Path | None:
    """Returns the idx file itself, or for "test" the one beside it with the test images, or None."""
    if split == "train" or _IMAGES["test"].fullmatch(path.name):
        return path
    for word in ("t10k-images", "test-images"):
        beside = path.with_name(path.name.replace("train-images", word))
        if beside != path and beside.is_file():
            return beside
    return None


def read_idx(path: Path, options: ImageOptions = DEFAULTS) -> LoadedImages:
    """Returns the uint8 images (n, h, w, 1) of an idx(.gz) file, with the labels of the file beside it.

    Raises:
        ValueError: it is no idx file of images or is damaged.
    """
    images = _read_idx_array(path, 3, options)[..., None]
    images, notes = turn_emnist(path, images)
    labels, note = _read_labels_beside(path, len(images))
    return LoadedImages(images, labels, (*notes, *note))


def turn_emnist(path: Path, images: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns the images of a file upright, and a note where that turned them: EMNIST's are transposed."""
    if "emnist" not in path.name.lower():
        return images, ()
    note = f"{path.name}: {len(images)} images are turned upright, as EMNIST stores them transposed."
    return np.ascontiguousarray(images.swapaxes(1, 2)), (note,)


def _read_labels_beside(path, n):
    """Returns the labels in the labels-idx1 file beside an images-idx3 file, or None, and a note."""
    name, is_named = re.subn(r"images([-.])idx3", r"labels\1idx1", path.name.removesuffix(".gz"))
    files = (path.with_name(name + ending) for ending in ("", ".gz"))
    beside = next((p for p in files if is_named and p.is_file()), None)
    try:
        return convert_labels(_read_idx_array(beside, 1) if beside else None, n)
    except ValueError as error:
        return None, (f"The labels are left out: {error}",)


def _read_idx_array(path, rank, options=DEFAULTS):
    """Returns the uint8 array of that many dimensions in an idx(.gz) file; 3 are images."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        size = os.fstat(file.fileno()).st_size
        limit = size * _MAX_DEFLATION if packed else size
        try:
            return _parse_idx(gzip.GzipFile(fileobj=file) if packed else file, rank, limit, options)
        except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path} cannot be read as an idx file: {error}.") from None


def _parse_idx(file, rank, limit, options):
    header = _read_up_to(file, 4 + 4 * rank)
    magic = bytes([0, 0, 8, rank])  # 8: unsigned bytes
    if header[:4] != magic:
        raise ValueError(f"it must start with 0x{magic.hex()}, not with 0x{header[:4].hex()}")
    if len(header) < 4 + 4 * rank:
        raise ValueError("it ends within its header")
    shape = struct.unpack(f">{rank}I", header[4:])
    size = math.prod(shape)  # Python's integers: no overflow
    if size > min(limit, MAX_BYTES):
        raise ValueError(f"its header promises shape {shape}, more than the file can hold")
    if rank == 3:
        check_array_shape(shape, options)
    content = _read_up_to(file, size + 1)
    if len(content) != size:
        found = len(content) if len(content) < size else "more"
        raise ValueError(f"its header promises shape {shape}, {size} bytes, and there are {found}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _read_up_to(file, size):
    """Returns the next bytes, fewer at the end; memory grows with what is there."""
    content = bytearray()
    while len(content) < size and (piece := file.read(min(_PIECE, size - len(content)))):
        content += piece
    return content
