"""Writes the files of a run directory: begins a run, saves checkpoints, resumes from them.

The GAN knows what a checkpoint holds, the training loop when one is saved.
"""

import contextlib
import os
import re
import shutil
import time
from pathlib import Path

import numpy as np

from keras_gan.files import npz
from keras_gan.files.atomic import atomic_write, rotate, sync_to_disk
from keras_gan.model.checkpoint import read_checkpoint
from keras_gan.run import history, metrics_log
from keras_gan.run.info import BEST, CHECKPOINT, CONFIG, HISTORY, METRICS, PREVIOUS, TENSORBOARD
from keras_gan.training import lock
from keras_gan.training.tensorboard import EVENT_FILES

SECONDS_BETWEEN_CHECKPOINTS = 60  # where no interval is given: each costs about 0.2 seconds

_MADE = re.compile(
    r"\d+\.png|history\.csv|config\.json|checkpoint(\.previous|\.best)?\.npz|generator\.keras"
    r"|metrics\.jsonl|report\.html"
)

_DERIVED = (  # from a run, by sample, plot and export
    *("samples.png", "interpolation.png", "nearest.png", "real.png", "training.gif", "curves.png"),
    *("generator.onnx", "generator.html", "generator.pt", "discriminator.pt"),
)

_LEFT_OVER = re.compile(  # by a process that was killed while it wrote
    r"\.(\d+|config|generator|metrics|report|checkpoint\.(new|best))\.\d+\.part\.\w+|checkpoint\.new\.npz"
)


