import json
import zipfile

import keras
import numpy as np
import pytest

from keras_gan.files import npz
from keras_gan.files.keras_archive import check_keras_file, load_network


def write(path, config, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        if config is not None:
            archive.writestr(
                "config.json", config if isinstance(config, (str, bytes)) else json.dumps(config)
            )
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_file_of_layers_that_memory_holds_is_accepted(tmp_path):
    layers = [
        {"units": 2048, "seed": 2**60, "shared_object_id": 2**47},
        {"axis": [-1], "trainable": True, "epsilon": 1e300},
    ]
    check_keras_file(write(tmp_path / "x.keras", {"layers": layers}, weights=b"abc"))


@pytest.mark.parametrize("size", [2**24 + 1, 10**12, -(10**9)])
def test_layer_that_no_memory_holds_is_refused(tmp_path, size):
    with pytest.raises(ValueError, match=f"a size of {size}"):
        check_keras_file(write(tmp_path / "x.keras", {"layers": [{"config": {"shape": [None, [size]]}}]}))


def test_data_that_unpack_to_too_much_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(ValueError, match="unpacks to more than"):
        check_keras_file(write(tmp_path / "x.keras", {}, weights=bytes(10**6)))
    monkeypatch.undo()
    with pytest.raises(ValueError, match="more than 16 MiB"):
        check_keras_file(write(tmp_path / "x.keras", b" " * (16 * 2**20 + 1)))


@pytest.mark.parametrize("config", [None, "{", "[" * 100_000, b"\xff"])
def test_what_is_no_keras_file_is_refused_in_one_line(tmp_path, config):
    with pytest.raises(ValueError) as error:
        check_keras_file(write(tmp_path / "x.keras", config))
    assert len(str(error.value).splitlines()) == 1
    (tmp_path / "x.keras").write_bytes(b"PK")
    with pytest.raises(ValueError, match="no .keras file"):
        check_keras_file(tmp_path / "x.keras")


# what Keras builds


def build(*layers):
    return keras.Sequential([keras.Input((4, 4, 3)), *layers])


def save(path, network, **replaced):
    """Saves a network whose configuration then says other sizes than its weights have."""
    network.save(path)
    with zipfile.ZipFile(path) as archive:
        config, weights = archive.read("config.json").decode(), archive.read("model.weights.h5")
    for name, (before, after) in replaced.items():
        assert f'"{name}": {before}' in config
        config = config.replace(f'"{name}": {before}', f'"{name}": {after}')
    return write(path, config, **{"model.weights.h5": weights})


def test_network_that_keras_saved_is_loaded_whatever_its_precision(tmp_path):
    inner = build(keras.layers.Conv2D(2, 3), keras.layers.BatchNormalization())
    for policy in ("float32", "float64", "mixed_bfloat16", "bfloat16"):
        network = build(inner, keras.layers.Flatten(), keras.layers.Dense(300, dtype=policy))
        network.save(tmp_path / "x.keras")
        loaded = load_network(tmp_path / "x.keras")
        for a, b in zip(loaded.get_weights(), network.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_layers_with_more_weights_than_the_file_holds_are_refused(tmp_path):
    network = build(keras.layers.Flatten(), keras.layers.Dense(3), keras.layers.Dense(3))
    path = save(tmp_path / "x.keras", network, units=(3, 2**12))
    with pytest.raises(ValueError, match="more weights than the [0-9]+ bytes that it holds"):
        load_network(path)
    assert keras.Layer.add_weight.__name__ == "add_weight"


def test_layer_that_makes_more_of_an_image_than_memory_holds_is_refused(tmp_path):
    network = build(build(keras.layers.UpSampling2D(2)), keras.layers.GlobalAveragePooling2D())
    path = save(tmp_path / "x.keras", network, size=("[2, 2]", "[2048, 2048]"))
    with pytest.raises(ValueError, match="makes anyx8192x8192x3 numbers, more than"):
        load_network(path)
