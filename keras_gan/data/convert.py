"""What a program holds in memory to images: arrays, tensors, lists, data sets and loaders of any library."""

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from keras_gan.data.array_file import find_keys
from keras_gan.data.image_folder import read_image_files
from keras_gan.data.labels import convert_labels
from keras_gan.data.options import DEFAULTS, ImageOptions, LoadedImages
from keras_gan.data.pixels import load_array

MAX_BYTES = 4 * 2**30  # of all that a list, a loader or a generator yields
_CHANNELS = (1, 3, 4)
_CHANNELS_FIRST = "The images are read as (n, c, h, w), PyTorch's order of the axes."


def read_data(data: Any, options: ImageOptions = DEFAULTS) -> LoadedImages:
    """Returns the images that an object in memory holds, and their labels where it has them.

    Args:
        data: what `np.asarray` makes an array of images of; a pair (images, labels); a mapping with
            images under one of the names that .npz files use; or an iterable, such as a list, a
            generator, a `tf.data.Dataset` or a PyTorch `DataLoader`, of images, of batches, or of
            either with labels.
        options: `background` is taken and, for pictures of Pillow and paths, `size` and `fit`.

    Raises:
        TypeError: it is nothing of that; the message names its type.
        ValueError: its shape or range leaves open what it means, or it holds more than `MAX_BYTES`.
    """
    if isinstance(data, Mapping) or _is_labelled(data):
        images, labels = _split(data)
        return _add_labels(read_data(images, options), labels)
    if isinstance(data, tuple) and len(data) == 2 and all(map(_is_labelled, data)):
        raise TypeError(
            "data must be one set of images. Received: two, as load_data() returns; give data[0]."
        )
    if isinstance(data, Image.Image):
        return read_image_files([data], options)
    if isinstance(data, (list, tuple)) or (array := _to_array(data)) is None:
        return _read_elements(_iterate(data), options)
    if array.ndim == 3 and array.shape[0] == 3 and _is_of_torch(data):
        raise ValueError(
            f"Images must be of shape (n, h, w) or (n, c, h, w). Received: a tensor {array.shape}; x[None] "
            "is right for one image in colour, x[:, None] for three grey ones."
        )
    array, is_moved = _put_channels_last(data, array) if array.ndim == 4 else (array, False)
    loaded = load_array(array, options)
    return loaded._replace(notes=(*loaded.notes, *[_CHANNELS_FIRST] * is_moved))


def _is_labelled(data):
    """Returns whether something is a pair of images and labels, or one with more behind them."""
    if not isinstance(data, (list, tuple)) or len(data) < 2:
        return False
    first, *others = map(_get_rank, data)
    return first >= 2 and max(others) < first


def _get_rank(data):
    """Returns the number of axes of an array or a picture, 0 of everything else."""
    return 2 if isinstance(data, Image.Image) else len(getattr(data, "shape", ()))


def _split(data):
    """Returns images and labels, or None, of a mapping or a pair."""
    if not isinstance(data, Mapping):
        return data[0], data[1]
    key, label_keys = find_keys([name for name in data if isinstance(name, str)], "train")
    if key is None:
        names = ", ".join(map(str, data)) or "none"
        raise ValueError(f"data must have images under a name such as images or x_train. Received: {names}.")
    return data[key], data[label_keys[0]] if label_keys else None


def _iterate(data: Any) -> Iterator:
    """Returns an iterator over a list, data set or loader, once through."""
    try:
        length = len(data)
    except TypeError:  # a generator, or a data set of unknown length
        length = None
    if hasattr(data, "cardinality") and int(data.cardinality()) == -1:
        raise ValueError(f"data must end. Received: {_name(data)} without an end; leave out .repeat().")
    if isinstance(data, (str, bytes, bytearray, os.PathLike)):
        raise _wrong_type(data)
    is_iterable = isinstance(data, Iterable) or hasattr(data, "__getitem__") and length is not None
    if not is_iterable or getattr(data, "shape", None) == ():
        raise _wrong_type(data)
    return _check_end(itertools.islice(iter(data), length), length)  # Keras's PyDatasets would begin again


def _check_end(elements, length):
    """Yields elements; raises ValueError in the end if they were fewer than `length`, unless that is None."""
    count = 0
    for element in elements:
        count += 1
        yield element
    if count < (length or 0):
        raise ValueError(f"data must have the {length:,} elements that len() promises. Received: {count:,}.")


def _read_elements(elements, options):
    """Returns the images of an iterator over images or batches, with or without labels."""
    batches, labels, size, is_moved = [], [], 0, False
    for element in elements:
        if isinstance(element, (list, tuple)) and len(element) == 1 and _get_rank(element[0]) > 1:
            [element] = element  # of a loader without labels
        has_labels = isinstance(element, Mapping) or _is_labelled(element)
        images, label = _split(element) if has_labels else (element, None)
        if not isinstance(images, (Image.Image, str, os.PathLike)):
            images, moved = _put_channels_last(images, _need_array(images))
            is_moved |= moved
            is_one = images.ndim < 3 or images.ndim == 3 and images.shape[2] in _CHANNELS
            images = images[None] if is_one else images
        batches.append(images)
        labels.append(label)
        size += _count_bytes(images)
        if size > MAX_BYTES:
            raise ValueError(
                f"data must hold at most {MAX_BYTES >> 30} GiB. Received: more, in {len(batches):,} elements "
                f"of {_name(images)}; save the images as an .npy file of uint8 and give its path."
            )
    if not batches:
        raise ValueError("data must hold images. Received: none.")
    loaded = _join(batches, options)
    loaded = loaded._replace(notes=(*loaded.notes, *[_CHANNELS_FIRST] * is_moved))
    return loaded if labels[0] is None else _add_labels(loaded, _join_labels(labels, batches))


