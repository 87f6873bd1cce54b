import json
import zipfile

import pytest

from keras_gan.files import npz
from keras_gan.files.keras_archive import check_keras_file


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
