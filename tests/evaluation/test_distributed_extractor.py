import numpy as np
import pytest
import tensorflow as tf

from keras_gan.evaluation.distributed_extractor import DistributedExtractor, distribute
from keras_gan.model.workers import FEATURES, STOP, Workers
from tests.conftest import Corner, forbidden, run_workers


class Replicas:
    """A strategy of some replicas, at most two on a worker, all of them on the same CPU."""

    def __init__(self, replicas=1):
        self.num_replicas_in_sync = replicas
        self.extended = self
        self.worker_devices = ["CPU:0"] * min(replicas, 2)


class Flat(Corner):
    """An extractor of three pixels and, with `classes`, of probabilities of so many."""

    def __init__(self, classes=0):
        super().__init__()
        self.sizes = (3, classes) if classes else (3,)

    def __call__(self, images):
        """Returns features (n, 3) and probabilities (n, classes)."""
        self.seen += len(images)
        flat = images.reshape(len(images), 64).astype(np.float32)
        return flat[:, :3], flat[:, -self.sizes[1] :] if len(self.sizes) == 2 else None


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("classes", [0, 10])
@pytest.mark.parametrize("n", [0, 1, 50])
def test_features_are_those_of_one_extractor_in_order(classes, n, replicas, pixels):
    made = []

    def load():
        made.append(Flat(classes))
        return made[-1]

    extractor = DistributedExtractor(load, Workers(Replicas(replicas)))
    expected, found = Flat(classes)(pixels[:n]), extractor(pixels[:n])
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[0].dtype == np.float32 and len(made) == replicas
    if expected[1] is None:
        assert found[1] is None
    else:
        np.testing.assert_array_equal(found[1], expected[1])
    assert sum(one.seen for one in made) == n


@pytest.mark.parametrize("n", [1, 13, 50])
@pytest.mark.parametrize("classes", [0, 10])
def test_workers_share_the_images_of_the_first_and_return_its_features(classes, n, pixels):
    def compute(workers):
        extractor = DistributedExtractor(lambda: Flat(classes), workers)
        if workers.index == 0:
            found = extractor(pixels[:n])
            workers.send_request(STOP)
            return found
        while (message := workers.receive())[0] == FEATURES:
            extractor.follow(message[1:5])
        return sum(one.seen for one in extractor._extractors)

    found, *seen = run_workers(3, compute, Replicas(6))  # two replicas a worker
    expected = Flat(classes)(pixels[:n])
    np.testing.assert_array_equal(found[0], expected[0])
    assert sum(seen) <= n * 2 // 3 and (n == 1 or min(seen) >= n // 4)
    if classes:
        np.testing.assert_array_equal(found[1], expected[1])


def test_it_tells_what_its_extractor_tells():
    extractor = DistributedExtractor(Flat, Workers(Replicas(2)))
    assert (extractor.name, extractor.sizes, extractor.batch_size) == ("corner", (3,), 14)


def test_warnings_of_the_first_extractor_alone_are_said():
    said = []

    def load(warn):
        warn("a line")
        return Flat()

    distribute(load, Workers(Replicas(2)), said.append)
    assert said == ["a line"]
    distribute(load, Workers(Replicas(2), ["a:1", "b:1"], 1), forbidden)
    assert isinstance(distribute(load, Workers(), said.append), Flat) and len(said) == 2


def test_variables_of_each_extractor_are_made_on_its_device():
    devices = []

    def load():
        devices.append(tf.Variable(0.0).device)
        return Flat()

    DistributedExtractor(load, Workers(Replicas(2)))
    assert all(device.endswith("CPU:0") for device in devices) and len(devices) == 2
