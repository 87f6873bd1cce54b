"""What a .keras file promises, before Keras builds the network in it."""

import json
import zipfile
from pathlib import Path

from keras_gan.files import npz

_MAX_CONFIG_BYTES = 16 * 2**20
_NO_SIZES = ("seed", "shared_object_id")  # which are any integers
_MAX_SIDE = 2**24  # units, filters or sides of a layer; InceptionV3 has 2,048 at most


def check_keras_file(path: str | Path) -> None:
    """Checks that a .keras file promises neither too much data nor layers that no memory holds.

    Raises:
        ValueError: it does, or it is no such file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            npz.check_sizes(archive.infolist(), Path(path).stat().st_size)
            member = archive.getinfo("config.json")
            if member.file_size > _MAX_CONFIG_BYTES:
                raise ValueError(f"its config.json has more than {_MAX_CONFIG_BYTES >> 20} MiB")
            config = json.loads(archive.read(member))
    except (zipfile.BadZipFile, NotImplementedError, KeyError, RecursionError) as error:
        raise ValueError(f"it is no .keras file: {' '.join(str(error).split())}") from None
    _check_numbers([config])


def _check_numbers(todo):
    """Raises ValueError where a number in nested JSON values is larger than any layer's."""
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            todo.extend(inner for name, inner in value.items() if name not in _NO_SIZES)
        elif isinstance(value, list):
            todo.extend(value)
        elif isinstance(value, int) and abs(value) > _MAX_SIDE:
            raise ValueError(f"a layer in it has a size of {value}, more than {_MAX_SIDE}")
