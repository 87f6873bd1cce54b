"""The lock on a run directory: only one process writes to it at a time."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from keras_gan.run.config_json import CONFIG
from keras_gan.run.times import LOCK
from keras_gan.streams import Warn

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

    fcntl = None  # type: ignore[assignment]


class Busy(ValueError):
    """Another process trains in a run directory."""


@contextlib.contextmanager
def hold_lock(folder: Path, warn: Warn) -> Iterator[BinaryIO]:
    """Yields the open file `.lock` in a folder, locked until the block ends.

    A file system without locks is reported to `warn`. Where the block fails before a run has begun, no
    new lock file is left.

    Raises:
        Busy: another process holds the lock.
        OSError: the file cannot be created.
    """
    is_new = not os.path.lexists(folder / LOCK)
    with _open(folder / LOCK) as file:
        try:
            _lock(file)
            if not is_held(file, folder):  # whose holder has just removed it
                raise BlockingIOError
        except (BlockingIOError, PermissionError):
            raise Busy(
                f"Only one process may train in a run directory. Received: {folder}, in which another "
                "one is training."
            ) from None
        except OSError as error:  # some network file systems
            warn(f"{folder} cannot be locked ({error.strerror}): make sure that nothing else trains there.")
        try:
            yield file
        except BaseException:
            if is_new and not (folder / CONFIG).exists() and is_held(file, folder):
                with contextlib.suppress(OSError):  # Windows removes no open file
                    (folder / LOCK).unlink()
            raise


def is_held(file: BinaryIO, folder: Path) -> bool:
    """Returns whether the lock file in a folder is the one that is open and locked.

    It is not once the folder was removed or renamed, and perhaps made anew.
    """
    held = os.fstat(file.fileno())
    try:
        there = os.lstat(folder / LOCK)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)


def _open(path):
    """Opens a file to append to, created if it does not exist; no link is followed, no pipe waited for."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
        raise FileExistsError(f"{path} must be a file. Received: a link, a pipe or a folder; remove it.")
    return open(os.open(path, flags, 0o666), "r+b", buffering=0)


def _lock(file):
    """Locks a file until it is closed or the process ends, in whatever way it ends."""
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