class RunDir:
    """A run directory that this process has locked.

    Attributes:
        path: of the folder.
        saved: step of the newest checkpoint; None until this process has read or written one.
    """

    def __init__(self, path, lock):
        self.path, self.saved = path, None
        self._lock, self._saved_at = lock, time.monotonic()

    def list_files(self):
        """Returns the sorted names of the files of a run in the folder, "tensorboard" for its events."""
        made = [file.name for file in self.path.iterdir() if _MADE.fullmatch(file.name)]
        return sorted(made + [TENSORBOARD] * any(self._event_files()))

    def _event_files(self):
        return (self.path / TENSORBOARD).rglob(EVENT_FILES)

    def describe(self):
        """Returns a line on the files in the folder."""
        grids = sorted(int(name[:-4]) for name in self.list_files() if name.endswith(".png"))
        others = ", ".join(name for name in self.list_files() if not name.endswith(".png"))
        of = f"{len(grids)} sample grids ({grids[0]}.png to {grids[-1]}.png)" if grids else "no grids"
        return f"In {self.path}: {of}, {others}."

    def is_run_of(self, gan):
        """Returns whether it holds the run that this GAN object trained."""
        ours = gan.outdir is not None and Path(gan.outdir).resolve() == self.path.resolve()
        return ours and (self.path / CONFIG).exists()

    def refuse_another(self, overwrite):
        """Raises FileExistsError if it holds files of a run, unless they may be overwritten."""
        made = self.list_files()
        if made and not overwrite:
            raise FileExistsError(
                f"outdir must not hold a run. Received: {self.path}, which holds {made[0]}."
            )

    def begin(self, overwrite):
        """Removes an earlier run, if it may be overwritten, and begins an empty history.

        Raises:
            FileExistsError: see `refuse_another`.
        """
        self.refuse_another(overwrite)
        made = self.list_files()
        for name in sorted(made, key=CONFIG.__ne__):  # config.json first: without it there is no run
            for file in self._event_files() if name == TENSORBOARD else [self.path / name]:
                file.unlink()
        if made:  # without a run they are of something else
            self._remove_derived()
        self._tidy()
        history.begin(self.path / HISTORY)

    def _remove_derived(self):
        for name in _DERIVED:
            (self.path / name).unlink(missing_ok=True)
        if (self.path / "savedmodel" / "saved_model.pb").is_file():
            shutil.rmtree(self.path / "savedmodel")

    def continue_from(self, gan, first_step):
        """Raises ValueError unless the history ends at the step of the GAN."""
        path = self.path / HISTORY
        if history.find_end(path, gan.step, first_step) != path.stat().st_size:
            raise ValueError(
                f"{path} must end at the step of this GAN, {gan.step}. Received: another last step; "
                "use resume=True to continue from the checkpoint."
            )

    def resume(self, gan, info, warn):
        """Restores the GAN from the newest readable checkpoint and removes what later steps wrote.

        Raises:
            ValueError: no checkpoint can be read, or checkpoint or GAN belong to another run.
        """
        info.check_same(self.path, {"framework": getattr(gan, "framework", "keras")})
        # Restore the GAN
        path, checkpoint = self._find_newest(info, warn)
        gan.restore(checkpoint, path)
        self.saved = gan.step
        if path.name == PREVIOUS:  # the next save would move the damaged checkpoint over the good one
            (self.path / CHECKPOINT).unlink(missing_ok=True)
        # Remove the rows, grids and scores of later steps: they will be made again, the same
        rows = self.path / HISTORY
        os.truncate(rows, history.find_end(rows, gan.step, info.first_step))
        for name in self.list_files():
            if name.endswith(".png") and int(name[:-4]) > gan.step:
                (self.path / name).unlink()
        metrics_log.drop_after(self.path / METRICS, gan.step)
        self.keep_best()
        self._tidy()

    def _find_newest(self, info, warn):
        """Returns path and `Checkpoint` of the newest one that can be read and history.csv reaches."""
        reasons = []
        for path in (self.path / CHECKPOINT, self.path / PREVIOUS):
            try:
                checkpoint = read_checkpoint(path)
            except (FileNotFoundError, ValueError) as error:
                reasons.append(str(error))
                continue
            settings = checkpoint.config.to_dict()
            info.check_same(path, settings | {"image_shape": list(checkpoint.config.image_shape)})
            if history.find_end(self.path / HISTORY, checkpoint.step, info.first_step) is None:
                reasons.append(f"history.csv does not reach step {checkpoint.step} of {path}.")
                continue
            if reasons:
                warn(f"{reasons[0]} The run continues from {path}, of step {checkpoint.step}.")
            return path, checkpoint
        raise ValueError(f"Expected a readable checkpoint in {self.path}. Received: {' '.join(reasons)}")

    def _tidy(self):
        """Removes half-written files of a process that was killed."""
        for file in self.path.iterdir():
            if _LEFT_OVER.fullmatch(file.name):
                file.unlink()

    def append(self, rows):
        """Adds rows to history.csv."""
        self._check_still_there()
        history.append(self.path / HISTORY, rows)

    def _check_still_there(self):
        if os.fstat(self._lock.fileno()).st_nlink == 0:  # its path may lead to a new run
            raise FileNotFoundError("it was removed during the run")

    def is_due(self, step, interval):
        """Returns whether a checkpoint is due after a step; `interval` is in steps, 0 is by time."""
        if interval:
            return step % interval == 0
        return time.monotonic() - self._saved_at >= SECONDS_BETWEEN_CHECKPOINTS

    def save(self, gan):
        """Saves the GAN as checkpoint.npz; the one before becomes checkpoint.previous.npz.

        The new file is read back first, which takes 0.05 s.

        Raises:
            FloatingPointError: a weight is not finite; the checkpoints stay as they are.
        """
        self._check_still_there()
        sync_to_disk(self.path / HISTORY)  # a checkpoint must never be ahead of the history
        new = self.path / "checkpoint.new.npz"
        try:
            gan.save(new)
            for name, array in npz.load(new).items():
                if array.dtype.kind == "f" and not np.isfinite(array).all():
                    raise FloatingPointError(
                        f"Weights must be finite. Received: nan or inf in {name} after step "
                        f"{gan.step}; a smaller lr may help."
                    )
            rotate(new, self.path / CHECKPOINT, self.path / PREVIOUS)
        finally:
            new.unlink(missing_ok=True)
        self.saved, self._saved_at = gan.step, time.monotonic()

    def add_score(self, row):
        """Adds a row to metrics.jsonl; returns whether it is the lowest of its feature spec so far."""
        metrics_log.add(self.path / METRICS, [row])
        return self._best_step() == row["step"]

    def _best_step(self):
        """Returns the step of the newest score if no earlier one of the same feature spec is as low."""
        rows = metrics_log.select_training_scores(metrics_log.read(self.path / METRICS))
        alike = [row for row in rows if metrics_log.get_spec(row) == metrics_log.get_spec(rows[-1])]
        lowest = min(alike, key=lambda row: row["value"], default=None)
        return lowest["step"] if alike and lowest is alike[-1] else None

    def keep_best(self):
        """Copies the checkpoint to checkpoint.best.npz if its step has the lowest score so far."""
        if self.saved is not None and self._best_step() == self.saved:
            with atomic_write(self.path / BEST) as beside:
                shutil.copyfile(self.path / CHECKPOINT, beside)

    @contextlib.contextmanager
    def translate_errors(self):
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
        if not any((self.path / name).is_file() for name in (CHECKPOINT, PREVIOUS)):
            return "No checkpoint is kept."
        of = "" if self.saved is None else f" of step {self.saved}"
        return f"The checkpoint{of} is kept in {self.path}, to resume from."


@contextlib.contextmanager
def open_run_dir(folder, warn):
    """Yields the `RunDir` of a folder, created if it does not exist and locked until the block ends.

    Raises:
        lock.Busy: another process trains there.
        OSError: the folder cannot be created.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"outdir must be a folder. Received: {folder}, which is a file.")
    folder.mkdir(parents=True, exist_ok=True)
    with lock.hold_lock(folder, warn) as file:
        yield RunDir(folder, file)
