"""Files that are written beside and then moved into place, so that a reader never sees half of one."""

import contextlib
import os
from pathlib import Path


@contextlib.contextmanager
def atomic_write(path):
    """Yields a path beside `path`, moved over `path` once the block has ended well.

    The file is on the disk before it is moved, so that `path` holds the old or the new bytes,
    whole, whenever the process or the machine stops. An exception leaves `path` as it was.
    The yielded name is this process's own: two that write the same file do not mix their bytes.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} must be in a folder that exists. Received: no folder {path.parent}.")
    beside = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield beside
        with open(beside, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
        sync_to_disk(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def check_utf8(path: str | Path) -> None:
    """Raises ValueError where TensorFlow cannot write to a path: its name must be UTF-8."""
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError:
        raise ValueError(
            f"TensorFlow takes names in UTF-8 alone. Received: {os.fsencode(path)!r}; name another folder."
        ) from None


def sync_to_disk(path):
    """Puts what was written to a file, or which files a folder holds, on the disk itself."""
    if os.name == "nt" and os.path.isdir(path):
        return  # Windows opens no folders, and keeps their order of changes by itself
    descriptor = os.open(path, os.O_RDWR if os.path.isfile(path) else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rotate(new, current, previous):
    """Moves the file `new` to `current`, and what `current` was to `previous`.

    At any moment one of `current` and `previous` is whole, if one was before or `new` is.
    """
    beside = previous.with_name(f".{previous.name}.link")
    beside.unlink(missing_ok=True)
    if current.exists():
        try:
            os.link(current, beside)
        except OSError:  # a file system without links: for a moment `previous` alone is there
            os.replace(current, previous)
        else:
            os.replace(beside, previous)
            beside.unlink(missing_ok=True)  # which it is still, where both were one file already
    os.replace(new, current)
    sync_to_disk(current.parent)
