"""Ctrl-C, SIGTERM, SIGHUP and a broken pipe as requests to stop training after the current step."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

from keras_gan.streams import output_error

_SECONDS = 0.25  # `timeout` sends its signal twice: within this time it counts as one
_SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
_SIGPIPE = 13  # which Windows does not know


class Interrupted(KeyboardInterrupt):
    """A signal stopped a run; the message says at which step."""

    def __init__(self, message: str, signum: int):
        super().__init__(message)
        self.exit_code = 128 + signum  # as a shell reports it


class StopRequest:
    """A signal handler that remembers the first signal.

    Attributes:
        signum: number of the signal; None until one is received.
    """

    def __init__(self) -> None:
        self.signum: int | None = None
        self.time = 0.0

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        """Remembers the first signal; raises `Interrupted` on the second, from a user who cannot wait.

        A terminal that is closed sends SIGHUP more than once: to its shell, which passes it on.
        """
        if self.signum is None:
            self.signum, self.time = signum, time.monotonic()
        elif signum in (signal.SIGINT, signal.SIGTERM) and time.monotonic() - self.time > _SECONDS:
            raise Interrupted("Stopped at once, without a new checkpoint.", signum)

    def check_output(self) -> None:
        """Requests a stop if what is printed goes to a broken pipe, as after `| head`."""
        if isinstance(output_error(), BrokenPipeError):
            self(_SIGPIPE, None)

    def describe(self) -> str:
        """Returns what stopped the run."""
        if self.signum == _SIGPIPE:
            return "because its output is no longer read"
        return f"by {signal.Signals(self.signum).name}"


@contextlib.contextmanager
def catch_signals() -> Iterator[StopRequest]:
    """Yields a `StopRequest` that handles SIGINT, SIGTERM and SIGHUP until the block ends.

    Only the main thread receives signals; in another thread nothing changes. A signal that the
    process ignores, as under nohup, or that another library handles, is left alone.
    """
    request = StopRequest()
    with _handle(request):
        yield request


@contextlib.contextmanager
def raise_on_signals() -> Iterator[None]:
    """Raises `Interrupted` in the block at SIGINT, SIGTERM or SIGHUP; see `catch_signals`."""

    def stop(signum, frame):
        raise Interrupted(f"Stopped by {signal.Signals(signum).name}.", signum)

    with _handle(stop):
        yield


@contextlib.contextmanager
def _handle(handler):
    before = {}
    if threading.current_thread() is threading.main_thread():
        for signum in _SIGNALS:
            if signal.getsignal(signum) not in (None, signal.SIG_IGN):
                before[signum] = signal.signal(signum, handler)
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
