"""Tests of the extractors: which network, from where, what they say of themselves, what they give."""

import contextlib
import functools
import hashlib
import http.server
import inspect
import re
import threading

import keras
import numpy as np
import pytest

from keras_gan.data import datasets, download
from keras_gan.data.pixels import resize, to_float
from keras_gan.evaluation import features, inception
from keras_gan.files.cache import get_keras_home

PIXELS = np.random.default_rng(1).integers(0, 256, (5, 6, 4, 3), np.uint8)
VARIABLE = "KERAS_GAN_INCEPTION_WEIGHTS"
FILE = download.INCEPTION.files[0][0]


@pytest.fixture(scope="module")
def bundled():
    return [datasets.load_dataset("digits", split=split) for split in ("train", "test")]


@pytest.fixture(scope="module")
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
        files = ((FILE, f"md5:{hashlib.md5(content).hexdigest()}"),)
        source = download.INCEPTION._replace(files=files, addresses=addresses)
        monkeypatch.setattr(download, "INCEPTION", source)

    return publish


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and prints nothing."""

    def log_message(self, *args):
        """Prints nothing."""


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A context that serves files on this machine, and yields the address of their folder."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    @contextlib.contextmanager
    def served(files):
        for name, content in files.items():
            written(tmp_path / "served" / name, content)
        handler = functools.partial(Quiet, directory=tmp_path / "served")
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/"
            finally:
                server.shutdown()
                thread.join()

    return served


def written(path, content=b"weights"):
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def saved(path, *layers, shape=(6, 4, 3)):
    """Saves a network of these layers and returns it and the path."""
    network = keras.Sequential([keras.Input(shape), *layers])
    network.save(path)
    return network, path


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
    pool, probabilities = features.load_inception(written(tmp_path / "x.h5"))(pictures)
    np.testing.assert_allclose(pool, [[-0.6] * 3, [1] * 3], atol=2e-3)  # float32 sums of 89401
    assert probabilities is None


def test_given_weights_come_before_the_environments_and_these_before_the_cached(
    inception_files, publish, keras_home, tmp_path, monkeypatch
):
    publish(b"weights")
    cache = written(keras_home / "models" / FILE)
    assert features.load_inception().description == "InceptionV3 of Keras, ImageNet weights, without classes"
    named, given = written(tmp_path / "named.h5", b"n"), written(tmp_path / "given.h5", b"g")
    monkeypatch.setenv(VARIABLE, str(named))
    description = features.load_inception().description
    assert description == f"InceptionV3 of Keras, unpublished weights from {named}, without classes"
    features.load_inception(str(given))
    assert inception_files == [cache, named, given]


def test_hash_is_of_the_weights_and_not_of_where_they_are(inception_files, tmp_path):
    paths = written(tmp_path / "a.h5"), written(tmp_path / "b.h5"), written(tmp_path / "c.h5", b"other")
    a, b, c = (features.load_inception(path) for path in paths)
    expected = hashlib.sha256(b"(7,) uint8weights").hexdigest()
    assert a.sha256 == b.sha256 == expected != c.sha256 and a.name == "inception"


def test_missing_weights_are_named_as_they_were_given(inception_files, monkeypatch, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"--inception-weights must .* Received: {tmp_path}."):
        features.load_extractor(None, None, weights=tmp_path)
    monkeypatch.setenv(VARIABLE, "gone.h5")
    with pytest.raises(FileNotFoundError, match=f"{VARIABLE} must name .* Received: gone.h5."):
        features.load_extractor(None, None)


def test_weights_that_can_not_be_had_are_said_with_the_ways_out(inception_files, keras_home):
    with pytest.raises(FileNotFoundError) as error:
        features.load_inception(offline=True)
    assert str(error.value) == (
        "inception_v3_weights_tf_dim_ordering_tf_kernels.h5 is not in the cache, and this is offline. "
        f"Put it into {keras_home / 'models'} by hand, name another file in $KERAS_GAN_INCEPTION_WEIGHTS, "
        "or do without: --features digits."
    )


def test_weights_are_downloaded_once_and_then_cached(inception_files, publish, served, keras_home):
    said, target = [], keras_home / "models" / FILE
    with served({FILE: b"weights"}) as address:
        publish(b"weights", address)
        first = features.load_inception(warn=said.append)
    again = features.load_inception(warn=pytest.fail)
    assert said == [f"Downloading InceptionV3's weights, 96 MB, to {target}."]
    assert inception_files == [target, target] and first.description == again.description


def test_published_weights_are_the_files_that_keras_would_download():
    keras_own = keras.applications.InceptionV3
    [address] = download.INCEPTION.addresses
    urls = [address + file for file, _ in download.INCEPTION.files]
    assert urls == [keras_own.__globals__[name] for name in ("WEIGHTS_PATH", "WEIGHTS_PATH_NO_TOP")]
    hashes = re.findall('file_hash="(.*)"', inspect.getsource(keras_own))
    assert [f"md5:{digest}" for digest in hashes] == [c for _, c in download.INCEPTION.files]


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

    accuracy = features._describe_accuracy(cached, np.unique(other(bundled[0]).labels), other(bundled[1]))
    assert cached.description.endswith(f" of digits, {accuracy}")


@pytest.mark.parametrize("untold", ["none", "no labels"])
def test_accuracy_that_can_not_be_told_is_not(cached, bundled, untold):
    test = None if untold == "none" else bundled[1]._replace(labels=None)
    description = features.load_classifier(bundled[0], test, pytest.fail).description
    assert description.endswith(", untested, as there are no labelled test images")


def test_images_without_labels_are_judged_by_the_bundled_digits(cached):
    photos = datasets.Dataset.from_array(PIXELS, "photos")
    said = []
    extractor = features.load_classifier(photos, photos, warn=said.append)
    assert said == ["photos has no labels: features are those of a classifier of the bundled digits."]
    assert extractor.description == f"{cached.description}, as photos has no labels"
    assert extractor.sha256 == cached.sha256 and extractor(photos.images)[0].shape == (5, 64)


def test_coloured_and_larger_images_are_made_to_fit(cached, bundled):
    some = bundled[1].images[:50]
    large = resize(np.repeat(some, 3, axis=3), (56, 56))
    found, expected = (cached(pictures)[1].argmax(axis=1) for pictures in (large, some))
    assert (found == expected).mean() > 0.9
    assert cached.preprocessing == "28x28x1 bicubic antialiased, [-1, 1]"


# a network in a file


def test_features_of_a_file_are_what_its_last_layer_gets(tmp_path):
    layers = keras.layers.Flatten(), keras.layers.Dense(5, "tanh"), keras.layers.Dense(2, "softmax")
    network, path = saved(tmp_path / "own.keras", *layers)
    extractor = features.load_file(path)
    pool, probabilities = extractor(PIXELS)
    unit = to_float(PIXELS)
    a, b, kernel, bias = network.get_weights()
    np.testing.assert_allclose(pool, np.tanh(unit.reshape(5, -1) @ a + b), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(probabilities, network(unit), rtol=1e-4)
    assert (extractor.name, extractor.description) == ("own.keras", f"the network in {path}")
    assert extractor.sha256 == features._hash_arrays([a, b, kernel, bias])


@pytest.mark.parametrize(
    "last, has", [(["softmax"], True), ([None, keras.layers.Softmax()], True), (["sigmoid"], False)]
)
def test_probabilities_are_the_output_of_a_softmax_alone(tmp_path, last, has):
    activation, *more = last
    dense = keras.layers.Dense(3, activation)
    network, path = saved(tmp_path / "x.keras", keras.layers.Flatten(), dense, *more)
    extractor = features.load_file(path)
    assert (extractor(PIXELS)[1] is not None) == has == ("without" not in extractor.description)


def test_network_for_grey_images_of_any_size_is_given_them(tmp_path):
    layers = keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(2)
    _, path = saved(tmp_path / "x.keras", *layers, shape=(None, None, 1))
    brightest = (PIXELS @ np.array([0.299, 0.587, 0.114])).max(axis=(1, 2))
    pool, _ = features.load_file(path)(PIXELS)
    np.testing.assert_allclose(pool[:, 0], brightest / 127.5 - 1, atol=0.6 / 127.5)  # of a level


def test_grey_images_are_given_to_a_network_for_coloured_ones_three_times_over(tmp_path):
    layers = keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)
    pool, _ = features.load_file(saved(tmp_path / "x.keras", *layers)[1])(PIXELS[..., :1])
    expected = np.repeat(to_float(PIXELS)[..., :1].mean(axis=(1, 2)), 3, axis=1)
    np.testing.assert_allclose(pool, expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["text", "vectors", "maps", "one layer"])
def test_file_of_anything_else_is_refused_in_one_line(tmp_path, kind):
    path = tmp_path / "x.keras"
    if kind == "text":
        path.write_text("no network\n")
    elif kind == "vectors":
        saved(path, keras.layers.Dense(2), keras.layers.Dense(2), shape=(9,))
    elif kind == "maps":
        saved(path, keras.layers.Conv2D(2, 2), keras.layers.Conv2D(2, 2))
    else:
        saved(path, keras.layers.Dense(2, "softmax"))
    with pytest.raises(ValueError, match="Expected a network of images.*Received: .*x.keras") as error:
        features.load_file(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 500


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: .*gone.keras, no file"):
        features.load_extractor(tmp_path / "gone.keras", None)


# the choice


def test_default_is_inception_where_its_weights_are_at_hand_and_digits_otherwise(
    inception_files, publish, cached, bundled, tmp_path
):
    def chosen(**weights):
        return features.load_extractor(None, *bundled, warn=pytest.fail, **weights).name

    publish(b"weights")
    assert chosen() == "classifier"
    assert chosen(weights=written(tmp_path / "x.h5")) == "inception"
    file = written(get_keras_home() / "models" / FILE)
    assert chosen() == "inception"
    file.write_bytes(b"cut")
    with pytest.raises(ValueError, match="published weights. Received: .*, with another checksum"):
        chosen()
    file.unlink()


def test_name_or_file_that_is_asked_for_is_taken(inception_files, cached, bundled, tmp_path):
    weights = written(tmp_path / "x.h5")
    assert features.load_extractor("inception", None, weights=weights).name == "inception"
    assert features.load_extractor("digits", *bundled, warn=pytest.fail).sha256 == cached.sha256
    layers = keras.layers.Flatten(), keras.layers.Dense(2)
    assert features.load_extractor(str(saved(tmp_path / "own.keras", *layers)[1]), None).name == "own.keras"


def test_unknown_name_is_refused_and_so_are_weights_for_another_network(inception_files, tmp_path):
    with pytest.raises(ValueError, match="features must be one of .* did you mean inception?"):
        features.load_extractor("inceptoin", None)
    weights = written(tmp_path / "x.h5")
    with pytest.raises(ValueError, match=f"of inception features alone. Received: classifier and {weights}."):
        features.load_extractor("digits", None, weights=weights)
