"""Whether all workers of a run are there: at its start, and while it goes on.

TensorFlow waits for ever for a worker that does not start, and notices that one has died only in the next
operation that needs it.
"""

import contextlib
import faulthandler
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

SECONDS_TO_START = 45.0  # from the start of the first worker to that of the last
SECONDS_TO_CONNECT = 30.0  # TensorFlow's servers, which takes one or two
SECONDS_TO_GIVE_UP = 20.0  # twice what TensorFlow takes, whose errors the main thread reports itself
_SECONDS_BETWEEN_CHECKS = 2.0
_SECONDS_TO_ANSWER = 2.0
AGAIN = "start all workers again"


def wait_for_workers(addresses: list[str], own: int) -> None:
    """Waits until all workers have started.

    Args:
        addresses: "host:port" of every worker.
        own: index of this one, which listens at its port until it has met the others.

    Raises:
        OSError: the port is taken.
        ConnectionError: a worker has not started after `SECONDS_TO_START`.
    """
    port = int(addresses[own].rpartition(":")[2])
    try:
        listener = socket.create_server(("", port), backlog=128)
    except OSError as error:
        reason = f"This worker must listen at port {port}. Received: {error.strerror}"
        raise OSError(f"{reason}; end what does, or choose other ports.") from None
    missing, start = {i: a for i, a in enumerate(addresses) if i != own}, time.monotonic()
    with listener:
        while missing := {i: address for i, address in missing.items() if not _answers(address)}:
            if time.monotonic() - start > SECONDS_TO_START:
                i = min(missing)
                raise ConnectionError(
                    f"All workers must start within {SECONDS_TO_START:.0f} seconds. Received: no answer from "
                    f"worker {i} ({missing[i]}); {AGAIN}."
                )
            time.sleep(0.2)


@contextlib.contextmanager
def limit_seconds(seconds: float, line: str) -> Iterator[None]:
    """Ends the process with a line on stderr and exit code 1 where the block takes longer.

    It works although TensorFlow, connecting its servers, holds the lock that every Python thread needs:
    Python's fault handler writes its report from a thread of C, and sed puts the line in its place.
    """
    command = ["sed", "-n", f"s|^Timeout.*|Error: {line}|p"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=2) as child:
        faulthandler.dump_traceback_later(seconds, exit=True, file=child.stdin)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


class Watch:
    """Connects to all other workers in turn until it is stopped; ends the process where one is lost.

    Args and `own` are those of `wait_for_workers`.
    """

    def __init__(self, addresses: list[str], own: int):
        self._others = {i: address for i, address in enumerate(addresses) if i != own}
        self._answered = dict.fromkeys(self._others, time.monotonic())
        self._stopped = threading.Event()
        threading.Thread(target=self._check, daemon=True).start()

    def stop(self) -> None:
        """Ends the checks."""
        self._stopped.set()

    def _check(self):
        while not self._stopped.wait(_SECONDS_BETWEEN_CHECKS):
            lost = next((i for i in self._others if self._is_lost(i)), None)
            if lost is not None and not self._stopped.is_set():
                _end_process(self._describe(lost))

    def _is_lost(self, worker):
        if _answers(self._others[worker]):
            self._answered[worker] = time.monotonic()
        return time.monotonic() - self._answered[worker] > SECONDS_TO_GIVE_UP

    def describe_lost(self) -> str | None:
        """Returns a line on the worker that does not answer now; None if all answer."""
        lost = next((i for i, address in self._others.items() if not _answers(address)), None)
        return None if lost is None else self._describe(lost)

    def _describe(self, worker):
        return f"worker {worker} ({self._others[worker]}) does not answer; {AGAIN}"


def _answers(address):
    """Returns whether something accepts connections at "host:port"."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_ANSWER).close()
    except OSError:
        return False
    return True


def _end_process(line):
    """Prints a line and ends the process: the main thread may wait inside TensorFlow for ever."""
    show_cursor = "\x1b[?25h" if sys.stderr.isatty() else ""  # which a progress bar hides
    os.write(2, f"{show_cursor}Error: {line}\n".encode())
    os._exit(1)
