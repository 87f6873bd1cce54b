"""Tests of the extractors: which network, from where, what they say of themselves, what they give."""

import hashlib

import keras
import numpy as np
import pytest

from keras_gan.data import datasets
from keras_gan.data.pixels import resize
from keras_gan.device import get_cpu_kind
from keras_gan.evaluation import classifier, feature_stats, features, inception, weights
from keras_gan.files.cache import get_keras_home

PIXELS = np.random.default_rng(1).integers(0, 256, (5, 6, 4, 3), np.uint8)
VARIABLE = "KERAS_GAN_INCEPTION_WEIGHTS"
FILE = weights.KERAS.name


@pytest.fixture
def inception_files(monkeypatch):
    """The files that are read as InceptionV3's weights; a mean of each channel is its network."""
    read = []

    def from_weights(path):
        read.append(path)
        inputs = keras.Input((299, 299, 3))
        network = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs))
        return network, [np.frombuffer(path.read_bytes(), np.uint8)]

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(inception, "from_weights", from_weights)
    return read


@pytest.fixture
def publish(monkeypatch):
    """A function that makes the published weights what it is given."""

    def publish(content, *addresses):
        checksum = f"md5:{hashlib.md5(content).hexdigest()}"
        file = weights.KERAS._replace(checksum=checksum, folder="".join(addresses))
        monkeypatch.setitem(weights.FILES, "inception", (file, file))

    return publish


def written(path, content=b"weights"):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


# what all of them take and give


@pytest.mark.parametrize(
    "wrong", [PIXELS / 255, PIXELS.astype(np.int64), PIXELS[0], PIXELS[..., :2], PIXELS[..., 0]]
)
def test_anything_but_uint8_images_is_refused(cached, wrong):
    with pytest.raises(ValueError, match=r"must be uint8 of shape \(n, h, w, 1\) .* Received: \w+ of"):
        cached(wrong)


def test_batches_give_what_the_images_give_alone(cached, bundled, monkeypatch):
    some = bundled[1].images[:7]
    monkeypatch.setattr(cached, "batch_size", 3)
    pool, probabilities = cached(some)
    assert pool.shape == (7, 64) and probabilities.shape == (7, 10)
    assert pool.dtype == probabilities.dtype == np.float32
    for i in range(7):
        np.testing.assert_allclose(pool[i], cached(some[i : i + 1])[0][0], rtol=1e-4, atol=1e-5)


def test_no_image_gives_no_row(cached, bundled):
    pool, probabilities = cached(bundled[1].images[:0])
    assert pool.shape == (0, 64) and probabilities.shape == (0, 10)


# InceptionV3


def test_inception_is_given_colours_in_its_own_size_and_range(inception_files, tmp_path):
    pictures = np.full((2, 50, 40, 1), 51, np.uint8)
    pictures[1] = 255
    pool, probabilities = inception.load_inception(written(tmp_path / "x.h5"))(pictures)
    np.testing.assert_allclose(pool, [[-0.6] * 3, [1] * 3], atol=2e-3)  # float32 sums of 89401
    assert probabilities is None


def test_given_weights_come_before_the_environments_and_these_before_the_cached(
    inception_files, publish, keras_home, tmp_path, monkeypatch
):
    publish(b"weights")
    cache = written(keras_home / "models" / FILE)
    assert inception.load_inception().description == "InceptionV3 of Keras, ImageNet weights, without classes"
    named, given = written(tmp_path / "named.h5", b"n"), written(tmp_path / "given.h5", b"g")
    monkeypatch.setenv(VARIABLE, str(named))
    description = inception.load_inception().description
    assert description == f"InceptionV3 of Keras, unpublished weights from {named}, without classes"
    inception.load_inception(str(given))
    assert inception_files == [cache, named, given]


def test_hash_is_of_the_weights_and_not_of_where_they_are(inception_files, tmp_path):
    paths = written(tmp_path / "a.h5"), written(tmp_path / "b.h5"), written(tmp_path / "c.h5", b"other")
    a, b, c = (inception.load_inception(path) for path in paths)
    expected = hashlib.sha256(b"(7,) uint8weights").hexdigest()
    assert a.sha256 == b.sha256 == expected != c.sha256 and a.name == "inception"


def test_missing_weights_are_named_as_they_were_given(inception_files, monkeypatch, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"--inception-weights must .* Received: {tmp_path}."):
        features.load_extractor(None, None, given=tmp_path)
    monkeypatch.setenv(VARIABLE, "gone.h5")
    for load in (features.load_extractor, features.load_inception_or_stand_in):
        with pytest.raises(FileNotFoundError, match=f"{VARIABLE} must name .* Received: gone.h5."):
            load(None, None)


@pytest.mark.slow
def test_nothing_stands_in_for_weights_that_are_named_and_cannot_be_read(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(written(tmp_path / "x.h5")))
    with pytest.raises(ValueError, match="Expected weights of InceptionV3 .* Received: .*x.h5"):
        features.load_inception_or_stand_in(None, warn=pytest.fail)


# the classifier of digits


