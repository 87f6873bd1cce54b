"""Tests of the features of networks that users saved."""

import keras
import numpy as np
import pytest

from keras_gan.data.pixels import to_float
from keras_gan.evaluation.extractor import hash_arrays
from keras_gan.evaluation.keras_file import load_file

PIXELS = np.random.default_rng(1).integers(0, 256, (5, 6, 4, 3), np.uint8)


def saved(path, *layers, shape=(6, 4, 3)):
    """Saves a network of these layers and returns it and the path."""
    network = keras.Sequential([keras.Input(shape), *layers])
    network.save(path)
    return network, path


def test_features_of_a_file_are_what_its_last_layer_gets(tmp_path):
    layers = keras.layers.Flatten(), keras.layers.Dense(5, "tanh"), keras.layers.Dense(2, "softmax")
    network, path = saved(tmp_path / "own.keras", *layers)
    extractor = load_file(path)
    pool, probabilities = extractor(PIXELS)
    unit = to_float(PIXELS)
    a, b, kernel, bias = network.get_weights()
    np.testing.assert_allclose(pool, np.tanh(unit.reshape(5, -1) @ a + b), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(probabilities, network(unit), rtol=1e-4)
    assert (extractor.name, extractor.description) == ("own.keras", f"the network in {path}")
    assert extractor.sha256 == hash_arrays([a, b, kernel, bias])


@pytest.mark.parametrize(
    "last, has", [(["softmax"], True), ([None, keras.layers.Softmax()], True), (["sigmoid"], False)]
)
def test_probabilities_are_the_output_of_a_softmax_alone(tmp_path, last, has):
    activation, *more = last
    dense = keras.layers.Dense(3, activation)
    network, path = saved(tmp_path / "x.keras", keras.layers.Flatten(), dense, *more)
    extractor = load_file(path)
    assert (extractor(PIXELS)[1] is not None) == has == ("without" not in extractor.description)


def test_network_for_grey_images_of_any_size_is_given_them(tmp_path):
    layers = keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(2)
    _, path = saved(tmp_path / "x.keras", *layers, shape=(None, None, 1))
    pool, _ = load_file(path)(np.repeat(PIXELS[..., :1], 3, axis=3))
    brightest = PIXELS[..., 0].max(axis=(1, 2))
    np.testing.assert_allclose(pool[:, 0], brightest / 127.5 - 1, atol=1e-6)


def test_grey_images_are_given_to_a_network_for_coloured_ones_three_times_over(tmp_path):
    layers = keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)
    pool, _ = load_file(saved(tmp_path / "x.keras", *layers)[1])(PIXELS[..., :1])
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
        load_file(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 500


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="Received: .*gone.keras, no file"):
        load_file(tmp_path / "gone.keras")


def test_network_in_bfloat16_is_refused_where_tensorflow_would_crash(tmp_path, monkeypatch):
    layer = keras.layers.Dense(5, dtype="mixed_bfloat16")
    path = saved(tmp_path / "x.keras", keras.layers.Flatten(), layer, keras.layers.Dense(2))[1]
    monkeypatch.setattr("keras_gan.device._read_cpu_flags", lambda: {"avx512f"})
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "1")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    with pytest.raises(ValueError, match="Received: ONEDNN_MAX_CPU_ISA=AVX2; unset it"):
        load_file(path)
