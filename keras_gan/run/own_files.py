"""Which files in a run directory are the run's own: nothing else in it is ever replaced or deleted.

docs/run-directory.md has the rule in words.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from keras_gan.files import npz
from keras_gan.run import history
from keras_gan.run.grids import parse_name
from keras_gan.run.info import (
    BEST,
    CHECKPOINT,
    CONFIG,
    GENERATOR,
    HISTORY,
    METRICS,
    PREVIOUS,
    REPORT,
    TENSORBOARD,
    RunInfo,
)

NEW_CHECKPOINT = "checkpoint.new.npz"  # while it is written and read back
_FIXED = (CHECKPOINT, PREVIOUS, BEST, GENERATOR, REPORT, METRICS, HISTORY, CONFIG)
_SHOWN = (HISTORY, METRICS, CHECKPOINT, BEST, GENERATOR, REPORT)  # after a training
_DERIVED = (  # by sample, plot and export
    *("samples.png", "interpolation.png", "nearest.png", "real.png", "training.gif", "curves.png"),
    *("generator.onnx", "generator.html", "generator.pt", "discriminator.pt", "savedmodel"),
)
_TEMPORARY = re.compile(r"\.(.+)\.\d+\.part(\.\w+)", re.ASCII)  # as `atomic_write` names them
_EVENTS = "events.out.tfevents."
_LINK = f".{PREVIOUS}.link"  # as `rotate` names it


def find_last_step(folder: Path, info: RunInfo) -> int:
    """Returns the last step that the history or a checkpoint of a run reaches."""
    steps = [info.first_step, history.find_last_step(folder / HISTORY, info.first_step)]
    for name in (CHECKPOINT, PREVIOUS):
        try:
            steps.append(int(npz.load(folder / name)["step"]))
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            continue  # a damaged checkpoint tells nothing
    return max(steps)


def list_own_files(folder: Path, info: RunInfo) -> list[Path]:
    """Returns the files that the run in a folder has written, in an order in which they may be deleted.

    Whenever the deletion is interrupted, what is left is still a run: its history, which says how
    far its grids reach, goes last but config.json, which marks the run.
    """
    last_step = find_last_step(folder, info)
    fixed, others = [folder / name for name in _FIXED], []
    for path in _list_regular(folder):
        step = parse_name(path.name)
        is_grid = step is not None and step <= last_step and info.has_grid(step)
        if is_grid or _is_left_over(path.name, info, last_step):
            others.append(path)
    own = [*fixed[:-2], *list_event_files(folder), *others, *fixed[-2:]]
    return [path for path in own if _is_regular(path)]


def describe_files(folder: Path, info: RunInfo) -> str:
    """Returns a line on the files of a run that its user may want to open."""
    names = {path.name for path in list_own_files(folder, info)}
    steps = sorted(step for name in names if (step := parse_name(name)) is not None)
    shown = [f"{steps[0]}.png to {steps[-1]}.png"] if steps else []
    shown += [name for name in _SHOWN if name in names]
    shown += [f"{TENSORBOARD}/"] if list_event_files(folder) else []
    return f"In {folder}: {', '.join(shown)}."


def list_left_overs(folder: Path, info: RunInfo) -> list[Path]:
    """Returns the half-written files that a killed process of the run left behind."""
    last_step = find_last_step(folder, info)
    return [path for path in _list_regular(folder) if _is_left_over(path.name, info, last_step)]


def list_event_files(folder: Path) -> list[Path]:
    """Returns the event files for TensorBoard below a folder; those that links lead to are not its own."""
    events = folder / TENSORBOARD
    if events.is_symlink():
        return []
    found = (Path(parent, name) for parent, _, names in os.walk(events) for name in names)
    return sorted(path for path in found if path.name.startswith(_EVENTS) and _is_regular(path))


def check_no_run(folder: Path) -> None:
    """Raises FileExistsError if a folder holds a run, or what may be left of one."""
    if name := next((name for name in reversed(_FIXED) if os.path.lexists(folder / name)), None):
        raise FileExistsError(
            f"RUN must not hold a run. Received: {folder}, which holds {name}; choose another folder."
        )


def list_derived_files(folder: Path) -> list[str]:
    """Returns the names of what other commands make of a run; it is never deleted with the run."""
    return [name for name in _DERIVED if os.path.lexists(folder / name)]


def list_foreign_files(folder: Path, info: RunInfo, own: list[Path], after_step: int) -> list[str]:
    """Returns the sorted names in a folder that a run will write to and that are not its own.

    Args:
        info: of the run that begins or continues; its `grids` are those it will write.
        own: files that may be replaced, as `list_own_files` returns them.
        after_step: step from which it continues; -1 for a run that begins.
    """
    names = {path.name for path in own if path.parent == folder}
    found = [n for n in os.listdir(folder) if n not in names and _will_write(n, info, after_step)]
    if not own and list_event_files(folder):  # TensorBoard would show them as one run
        found.append(TENSORBOARD)
    return sorted(found)


def _will_write(name, info, after_step):
    step = parse_name(name)
    fixed = name in (*_FIXED, NEW_CHECKPOINT, _LINK)
    return fixed or step is not None and step > after_step and info.has_grid(step)


def _is_left_over(name, info, last_step):
    if name in (NEW_CHECKPOINT, _LINK):
        return True
    match = _TEMPORARY.fullmatch(name)
    if not match:
        return False
    target = match[1] + match[2]
    step = parse_name(target)
    return (
        target in (*_FIXED, NEW_CHECKPOINT) or step is not None and step <= last_step and info.has_grid(step)
    )


def _list_regular(folder) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if _is_regular(path))


def _is_regular(path):
    return path.is_file() and not path.is_symlink()
