"""Named arrays to and from disk: no pickle, nothing half written, nothing read that is not there.

Which arrays belong to a training run is known elsewhere; so are pictures and tables.
"""

import os
import warnings
import zipfile
from pathlib import Path

import numpy as np

from keras_gan.files.atomic import atomic_write

_MAX_BYTES = 16 * 2**30  # of one file once unpacked: far above any image set that fits in memory
_MAX_SMALL_BYTES, _MAX_SWELLING = 64 * 2**20, 100  # MNIST packs to a fifth, random weights not at all


def max_unpacked_bytes(packed):
    """Returns how many bytes a file of `packed` bytes may unpack to before it is a zip bomb."""
    return min(_MAX_BYTES, max(_MAX_SMALL_BYTES, _MAX_SWELLING * packed))


def save(path, arrays):
    """Writes a dict of arrays as an uncompressed .npz file, atomically."""
    with atomic_write(path) as beside, open(beside, "wb") as file:
        np.savez(file, **arrays)


def list_names(path):
    """Returns the set of names of the arrays in an .npz file; none where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {m.removesuffix(".npy") for m in archive.namelist() if m.endswith(".npy")}
    except (OSError, ValueError, zipfile.BadZipFile):
        return set()


def load(path):
    """Returns the dict of arrays in an .npz file, or {"": array} of an .npy file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, holds Python objects, or not what its header promises.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Expected an .npz or .npy file. Received: no file {path}.")
    with open(path, "rb") as file:
        try:
            with warnings.catch_warnings(action="ignore"):  # NumPy's, of a header it then refuses
                return _read_archive(file) if file.read(2) == b"PK" else _read_single(file)
        except Exception as error:  # damaged files make zipfile and NumPy raise a dozen kinds
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(f"{path} cannot be read as arrays of numbers: {reason}.") from None


def _read_archive(file):
    if not zipfile.is_zipfile(file):
        raise ValueError("it starts as an .npz file but has no end, as if cut short")
    with zipfile.ZipFile(file) as archive:
        members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
        limit = max_unpacked_bytes(os.fstat(file.fileno()).st_size)
        if sum(member.file_size for member in members) > limit:
            raise ValueError(f"it unpacks to more than {limit >> 20} MiB, as a zip bomb does")
        return {m.filename[:-4]: _read_member(archive, m) for m in members}


def _read_single(file):
    file.seek(0)
    return {"": _read_array(file, os.fstat(file.fileno()).st_size)}


def _read_member(archive, member):
    with archive.open(member) as file:
        return _read_array(file, member.file_size)


def _read_array(file, size):
    """Returns the array of an open .npy file of `size` bytes, which must be all that it holds."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"it is an .npy file of the unknown version {version}")
    read_header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
    shape, fortran_order, dtype = read_header[version[0]](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never unpickled")
    count = 1
    for length in shape:
        count *= length  # Python's integers: no overflow
    if count < 0 or count * dtype.itemsize > size:
        raise ValueError(f"its header promises shape {shape} of {dtype}, more than the file holds")
    content = file.read(count * dtype.itemsize)
    if len(content) < count * dtype.itemsize:
        raise ValueError("it ends early")
    if file.read(1):  # and at its end a zip member's checksum has been compared
        raise ValueError(f"it holds more than the {count} numbers its header promises")
    flat = np.frombuffer(content, dtype)
    return flat.reshape(shape, order="F" if fortran_order else "C")
