"""Named arrays to and from disk: no pickle, nothing half written, nothing read that is not there.

Which arrays belong to a training run is known elsewhere; so are images and tables.
"""

import contextlib
import math
import os
import warnings
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from keras_gan.files.atomic import atomic_write
from keras_gan.streams import format_error

MAX_UNPACKED_BYTES = 4 * 2**30  # of a packed file, or its own size if that is more; an .npy file has no limit


def save(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes a dict of arrays as an uncompressed .npz file, atomically."""
    with atomic_write(path) as beside, open(beside, "wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def list_names(path: str | Path) -> set[str]:
    """Returns the set of names of the arrays in an .npz file; none where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {m.removesuffix(".npy") for m in archive.namelist() if m.endswith(".npy")}
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return set()


def check_may_replace(path: str | Path, names: Collection[str]) -> None:
    """Refuses to replace a file that is no earlier version of what is to be written.

    Args:
        names: of arrays that such a file holds.

    Raises:
        FileExistsError: something else is at the path.
    """
    if os.path.lexists(path) and not set(names) <= list_names(path):
        raise FileExistsError(
            f"{path} must be new, or an .npz file of {' and '.join(names)} to be replaced. Received: a file "
            "or folder of another kind; choose another name."
        )


def load(path: str | Path, names: Collection[str] | None = None) -> dict[str, np.ndarray]:
    """Returns the dict of arrays in an .npz file, or {"": array} of an .npy file.

    Args:
        names: of the arrays to read; None is all.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, holds Python objects, not what its header promises, or too much.
    """
    with _open_arrays(path) as file:
        if file.read(2) == b"PK":
            return _read_archive(file, names)
        file.seek(0)
        return {"": _read_array(file, os.fstat(file.fileno()).st_size)}


def read_shape(path: str | Path, name: str) -> tuple[int, ...]:
    """Returns the shape of an array in an .npz file, of which nothing else is read.

    Errors are those of `load`.
    """
    with _open_arrays(path) as file, zipfile.ZipFile(file) as archive:
        member = archive.getinfo(f"{name}.npy")
        with archive.open(member) as content:
            return _read_header(content, member.file_size)[0]


def map_array(path: str | Path) -> np.ndarray:
    """Returns the read-only array of an .npy file, whose parts are read from disk when they are used.

    Errors are those of `load`.
    """
    with _open_arrays(path) as file:
        size = os.fstat(file.fileno()).st_size
        shape, order, dtype = _read_header(file, size)
        if math.prod(shape) == 0:
            return np.empty(shape, dtype)  # which cannot be mapped
        if (end := file.tell() + math.prod(shape) * dtype.itemsize) != size:
            raise ValueError(f"it must end after {end} bytes, as its header promises, and has {size}")
        return np.memmap(path, dtype, "r", file.tell(), shape, order)


@contextlib.contextmanager
def _open_arrays(path: str | Path) -> Iterator:
    """Yields a file that is open to read, and turns whatever goes wrong into a ValueError."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Expected an .npz or .npy file. Received: no file {path}.")
    with open(path, "rb") as file:
        try:
            with warnings.catch_warnings(action="ignore"):  # NumPy's, of a header it then refuses
                yield file
        except Exception as error:  # damaged files make zipfile and NumPy raise a dozen kinds
            reason = format_error(error)
            raise ValueError(f"{path} cannot be read as arrays of numbers: {reason}.") from None


def _read_archive(file, names):
    if not zipfile.is_zipfile(file):
        raise ValueError("it starts as an .npz file but has no end, as if cut short")
    with zipfile.ZipFile(file) as archive:
        members = {m.filename[:-4]: m for m in archive.infolist() if m.filename.endswith(".npy")}
        members = {name: m for name, m in members.items() if names is None or name in names}
        check_sizes(members.values(), os.fstat(file.fileno()).st_size)
        return {name: _read_member(archive, member) for name, member in members.items()}


def check_sizes(members: Iterable[zipfile.ZipInfo], size: int) -> None:
    """Refuses members of an archive of `size` bytes that unpack to more than that and `MAX_UNPACKED_BYTES`.

    Raises:
        ValueError: they do.
    """
    limit = max(MAX_UNPACKED_BYTES, size)
    if sum(member.file_size for member in members) > limit:
        raise ValueError(f"it unpacks to more than {limit / 2**30:.3g} GiB; an .npy file may hold more")


def _read_member(archive, member):
    with archive.open(member) as file:
        return _read_array(file, member.file_size)


def _read_array(file, size):
    """Returns the array of an open .npy file of `size` bytes, which must be all that it holds."""
    shape, order, dtype = _read_header(file, size)
    count = math.prod(shape)
    content = file.read(count * dtype.itemsize)
    if len(content) < count * dtype.itemsize:
        raise ValueError("it ends early")
    if file.read(1):  # and at its end a zip member's checksum has been compared
        raise ValueError(f"it holds more than the {count} numbers its header promises")
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _read_header(file, size):
    """Returns shape, order and dtype of an open .npy file of `size` bytes, which can hold that much."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"it is an .npy file of the unknown version {version}")
    read_header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
    shape, fortran_order, dtype = read_header[version[0]](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never unpickled")
    if dtype.itemsize == 0:
        raise ValueError(f"it holds {dtype}, which has no size")
    count = math.prod(shape)  # of Python's integers: no overflow
    if min(shape, default=0) < 0 or count * dtype.itemsize > size:
        raise ValueError(f"its header promises shape {shape} of {dtype}, more than the file holds")
    return shape, "F" if fortran_order else "C", dtype