def test_classifier_is_right_on_most_test_digits_and_says_how_many(cached, bundled):
    _, probabilities = cached(bundled[1].images)
    accuracy = (probabilities.argmax(axis=1) == bundled[1].labels).mean()
    assert accuracy > 0.93
    expected = f"a classifier of the 10 classes of digits, right on {accuracy:.1%} of 360 test images"
    assert (cached.name, cached.description) == ("classifier", expected)


def test_labels_are_told_apart_whatever_their_numbers(cached, bundled):
    def other(dataset):
        return dataset._replace(labels=np.array([3, 7, 8, 9, 20, 21, 22, 23, 50, 60])[dataset.labels])

    accuracy = classifier._describe_accuracy(cached, np.unique(other(bundled[0]).labels), other(bundled[1]))
    assert cached.description.endswith(f" of digits, {accuracy}")


@pytest.mark.parametrize("untold", ["none", "no labels"])
def test_accuracy_that_can_not_be_told_is_not(cached, bundled, untold):
    test = None if untold == "none" else bundled[1]._replace(labels=None)
    description = features.load_classifier(bundled[0], test, pytest.fail).description
    assert description.endswith(", untested, as there are no labelled test images")


def test_grey_images_without_labels_can_be_seen_by_the_classifier_of_the_bundled_digits(cached):
    scans = datasets.Dataset.from_array(PIXELS[..., :1], "scans")
    said = []
    extractor = features.load_classifier(scans, scans, warn=said.append)
    assert said == ["scans has no labels: features are those of a classifier of the bundled digits."]
    assert extractor.description == f"{cached.description}, as scans has no labels"
    assert extractor.sha256 == cached.sha256 and extractor(scans.images)[0].shape == (5, 64)


def test_images_saved_in_colour_and_larger_ones_are_made_to_fit(cached, bundled):
    some = bundled[1].images[:50]
    large = np.repeat(resize(some, (56, 56)), 3, axis=3)
    found, expected = (cached(images)[1].argmax(axis=1) for images in (large, some))
    assert (found == expected).mean() > 0.9
    assert cached.preprocessing == "28x28x1 bicubic antialiased, [-1, 1]"


def test_colours_are_not_shown_to_a_network_for_grey_images(cached):
    with pytest.raises(ValueError, match="need features that see colours. Received: classifier features"):
        cached(PIXELS)


def test_spec_says_on_which_cpu_the_classifier_was_trained(cached):
    assert cached.cpu == get_cpu_kind() == feature_stats.get_feature_spec(cached)["cpu"]


# the choice


def test_default_is_inception_where_its_weights_are_at_hand_and_digits_otherwise(
    inception_files, publish, cached, bundled, tmp_path
):
    def chosen(**weights):
        return features.load_extractor(None, *bundled, warn=pytest.fail, **weights).name

    publish(b"weights")
    assert chosen() == "classifier"
    assert chosen(given=written(tmp_path / "x.h5")) == "inception"
    file = written(get_keras_home() / "models" / FILE)
    assert chosen() == "inception"
    file.write_bytes(b"cut")
    with pytest.raises(ValueError, match="published weights. Received: .*, with another checksum"):
        chosen()
    file.unlink()


@pytest.mark.slow
def test_name_or_file_that_is_asked_for_is_taken(inception_files, cached, bundled, tmp_path):
    given = written(tmp_path / "x.h5")
    assert features.load_extractor("inception", None, given=given).name == "inception"
    assert features.load_extractor("digits", *bundled, warn=pytest.fail).sha256 == cached.sha256
    layers = keras.Input((6, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2)
    keras.Sequential(layers).save(tmp_path / "own.keras")
    assert features.load_extractor(str(tmp_path / "own.keras"), None).name == "own.keras"
    assert features.load_extractor("pca", bundled[0]).name == "pca"


def test_unknown_name_is_refused_and_so_are_weights_for_another_network(inception_files, tmp_path):
    with pytest.raises(ValueError, match="features must be one of .* did you mean inception?"):
        features.load_extractor("inceptoin", None)
    given = written(tmp_path / "x.h5")
    with pytest.raises(ValueError, match=f"of InceptionV3 alone. Received: classifier features and {given}."):
        features.load_extractor("digits", None, given=given)


def test_images_without_labels_get_features_of_their_own_pixels(inception_files, publish):
    publish(b"weights")
    said, photos = [], datasets.Dataset.from_array(PIXELS, "photos")
    assert features.load_extractor(None, photos, warn=said.append).name == "pca"
    assert said == ["photos has no labels to train a classifier on: the features are pca, of the pixels."]
    with pytest.raises(ValueError, match="need labelled images. Received: photos, images in colour"):
        features.load_extractor("classifier", photos)


def test_what_stands_in_for_inception_is_said_with_how_to_get_it(inception_files, cached, bundled):
    said = []
    extractor = features.load_inception_or_stand_in(*bundled, offline=True, warn=said.append)
    assert extractor.name == "classifier" and len(said) == 1
    assert said[0].startswith(f"classifier features stand in for InceptionV3's: {FILE} is not in the cache")
    assert said[0].endswith("--features classifier, for images with labels, and pca need no weights.")
