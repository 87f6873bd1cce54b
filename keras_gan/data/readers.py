"""Image sets from the files people have: idx, .npz and .npy.

Every reader returns images and labels or says in one line why it cannot. Nothing is downloaded,
and what a file promises is checked before memory is set aside for it.
"""

import gzip
import math
import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np

from keras_gan.data.pixels import from_array
from keras_gan.files import npz

_IDX_PARTS = {"train": "train", "test": "t10k"}

_KEYS = {  # of images and of their labels in an .npz file, by preference
    "train": (("images", "labels"), ("x_train", "y_train"), ("arr_0", "labels")),
    "test": (("x_test", "y_test"),),
}

_MAX_IDX_BYTES = 4 * 2**30  # once unpacked; the largest published one (EMNIST) has 0.6 GiB
_MAX_DEFLATION = 1032  # no gzip file unpacks to more than this many times its size
_PIECE = 2**20


def read_file(path, split="train"):
    """Returns the images in an idx(.gz), .npz or .npy file, told by its first bytes, and labels.

    Args:
        split: "train", or "test" where the file, or one beside it, has that part.

    Returns:
        (uint8 (n, h, w, c) images with c 1 or 3, integer (n,) labels or None).

    Raises:
        FileNotFoundError: there is no file at the path.
        ValueError: what is there cannot be read as images, or has no test part.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Expected a file or folder of images. Received: no file {path}.")
    with open(path, "rb") as file:
        start = file.read(2)
    if start in (b"PK", b"\x93N"):
        return read_arrays(path, split)
    if start in (b"\0\0", b"\x1f\x8b"):
        return read_idx(_idx_of_split(path, split))
    raise ValueError(
        "Expected an idx(.gz) file, an .npz or .npy file, or a folder of pictures. "
        f"Received: {path}, which is none of them."
    )


def no_such_part(path, split):
    """Returns the error that says that a source has no such split."""
    return ValueError(
        f"Expected a source with a {split} part: an .npz file with x_{split}, or idx files "
        f"named {_IDX_PARTS[split]}-images-idx3-ubyte. Received: {path}, which has none."
    )


# idx files: http://yann.lecun.com/exdb/mnist/, big-endian magic and lengths, then the bytes


def find_idx(folder, split):
    """Returns the path of the idx file of images of a split in a folder, packed or not, or None."""
    for separator in "-.":  # the second is what some unpackers make of the first
        for ending in ("", ".gz"):
            path = folder / f"{_IDX_PARTS[split]}-images{separator}idx3-ubyte{ending}"
            if path.is_file():
                return path
    return None


def _idx_of_split(path, split):
    """Returns the path itself, or for "test" the t10k file that lies beside a train file."""
    if split == "train":
        return path
    path = path.with_name(path.name.replace("train-images", "t10k-images"))
    if "t10k-images" in path.name and path.is_file():
        return path
    raise no_such_part(path, split)


def read_idx(path):
    """Returns the images of an idx(.gz) file, and the labels of the labels-idx1 file beside it.

    Returns:
        (uint8 (n, h, w, 1), uint8 (n,) or None where there is no such file).

    Raises:
        ValueError: a file is no idx file, is damaged, or the two differ in their count.
    """
    pixels = _read_idx_array(path, 3)[..., None]
    if 0 in pixels.shape:
        raise ValueError(f"{path} holds no images: its shape is {pixels.shape[:3]}.")
    labels = _labels_beside(path)
    if labels is None:
        return pixels, None
    return pixels, _checked(_read_idx_array(labels, 1), len(pixels), labels)


def _labels_beside(path):
    """Returns the path of the labels-idx1 file, packed or not, of an images-idx3 file, or None."""
    name, found = re.subn(r"images([-.])idx3", r"labels\1idx1", path.name.removesuffix(".gz"))
    beside = [path.with_name(name + ending) for ending in ("", ".gz")]
    return next((p for p in beside if found and p.is_file()), None)


def _read_idx_array(path, rank):
    """Returns the uint8 array of that many dimensions in an idx(.gz) file."""
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        size = os.fstat(file.fileno()).st_size
        limit = min(size * _MAX_DEFLATION, npz.max_unpacked_bytes(size)) if packed else size
        try:
            return _parse_idx(gzip.GzipFile(fileobj=file) if packed else file, rank, limit)
        except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path} cannot be read as an idx file: {error}.") from None


def _parse_idx(file, rank, limit):
    header = _read_up_to(file, 4 + 4 * rank)
    magic = bytes([0, 0, 8, rank])  # 8: unsigned bytes
    if header[:4] != magic:
        raise ValueError(f"it must start with 0x{magic.hex()}, not with 0x{header[:4].hex()}")
    if len(header) < 4 + 4 * rank:
        raise ValueError("it ends within its header")
    shape = struct.unpack(f">{rank}I", header[4:])
    size = math.prod(shape)  # Python's integers: no overflow
    if size > min(limit, _MAX_IDX_BYTES):
        raise ValueError(f"its header promises shape {shape}, more than the file can hold")
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


# .npz and .npy files


def read_arrays(path, split="train"):
    """Returns the images and labels of an .npz file, or the images of an .npy file.

    The images are the array "images", "x_train" ("x_test" for the test split), "arr_0" or the
    only one; their labels are "labels", "y_train" or "y_test".

    Returns:
        (uint8 (n, h, w, c), integer (n,) or None).

    Raises:
        ValueError: no array can be taken for the images, or its numbers are no pixels.
    """
    arrays = npz.load(path)
    key, labels_key = _image_key(arrays, split, path)
    try:
        pixels = from_array(arrays[key])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return pixels, _checked(arrays.get(labels_key), len(pixels), path)


def _image_key(arrays, split, path):
    for key, labels_key in _KEYS[split]:
        if key in arrays:
            return key, labels_key
    if split == "test":
        raise no_such_part(path, split)
    if len(arrays) == 1:
        return next(iter(arrays)), "labels"
    raise ValueError(
        "Expected images under the name images, x_train or arr_0, or a single array. "
        f"Received: {path} with {', '.join(sorted(arrays)) or 'no array'}."
    )


def _checked(labels, n, path):
    """Returns integer labels (n,) from those of a file, (n,) or (n, 1); None stays None."""
    if labels is None:
        return None
    if labels.dtype.kind not in "ui" or labels.shape not in ((n,), (n, 1)):
        raise ValueError(
            f"Labels must be {n} integers, one for each image. "
            f"Received: {labels.dtype} of shape {labels.shape} in {path}."
        )
    return labels.reshape(n)
