from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from keras_gan.model.workers import STEPS, STOP, Workers
from tests.conftest import forbidden, run_workers


def test_single_worker_keeps_its_own():
    alone = Workers()
    assert (alone.count, alone.replicas, alone.share(b"abc")) == (1, 1, b"abc")
    alone.check_same({"seed": 1})
    alone.send_request(STEPS, 1, 2)
    assert alone.load_in_turn(lambda: "loaded") == "loaded"
    with alone:
        pass


def test_first_worker_shares_bytes_and_arrays_with_all():
    assert (
        run_workers(3, lambda w: w.share(b"from %d, of odd length" % w.index))
        == [b"from 0, of odd length"] * 3
    )
    assert run_workers(2, lambda w: w.share()) == [b""] * 2
    arrays = {"a": np.array([-0.0, np.pi]), "b": np.array([[7]], np.int32), "c": np.ones(3, np.float32)}
    for shared in run_workers(2, lambda w: w.share_arrays({n: a * (1 - w.index) for n, a in arrays.items()})):
        for name, array in arrays.items():
            assert shared[name].dtype == array.dtype and shared[name].tobytes() == array.tobytes()


def test_worker_of_another_run_is_named_on_all_of_them():
    errors = run_workers(3, lambda w: w.check_same({"seed": 4, "lr": w.index // 2, "images": "ab"}))
    message = "Received: worker 2 (host-2:1) differs from worker 0 (host-0:1)."
    assert [str(error) for error in errors] == [f"All workers must have the same lr. {message}"] * 3
    assert run_workers(3, lambda w: w.check_same({"seed": [4, None]})) == [None] * 3


def test_first_worker_loads_before_the_others():
    order = []
    assert run_workers(3, lambda w: w.load_in_turn(lambda: order.append(w.index) or len(order)))[0] == 1
    assert order[0] == 0 and sorted(order) == [0, 1, 2]


def test_load_that_fails_on_the_first_worker_ends_the_others():
    def load(workers):
        def fail():
            raise ValueError("no images")

        return workers.load_in_turn(fail if workers.index == 0 else lambda: forbidden(""))

    first, *others = run_workers(2, load)
    assert isinstance(first, ValueError) and isinstance(others[0], ConnectionError)
    assert str(others[0]) == "The run ended with an error on worker 0 (host-0:1): see there."


def test_others_receive_what_the_first_asks_for():
    def act(workers):
        return workers.send_request(STEPS, 10, 3, 1) if workers.index == 0 else workers.receive()

    assert run_workers(3, act)[1:] == [[STEPS, 10, 3, 1, 0]] * 2


def test_signal_to_any_worker_reaches_the_first_once():
    def act(workers):
        workers.request = SimpleNamespace(signum=None)
        if workers.index == 2:
            workers.request.signum = 15
        elif workers.index == 0:
            signals = []

            class Request:
                signum = None

                def __call__(self, signum, frame):
                    self.signum = signum
                    signals.append(signum)

            workers.request = Request()
            workers.send_request(STEPS)
            workers.send_request(STEPS)
            return signals
        workers.receive()
        workers.receive()

    assert run_workers(3, act)[0] == [15]


def test_error_of_tensorflow_is_told_as_the_loss_of_the_worker_that_is_gone():
    def fail(kind):
        raise kind(None, None, "of a collective")

    workers = Workers(None, ["one:1", "two:2"])
    with pytest.raises(tf.errors.AbortedError):  # before there is a watch
        workers.call(fail, tf.errors.AbortedError)
    for lost, kind, line in [
        ("worker 1 does not answer", tf.errors.InternalError, "worker 1 does not answer"),
        (None, tf.errors.AbortedError, "a worker stopped; start all workers again"),
    ]:
        workers.watch = SimpleNamespace(describe_lost=lambda lost=lost: lost, stop=lambda: None)
        with pytest.raises(ConnectionError, match=line):
            workers.call(fail, kind)
    with pytest.raises(tf.errors.InternalError):  # while all workers answer
        workers.call(fail, tf.errors.InternalError)


@pytest.mark.parametrize("error, code", [(None, 0), (ValueError(), 1), (SimpleNamespace(exit_code=143), 143)])
def test_end_of_the_first_worker_is_told_with_its_exit_code(error, code):
    def act(workers):
        if workers.index:
            received = workers.receive()
            workers.exchange(np.zeros(1, np.int64))
            return received
        workers.listening = True
        workers.__exit__(None, error, None)

    assert run_workers(2, act)[1][:2] == [STOP, code]


def test_nothing_is_told_to_workers_that_do_not_listen():
    first = Workers(None, ["host-0:1", "host-1:1"])
    first.exchange = forbidden
    first.__exit__(ValueError, ValueError(), None)
