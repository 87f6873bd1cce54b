"""Networks in .keras files, which are refused where they ask for more memory than their weights explain."""

import contextlib
import json
import math
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

from keras_gan.files import npz

_CONFIG = "config.json"
_MAX_CONFIG_BYTES = 16 * 2**20
_NO_SIZES = ("seed", "shared_object_id")  # which are any integers
_MAX_SIDE = 2**24  # units, filters or sides of a layer; InceptionV3 has 2,048 at most
_MAX_OUTPUT = 2**26  # numbers that a layer makes of one image: 64 channels of 1024x1024


def load_network(path: str | Path) -> keras.Model:
    """Returns the network in a .keras file, not compiled; Keras loads it in safe mode, which runs no code.

    No memory is set aside for weights that the file does not hold.

    Raises:
        ValueError: it is no such file, or asks for too much memory.
        Exception: whatever Keras raises where it cannot build the network.
    """
    stored = check_keras_file(path)
    with _at_most(stored):
        network = keras.models.load_model(path, compile=False)
    _check_outputs(network)
    return network


def check_keras_file(path: str | Path) -> int:
    """Checks that a .keras file unpacks to no more, and names no larger sizes, than memory can hold.

    Returns:
        The number of bytes that all but its configuration, which are its weights, unpack to.

    Raises:
        ValueError: it does, or it is no such file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            npz.check_sizes(members, Path(path).stat().st_size)
            member = archive.getinfo(_CONFIG)
            if member.file_size > _MAX_CONFIG_BYTES:
                raise ValueError(f"its {_CONFIG} has more than {_MAX_CONFIG_BYTES >> 20} MiB")
            config = json.loads(archive.read(member))
    except (zipfile.BadZipFile, NotImplementedError, KeyError, RecursionError) as error:
        raise ValueError(f"it is no .keras file: {' '.join(str(error).split())}") from None
    _check_numbers([config])
    return sum(member.file_size for member in members if member.filename != _CONFIG)


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


@contextlib.contextmanager
def _at_most(stored: int) -> Iterator[None]:
    """Raises ValueError where this thread's layers make weights of more bytes in all until the block ends."""
    add_weight, thread, total = keras.Layer.add_weight, threading.get_ident(), 0

    def add_counted(layer, shape=None, initializer=None, dtype=None, **options):
        nonlocal total
        if threading.get_ident() == thread:
            size = tf.as_dtype(keras.backend.standardize_dtype(dtype or layer.variable_dtype)).size
            total += math.prod(shape or ()) * size
            if total > stored:
                raise ValueError(f"its layers have more weights than the {stored} bytes that it holds")
        return add_weight(layer, shape=shape, initializer=initializer, dtype=dtype, **options)

    keras.Layer.add_weight = add_counted  # type: ignore[method-assign]
    try:
        yield
    finally:
        keras.Layer.add_weight = add_weight  # type: ignore[method-assign]


def _check_outputs(network):
    """Raises ValueError where a layer makes more numbers of one image than memory can hold."""
    for layer in network._flatten_layers():
        for operation in getattr(layer, "operations", [layer]):
            for output in keras.tree.flatten([node.outputs for node in operation._inbound_nodes]):
                if math.prod(side or 1 for side in output.shape) > _MAX_OUTPUT:
                    shape = "x".join(str(side or "any") for side in output.shape)
                    made = f"its layer {operation.name} makes {shape} numbers"
                    raise ValueError(f"{made}, more than {_MAX_OUTPUT} of an image")
