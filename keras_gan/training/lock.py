"""The lock on a run directory: one process writes it at a time."""

import contextlib

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

    fcntl = None


class Busy(ValueError):
    """Another process trains in a run directory."""


@contextlib.contextmanager
def hold_lock(folder, warn):
    """Yields the open file `.lock` of a folder, locked until the block ends.

    Where the file system has no locks, a line of warning says so.

    Raises:
        Busy: another process holds it.
        OSError: the file cannot be made.
    """
    with open(folder / ".lock", "ab") as file:
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            raise Busy(
                "A run directory must have one process that trains. "
                f"Received: {folder}, in which another trains already."
            ) from None
        except OSError as error:  # some network file systems
            warn(f"{folder} cannot be locked ({error.strerror}): let no other process train there.")
        yield file


def _lock(file):
    """Locks a file, which the system ends with the process, however that ends."""
    if fcntl:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
