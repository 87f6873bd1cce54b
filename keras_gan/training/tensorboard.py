"""A run's losses and sample grids as events that TensorBoard shows; to write them it is not needed."""

import contextlib
import math

import tensorflow as tf

from keras_gan.figures.grid import draw_grid
from keras_gan.run import history

Summary = tf.compat.v1.Summary


class EventWriter:
    """Writes a new event file into a folder, beside those that are there.

    It is told what `health.Watch` is told. What was told is in the file when the call returns,
    for a viewer that follows the run and for a run that is killed.

    Args:
        folder: of the event files; made where it is missing.

    Raises:
        OSError: it cannot be written, now or later.
    """

    def __init__(self, folder):
        self._folder = folder
        with _as_os_error(folder):
            self._writer = tf.summary.create_file_writer(str(folder))

    def see_losses(self, rows):
        """Takes the next rows of the history: losses and accuracies become scalars of their names."""
        with self._writing():
            for step, _, *numbers in rows:
                scalars = zip(history.COLUMNS[2:], numbers, strict=True)
                _write(step, [Summary.Value(tag=name, simple_value=x) for name, x in scalars])

    def see_samples(self, step, samples):
        """Takes the samples of a grid, uint8 (n, h, w, c), or None where there are none."""
        if samples is None:
            return
        side = math.ceil(math.sqrt(len(samples)))
        picture = draw_grid(samples, side, side)
        height, width, _ = picture.shape
        png = tf.io.encode_png(picture).numpy()
        image = Summary.Image(height=height, width=width, encoded_image_string=png)
        with self._writing():
            _write(step, [Summary.Value(tag="samples", image=image)])

    def see_score(self, row):
        """Takes a row of metrics.jsonl: its value becomes a scalar named after metric and features."""
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


def open_tensorboard(gan, folder):
    """Returns the `Events` of a run that begins, and shows its untrained samples, or goes on."""
    events = EventWriter(folder)
    if gan.step == 0:
        events.see_samples(0, gan.sample(gan.grid_noise()))
    return events


def _write(step, values):
    """Writes an event; `tf.summary.scalar` and `image` would import TensorBoard."""
    tf.summary.experimental.write_raw_pb(Summary(value=values).SerializeToString(), step=step)
