import numpy as np
import pytest

from keras_gan.data.datasets import Dataset
from keras_gan.evaluation import all_features, features, weights
from keras_gan.evaluation.inputs import ImageSet
from keras_gan.evaluation.sides import Side
from tests.conftest import TenClasses, forbidden

PIXELS = np.random.default_rng(0).integers(0, 256, (60, 6, 6, 1), np.uint8)


def side_of(images, labels=None):
    dataset = Dataset.from_array(images, "set")._replace(labels=labels)
    return Side("set", None, ImageSet("set", images), dataset)


@pytest.fixture(autouse=True)
def classifier(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv(weights.VARIABLE, raising=False)
    monkeypatch.setattr(features, "load_classifier", lambda real, test, warn: TenClasses())


def test_every_extractor_at_hand_has_a_row_and_every_other_a_line_to_get_it():
    a, b = side_of(PIXELS[:30]), side_of(PIXELS, np.arange(60) % 10)
    found = all_features.compute_all(a, b, None, 0, None, lambda line: None)
    assert list(found.results) == ["classifier", "pca"]
    assert set(found.missing) == set(weights.FILES)
    lines = all_features.format_all(found).splitlines()
    assert all(len(line) <= 80 or line.startswith("  http") for line in lines)
    assert lines[1].split() == ["features", "distance", "real", "baseline", "n", "n", "real"]
    assert [line.split()[0] for line in lines[2:4]] == ["classifier", "pca"]
    assert lines[2].split()[-2:] == ["30", "60"]
    text = " ".join(map(str.strip, lines))
    assert (
        "torch-fidelity, torchmetrics: missing; --features NAME downloads the weights, or put https" in text
    )


def test_images_without_labels_have_no_classifier_and_it_is_said():
    found = all_features.compute_all(side_of(PIXELS[:30]), side_of(PIXELS), None, 0, None, lambda line: None)
    assert list(found.results) == ["pca"] and found.missing["classifier"] == "set has no labels"


def test_nothing_is_downloaded(monkeypatch):
    monkeypatch.setattr(weights, "download_weights", forbidden)
    all_features.compute_all(side_of(PIXELS[:30]), side_of(PIXELS), None, 0, None, lambda line: None)
