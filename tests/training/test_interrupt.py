"""Tests of signals, which this process sends to itself."""

import os
import signal
import threading

import pytest

from keras_gan.training import interrupt

each = pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])


def handlers():
    return [signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]


@each
def test_first_signal_is_noted_and_nothing_else_happens(signum):
    with interrupt.catch_signals() as request:
        assert request.signum is None
        os.kill(os.getpid(), signum)
        assert request.signum == signum and request.describe() == f"by {signal.Signals(signum).name}"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_second_signal_ends_the_block_with_the_exit_code_of_a_shell(signum, monkeypatch):
    monkeypatch.setattr(interrupt, "_SECONDS", 0)
    with pytest.raises(interrupt.Interrupted, match="without a new checkpoint") as stop:
        with interrupt.catch_signals():
            os.kill(os.getpid(), signum)
            os.kill(os.getpid(), signum)
    assert stop.value.exit_code == 128 + signum


def test_signal_that_comes_again_at_once_is_the_same_one():
    """`timeout` sends it to the process and then to the process group."""
    with interrupt.catch_signals() as request:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
    assert request.signum == signal.SIGTERM


def test_terminal_that_is_closed_may_say_so_twice(monkeypatch):
    monkeypatch.setattr(interrupt, "_SECONDS", 0)
    with interrupt.catch_signals() as request:
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), signal.SIGHUP)
    assert request.signum == signal.SIGHUP


def test_handlers_are_as_before_once_the_block_ends_or_fails():
    before = handlers()
    with pytest.raises(ValueError), interrupt.catch_signals() as request:
        assert handlers() == [request] * 3
        raise ValueError
    assert handlers() == before


def test_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupt.catch_signals() as request:
            os.kill(os.getpid(), signal.SIGINT)
        assert request.signum is None and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_thread_other_than_the_main_one_changes_no_handler():
    before, inside = handlers(), []

    def target():
        with interrupt.catch_signals():
            inside.extend(handlers())

    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
    assert inside == before