def _join(batches, options):
    """Returns the images of a list of pictures and paths, or of one of arrays (n, h, w[, c])."""
    pictures = [not isinstance(batch, np.ndarray) for batch in batches]
    if all(pictures):
        sources = [batch if isinstance(batch, Image.Image) else Path(batch) for batch in batches]
        return read_image_files(sources, options)
    if any(pictures):
        other = _name(batches[pictures.index(True)])
        raise TypeError(f"data must hold images of one kind. Received: arrays and {other}.")
    kinds = list({(batch.dtype, batch.shape[1:]): None for batch in batches})
    if len(kinds) > 1:
        received = " and ".join(f"{dtype} {shape}" for dtype, shape in kinds[:2])
        raise ValueError(f"data must hold images of one size and dtype. Received: {received}.")
    return load_array(np.concatenate(batches), options)


def _join_labels(labels, batches):
    """Returns the labels of all batches as one array; an empty one where they do not fit together."""
    parts = []
    for label, batch in zip(labels, batches):
        n = len(batch) if isinstance(batch, np.ndarray) else 1
        part = _to_array(label) if _get_rank(label) else np.asarray(label)
        if part is not None and n == 1 and part.shape[:1] != (1,):
            part = part[None]
        parts.append(part)
    fits = all(part is not None and part.ndim and part.shape[1:] == parts[0].shape[1:] for part in parts)
    return np.concatenate(parts) if fits else np.empty(0)


def _add_labels(loaded, labels):
    if labels is None:
        return loaded
    array = _to_array(labels) if _get_rank(labels) else np.asarray(labels)
    converted, notes = convert_labels(np.empty(0) if array is None else array, len(loaded.images))
    return loaded._replace(labels=converted, notes=(*loaded.notes, *notes))


def _put_channels_last(data, array):
    """Returns an array of images with its channels last, and whether they came first, as PyTorch has them.

    Arrays of NumPy and TensorFlow are left as they are: their usual order is the other one.
    """
    axis = array.ndim - 3
    if axis not in (0, 1) or not _is_of_torch(data):
        return array, False
    is_first = array.shape[axis] in _CHANNELS and array.shape[-1] not in _CHANNELS
    return (np.moveaxis(array, axis, -1), True) if is_first else (array, False)


def _is_of_torch(data):
    data = data[0] if isinstance(data, (list, tuple)) and data else data
    return type(data).__module__.partition(".")[0] == "torch"


def _need_array(data):
    """Returns the array of an image or a batch, which may be a list of arrays.

    Raises:
        TypeError: it is none.
    """
    if isinstance(data, (list, tuple)) and data:
        parts = [_need_array(part) if _get_rank(part) or isinstance(part, list) else part for part in data]
        array = np.asarray(parts) if len({np.shape(part) for part in parts}) == 1 else None
    else:
        array = _to_array(data)
    if array is None or array.ndim == 0 or array.dtype.kind == "O":
        raise _wrong_type(data)
    return array


def _to_array(data):
    """Returns the array of an object that says it is one, None for others."""
    names = ("__array__", "__array_interface__", "__dlpack__", "detach")
    if not isinstance(data, memoryview) and not any(hasattr(data, name) for name in names):
        return None
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError(
            "data must have no mask. Received: a masked array; x.filled(0) makes masked pixels 0."
        )
    try:
        if hasattr(data, "detach"):  # of PyTorch, with gradients or on another device
            data = data.detach().cpu()
            data = (data.float() if str(data.dtype) == "torch.bfloat16" else data).numpy()
        array = np.asarray(data)
    except Exception as error:  # symbolic, ragged or sparse, each with an error of its library's own
        raise TypeError(
            f"data must be numbers. Received: {_name(data)}: {' '.join(str(error).split())}"
        ) from None
    if array.dtype.name == "bfloat16":  # of TensorFlow and JAX, which NumPy knows nothing of
        array = array.astype(np.float32)
    return None if array.dtype.kind == "O" or array.ndim == 0 else array


def _count_bytes(images):
    if isinstance(images, np.ndarray):
        return images.nbytes
    return 4 * images.width * images.height if isinstance(images, Image.Image) else 0


def _wrong_type(data):
    return TypeError(
        "data must be the name of a data set, a path, an array of images (n, h, w) or (n, h, w, c), or an "
        f"iterable of images or batches. Received: {_name(data)}."
    )


def _name(data):
    kind = type(data)
    if isinstance(data, np.ndarray):
        return f"an array of dtype {data.dtype} and shape {data.shape}"
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
