"""A run on disk: the names of its files, and what they hold.

The only reader of a run directory; `training.run_dir` writes it.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_gan.files import npz
from keras_gan.run import history, metrics_log
from keras_gan.run.config_json import CONFIG, RunInfo, read_info
from keras_gan.run.grids import parse_name
from keras_gan.run.times import Times, read_times

HISTORY, METRICS = "history.csv", "metrics.jsonl"
CHECKPOINT, PREVIOUS, BEST = "checkpoint.npz", "checkpoint.previous.npz", "checkpoint.best.npz"
GENERATOR, REPORT, TENSORBOARD = "generator.keras", "report.html", "tensorboard"


class Run(NamedTuple):
    """A run on disk.

    Attributes:
        folder: its directory.
        checkpoint: path of the checkpoint to use, which need not exist.
        info: `RunInfo`, None without a config.json.
    """

    folder: Path
    checkpoint: Path
    info: RunInfo | None

    @property
    def framework(self) -> str | None:
        """The framework that trained it, "keras" or "torch"; None if not known."""
        return self.info.framework if self.info else None

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch, as the run's preset counts epochs; 1 if not known."""
        return self.info.steps_per_epoch if self.info else 1

    def read_history(self, step: int | None = None) -> dict[str, np.ndarray] | None:
        """Returns the history up to a step, as `history.read` returns it; None without a file."""
        path = self.folder / HISTORY
        if not path.is_file():
            return None
        table = history.read(path)
        return table if step is None else {n: values[table["step"] <= step] for n, values in table.items()}

    def read_metrics(self) -> list[dict[str, Any]]:
        """Returns the rows of metrics.jsonl, as `metrics_log.read` returns them."""
        return metrics_log.read(self.folder / METRICS)

    def read_times(self) -> Times:
        """Returns when the run began and how long it has trained."""
        return read_times(self.folder)

    def list_grids(self) -> dict[int, Path]:
        """Returns the paths of the sample grids by step, in the order of steps.

        A file named after a later step than history.csv reaches is none.
        """
        steps = {step for path in self.folder.glob("*.png") if (step := parse_name(path.name)) is not None}
        if self.info and (self.folder / HISTORY).is_file():
            last_step = history.find_last_step(self.folder / HISTORY, self.info.first_step)
            steps = {step for step in steps if step <= last_step}
        return {step: self.folder / f"{step}.png" for step in sorted(steps)}


def is_run(path: str | Path) -> bool:
    """Returns whether a path is a run directory or a checkpoint."""
    path = Path(path)
    return any((path / name).is_file() for name in (CONFIG, CHECKPOINT)) or "gan" in npz.list_names(path)


def read(path: str | Path) -> Run:
    """Returns the `Run` at a path: a run directory, or a checkpoint in one.

    Raises:
        ValueError: its config.json is damaged.
    """
    path = Path(path)
    folder, checkpoint = (path.parent, path) if path.is_file() else (path, path / CHECKPOINT)
    return Run(folder, checkpoint, read_info(folder) if (folder / CONFIG).is_file() else None)
