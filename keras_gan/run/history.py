"""history.csv: one row a step, appended while a run goes on, read back as arrays."""

import csv
import warnings
from pathlib import Path

import numpy as np

COLUMNS = (
    "step",
    "epoch",
    "d_loss",
    "d_loss_real",
    "d_loss_fake",
    "d_acc_real",
    "d_acc_fake",
    "g_loss",
)


def make_rows(rule, first_step, steps_per_epoch, values):
    """Returns the rows of consecutive steps as a list of lists, in the order of COLUMNS.

    Args:
        rule: `presets.UpdateRule`, which knows how the source reports its discriminator loss.
        first_step: number of the first row's step, counted from 1.
        values: (k, 5): d_loss_real, d_loss_fake, g_loss, d_acc_real, d_acc_fake of k steps.
    """
    return [
        [step, -(-step // steps_per_epoch), rule.combine(on_real, on_fake), on_real, on_fake, *accuracies, g]
        for step, (on_real, on_fake, g, *accuracies) in enumerate(values.tolist(), first_step)
    ]


def begin(path):
    """Writes a history without rows."""
    path.write_text(",".join(COLUMNS) + "\n", newline="\n")


def append(path, new_rows):
    """Adds rows to the file, which must be there."""
    with open(path, "r+", newline="") as file:
        file.seek(0, 2)
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([*r[:2], *(f"{x:.9g}" for x in r[2:])] for r in new_rows)  # 9: all of float32


def find_end(path, step, first_step=0):
    """Returns the number of bytes of a history up to the end of a step's row.

    None where there is no file or a row up to there is not whole. The header stands for
    `first_step`, which the first row follows.
    """
    if not path.is_file():
        return None
    with open(path, "rb") as file:
        for number in range(first_step, step + 1):
            if not _is_row_of(file.readline(), "step" if number == first_step else number):
                return None
        return file.tell()


def _is_row_of(line, number):
    """Returns whether a line, in bytes, is the whole row of a step; that of "step" is the header."""
    return (
        line.endswith(b"\n")
        and line.count(b",") == len(COLUMNS) - 1
        and line.startswith(b"%s," % str(number).encode())
    )


def find_last_step(path: Path, first_step: int = 0) -> int:
    """Returns the last step up to which every row is whole; `first_step` without any, or without a file."""
    if not path.is_file():
        return first_step
    with open(path, "rb") as file:
        if not _is_row_of(file.readline(), "step"):
            return first_step
        step = first_step
        while _is_row_of(file.readline(), step + 1):
            step += 1
        return step


def read(path):
    """Returns the history as a dict of column name to array (steps,): int64 step and epoch, float64 others.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a history.
    """
    with open(path, encoding="utf-8", errors="replace") as file:
        header = file.readline(1000).rstrip("\n").split(",")
    if tuple(header) != COLUMNS:
        raise ValueError(f"Expected the columns {', '.join(COLUMNS)}. Received: {path}, which lacks some.")
    try:
        with warnings.catch_warnings(action="ignore"):  # NumPy warns of a history without rows
            table = np.loadtxt(path, delimiter=",", comments=None, skiprows=1, ndmin=2, encoding="utf-8")
    except ValueError as error:
        raise ValueError(f"Expected a table with a row for each step. Received: {path} ({error}).") from None
    if table.size and table.shape[1] != len(COLUMNS):
        raise ValueError(f"Expected {len(COLUMNS)} columns in every row. Received: {path}, with others.")
    table = table.reshape(-1, len(COLUMNS))
    whole = table[:, :2]
    if not (np.isfinite(whole) & (whole == np.rint(whole))).all():
        raise ValueError(
            f"Every row must have the numbers of its step and epoch. Received: {path}, with one that has not."
        )
    integers = dict(zip(COLUMNS, whole.T.astype(np.int64)))
    return integers | dict(zip(COLUMNS[2:], table.T[2:], strict=True))
