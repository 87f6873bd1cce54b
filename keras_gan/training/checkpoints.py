"""The checkpoints of a run: the newest, the one before, the one with the best score; and generator.keras."""

import os
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_gan.export.generator import copy_float32_generator
from keras_gan.files import npz
from keras_gan.files.atomic import atomic_write, rotate
from keras_gan.model.checkpoint import Checkpoint, read_checkpoint
from keras_gan.run import history, metrics_log
from keras_gan.run.config_json import RunInfo
from keras_gan.run.info import BEST, CHECKPOINT, GENERATOR, HISTORY, METRICS, PREVIOUS
from keras_gan.run.own_files import NEW_CHECKPOINT
from keras_gan.streams import Warn, format_error


def save_checkpoint(gan: Any, folder: Path) -> None:
    """Saves the GAN as checkpoint.npz; the one before becomes checkpoint.previous.npz.

    The new file is read back first, which takes 0.05 s.

    Raises:
        FloatingPointError: a weight is not finite; the checkpoints stay as they are.
    """
    new = folder / NEW_CHECKPOINT
    try:
        gan.save(new)
        for name, array in npz.load(new).items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                raise FloatingPointError(
                    f"Weights must be finite. Received: nan or inf in {name} after step {gan.step}; "
                    "a smaller lr may help."
                )
        rotate(new, folder / CHECKPOINT, folder / PREVIOUS)
    finally:
        new.unlink(missing_ok=True)


class GeneratorFile:
    """Writes generator.keras, from a copy of the generator that is built once.

    Each build takes 0.15 s and 10 MB, which TensorFlow does not give back.
    """

    def __init__(self):
        self._copy: keras.Model | None = None
        self._can_be_saved = True

    def write(self, gan: Any, folder: Path, warn: Warn) -> None:
        """Writes the generator of a GAN of Keras, atomically; warns once where Keras cannot save it."""
        if not (self._can_be_saved and isinstance(gan.generator, keras.Model)):
            return
        try:
            self._copy = self._copy or copy_float32_generator(gan)
            self._copy.set_weights(gan.generator.get_weights())
            with atomic_write(folder / GENERATOR) as beside:
                self._copy.save(beside)
        except OSError:
            raise
        except Exception as error:  # of a layer that Keras cannot save; the checkpoint holds all weights
            self._can_be_saved = False
            reason = format_error(error)[:200]
            warn(f"{GENERATOR} is not written, as Keras cannot save the generator: {reason}")


def find_newest(folder: Path, info: RunInfo, warn: Warn) -> tuple[Path, Checkpoint] | None:
    """Returns the newest checkpoint that can be read and that history.csv reaches, with its path.

    None if the run was killed before its first checkpoint.

    Raises:
        ValueError: none can be read, or it belongs to another run.
    """
    paths, reasons = [folder / CHECKPOINT, folder / PREVIOUS], []
    last_step = history.find_last_step(folder / HISTORY, info.first_step)
    if last_step == info.first_step and not any(map(os.path.lexists, paths)):
        return None
    # The newer of the two that can be read, is of this run and not ahead of its history
    for path in paths:
        try:
            checkpoint = read_checkpoint(path)
        except (FileNotFoundError, ValueError) as error:
            reasons.append(str(error))
            continue
        settings = checkpoint.config.to_dict()
        info.check_same(path, settings | {"image_shape": list(checkpoint.config.image_shape)})
        if history.find_end(folder / HISTORY, checkpoint.step, info.first_step) is None:
            reasons.append(f"history.csv does not reach step {checkpoint.step} of {path}.")
            continue
        if reasons:
            warn(f"{reasons[0]} The run continues from {path}, of step {checkpoint.step}.")
        return path, checkpoint
    raise ValueError(f"Expected a readable checkpoint in {folder}. Received: {' '.join(reasons)}")


def find_best_step(folder: Path) -> int | None:
    """Returns the step of the newest score if no earlier one of the same feature spec is as low."""
    rows = metrics_log.select_training_scores(metrics_log.read(folder / METRICS))
    alike = [row for row in rows if metrics_log.get_spec(row) == metrics_log.get_spec(rows[-1])]
    lowest = min(alike, key=lambda row: row["value"], default=None)
    return lowest["step"] if alike and lowest is alike[-1] else None


def keep_best(folder: Path, step: int) -> None:
    """Copies checkpoint.npz, of a step, to checkpoint.best.npz if that step has the lowest score so far."""
    if find_best_step(folder) == step:
        with atomic_write(folder / BEST) as beside:
            shutil.copyfile(folder / CHECKPOINT, beside)
