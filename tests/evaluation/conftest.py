"""The bundled digits and their classifier, which is trained once, in two seconds; a narrow InceptionV3."""

import sys

import keras
import pytest

from keras_gan.data import datasets
from keras_gan.evaluation import features, torch_inception


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


@pytest.fixture(scope="module")
def narrow_inception():
    """InceptionV3 of a sixteenth of its filters while the fixture is in use; features are 128.

    TensorFlow keeps several copies of the 96 MB of weights of every whole one.
    """
    module = sys.modules[keras.applications.InceptionV3.__module__]
    convolve = module.conv2d_bn

    def fewer(x, filters, *args, **options):
        return convolve(x, filters // 16, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "conv2d_bn", fewer)
        patch.setattr(torch_inception, "FEATURES", 128)
        yield
