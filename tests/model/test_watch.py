import socket
import subprocess
import sys
import threading

import pytest

from keras_gan.model import watch
from tests.conftest import REPOSITORY


@pytest.fixture
def free():
    """A function that returns the address of a port that nothing listens at."""

    def find():
        with socket.create_server(("127.0.0.1", 0)) as server:
            return f"127.0.0.1:{server.getsockname()[1]}"

    return find


def in_python(program):
    """Returns exit code and stderr of a program of its own."""
    command = [sys.executable, "-c", f"from keras_gan.model import watch\n{program}"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    return result.returncode, result.stderr


def test_workers_that_start_at_one_time_meet(free):
    addresses, all_have_met = [free(), free(), free()], threading.Barrier(3)

    def meet_and_serve(i):
        watch.wait_for_workers(addresses, i)
        with socket.create_server(("127.0.0.1", int(addresses[i].split(":")[1]))):  # as TensorFlow then does
            all_have_met.wait(20)

    threads = [threading.Thread(target=meet_and_serve, args=(i,)) for i in (1, 2)]
    for thread in threads:
        thread.start()
    meet_and_serve(0)
    for thread in threads:
        thread.join()
    assert not all_have_met.broken


def test_worker_that_does_not_start_is_named(free, monkeypatch):
    monkeypatch.setattr(watch, "SECONDS_TO_START", 0)
    other = free()
    with pytest.raises(ConnectionError, match=f"Received: no answer from worker 1 \\({other}\\)"):
        watch.wait_for_workers([free(), other], 0)


def test_port_that_is_taken_is_refused():
    with socket.create_server(("", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(OSError, match=f"must listen at port {port}. Received: Address already in use"):
            watch.wait_for_workers([f"127.0.0.1:{port}"], 0)


def test_lost_worker_is_named_and_one_that_answers_is_not(free):
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = f"127.0.0.1:{server.getsockname()[1]}"
        gone = free()
        watching = watch.Watch([there, there, gone], 0)
        assert watching.describe_lost() == f"worker 2 ({gone}) does not answer; start all workers again"
        watching.stop()


def test_process_that_waits_for_a_lost_worker_ends_with_a_line(free):
    settings = "watch.SECONDS_TO_GIVE_UP = watch._SECONDS_BETWEEN_CHECKS = 0.05\n"
    code, line = in_python(f"{settings}watch.Watch(['', {free()!r}], 0)\nimport time\ntime.sleep(60)")
    assert code == 1 and line.startswith("Error: worker 1 (") and line.count("\n") == 1


def test_block_that_keeps_pythons_lock_too_long_ends_with_a_line():
    keep = "import ctypes\nwith watch.limit_seconds(0.1, 'too late'):\n    ctypes.PyDLL(None).sleep(60)"
    assert in_python(keep) == (1, "Error: too late\n")
    assert in_python("with watch.limit_seconds(9, 'too late'):\n    pass") == (0, "")
