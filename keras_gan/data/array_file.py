"""Images in .npz, .npy and .csv files."""

import codecs
import gzip
import math
import warnings
from pathlib import Path

import numpy as np

from keras_gan.data.idx import turn_emnist
from keras_gan.data.labels import convert_labels
from keras_gan.data.options import ImageOptions, LoadedImages
from keras_gan.data.pixels import check_array_shape, load_array
from keras_gan.files import npz

MAP_BYTES = 64 * 2**20  # from which an .npy file is mapped, not read: a small one may then be replaced

KEYS: dict[
    str, dict[str, tuple[str, ...]]
] = {  # of images and of their labels, by preference; capitals do not matter
    "train": {
        "images": ("labels",),
        "x_train": ("y_train",),
        "train_images": ("train_labels",),
        "train_x": ("train_y",),
        "x": ("y",),
        "image": ("label",),
        "imgs": ("labels",),
        "img": ("label",),
        "pixel_values": ("labels", "label"),
        "data": ("labels", "target"),
        "arr_0": ("labels", "arr_1"),
    },
    "test": {"x_test": ("y_test",), "test_images": ("test_labels",), "test_x": ("test_y",)},
}
_LABEL_COLUMNS = ("label", "class", "target", "y")
_MAX_CSV_BYTES = 2**31  # of numbers as they are parsed; MNIST has 188 MB


def find_keys(names: list[str], split: str) -> tuple[str | None, list[str]]:
    """Returns which of some names the images of a split have, or None, and which their labels may have."""
    by_name = {name.lower(): name for name in reversed(names)}
    for key, labels in KEYS[split].items():
        if key in by_name:
            return by_name[key], [by_name[name] for name in labels if name in by_name]
    if split == "train" and len(names) == 1:
        return names[0], []
    return None, []


def read_npz(path: Path, split: str, options: ImageOptions) -> LoadedImages | None:
    """Returns the images and labels of a split in an .npz file; None where it has no such split.

    The images are the array of one of the names in `KEYS`, or the only array.

    Raises:
        ValueError: no array can be taken for the images, or its numbers are no pixels.
    """
    names = sorted(npz.list_names(path)) or sorted(npz.load(path))  # which says why it cannot be read
    key, label_keys = find_keys(names, split)
    if key is None and split == "test":
        return None
    if key is None:
        raise ValueError(
            f"Expected images under one of the names {', '.join(KEYS['train'])}, or a single array. "
            f"Received: {path} with {', '.join(names) or 'no array'}."
        )
    try:
        check_array_shape(npz.read_shape(path, key), options)
        loaded = load_array(npz.load(path, [key])[key], options)
    except ValueError as error:
        raise ValueError(f"{path}: {error}" if str(path) not in str(error) else str(error)) from None
    labels, notes = _read_labels(path, label_keys[0], len(loaded.images)) if label_keys else (None, ())
    if others := [name for name in names if name.lower() in KEYS[split] and name not in (key, *label_keys)]:
        notes = (*notes, f"{path}: the images are the array {key}; {', '.join(others)} not.")
    return loaded._replace(labels=labels, notes=(*loaded.notes, *notes))


def _read_labels(path, key, n):
    try:
        return convert_labels(npz.load(path, [key])[key], n)
    except ValueError as error:
        return None, (f"The labels are left out: {error}",)


def read_npy(path: Path, options: ImageOptions) -> LoadedImages:
    """Returns the images of an .npy file; a large one of uint8 is mapped and never read as a whole.

    Raises:
        ValueError: it is damaged, or its numbers are no pixels.
    """
    array = npz.map_array(path)
    if array.nbytes < MAP_BYTES:
        array = np.array(array)
    try:
        return load_array(array, options)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_csv(path: Path) -> LoadedImages:
    """Returns the images of a .csv(.gz) file with a row of pixels an image, as those of MNIST have.

    A column named label or class, or without names the first where the others make a square image,
    holds the labels. A first column of another name, such as pandas's index, is left out.

    Raises:
        ValueError: the rows are no square grey images.
    """
    try:
        names, first = _read_first_lines(path)
        column, side = _find_columns(names, len(first))
        rows = _read_rows(path, len(first), skip=1 if names else 0)
        column = _find_unnamed_column(rows) if column is not None and not names else column
        is_label = column is not None and (not names or names[column] in _LABEL_COLUMNS)
        labels = rows[:, column] if is_label else None
        pixels = rows if column is None else np.delete(rows, column, 1)
        loaded = load_array(pixels.reshape(-1, side, side))
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{path} cannot be read as rows of pixels: {error}") from None
    labels, notes = convert_labels(labels, len(rows))
    if column is not None and not is_label:
        notes = (f"The column {names[column]!r} is left out: it is no pixel, and not named label.",)
    elif column is not None and not names:
        which = "last" if column else "first"
        notes = (*notes, f"The {which} of {rows.shape[1]} columns without names is read as labels.")
    images, turned = turn_emnist(path, loaded.images)
    return LoadedImages(images, labels, (*turned, *notes))


def _read_rows(path, columns, skip):
    """Returns the rows of a file, int32 where all its numbers are integers, else float32."""
    limit = _MAX_CSV_BYTES // (4 * columns)
    options = dict(delimiter=",", skiprows=skip, ndmin=2, max_rows=limit + 1, encoding="utf-8-sig")
    with warnings.catch_warnings(action="ignore"):
        # NumPy below 2.3 makes 0.5 the integer 0 and only says that this is deprecated
        warnings.simplefilter("error", DeprecationWarning)
        try:
            rows = np.loadtxt(path, np.int32, **options)
        except ValueError:
            rows = np.loadtxt(path, np.float32, **options)
    if len(rows) > limit:
        raise ValueError(f"it has more than {limit:,} rows; an .npy file may hold more")
    return rows


def _find_unnamed_column(rows):
    """Returns which column of rows without names holds labels: the first, unless only the last can.

    A corner of the images has either one value throughout or, unlike labels, many.
    """
    counts = [len(np.unique(rows[:, column])) for column in (0, -1)]
    first_is_corner = counts[0] == 1 or counts[0] > 2 * counts[1]
    return rows.shape[1] - 1 if first_is_corner and counts[1] > 1 else 0


def _read_first_lines(path):
    """Returns the names of the columns, none where the first line holds numbers, and the first row."""
    opened = gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb")
    with opened as file:
        start = file.readline(2**20).removeprefix(codecs.BOM_UTF8)
        lines = [line.decode("latin-1").strip().split(",") for line in (start, file.readline(2**20))]
    has_names = not all(map(_is_number, lines[0]))
    return ([word.strip(' "').lower() for word in lines[0]], lines[1]) if has_names else ([], lines[0])


def _is_number(word):
    try:
        return float(word) is not None  # nan, too
    except ValueError:
        return False


def _find_columns(names, count):
    """Returns the number of the column that holds no pixels, or None, and the side of the square images."""
    if names and len(names) != count:
        raise ValueError(f"its first line names {len(names)} columns, and its second has {count}")
    label_column = next((i for i, name in enumerate(names) if name in _LABEL_COLUMNS), None)
    if label_column is None and math.isqrt(count) ** 2 != count:
        label_column = 0
    side = math.isqrt(count - (label_column is not None))
    if side < 4 or side**2 != count - (label_column is not None):
        raise ValueError(
            "expected a row of 784 pixels for an image of 28x28, with a label or without. "
            f"Received: {count} columns"
        )
    return label_column, side
