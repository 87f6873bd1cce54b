"""Tests of InceptionV3 with random weights: what it is shown, computes, and is no file of."""

import shutil

import h5py
import keras
import numpy as np
import pytest

from keras_gan.device import keras_settings
from keras_gan.evaluation import inception

pytestmark = pytest.mark.slow  # InceptionV3 is built, written and read
PICTURES = np.random.default_rng(1).integers(0, 256, (2, 9, 7, 1), np.uint8)


@pytest.fixture(scope="module")
def whole(narrow_inception):
    """A narrow InceptionV3 with random weights, statistics of its normalizations among them."""
    network, rng = keras.applications.InceptionV3(weights=None), np.random.default_rng(0)
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n = layer.beta.shape[0]
            layer.set_weights([rng.normal(0, 0.2, n), rng.normal(0, 0.2, n), rng.uniform(0.5, 1.5, n)])
    return network


@pytest.fixture(scope="module")
def path(whole, tmp_path_factory):
    """Path of the file of its weights that Keras 3 writes."""
    path = tmp_path_factory.mktemp("inception") / "random.weights.h5"
    whole.save_weights(path)
    return path


@pytest.fixture(scope="module")
def extractor(path):
    return inception.load_inception(path)


@pytest.fixture(scope="module")
def second(whole):
    return keras.models.clone_model(whole)


@pytest.fixture
def built_before(second, monkeypatch):
    """Saves building the network again: it is handed out with its weights set to zero."""

    def build(weights, classes):
        assert weights is None
        return second

    second.set_weights([np.zeros(w.shape) for w in second.weights])
    monkeypatch.setattr(keras.applications, "InceptionV3", build)


def write_published_form(path, layers):
    """Writes weights as the published files hold them: arrays by the names in two attributes."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name for layer in layers]
        for layer in layers:
            names = [f"{layer.name}/{i}" for i in range(len(layer.weights))]
            group = file.create_group(layer.name)
            group.attrs["weight_names"] = names
            for name, array in zip(names, layer.get_weights(), strict=True):
                group[name] = array


def test_enlarged_image_is_bilinear_between_the_centres_of_its_pixels():
    edge = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1)
    share = np.clip((np.arange(299) + 0.5) * 2 / 299 - 0.5, 0, 1)  # of the right-hand pixel
    found = inception.to_inception_input(edge).numpy()
    assert found.shape == (1, 299, 299, 3) and found.dtype == np.float32
    np.testing.assert_allclose(found, np.broadcast_to((2 * share - 1)[:, None], found.shape), atol=1e-5)


def test_image_that_shrinks_is_antialiased():
    """Every third column is white; a filter 6 wide weighs distances 0, 1, 2 as 3 : 2 : 1.

    The middle of each three is at distance 1 and 2 from a white one: a third of white. Without
    the filter it is the middle column alone, and black.
    """
    stripes = np.zeros((1, 299, 897, 1), np.uint8)
    stripes[:, :, ::3] = 255
    found = inception.to_inception_input(stripes).numpy()[0, :, 1:-1]
    np.testing.assert_allclose(found, -1 / 3, atol=1e-5)


def test_levels_become_minus_1_to_1_and_colours_stay_apart():
    red = np.zeros((1, 299, 299, 3), np.uint8)
    red[..., 0], red[..., 1] = 255, 51
    found = inception.to_inception_input(red).numpy()
    np.testing.assert_allclose(found[0, [0, 150], [7, 298]], [[1, -0.6, -1]] * 2, atol=1e-6)


def test_network_is_that_of_the_published_weights():
    network = inception.build_inception()
    assert network.get_layer("avg_pool").output.shape == (None, 2048) and network.output.shape == (None, 1000)
    assert network.count_params() == 23_851_784  # as Keras's page of applications has it


def test_features_are_the_means_of_the_last_feature_map_and_probabilities_of_classes(whole, extractor):
    tapped = keras.Model(whole.input, [whole.get_layer("mixed10").output, whole.output])
    unit = inception.to_inception_input(PICTURES)
    feature_map, expected = (np.asarray(output) for output in tapped(unit, training=False))
    pool, probabilities = extractor(PICTURES)
    assert pool.shape == (2, 128) and pool.dtype == probabilities.dtype == np.float32
    np.testing.assert_allclose(pool, feature_map.mean(axis=(1, 2)), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-4)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_published_form_without_classes_gives_the_same_features_under_the_same_hash(
    whole, extractor, built_before, tmp_path
):
    layers = [layer for layer in whole.layers if layer.weights][:-1]
    write_published_form(tmp_path / "notop.h5", layers)
    found = inception.load_inception(tmp_path / "notop.h5")
    pool, probabilities = found(PICTURES)
    np.testing.assert_allclose(pool, extractor(PICTURES)[0], rtol=1e-5, atol=1e-6)
    assert probabilities is None and found.sha256 == extractor.sha256
    file = tmp_path / "notop.h5"
    assert found.description == f"InceptionV3 of Keras, unpublished weights from {file}, without classes"


def test_other_weights_have_another_hash(whole, extractor, built_before, tmp_path):
    layers = [layer for layer in whole.layers if layer.weights]
    write_published_form(tmp_path / "other.h5", layers)
    with h5py.File(tmp_path / "other.h5", "r+") as file:
        file[f"{layers[0].name}/{layers[0].name}/0"][0, 0, 0, 0] = 1
    found = inception.load_inception(tmp_path / "other.h5")
    assert len(found.sizes) == 2 and found.sha256 != extractor.sha256


@pytest.mark.parametrize(
    "kind, name, reason",
    [
        ("cut", "x.weights.h5", "truncated file"),
        ("text", "x.h5", "file signature not found"),
        ("small", "x.weights.h5", "objects could not be loaded"),
        ("whole", "x.h5", "Layer count mismatch"),  # what Keras 3 writes, under the older name
        ("whole", "x.npz", "not supported"),
    ],
)
def test_file_of_anything_else_is_refused_in_one_line(
    path, built_before, tmp_path, kind, name, reason, recwarn
):
    wrong = tmp_path / name
    if kind == "small":
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).save_weights(wrong)
    elif kind == "whole":
        shutil.copy(path, wrong)
    else:
        wrong.write_bytes(path.read_bytes()[:1_000_000] if kind == "cut" else b"no weights")
    with pytest.raises(ValueError, match=reason) as error:
        inception.from_weights(wrong)
    assert str(error.value).startswith("Expected weights of InceptionV3 as Keras writes them, in a file")
    assert f"Received: {wrong} (" in str(error.value) and "\n" not in str(error.value)
    assert len(str(error.value)) < 400 and [w for w in recwarn if w.category is UserWarning] == []


def test_precision_that_is_set_elsewhere_does_not_change_the_network(monkeypatch):
    seen = []

    def build(weights, classes):
        seen.append(keras.config.dtype_policy().name)
        raise InterruptedError

    monkeypatch.setattr(keras.applications, "InceptionV3", build)
    with keras_settings("float64"), pytest.raises(InterruptedError):
        inception.from_weights("x.h5")
    assert seen == ["float32"]
