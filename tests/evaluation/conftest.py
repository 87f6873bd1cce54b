"""The bundled digits and their classifier, which is trained once: it takes two seconds."""

import pytest

from keras_gan.data import datasets
from keras_gan.evaluation import features


@pytest.fixture(scope="session")
def bundled():
    """The training and the test part of the bundled digits."""
    return [datasets.load_dataset("digits", split=split) for split in ("train", "test")]


@pytest.fixture(scope="session")
def kept(bundled, tmp_path_factory):
    """A Keras cache in which the classifier of the bundled digits stands, and its extractor."""
    home = tmp_path_factory.mktemp("classifier")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(home))
        return home, features.load_classifier(*bundled)


@pytest.fixture
def cached(kept, monkeypatch):
    """The extractor, with its cache in place."""
    monkeypatch.setenv("KERAS_HOME", str(kept[0]))
    return kept[1]
