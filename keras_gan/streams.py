"""Streams for stdout and stderr that never raise: a line that cannot be printed ends no training."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator

Warn = Callable[[str], object]  # a function that takes a line which the user should see


def format_error(error: BaseException) -> str:
    """Returns the message of an exception on one line, or its name where it has none."""
    return " ".join(str(error).split()) or type(error).__name__


def ignore(line: object) -> None:
    """Takes the place of a function that prints a line, where none is to be printed."""


class SafeStream:
    """A text stream whose failures end nothing, in the place of stdout or stderr.

    A character that its encoding lacks is written as "?". Once it cannot be written (a full disk, a
    closed pipe, a terminal that is gone) its descriptor leads to the null device.

    Attributes:
        error: the first OSError or ValueError of writing, None before it.
    """

    def __init__(self, stream):
        self._stream, self.error = stream, None

    def __getattr__(self, name):
        if name == "buffer":  # through which click would write past this object
            raise AttributeError(name)
        return getattr(self._stream, name)

    def write(self, text: str | bytes) -> int:
        """Writes a string, or UTF-8 as click's completion does, or drops it; returns its length."""
        if isinstance(text, bytes):
            if not text:  # with which click tries whether a stream takes bytes alone
                raise TypeError("A text stream takes strings. Received: no bytes.")
            text = text.decode()
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self.write(text.encode(encoding, "replace").decode(encoding))
        except BlockingIOError:
            pass  # a pipe that is full for now
        except (OSError, ValueError) as error:
            self._drop(error)
        return len(text)

    def flush(self) -> None:
        """Flushes the stream, or drops what it holds."""
        try:
            self._stream.flush()
        except BlockingIOError:
            pass
        except (OSError, ValueError) as error:
            self._drop(error)

    def _drop(self, error):
        self.error = self.error or error
        with contextlib.suppress(OSError, ValueError, AttributeError):  # a stream without a descriptor
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)


@contextlib.contextmanager
def safe_output() -> Iterator[None]:
    """Makes stdout and stderr `SafeStream`s until the block ends; a block within another changes nothing."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_make_safe, before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _make_safe(stream):
    if stream is None:  # it was closed when the process started
        stream = open(os.devnull, "w")
    return stream if hasattr(stream, "error") else SafeStream(stream)


def escape_controls(text: str) -> str:
    """Returns a line with control characters, which names of files may hold, as Python writes them."""
    return "".join(repr(c)[1:-1] if c < " " or "\x7f" <= c < "\xa0" else c for c in text)


def output_error() -> Exception | None:
    """Returns the first error of stdout, else of stderr, in the block of `safe_output`; None without one."""
    return getattr(sys.stdout, "error", None) or getattr(sys.stderr, "error", None)
