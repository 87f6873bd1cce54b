"""What a Jupyter notebook shows of a training run: one line that updates, and under it the newest grid."""

import html
import io
import math
import sys
import time
from typing import Any

import numpy as np

from keras_gan.figures.grid import draw_grid, fit_grid, to_pil
from keras_gan.progress import Speed, format_duration, format_log_line

SECONDS_BETWEEN_UPDATES = 0.25  # each is a message to the browser, of about 30 kB where it is a grid


def is_notebook() -> bool:
    """Returns whether this process is the kernel of a notebook, such as Jupyter's or Colab's."""
    ipython = sys.modules.get("IPython")
    return hasattr(ipython and ipython.get_ipython(), "kernel")


class NotebookView:
    """Shows losses, speed, time left and samples under the cell that trains, each in one place.

    It is told what `tensorboard.EventWriter` is told.

    Args:
        first, total: steps at which training begins and ends.
    """

    def __init__(self, first: int, total: int):
        self._total, self._speed, self._note = total, Speed(), ""
        self._line, self._grid = _Place(), _Place()
        self._show_line(first, "compiling the steps")

    def see_losses(self, rows: list) -> None:
        """Takes the next rows of the history."""
        step = rows[-1][0]
        text, speed = f"{format_log_line(rows[-1])}{self._note}", self._speed.update(step)
        if speed:
            text += f" {speed:.3g} steps/s, {format_duration((self._total - step) / speed)} left"
        self._show_line(step, text)

    def see_score(self, row: dict) -> None:
        """Takes a row of metrics.jsonl."""
        self._note = f" [Fréchet {row['value']:.2f}, {row['features']}]"

    def see_samples(self, step: int, samples: np.ndarray | None) -> None:
        """Takes the samples of a grid, uint8 (n, h, w, c), or None where there are none."""
        if samples is None:
            return
        png = io.BytesIO()
        to_pil(draw_grid(samples, *fit_grid(len(samples)))).save(png, format="png")
        content = {"image/png": png.getvalue(), "text/plain": f"samples of step {step}"}
        self._grid.show(content, is_last=step == self._total)

    def _show_line(self, step, text):
        bar = f'<progress value="{step}" max="{self._total}" style="width: 12em"></progress>'
        content = {"text/html": f"{bar} <code>{html.escape(text)}</code>", "text/plain": text}
        self._line.show(content, is_last=step == self._total)


class _Place:
    """A place in the output of a cell, where each content replaces the one before."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._shown_at = -math.inf

    def show(self, content, is_last):
        """Shows a dict of MIME type to content; soon after another only if it is the last."""
        from IPython.display import display  # type: ignore[import-not-found]  # which every kernel has

        if not is_last and time.monotonic() - self._shown_at < SECONDS_BETWEEN_UPDATES:
            return
        self._shown_at = time.monotonic()
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)
