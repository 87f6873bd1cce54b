"""What `torch.save` wrote, read without PyTorch and without running anything that the file names.

Both forms are read: the zip of PyTorch 1.6 and later, and the stream of pickles before it, in which
older published weights still come. Formats: `torch/serialization.py`.
"""

import collections
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import ml_dtypes
import numpy as np

from keras_gan.streams import format_error

_MAGIC = 0x1950A86A20F9469CFC6C  # of the older form
_MAX_PICKLE_BYTES = 64 * 2**20  # of names and shapes: a state_dict has some hundred bytes a tensor
_DTYPES = {
    "DoubleStorage": np.dtype(np.float64),
    "FloatStorage": np.dtype(np.float32),
    "HalfStorage": np.dtype(np.float16),
    "BFloat16Storage": np.dtype(ml_dtypes.bfloat16),
    "LongStorage": np.dtype(np.int64),
    "IntStorage": np.dtype(np.int32),
    "ShortStorage": np.dtype(np.int16),
    "CharStorage": np.dtype(np.int8),
    "ByteStorage": np.dtype(np.uint8),
    "BoolStorage": np.dtype(np.bool_),
    "ComplexFloatStorage": np.dtype(np.complex64),
    "ComplexDoubleStorage": np.dtype(np.complex128),
}


def load_torch_file(path: str | Path) -> object:
    """Returns what a file of `torch.save` holds, tensors and parameters as NumPy arrays.

    Dicts, lists, tuples, strings and numbers are as they were saved. Arrays have the dtype of their
    tensor, bfloat16 that of the package ml_dtypes, and may share memory.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or holds other Python objects, such as a whole module.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Expected a file written by torch.save. Received: no file {path}.")
    with open(path, "rb") as file:
        try:
            return _read_zip(file) if zipfile.is_zipfile(file) else _read_stream(file)
        except Exception as error:  # damaged files make pickle and zipfile raise a dozen kinds
            reason = format_error(error)
            raise ValueError(f"{path} cannot be read as a file of torch.save: {reason}.") from None


class _Unpickler(pickle.Unpickler):
    """Builds dicts, lists and tensors; refuses every other object by its name.

    Args:
        read_storage: called with key, dtype and number of elements of each storage, once.
    """

    def __init__(self, file, read_storage):
        super().__init__(file, encoding="utf-8")  # of strings that Python 2 wrote
        self._read_storage, self._storages = read_storage, {}

    def find_class(self, module: str, name: str) -> object:
        """Returns what stands for a class or function of that name."""
        allowed = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *others: tensor,
        }
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(
                f"it holds a Python object, {module}.{name}, which is never unpickled; "
                "save weights alone: torch.save(model.state_dict(), path)"
            )
        return allowed[module, name]

    def persistent_load(self, pid: Any) -> np.ndarray:
        """Returns the elements of a storage, an array (n,)."""
        kind, dtype, key, _, n = pid[:5] if isinstance(pid, tuple) and len(pid) >= 5 else (None,) * 5
        known = isinstance(dtype, np.dtype) and isinstance(key, str) and type(n) is int and n >= 0
        if kind != "storage" or not known or (len(pid) > 5 and pid[5] is not None):
            raise ValueError("it holds a storage of an unknown kind")
        if key not in self._storages:
            self._storages[key] = self._read_storage(key, dtype, n)
        if self._storages[key].dtype != dtype:
            raise ValueError("a storage has two dtypes")
        return self._storages[key]


def _rebuild_tensor(storage, offset, size, stride, *others) -> np.ndarray:
    """Returns the array of a tensor, a view of its storage, within which it must lie."""
    numbers = (offset, *size, *stride)
    if not isinstance(storage, np.ndarray) or not all(type(n) is int and n >= 0 for n in numbers):
        raise ValueError("a tensor has an unknown shape")
    count, last = 1, offset
    for length, step in zip(size, stride, strict=True):
        count *= length  # Python's integers: no overflow
        last += (length - 1) * step
    if count and (last >= storage.size or count > storage.size):
        raise ValueError(f"a tensor of shape {tuple(size)} is larger than its {storage.size} numbers")
    if not count:
        return np.empty(size, storage.dtype)
    strides = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], size, strides)


def _read_zip(file: BinaryIO) -> object:
    """Returns the object in the newer form: data.pkl beside a member for each storage."""
    with zipfile.ZipFile(file) as archive:
        members = {info.filename: info for info in archive.infolist()}
        name = next((name for name in members if name.endswith("data.pkl")), None)
        if name is None:
            raise ValueError("it is a zip archive without data.pkl")
        root = name.removesuffix("data.pkl")
        if f"{root}byteorder" in members and archive.read(f"{root}byteorder") != b"little":
            raise ValueError("its numbers are big-endian")

        def read_storage(key, dtype, n):
            info = members[f"{root}data/{key}"]
            stored = info.compress_type == zipfile.ZIP_STORED  # what is packed could be a zip bomb
            if not stored or info.file_size != n * dtype.itemsize:
                raise ValueError(f"storage {key} has {info.file_size} bytes, not {n} of {dtype}")
            return np.frombuffer(archive.read(info), dtype)

        if members[name].file_size > _MAX_PICKLE_BYTES:
            raise ValueError(f"its data.pkl has more than {_MAX_PICKLE_BYTES >> 20} MiB")
        with archive.open(name) as pickled:
            return _Unpickler(pickled, read_storage).load()


def _read_stream(file: BinaryIO) -> object:
    """Returns the object in the older form: pickles of it and of its storages' keys, then their bytes."""
    size = os.fstat(file.fileno()).st_size
    storages: dict[str, np.ndarray] = {}
    file.seek(0)

    def reserve_storage(key, dtype, n):
        if sum(array.nbytes for array in storages.values()) + n * dtype.itemsize > size:
            raise ValueError("its storages are larger than the file")
        storages[key] = np.zeros(n, dtype)  # filled below, and with it the tensors that are views of it
        return storages[key]

    def read_pickle():
        return _Unpickler(file, reserve_storage).load()

    if read_pickle() != _MAGIC:
        raise ValueError("it does not begin as one")
    _, system, content, keys = (read_pickle() for _ in range(4))
    if not system["little_endian"]:
        raise ValueError("its numbers are big-endian")
    for key in keys:
        array = storages[key]
        (n,) = struct.unpack("<q", file.read(8))
        raw = file.read(array.nbytes)
        if n != array.size or len(raw) != array.nbytes:
            raise ValueError("it ends early")
        array.view(np.uint8)[:] = np.frombuffer(raw, np.uint8)
    return content
