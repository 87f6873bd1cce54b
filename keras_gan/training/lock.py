"""The lock on a run directory: only one process writes to it at a time."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

    fcntl = None  # type: ignore[assignment]


class Busy(ValueError):
    """Another process trains in a run directory."""


@contextlib.contextmanager
def hold_lock(folder: Path, warn: Callable[[str], object]) -> Iterator[BinaryIO]:
    """Yields the open file `.lock` in a folder, locked until the block ends.

    A file system without locks is reported to `warn`.

    Raises:
        Busy: another process holds the lock.
        OSError: the file cannot be created.
    """
    with open(folder / ".lock", "ab") as file:
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            raise Busy(
                f"Only one process may train in a run directory. Received: {folder}, in which another "
                "one is training."
            ) from None
        except OSError as error:  # some network file systems
            warn(f"{folder} cannot be locked ({error.strerror}): make sure that nothing else trains there.")
        yield file


def _lock(file):
    """Locks a file until it is closed or the process ends, in whatever way it ends."""
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
