"""Losses, scores and sample grids as event files for TensorBoard, which need not be installed."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from google.protobuf.struct_pb2 import Struct

from keras_gan.figures.grid import draw_grid, fit_grid

EVENT_FILES = "events.out.tfevents.*"
TAGS = (
    "loss/d",
    "loss/d_real",
    "loss/d_fake",
    "accuracy/real",
    "accuracy/fake",
    "loss/g",
)  # of history.csv's columns
Summary, Metadata = tf.compat.v1.Summary, tf.compat.v1.SummaryMetadata


class EventWriter:
    """Writes a new event file into a folder, beside those that are there.

    The training loop calls the methods `see_...`. Every call ends with a flush, for a
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
                scalars = zip(TAGS, numbers, strict=True)
                _write(step, [Summary.Value(tag=name, simple_value=x) for name, x in scalars])

    def see_samples(self, step: int, samples: np.ndarray | None) -> None:
        """Writes the samples of a grid, uint8 (n, h, w, c), as one image; None is passed over."""
        if samples is None:
            return
        picture = draw_grid(samples, *fit_grid(len(samples)))
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

    def write_settings(self, step: int, settings: dict[str, Any]) -> None:
        """Writes the settings of a run for the viewer's page of hyperparameters; None is left out."""
        known = {
            # numbers are doubles there: a seed beyond 2**53 that none is equal to is written as text
            n: v if isinstance(v, (bool, int, float)) and float(v) == v else str(v)
            for n, v in settings.items()
            if v is not None
        }
        content = _encode_hyperparameters(known)
        plugin = Metadata(plugin_data=Metadata.PluginData(plugin_name="hparams", content=content))
        nothing = tf.make_tensor_proto([], tf.float32)
        value = Summary.Value(tag="_hparams_/session_start_info", metadata=plugin, tensor=nothing)
        with self._writing():
            _write(step, [value])

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


def open_tensorboard(gan: Any, folder: Path, name: str, settings: dict[str, Any]) -> EventWriter:
    """Returns the `EventWriter` of a run; of a run that begins it writes the untrained samples.

    Args:
        folder: of all event files of the run.
        name: of the run in the viewer, which takes it from the folder of the files; a run that is
            continued keeps the name it has.
        settings: the run's, by name.
    """
    before = [path.parent for path in sorted(folder.glob(f"*/{EVENT_FILES}"))]
    events = EventWriter(before[0] if before else folder / name)
    events.write_settings(gan.step, settings)
    if gan.step == 0:
        events.see_samples(0, gan.sample(gan.grid_noise()))
    return events


def _encode_hyperparameters(settings):
    """Returns the HParamsPluginData message of a run that starts, as bytes.

    TensorBoard's plugins/hparams/plugin_data.proto: SessionStartInfo, whose field 1 is the map of
    settings, as it is in Struct, is field 3 of HParamsPluginData.
    """
    struct = Struct()
    struct.update(settings)
    start = struct.SerializeToString(deterministic=True)
    length, size = len(start), bytearray([3 << 3 | 2])
    while length > 127:  # a varint: seven bits a byte, the lowest first
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([*size, length]) + start


def _write(step, values):
    """Writes an event. `tf.summary.scalar` and `tf.summary.image` would need TensorBoard."""
    tf.summary.experimental.write_raw_pb(Summary(value=values).SerializeToString(), step=step)
