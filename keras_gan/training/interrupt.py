"""Ctrl-C and SIGTERM as a request to end a training run well, once its current step is done."""

import contextlib
import signal
import threading
import time

_SECONDS = 0.25  # within which a signal is the same one again: `timeout` sends it twice


class Interrupted(KeyboardInterrupt):
    """A run was ended by a signal; the message says at which step."""

    def __init__(self, message, signum):
        super().__init__(message)
        self.exit_code = 128 + signum  # as a shell reports it


class Request:
    """What has been asked for: `signum` is the number of the signal, None before it comes."""

    def __init__(self):
        self.signum, self.time = None, 0.0

    def __call__(self, signum, frame):
        """Notes the first signal; the second, of someone who cannot wait, ends the run here."""
        if self.signum is None:
            self.signum, self.time = signum, time.monotonic()
        elif time.monotonic() - self.time > _SECONDS:
            raise Interrupted("Stopped at once, without a new checkpoint.", signum)

    def name(self):
        """Returns the name of the signal."""
        return signal.Signals(self.signum).name


@contextlib.contextmanager
def catch_signals():
    """Yields a `Request` that takes SIGINT and SIGTERM until the block ends.

    Signals reach the main thread alone; elsewhere, and where the process was told to ignore them
    or another library handles them, nothing is changed.
    """
    request, before = Request(), {}
    if threading.current_thread() is threading.main_thread():
        for signum in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(signum) not in (None, signal.SIG_IGN):
                before[signum] = signal.signal(signum, request)
    try:
        yield request
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
