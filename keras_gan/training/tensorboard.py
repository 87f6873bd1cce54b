"""Losses, scores and sample grids as event files for TensorBoard, which need not be installed."""

import contextlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_gan.figures.grid import draw_grid
from keras_gan.run import history

Summary = tf.compat.v1.Summary


class EventWriter:
    """Writes a new event file into a folder, beside those that are there.

    Its first two methods are those of `monitor.Monitor`. Every call ends with a flush, for a
    viewer that follows the run and for a run that is killed.

    Args:
        folder: of the event files; created if it does not exist.

    Raises:
        OSError: the folder cannot be written to, in this or a later call.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with _as_os_error(folder):
            self._writer = tf.summary.create_file_writer(str(folder))

    def see_losses(self, rows: list[list]) -> None:
        """Writes the losses and accuracies of new rows of the history as scalars."""
        with self._writing():
            for step, _, *numbers in rows:
                scalars = zip(history.COLUMNS[2:], numbers, strict=True)
                _write(step, [Summary.Value(tag=name, simple_value=x) for name, x in scalars])

    def see_samples(self, step: int, samples: np.ndarray | None) -> None:
        """Writes the samples of a grid, uint8 (n, h, w, c), as one image; None is passed over."""
        if samples is None:
            return
        side = math.ceil(math.sqrt(len(samples)))
        picture = draw_grid(samples, side, side)
        height, width, _ = picture.shape
        png = tf.io.encode_png(picture).numpy()
        image = Summary.Image(height=height, width=width, encoded_image_string=png)
        with self._writing():
            _write(step, [Summary.Value(tag="samples", image=image)])

    def see_score(self, row: dict[str, Any]) -> None:
        """Writes the value of a row of metrics.jsonl as a scalar named after metric and features."""
        tag = f"{row['metric']}/{row['features']}"
        with self._writing():
            _write(row["step"], [Summary.Value(tag=tag, simple_value=row["value"])])

    @contextlib.contextmanager
    def _writing(self):
        with _as_os_error(self._folder), self._writer.as_default():
            yield
            self._writer.flush()


@contextlib.contextmanager
def _as_os_error(folder):
    try:
        yield
    except tf.errors.OpError as error:
        reason = error.message.split("}} ")[-1].split(" [Op")[0]  # without the operation's name
        raise OSError(f"events cannot be written to {folder} ({reason})") from None


def open_tensorboard(gan: Any, folder: Path) -> EventWriter:
    """Returns the `EventWriter` of a run; of a run that begins it writes the untrained samples."""
    events = EventWriter(folder)
    if gan.step == 0:
        events.see_samples(0, gan.sample(gan.grid_noise()))
    return events


def _write(step, values):
    """Writes an event. `tf.summary.scalar` and `tf.summary.image` would need TensorBoard."""
    tf.summary.experimental.write_raw_pb(Summary(value=values).SerializeToString(), step=step)
