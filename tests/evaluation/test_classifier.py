"""Tests of the classifier of labelled images: that it learns, is kept, and is always the same."""

import keras
import numpy as np
import pytest

from keras_gan.data import datasets
from keras_gan.data.pixels import to_float
from keras_gan.evaluation import classifier
from keras_gan.files import npz


def squares(n=60, shape=(9, 7, 3), name="squares"):
    """Labels 4 and 9: bright above or bright below."""
    labels = np.tile([9, 4], n // 2)
    pixels = np.random.default_rng(0).integers(0, 100, (n, *shape), np.uint8)
    half = shape[0] // 2
    pixels[labels == 4, :half] += 150
    pixels[labels == 9, half:] += 150
    return datasets.Dataset.from_array(pixels, name)._replace(labels=labels)


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr(classifier, "_MIN_STEPS", 20)


def kept(home):
    return list((home / "keras_gan").glob("*"))


@pytest.mark.slow
def test_classifier_learns_two_classes_in_the_order_of_their_labels(few_steps):
    dataset = squares()
    model, _ = classifier.train_or_load_classifier(dataset, print)
    hidden, probabilities = model(to_float(dataset.images), training=False)
    assert hidden.shape == (60, 64) and probabilities.shape == (60, 2)
    assert [4, 9] == sorted(set(dataset.labels))
    np.testing.assert_array_equal(np.argmax(probabilities, axis=1) == 1, dataset.labels == 9)


def test_probabilities_are_the_softmax_of_the_last_layer_on_the_features():
    model = classifier._network((9, 7, 3), 5)
    unit = np.random.default_rng(0).uniform(-1, 1, (4, 9, 7, 3)).astype(np.float32)
    hidden, probabilities = (np.asarray(output) for output in model(unit))
    kernel, bias = model.get_weights()[-2:]
    powers = np.exp(hidden @ kernel + bias)
    np.testing.assert_allclose(probabilities, powers / powers.sum(axis=1, keepdims=True), rtol=1e-4)


@pytest.mark.slow
def test_training_is_the_same_whatever_the_global_random_state_and_leaves_it_alone(few_steps, keras_home):
    found = []
    for seed in (1, 2):
        keras.utils.set_random_seed(seed)
        found.append(classifier.train_or_load_classifier(squares(), print)[0].get_weights())
        drawn = np.random.random(), float(keras.random.uniform(()))
        keras.utils.set_random_seed(seed)
        assert drawn == (np.random.random(), float(keras.random.uniform(())))
        [file] = kept(keras_home)
        file.unlink()
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_classifier_is_trained_once_and_then_read(few_steps):
    said = []
    first = classifier.train_or_load_classifier(squares(), said.append)[0].get_weights()
    assert said == ["Training a classifier of squares for its features; it is kept for next time."]
    again = classifier.train_or_load_classifier(squares(name="copy"), pytest.fail)[0].get_weights()
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_other_labels_or_images_are_another_classifier():
    dataset = squares()
    others = [dataset._replace(labels=dataset.labels[::-1]), dataset._replace(sha256="0"), dataset]
    assert len({classifier._key(other) for other in others}) == 3


@pytest.mark.parametrize("damage", ["cut", "empty", "other"])
def test_damaged_cache_is_said_and_replaced(monkeypatch, keras_home, damage):
    monkeypatch.setattr(classifier, "_train", lambda model, pictures, targets: None)
    first = classifier.train_or_load_classifier(squares(), print)[0].get_weights()
    [path] = kept(keras_home)
    whole = path.read_bytes()
    path.write_bytes(whole[:1000] if damage == "cut" else b"")
    if damage == "other":
        npz.save(path, {str(i): np.zeros(3) for i in range(8)})
    said = []
    again = classifier.train_or_load_classifier(squares(), said.append)[0].get_weights()
    assert len(said) == 2 and "\n" not in said[0] and said[1].startswith("Training")
    assert said[0].startswith(f"The cached classifier is trained again: {path} is damaged (")
    np.testing.assert_array_equal(first[0], again[0])
    assert npz.load(path).keys() == {"cpu", *(str(i) for i in range(8))} and kept(keras_home) == [path]


@pytest.mark.parametrize("side, seen", [((28, 28), (28, 28)), ((100, 20), (32, 20))])
def test_large_images_are_made_smaller(monkeypatch, side, seen):
    given = []
    monkeypatch.setattr(classifier, "_train", lambda model, pictures, targets: given.append(pictures))
    model, _ = classifier.train_or_load_classifier(squares(4, (*side, 1)), print)
    assert model.input_shape[1:] == given[0].shape[1:] == (*seen, 1)


@pytest.mark.parametrize("n, steps", [(60, 300), (60_000, 1875), (1_000_000, 2000)])
def test_training_has_a_lower_and_an_upper_limit(monkeypatch, n, steps):
    calls = []
    monkeypatch.setattr(keras.Model, "train_on_batch", lambda self, x, y: calls.append(len(x)))
    monkeypatch.setattr(classifier, "draw_batch_rows", lambda n, *args, with_replacement: np.arange(3))
    pictures = np.broadcast_to(np.uint8(0), (n, 4, 4, 1))
    classifier._train(classifier._network((4, 4, 1), 2), pictures, np.zeros(3, int))
    assert calls == [3] * steps


def test_training_moves_images_by_a_pixel_each_way(monkeypatch):
    seen = set()

    def note(self, unit, targets):
        seen.add(tuple(int(i) for i in np.argwhere(unit[0, :, :, 0] == 1)[0]))

    monkeypatch.setattr(keras.Model, "train_on_batch", note)
    picture = np.zeros((1, 6, 6, 1), np.uint8)
    picture[0, 2, 3] = 255
    classifier._train(classifier._network((6, 6, 1), 2), picture, np.zeros(1, int))
    assert seen == {(row, column) for row in (1, 2, 3) for column in (2, 3, 4)}


def test_one_class_is_refused():
    dataset = squares()._replace(labels=np.zeros(60, int))
    with pytest.raises(ValueError, match="at least two classes. Received: 1"):
        classifier.train_or_load_classifier(dataset, print)


@pytest.mark.slow
def test_training_prints_no_error_of_tensorflow(few_steps, capfd):
    classifier.train_or_load_classifier(squares(name="printed"), lambda line: None)
    assert "remapper failed" not in capfd.readouterr().err
