"""The directory of a training run: its files, who may write them, and how a run goes on from them.

What a checkpoint holds is known to the GAN, and when something is written to the training loop.
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

_EVENT_FILES = "events.out.tfevents.*"  # what is ours in the folder tensorboard
SECONDS_BETWEEN_CHECKPOINTS = 60  # where no interval is given: each costs about 0.2 seconds

_MADE = re.compile(
    r"\d+\.png|history\.csv|config\.json|checkpoint(\.previous|\.best)?\.npz|generator\.keras"
    r"|metrics\.jsonl|report\.html"
)

_DERIVED = (  # from a run, by sample, plot and export
    *("samples.png", "interpolation.png", "nearest.png", "real.png", "training.gif", "curves.png"),
    *("generator.onnx", "generator.pt", "discriminator.pt"),
)

_LEFT_OVER = re.compile(  # by a process that was killed while it wrote
    r"\.(\d+|config|generator|metrics|report|checkpoint\.(new|best))\.\d+\.part\.\w+|checkpoint\.new\.npz"
)


class RunDir:
    """A run directory while this process alone writes it.

    Attributes:
        path: of the folder.
        saved: step of the newest checkpoint, None where this process has not seen any.
    """

    def __init__(self, path, lock):
        self.path, self.saved = path, None
        self._lock, self._saved_at = lock, time.monotonic()

    def names(self):
        """Returns the names of the files of a run in the folder, and of its events', sorted."""
        made = [file.name for file in self.path.iterdir() if _MADE.fullmatch(file.name)]
        return sorted(made + [TENSORBOARD] * any(self._event_files()))

    def _event_files(self):
        return self.path.glob(f"{TENSORBOARD}/{_EVENT_FILES}")

    def summary(self):
        """Returns the line that says what is in the folder."""
        grids = sorted(int(name[:-4]) for name in self.names() if name.endswith(".png"))
        others = ", ".join(name for name in self.names() if not name.endswith(".png"))
        of = f"{len(grids)} sample grids ({grids[0]}.png to {grids[-1]}.png)" if grids else "no grids"
        return f"In {self.path}: {of}, {others}."

    def is_of(self, gan):
        """Returns whether the run in it is that which the GAN has trained."""
        ours = gan.outdir is not None and Path(gan.outdir).resolve() == self.path.resolve()
        return ours and (self.path / CONFIG).exists()

    def refuse_another(self, overwrite):
        """Raises FileExistsError where files of a run are there that may not be replaced."""
        made = self.names()
        if made and not overwrite:
            raise FileExistsError(
                f"outdir must not hold a run. Received: {self.path}, which holds {made[0]}."
            )

    def begin(self, overwrite):
        """Makes room for a run; errors are those of `refuse_another`."""
        self.refuse_another(overwrite)
        made = self.names()
        for name in sorted(made, key=CONFIG.__ne__):  # it first: half a run is none
            for file in self._event_files() if name == TENSORBOARD else [self.path / name]:
                file.unlink()
        if made:  # or they are of something else
            self._remove_derived()
        self._tidy()
        history.begin(self.path / HISTORY)

    def _remove_derived(self):
        for name in _DERIVED:
            (self.path / name).unlink(missing_ok=True)
        if (self.path / "savedmodel" / "saved_model.pb").is_file():
            shutil.rmtree(self.path / "savedmodel")

    def go_on(self, gan, first_step):
        """Checks that a GAN stands where the history of the run ends.

        Raises:
            ValueError: it does not.
        """
        path = self.path / HISTORY
        if history.find_end(path, gan.step, first_step) != path.stat().st_size:
            raise ValueError(
                f"{path} must end at the step of this GAN, {gan.step}. Received: another end; "
                "with resume=True the run goes on from its checkpoint."
            )

    def resume(self, gan, info, warn):
        """Sets the GAN to the newest whole checkpoint and drops what is of later steps.

        Raises:
            ValueError: no checkpoint is whole, or it is not of this run, or nor is the GAN.
        """
        info.check_same(self.path, {"framework": getattr(gan, "framework", "keras")})
        taken, saved = self._newest(info, warn)
        gan.restore(saved, taken)
        self.saved = gan.step
        if taken.name == PREVIOUS:  # or the next checkpoint would put the damaged one in its place
            (self.path / CHECKPOINT).unlink(missing_ok=True)
        rows = self.path / HISTORY
        os.truncate(rows, history.find_end(rows, gan.step, info.first_step))
        for name in self.names():
            if name.endswith(".png") and int(name[:-4]) > gan.step:
                (self.path / name).unlink()
        metrics_log.drop_after(self.path / METRICS, gan.step)
        self.keep_best()
        self._tidy()

    def _newest(self, info, warn):
        """Returns path and `Checkpoint` of the newest whole checkpoint that history.csv reaches."""
        reasons = []
        for path in (self.path / CHECKPOINT, self.path / PREVIOUS):
            try:
                saved = read_checkpoint(path)
            except (FileNotFoundError, ValueError) as error:
                reasons.append(str(error))
                continue
            settings = saved.config.to_dict()
            info.check_same(path, settings | {"image_shape": list(saved.config.image_shape)})
            if history.find_end(self.path / HISTORY, saved.step, info.first_step) is None:
                reasons.append(f"history.csv does not reach step {saved.step} of {path}.")
                continue
            if reasons:
                warn(f"{reasons[0]} The run goes on from {path}, of step {saved.step}.")
            return path, saved
        raise ValueError(f"Expected a whole checkpoint in {self.path}. Received: {' '.join(reasons)}")

    def _tidy(self):
        """Removes what a killed process left half written."""
        for file in self.path.iterdir():
            if _LEFT_OVER.fullmatch(file.name):
                file.unlink()

    def append(self, rows):
        """Adds rows to history.csv."""
        self._check_still_there()
        history.append(self.path / HISTORY, rows)

    def _check_still_there(self):
        if os.fstat(self._lock.fileno()).st_nlink == 0:  # or a new run of that name would be written to
            raise FileNotFoundError("it was removed while the run went on")

    def due(self, step, interval):
        """Returns whether a checkpoint is due after a step, `interval` being in steps or 0: by time."""
        if interval:
            return step % interval == 0
        return time.monotonic() - self._saved_at >= SECONDS_BETWEEN_CHECKPOINTS

    def save(self, gan):
        """Saves the GAN as checkpoint.npz; the one before becomes checkpoint.previous.npz.

        It is read again before it takes that place, which costs 0.05 seconds.

        Raises:
            FloatingPointError: a weight is not finite; the checkpoints stay as they are.
        """
        self._check_still_there()
        sync_to_disk(self.path / HISTORY)  # so that it reaches every checkpoint
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
        """Adds a row to metrics.jsonl; returns whether it is the lowest of its protocol so far."""
        metrics_log.add(self.path / METRICS, [row])
        return self._best_step() == row["step"]

    def _best_step(self):
        """Returns the step of the newest score if none before it, of the same protocol, is as low."""
        rows = metrics_log.select_training_scores(metrics_log.read(self.path / METRICS))
        alike = [row for row in rows if metrics_log.get_spec(row) == metrics_log.get_spec(rows[-1])]
        lowest = min(alike, key=lambda row: row["value"], default=None)
        return lowest["step"] if alike and lowest is alike[-1] else None

    def keep_best(self):
        """Copies the checkpoint to checkpoint.best.npz where its step has the lowest score so far."""
        if self.saved is not None and self._best_step() == self.saved:
            with atomic_write(self.path / BEST) as beside:
                shutil.copyfile(self.path / CHECKPOINT, beside)

    @contextlib.contextmanager
    def explained(self):
        """Turns a failure to write or a number gone wrong into a line that says what is kept."""
        try:
            yield
        except (FileExistsError, BrokenPipeError):
            raise
        except FloatingPointError as error:
            raise ValueError(f"{error} {self._kept()}") from None
        except OSError as error:
            where = f": {error.filename}" if error.filename else ""
            reason = f"{error.strerror or error}{where}"
            raise OSError(f"The run in {self.path} stopped: {reason}. {self._kept()}") from error

    def _kept(self):
        if not any((self.path / name).is_file() for name in (CHECKPOINT, PREVIOUS)):
            return "No checkpoint is kept."
        of = "" if self.saved is None else f" of step {self.saved}"
        return f"The checkpoint{of} is kept in {self.path}, to resume from."


@contextlib.contextmanager
def open_run_dir(folder, warn):
    """Yields the `RunDir` of a folder, made where it is missing, locked until the block ends.

    Raises:
        lock.Busy: another process trains there.
        OSError: the folder cannot be made.
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"outdir must be a folder. Received: {folder}, which is a file.")
    folder.mkdir(parents=True, exist_ok=True)
    with lock.hold_lock(folder, warn) as file:
        yield RunDir(folder, file)
