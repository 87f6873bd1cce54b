"""Labels as people store them to one integer an image.

Training needs none, so that what cannot be read is left out with a note.
"""

import numpy as np


def convert_labels(labels: np.ndarray | None, n: int) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Returns integer labels (n,), or None, and the note on labels that are left out or numbered.

    Args:
        labels: integers, whole floats, booleans or words, (n,) or (n, 1); one-hot rows (n, classes);
            or anything else, which is left out.
        n: number of images.
    """
    if labels is None:
        return None, ()
    labels = np.asarray(labels)
    column = labels.reshape(-1) if labels.shape in ((n,), (n, 1)) else _decode_one_hot(labels, n)
    if column is not None and column.dtype.kind in "ui":
        return column, ()
    if column is not None and column.dtype.kind == "b":
        return column.astype(np.int64), ()
    if column is not None and column.dtype.kind in "US":
        return np.unique(column, return_inverse=True)[1], ()
    if column is not None and column.dtype.kind == "f" and _is_whole(column):
        return column.astype(np.int64), ()
    received = f"{labels.dtype} of shape {labels.shape}"
    return None, (f"The labels are left out, as they are not one class for each of {n} images: {received}.",)


def _is_whole(column):
    """Returns whether all floats are whole numbers, and so small that their kind tells any two apart."""
    exact = 2.0 ** (np.finfo(column.dtype).nmant + 1)  # 2**24 of float32, 2**53 of float64
    return bool(((column == np.rint(column)) & (abs(column) < exact)).all())


def _decode_one_hot(labels, n):
    """Returns the class (n,) of each row that holds a single 1 among zeros; None for other arrays."""
    if labels.ndim != 2 or len(labels) != n or labels.dtype.kind not in "uibf":
        return None
    rows_fit = (labels != 0).sum(axis=1) == 1
    return labels.argmax(axis=1) if rows_fit.all() and (labels.max(axis=1) == 1).all() else None
