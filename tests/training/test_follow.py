"""What workers agree on, and what all but the first do; `LocalWorkers` are threads of this process."""

import numpy as np
import pytest

import keras_gan
from keras_gan.config import GanConfig, TrainConfig
from keras_gan.model.workers import FEATURES, STEPS, STOP, Workers
from keras_gan.run import history
from keras_gan.training import follow, interrupt

CONFIG = TrainConfig(GanConfig(seed=3), batch_size=20, image_size=(8, 9)).resolved()


class Scripted(Workers):
    """A worker that is asked for what a script says."""

    def __init__(self, *asked):
        super().__init__(None, ["first:1", "second:1"], 1)
        self._asked = iter(asked)

    def receive(self):
        """Returns the next of the script."""
        return [*next(self._asked), 0, 0, 0, 0][:5]

    def exchange(self, numbers):
        """Takes part in the end of the run."""
        return numbers


class Engine:
    """An engine whose losses are the number of the step."""

    def __init__(self, gan, images, batch_size, workers):
        pass

    def make_steps(self, step, k, has_changed):
        """Returns k rows."""
        return np.arange(step, step + k)[:, None] * np.ones(5)


@pytest.fixture(autouse=True)
def stub(monkeypatch):
    monkeypatch.setattr(follow, "DistributedEngine", Engine)


def follow_script(build, *asked, extractor=None):
    return follow.follow(build("aioz"), np.zeros((50, 4, 4, 1), np.uint8), 20, Scripted(*asked), extractor)


def test_follower_makes_the_steps_that_it_is_asked_for(build):
    table = follow_script(build, (STEPS, 2, 2, 1), (STEPS, 4, 3, 0), (STOP, 0))
    assert table["step"].tolist() == [3, 4, 5, 6, 7]
    assert table["epoch"].tolist() == [1, 2, 2, 2, 3]  # 50 images are 3 batches of 20
    assert table["g_loss"].tolist() == [2, 3, 4, 5, 6] and set(table) == set(history.COLUMNS)


def test_follower_of_no_step_has_an_empty_history(build):
    assert {len(values) for values in follow_script(build, (STOP, 0)).values()} == {0}


def test_follower_computes_features(build):
    class Extractor:
        shapes = []

        def follow(self, shape):
            self.shapes.append(shape)

    follow_script(build, (FEATURES, 5, 4, 4, 1), (STOP, 0), extractor=Extractor())
    assert Extractor.shapes == [[5, 4, 4, 1]]


def test_follower_ends_as_the_first_worker_does(build):
    with pytest.raises(ConnectionError, match="ended with an error on worker 0 \\(first:1\\)"):
        follow_script(build, (STOP, 1))
    with pytest.raises(interrupt.Interrupted) as stop:
        follow_script(build, (STOP, 143))
    assert (str(stop.value), stop.value.exit_code) == ("", 143)


# agreement


class Shared(Workers):
    """A worker whose first one has given settings and whose values are kept."""

    def __init__(self, first):
        super().__init__(None, ["first:1", "second:1"], 1)
        self.first, self.values = first, {}

    def share(self, content=b""):
        """Returns what the first worker gives."""
        return self.first

    def check_same(self, values):
        """Keeps the values."""
        self.values |= values


def agree(own):
    workers = Shared(CONFIG.of_shape((8, 9, 1)).to_json().encode())
    return follow.share_config(own, workers), workers.values


def test_all_settings_but_those_of_a_machine_are_compared_and_the_version_first():
    config, values = agree(CONFIG.to_dict() | {"data": "/mine", "device": "cpu"})
    assert list(values)[0] == "keras_gan version" and values["keras_gan version"] == keras_gan.__version__
    assert values.keys() == {"keras_gan version", *CONFIG.to_dict()} - {"data", "device"}
    assert (config.data, config.device, config.gan.seed) == ("/mine", "cpu", 3)


def test_worker_without_the_run_directory_takes_the_settings_of_the_first():
    config, values = agree({"lr": 0.5})
    assert config.image_size == (8, 9) and values["lr"] == 0.5 and values["seed"] == 3
    assert config.gan.lr == CONFIG.gan.lr  # of the first: what differs is refused by `check_same`


def test_settings_of_equal_value_are_equal_in_json():
    _, values = agree(CONFIG.to_dict() | {"image_size": (8, 9)})
    assert values["image_size"] == [8, 9]
