"""The classifier of digits as a judge: its accuracy, its cache, and what it makes of other images."""

import numpy as np
import pytest

from keras_gan import checkpoint, data, features, images


@pytest.fixture(scope="module")
def bundled():
    return [data.load_dataset("digits", split=split) for split in ("train", "test")]


@pytest.fixture(scope="module")
def kept(bundled, tmp_path_factory):
    """A Keras cache in which the classifier of the bundled digits stands, and what was said."""
    home, said = tmp_path_factory.mktemp("classifier"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(home))
        extractor = features.digits(*bundled, warn=said.append)
    return home, said, extractor


@pytest.fixture
def cached(kept, monkeypatch):
    """The extractor, with its cache in place."""
    home, _, extractor = kept
    monkeypatch.setenv("KERAS_HOME", str(home))
    return extractor


def test_classifier_is_right_on_most_test_digits_and_says_how_many(kept, bundled):
    _, said, extractor = kept
    pool, probabilities = extractor(bundled[1].images)
    assert pool.shape == (360, 64) and probabilities.shape == (360, 10)
    accuracy = (probabilities.argmax(axis=1) == bundled[1].labels).mean()
    assert accuracy > 0.9
    expected = f"a classifier of digits's 10 classes, right on {accuracy:.1%} of 360 test images"
    assert (extractor.name, extractor.about) == ("digits", expected)
    assert said == ["Training a classifier of digits to judge samples by, once."]


def test_probabilities_are_those_of_the_last_layer_on_the_features(kept, bundled):
    pool, probabilities = kept[2](bundled[1].images[:20])
    kernel, bias = kept[2].network.get_weights()[-2:]
    logits = pool @ kernel + bias
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-4, atol=1e-6)


def test_classifier_is_trained_once_and_then_read(cached, bundled):
    again = features.digits(*bundled, warn=pytest.fail)
    assert again.sha256 == cached.sha256 and again.about == cached.about


def test_other_labels_are_another_classifier(bundled):
    train = bundled[0]
    assert features._key(train) != features._key(train._replace(labels=train.labels[::-1]))


def test_damaged_cache_is_said_and_replaced(cached, bundled, kept, monkeypatch):
    [path] = kept[0].rglob("*.npz")
    good = path.read_bytes()
    path.write_bytes(good[:1000])
    monkeypatch.setattr(features, "_train", lambda network, labelled: None)
    said = []
    features.digits(*bundled, warn=said.append)
    assert "is damaged" in said[0] and said[1].startswith("Training")
    assert set(checkpoint.load(path)) == {str(i) for i in range(8)}
    path.write_bytes(good)


def test_images_without_labels_are_judged_by_the_bundled_digits(cached):
    pictures = data.Dataset.from_array(np.arange(5 * 40 * 30 * 3).reshape(5, 40, 30, 3) % 256, "photos")
    said = []
    extractor = features.digits(pictures, pictures, warn=said.append)
    assert said == ["photos has no labels: samples are judged by a classifier of the bundled digits."]
    assert extractor.sha256 == cached.sha256
    assert extractor(pictures.images)[0].shape == (5, 64)


def test_colored_and_larger_images_are_made_to_fit(cached, bundled):
    some = bundled[1].images[:50]
    large = images.resize(np.repeat(some, 3, axis=3), (56, 56))
    _, expected = cached(some)
    _, found = cached(large)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.9


def test_many_images_give_what_they_give_alone(cached, bundled, monkeypatch):
    some = np.tile(bundled[1].images, (3, 1, 1, 1))[:1010]
    whole = cached(some)[0]
    np.testing.assert_allclose(whole[1000:], cached(some[1000:])[0], rtol=1e-4, atol=1e-4)


def test_one_class_is_refused(bundled):
    train = bundled[0]._replace(labels=np.zeros(1437, int))
    with pytest.raises(ValueError, match="at least two classes. Received: 1"):
        features.digits(train, bundled[1])


@pytest.mark.parametrize("n_classes", [2, 10])
def test_untrained_network_has_one_probability_a_class_and_always_the_same_weights(n_classes):
    a, b = (features._network((9, 7, 3), n_classes) for _ in range(2))
    for ours, theirs in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert a.output_shape == [(None, 64), (None, n_classes)]
