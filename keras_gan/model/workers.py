"""The processes that train one run together, and what they tell each other.

The first worker runs the training loop and writes all files. The others do what it asks for: make steps,
compute features, stop. All messages are sums over the workers, the one thing that TensorFlow's collectives
give on every kind of device: who has nothing to say adds zeros.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from keras_gan.model.strategy import is_started, read_cluster, start_strategy
from keras_gan.model.watch import AGAIN, SECONDS_TO_CONNECT, Watch, limit_seconds, wait_for_workers

STOP, STEPS, FEATURES = range(3)  # what the first worker asks for
_NUMBERS = 5  # of a message at most
_LOST = (  # what TensorFlow most often raises in a collective that another worker has left
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
)
T = TypeVar("T")


class Workers:
    """The workers of a run, one of which is this process; a context that the run takes place in.

    Attributes:
        strategy: of `tf.distribute`; None where one device trains.
        addresses: "host:port" of every worker; one that is empty where there is no other process.
        index: of this worker; 0 is the first one.
        request: of this process to stop, with `signum` and called with a signal; None before the steps.
        listening: whether the others wait for what the first one asks for.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy | None = None,
        addresses: Sequence[str] = ("",),
        index: int = 0,
    ):
        self.strategy, self.addresses, self.index = strategy, list(addresses), index
        self.request: Any = None
        self.listening = False
        self.watch: Watch | None = None

    @property
    def count(self) -> int:
        """Number of workers."""
        return len(self.addresses)

    @property
    def replicas(self) -> int:
        """Number of devices on all workers."""
        return self.strategy.num_replicas_in_sync if self.strategy else 1

    def __enter__(self) -> "Workers":
        if self.count > 1:
            self.watch = Watch(self.addresses, self.index)
        return self

    def __exit__(self, kind, error, traceback) -> None:
        """Tells the others that the run ends, and how: they end with this exit code."""
        try:
            if self.count > 1 and self.index == 0 and self.listening:
                self.send_request(STOP, getattr(error, "exit_code", 1) if error else 0)
                self.exchange(np.zeros(1, np.int64))  # until they have heard it
        except OSError:
            if error is None:
                raise
        finally:
            if self.watch:
                self.watch.stop()
            self.watch, self.request, self.listening = None, None, False

    # messages

    def exchange(self, numbers: np.ndarray) -> np.ndarray:
        """Returns the sum of int64 arrays of one shape, one from each worker, on each of them.

        Raises:
            ConnectionError: a worker does not answer.
        """
        if self.count == 1:
            return numbers
        per_worker = self.replicas // self.count

        def value(context):
            is_first = context.replica_id_in_sync_group % per_worker == 0
            return tf.constant(numbers if is_first else np.zeros_like(numbers), tf.int64)

        def reduce():
            values = self.strategy.experimental_distribute_values_from_function(value)
            return self.strategy.reduce("SUM", values, axis=None).numpy()

        return self.call(reduce)

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Returns what a function that the other workers call at the same time returns.

        Raises:
            ConnectionError: a worker does not answer.
        """
        try:
            return function(*arguments)
        except tf.errors.OpError as error:
            if not self.watch:
                raise
            lost = self.watch.describe_lost()
            if not lost and not isinstance(error, _LOST):
                raise
            self.watch.stop()
            raise ConnectionError(lost or f"a worker stopped; {AGAIN}") from error

    def share(self, content: bytes = b"") -> bytes:
        """Returns the bytes that the first worker gives, on each worker."""
        own = content if self.index == 0 else b""
        length = int(self.exchange(np.array([len(own)]))[0])
        padded = own.ljust(-(-length // 8) * 8, b"\0")
        return self.exchange(np.frombuffer(padded, np.int64)).tobytes()[:length]

    def share_arrays(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns the first worker's arrays on each worker; all give arrays of the same names and shapes."""
        content = self.share(b"".join(array.tobytes() for array in arrays.values()))
        shared, start = {}, 0
        for name, array in arrays.items():
            shared[name] = np.frombuffer(content, array.dtype, array.size, start).reshape(array.shape)
            start += array.nbytes
        return shared

    def send_request(self, what: int, *numbers: int) -> None:
        """Asks the others for something, and hears whether one of them was asked to stop by a signal."""
        if self.count == 1:
            return
        self.listening = False
        message = np.zeros(_NUMBERS + self.count, np.int64)
        message[: len(numbers) + 1] = what, *numbers
        signum = int(self.exchange(message)[_NUMBERS:].max())
        if signum and self.request and self.request.signum is None:
            self.request(signum, None)

    def receive(self) -> list[int]:
        """Returns what the first worker asks for and its numbers."""
        message = np.zeros(_NUMBERS + self.count, np.int64)
        message[_NUMBERS + self.index] = (self.request and self.request.signum) or 0
        return self.exchange(message)[:_NUMBERS].tolist()

    def follow(self, actions: Mapping[int, Callable[[list[int]], object]]) -> int:
        """Does what the first worker asks for until it says how the run ends; returns its exit code.

        Args:
            actions: what is done with the numbers of each request but STOP.

        Raises:
            ConnectionError: the first worker failed, or does not answer.
        """
        while (message := self.receive())[0] != STOP:
            actions[message[0]](message[1:])
        self.exchange(np.zeros(1, np.int64))
        if message[1] == 1:
            raise ConnectionError(self._describe_error())
        return message[1]

    def _describe_error(self):
        return f"The run ended with an error on worker 0 ({self.addresses[0]}): see there."

    # what must be the same

    def check_same(self, values: Mapping[str, Any]) -> None:
        """Compares values, the same names on each worker, with those of the first one.

        Raises:
            ValueError: a worker has other values; every worker says which one and which values.
        """
        numbers = np.zeros((self.count, len(values)), np.int64)
        numbers[self.index] = [_hash(value) for value in values.values()]
        numbers = self.exchange(numbers)
        for i, own in enumerate(numbers):
            others = [name for name, a, b in zip(values, own, numbers[0], strict=True) if a != b]
            if others:
                raise ValueError(
                    f"All workers must have the same {', '.join(others)}. Received: worker {i} "
                    f"({self.addresses[i]}) differs from worker 0 ({self.addresses[0]})."
                )

    def load_in_turn(self, load: Callable[[], T]) -> T:
        """Returns what a function returns that the first worker calls before the others: it may download.

        Raises:
            ConnectionError: the function failed on the first worker.
        """
        if self.index:
            if self.exchange(np.zeros(1, np.int64))[0]:
                raise ConnectionError(self._describe_error())
            return load()
        try:
            loaded = load()
        except BaseException:
            self.exchange(np.ones(1, np.int64))
            raise
        self.exchange(np.zeros(1, np.int64))
        return loaded


def _hash(value):
    digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).digest()
    return int.from_bytes(digest[:7], "big")


def join_workers(name: str, replicas: int | None = None, device: str = "auto") -> Workers:
    """Returns the workers of a strategy, after all of them have started.

    Args and errors are those of `strategy.start_strategy` and `watch.wait_for_workers`.
    """
    if name != "multi-worker":
        return Workers(start_strategy(name, replicas, device))
    cluster = read_cluster()
    if not is_started(name, replicas):
        wait_for_workers(*cluster)
    with limit_seconds(SECONDS_TO_CONNECT, "a worker stopped while all connected; start all workers again"):
        strategy = start_strategy(name, replicas, device)
    return Workers(strategy, *cluster)
