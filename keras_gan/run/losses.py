"""Losses that another program wrote: a csv, or a folder of TensorBoard's event files."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from keras_gan.start_tensorflow import import_tensorflow

_EVENTS = "**/*tfevents*"
_STEPS = ("step", "steps", "global_step", "iteration", "iterations", "iter", "batch", "epoch", "epochs")
_LOSS_WORDS = {"loss", "losses", "err", "error"}
_OTHER_WORDS = {"train", "training", "net", "mean", "avg", "average", "total", "step", "epoch", "of"}
_NETWORKS = {
    **dict.fromkeys(("d", "disc", "dis", "discriminator", "critic"), "d_loss"),
    **dict.fromkeys(("g", "gen", "generator"), "g_loss"),
}


def is_loss_log(path: str | Path) -> bool:
    """Returns whether a path is a csv, an event file or a folder of event files, and no run."""
    path = Path(path)
    if path.is_dir():
        return not (path / "config.json").is_file() and any(path.glob(_EVENTS))
    return path.is_file() and (path.suffix.lower() == ".csv" or "tfevents" in path.name)


def read_losses(path: str | Path) -> dict[str, np.ndarray]:
    """Returns the losses in a csv or in event files as a dict of "step", "d_loss" and "g_loss".

    Either loss may be missing. Names that people use are known: d_loss, loss_D, D_loss, errD,
    Loss/D, discriminator_loss and so on. A csv without a column of steps or epochs counts its rows.

    Returns:
        float64 (n,) each, in the order of the steps.

    Raises:
        ValueError: there is no loss of either network, or a value is not a number.
    """
    path = Path(path)
    columns = _read_csv(path) if path.suffix.lower() == ".csv" else _read_events(path)
    named: dict[str, list[str]] = {}
    for name in columns:
        if loss := name_loss(name):
            named.setdefault(loss, []).append(name)
    for loss, names in named.items():
        if len(names) > 1:
            raise ValueError(f"Expected one {loss}. Received: {path} with {', '.join(names)}.")
    if not named:
        seen = ", ".join(list(columns)[:8]) or "nothing"
        expected = "Expected losses such as d_loss and g_loss, loss_D and loss_G, errD and errG"
        raise ValueError(f"{expected}. Received: {path} with {seen}.")
    series = {loss: columns[name] for loss, [name] in named.items()}
    steps = next(iter(series.values()))[0]
    if any(not np.array_equal(own, steps) for own, _ in series.values()):
        raise ValueError(
            f"Expected both losses at the same steps. Received: {path} with other steps of each."
        )
    return {"step": steps} | {loss: values for loss, (_, values) in series.items()}


def name_loss(name: str) -> str | None:
    """Returns "d_loss" or "g_loss" for a name that means one of them, None for any other."""
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    words = [part for word in words for part in _split(word)]
    networks = [_NETWORKS[word] for word in words if word in _NETWORKS]
    rest = [word for word in words if word not in _NETWORKS]
    if len(networks) != 1 or not _LOSS_WORDS & set(rest) or set(rest) - _LOSS_WORDS - _OTHER_WORDS:
        return None
    return networks[0]


def _split(word: str) -> list[str]:
    """Returns the parts of a word such as dloss, lossg or errd."""
    match = re.fullmatch(r"(loss|err)(d|g)|(d|g)(loss|err)", word)
    return [part for part in match.groups() if part] if match else [word]


def _read_csv(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns {column: (steps, values)} of the columns that hold a loss, or are the only ones there."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in csv.reader(file) if row] or [[]]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"Expected a csv of losses. Received: {path} ({error}).") from None
    header = [name.strip() for name in header]
    if any(len(row) != len(header) for row in rows) or not rows:
        raise ValueError(f"Expected a value for each column in every row. Received: {path}.")
    own = next((name for word in _STEPS for name in header if name.lower() == word), None)
    steps = _to_floats(path, own, rows, header) if own else np.arange(1.0, len(rows) + 1)
    if own and not (np.diff(steps) > 0).all():  # an epoch that stands in every row of its batches
        steps = np.arange(1.0, len(rows) + 1)
    return {
        name: (steps, _to_floats(path, name, rows, header) if name_loss(name) else steps)
        for name in header
        if name != own
    }


def _to_floats(path: Path, name: str, rows: list[list[str]], header: list[str]) -> np.ndarray:
    place = header.index(name)
    try:
        return np.array([float(row[place]) for row in rows])
    except ValueError as error:
        raise ValueError(f"Expected numbers in the column {name}. Received: {path} ({error}).") from None


def _read_events(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns {tag: (steps, values)} of the scalars in event files; the last of a step counts."""
    files = sorted(path.glob(_EVENTS)) if path.is_dir() else [path]
    series: dict[str, dict[int, float]] = {}
    for file in files:
        folder = file.parent.relative_to(path).as_posix() if path.is_dir() else "."
        for tag, step, value in _list_scalars(file):
            # SummaryWriter.add_scalars writes each of its lines into a folder of its own
            name = tag if folder == "." or name_loss(tag) else f"{tag}/{folder}"
            series.setdefault(name, {})[step] = value
    return {
        tag: (np.array(sorted(own), np.float64), np.array([own[step] for step in sorted(own)]))
        for tag, own in series.items()
    }


def _list_scalars(file: Path) -> Iterator[tuple[str, int, float]]:
    """Yields (tag, step, value) of every scalar in an event file."""
    import_tensorflow()  # only here: a csv and a run are drawn without it
    import tensorflow as tf

    try:
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    yield value.tag, event.step, value.simple_value
                elif value.HasField("tensor") and not value.tensor.tensor_shape.dim:
                    array = tf.make_ndarray(value.tensor)
                    if array.dtype.kind == "f":
                        yield value.tag, event.step, float(array)
    except tf.errors.OpError as error:
        raise ValueError(
            f"Expected event files of TensorBoard. Received: {file} ({error.message})."
        ) from None
