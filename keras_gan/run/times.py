"""When a run began and how long it has trained, for its report.

They are kept in the lock file, for all other files of a run are the same when it is repeated.
"""

import datetime
import json
import math
import time
from pathlib import Path
from typing import BinaryIO, NamedTuple

LOCK = ".lock"
_MAX_BYTES = 1000


class Times(NamedTuple):
    """When a run began, as a local date and time, and its seconds of training; None if not known."""

    started: datetime.datetime | None = None
    seconds: float | None = None


def read_times(folder: Path) -> Times:
    """Returns the `Times` of the run in a folder; earlier versions recorded none."""
    path = folder / LOCK
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return Times()
        content = json.loads(path.read_bytes())
        started = datetime.datetime.fromtimestamp(content["started"])
        seconds = float(content["seconds"])
        return Times(started, seconds if 0 <= seconds < math.inf else None)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return Times()


class Stopwatch:
    """Adds the seconds that this process trains to those in a lock file.

    Args:
        file: the open lock file.
        times: what it says of a run that continues; of a new run `Times()`.
    """

    def __init__(self, file: BinaryIO, times: Times):
        now = time.time()
        self._file, self._since = file, time.monotonic()
        self._started = times.started.timestamp() if times.started else now
        self._seconds = times.seconds or 0.0

    def write(self) -> None:
        """Writes the start and the seconds so far."""
        seconds = self._seconds + time.monotonic() - self._since
        content = json.dumps({"started": round(self._started), "seconds": round(seconds, 1)})
        self._file.seek(0)
        self._file.truncate()
        self._file.write(content.encode() + b"\n")
