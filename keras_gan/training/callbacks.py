"""Keras callbacks between the steps of a GAN, called as `fit` calls them.

`self.model` is the generator, with the optimizer that trains it; a batch is a step, an epoch the preset's.
"""

import math
from typing import Any

import keras
import numpy as np

from keras_gan.run import history

_LOGGED = ("d_loss", "g_loss", "d_acc_real", "d_acc_fake")


class Callbacks:
    """Calls Keras callbacks before and after each step; `stopped` once one has set `model.stop_training`."""

    def __init__(self, gan: Any, callbacks: list[keras.callbacks.Callback], per_epoch: int, total: int):
        gan.generator.optimizer = gan.combined.optimizer
        gan.generator.stop_training = False
        self._generator, self._per_epoch = gan.generator, per_epoch
        self._score: dict[str, float] = {}
        self._last = total - 1
        epochs = math.ceil(total / per_epoch)
        self._list = keras.callbacks.CallbackList(
            callbacks, model=gan.generator, epochs=epochs, steps=per_epoch
        )
        self._list.on_train_begin()

    @property
    def stopped(self) -> bool:
        """Whether a callback asked to stop."""
        return bool(self._generator.stop_training)

    def begin_step(self, step: int) -> None:
        """Calls what comes before a step."""
        epoch, batch = divmod(step, self._per_epoch)
        if batch == 0:
            self._list.on_epoch_begin(epoch)
        self._list.on_train_batch_begin(batch)

    def see_score(self, row: dict[str, Any]) -> None:
        """Keeps a score for the logs of the step that it follows."""
        self._score = {"score": row["value"]}

    def see_losses(self, rows: list) -> None:
        """Calls what comes after the step of the one row."""
        logs = dict(zip(history.COLUMNS, map(float, rows[-1])))
        step = int(logs["step"]) - 1
        logs = {name: logs[name] for name in _LOGGED} | {"loss": logs["g_loss"]} | self._score
        self._score = {}
        epoch, batch = divmod(step, self._per_epoch)
        self._list.on_train_batch_end(batch, logs)
        if batch == self._per_epoch - 1 or step == self._last:
            self._list.on_epoch_end(epoch, logs)

    def see_samples(self, step: int, samples: np.ndarray) -> None:
        """Does nothing: callbacks draw their own."""

    def end(self) -> None:
        """Calls what comes after the last step."""
        self._list.on_train_end()
