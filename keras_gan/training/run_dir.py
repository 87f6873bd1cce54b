"""Writes the files of a run directory: begins a run, saves checkpoints, resumes from them.

The GAN knows what a checkpoint holds, the training loop when one is saved, and `run.own_files` which
files are the run's own.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from keras_gan.files.atomic import sync_to_disk
from keras_gan.model.checkpoint import load_first_weights
from keras_gan.model.gan_class import name_gan_class
from keras_gan.progress import print_warning
from keras_gan.run import history, metrics_log, own_files
from keras_gan.run.config_json import CONFIG, RunInfo, find_info
from keras_gan.run.grids import parse_name
from keras_gan.run.info import CHECKPOINT, HISTORY, METRICS, PREVIOUS
from keras_gan.run.times import Stopwatch, Times, read_times
from keras_gan.streams import Warn
from keras_gan.training import checkpoints, lock

SECONDS_BETWEEN_CHECKPOINTS = 60  # without a checkpoint_interval; a checkpoint takes about 0.2 s


class RunExistsError(FileExistsError):
    """A run directory holds a run, which may be resumed or replaced."""


class RunDir:
    """A run directory that this process has locked.

    Attributes:
        path: of the folder.
        saved: step of the newest checkpoint; None until this process has read or written one.
        continues: whether this process continues a run that is there.
    """

    def __init__(self, path: Path, lock: BinaryIO):
        self.path, self.continues = path, False
        self.saved: int | None = None
        self._lock, self._saved_at = lock, time.monotonic()
        self._stopwatch: Stopwatch | None = None
        self._generator_file = checkpoints.GeneratorFile()

    def is_run_of(self, gan: Any) -> bool:
        """Returns whether it holds the run that this GAN object trained."""
        ours = gan.outdir is not None and Path(gan.outdir).resolve() == self.path.resolve()
        return ours and find_info(self.path) is not None

    def check_free(self, new: RunInfo, overwrite: bool) -> None:
        """Checks that a new run may begin here.

        Raises:
            RunExistsError: another run stands here and may not be replaced.
            FileExistsError: other files stand here, whose names the run needs.
        """
        old = find_info(self.path)
        if old and not overwrite:
            step = own_files.find_last_step(self.path, old)
            raise RunExistsError(
                f"outdir must not hold a run. Received: {self.path}, which holds one of preset "
                f"{old.preset.name} at step {step}."
            )
        self._check_foreign(new, old)
        data = new.config.data
        if old and data and any(p.samefile(data) for p in own_files.list_own_files(self.path, old)):
            raise ValueError(
                f"data must not be a file of the run that is replaced. Received: {data}; copy it elsewhere."
            )

    def _check_foreign(self, new, old, after_step=-1):
        """Raises FileExistsError if `new` will write, after a step, to files that `old` did not write."""
        own = own_files.list_own_files(self.path, old) if old else []
        if foreign := own_files.list_foreign_files(self.path, new, own, after_step):
            others = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
            advice = "move it elsewhere" if after_step >= 0 else "choose another outdir"
            raise FileExistsError(
                "outdir must not hold files that the run would replace and did not write. Received: "
                f"{self.path}, which holds {foreign[0]}{others}; {advice}."
            )

    def begin(self, new: RunInfo, warn: Warn = print_warning) -> None:
        """Removes the files of an earlier run and begins another with an empty history.

        At every moment the folder holds a run: the old one, or the new one before its first step.
        What other commands made of the old run stays, which is said.
        """
        old = find_info(self.path)
        for path in own_files.list_own_files(self.path, old) if old else []:
            if path.name != CONFIG:  # which is replaced in one move
                path.unlink()
        if old and (derived := own_files.list_derived_files(self.path)):
            warn(f"{', '.join(derived)} in {self.path}: made from the run that is replaced, and kept.")
        self.write_info(new)
        history.begin(self.path / HISTORY)

    def continue_from(self, gan: Any, old: RunInfo, new: RunInfo) -> None:
        """Checks that the history ends at the step of the GAN, which goes on as `new`.

        Raises:
            ValueError: it does not.
            FileExistsError: files of others stand where the run will write.
        """
        path = self.path / HISTORY
        if history.find_end(path, gan.step, old.first_step) != path.stat().st_size:
            raise ValueError(
                f"{path} must end at the step of this GAN, {gan.step}. Received: another last step; "
                "use resume=True to continue from the checkpoint."
            )
        self._check_foreign(new, old, after_step=gan.step)
        self.continues = True

    def resume(self, gan: Any, old: RunInfo, new: RunInfo, warn: Warn) -> None:
        """Restores the GAN from the newest readable checkpoint and removes what later steps wrote.

        A run that was killed before its first checkpoint begins anew.

        Raises:
            ValueError: no checkpoint can be read, or checkpoint or GAN belong to another run.
            FileExistsError: files of others stand where the run will write.
            FileNotFoundError: the weights that it began with are needed once more and gone.
        """
        old.check_same(self.path, {"framework": getattr(gan, "framework", "keras")})
        old.check_class(self.path, new.gan_class)
        # Find the newest checkpoint; without one the run begins anew
        newest = checkpoints.find_newest(self.path, old, warn)
        step = newest[1].step if newest else old.first_step
        self._check_foreign(new, old, after_step=step)
        self.continues = True
        if newest is None and gan.step == step:
            load_first_weights(gan, old.weights_from)
            return history.begin(self.path / HISTORY)
        if newest is None:
            raise ValueError(f"{self.path} must hold a checkpoint. Received: none; resume with a new GAN.")
        path, checkpoint = newest
        gan.restore(checkpoint, path)
        self.saved = step

        # Remove the grids, scores and rows of later steps: they will be made again, the same
        own = own_files.list_own_files(self.path, old)
        left_overs = own_files.list_left_overs(self.path, old)
        for file in [*left_overs, *(file for file in own if (parse_name(file.name) or 0) > step)]:
            file.unlink()
        metrics_log.drop_after(self.path / METRICS, step)
        rows = self.path / HISTORY  # after the grids: it says which of them are the run's own
        os.truncate(rows, history.find_end(rows, step, old.first_step))
        if path.name == PREVIOUS:  # the next save would move the damaged checkpoint over the good one
            (self.path / CHECKPOINT).unlink(missing_ok=True)
        checkpoints.keep_best(self.path, step)

    def check_still_ours(self) -> None:
        """Raises FileNotFoundError if the path leads elsewhere than to the folder that is locked.

        It was removed, or renamed, and there may be another run of that name by now.
        """
        if not lock.is_held(self._lock, self.path):
            raise FileNotFoundError("it was removed or renamed during the run")

    def write_info(self, info: RunInfo) -> None:
        """Writes config.json, and counts from here on the seconds of training."""
        self.check_still_ours()
        info.write(self.path)
        self._stopwatch = Stopwatch(self._lock, read_times(self.path) if self.continues else Times())

    def append(self, rows: list[list]) -> None:
        """Adds rows to history.csv."""
        self.check_still_ours()
        history.append(self.path / HISTORY, rows)

    def sync_history(self) -> None:
        """Puts history.csv on the disk: no grid or checkpoint may be ahead of it if the power fails."""
        self.check_still_ours()
        sync_to_disk(self.path / HISTORY)

    def is_due(self, step: int, interval: int) -> bool:
        """Returns whether a checkpoint is due after a step; `interval` is in steps, 0 is by time."""
        if interval:
            return step % interval == 0
        return time.monotonic() - self._saved_at >= SECONDS_BETWEEN_CHECKPOINTS

    def save(self, gan: Any) -> None:
        """Saves a checkpoint, and a copy if its step has the best score; see `checkpoints`."""
        self.sync_history()
        checkpoints.save_checkpoint(gan, self.path)
        if name_gan_class(type(gan)):  # a subclass: commands take its layers from generator.keras
            self.write_generator(gan)
        self.saved, self._saved_at = gan.step, time.monotonic()
        checkpoints.keep_best(self.path, gan.step)
        if self._stopwatch:
            self._stopwatch.write()

    def write_generator(self, gan: Any) -> None:
        """Writes generator.keras."""
        self.check_still_ours()
        self._generator_file.write(gan, self.path, print_warning)

    def add_score(self, row: dict[str, Any]) -> bool:
        """Adds a row to metrics.jsonl; returns whether it is the lowest of its feature spec so far."""
        self.check_still_ours()
        metrics_log.add(self.path / METRICS, [row])
        return checkpoints.find_best_step(self.path) == row["step"]

    # errors

    @contextlib.contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Turns errors of files and of numbers into one line that says which checkpoint is kept."""
        try:
            yield
        except (FileExistsError, BrokenPipeError):
            raise
        except FloatingPointError as error:
            raise ValueError(f"{error} {self._describe_kept()}") from None
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            reason = f"{error.strerror or error}{where}"
            raise OSError(f"The run in {self.path} stopped: {reason}. {self._describe_kept()}") from error

    def _describe_kept(self):
        if not lock.is_held(self._lock, self.path):
            return f"If it was renamed, its checkpoint of step {self.saved} is in there."
        if not any((self.path / name).is_file() for name in (CHECKPOINT, PREVIOUS)):
            return "No checkpoint is kept."
        of = "" if self.saved is None else f" of step {self.saved}"
        return f"The checkpoint{of} is kept in {self.path}, to resume from."


@contextlib.contextmanager
def open_run_dir(folder: str | Path, warn: Warn) -> Iterator[RunDir]:
    """Yields the `RunDir` of a folder, created if it does not exist and locked until the block ends.

    Raises:
        lock.Busy: another process trains there.
        OSError: the folder cannot be created.
        ValueError: it has no name.
    """
    if not str(folder):
        raise ValueError("outdir must be a folder. Received: ''.")
    folder = Path(folder).expanduser()
    if os.path.lexists(folder) and not folder.is_dir():
        kind = "a link to nothing" if not folder.exists() else "which is no folder"
        raise NotADirectoryError(f"outdir must be a folder. Received: {folder}, {kind}.")
    folder.mkdir(parents=True, exist_ok=True)
    with lock.hold_lock(folder, warn) as file:
        yield RunDir(folder, file)
