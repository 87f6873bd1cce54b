"""Tests of where weights come from: given, cached, downloaded from this machine, converted."""

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

from keras_gan.evaluation import weights
from keras_gan.evaluation.weights import VARIABLE, WeightsFile

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = f"net-{SHA256[:8]}.pth"


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
            (tmp_path / "served").mkdir()
            (tmp_path / "served" / name).write_bytes(content)
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


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Folder that PyTorch downloads weights to."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv(VARIABLE, raising=False)
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def publish(monkeypatch, hub):
    """A function that makes one file, checked by the eight digits in its name, an extractor's weights."""

    def publish(address, digits=SHA256[:8], features="pytorch-fid"):
        monkeypatch.setitem(weights.FILES, features, (WeightsFile(NAME, f"sha256:{digits}", address),))

    return publish


def test_weights_are_downloaded_once_and_checked_against_the_hash_in_their_name(publish, served, keras_home):
    said, target = [], keras_home / "models" / NAME
    with served({NAME: CONTENT}) as address:
        publish(address)
        assert weights.find_weights("pytorch-fid") is None
        assert weights.download_weights("pytorch-fid", False, said.append) == target
    assert target.read_bytes() == CONTENT and weights.find_weights("pytorch-fid") == target
    assert said == [f"Downloading InceptionV3's weights, 96 MB, to {target}."]


def test_download_of_another_hash_leaves_nothing_and_names_the_ways_out(publish, served, keras_home):
    with served({NAME: CONTENT}) as address:
        publish(address, "0" * 8)
        with pytest.raises(ValueError, match=f"expected sha256:0{{8}}, received sha256:{SHA256}") as error:
            weights.download_weights("pytorch-fid", False, print)
    assert str(error.value).startswith(f"{address}{NAME} cannot be downloaded: expected sha256:")
    assert f" Put it into {keras_home / 'models'} by hand" in str(error.value)
    assert "--inception-weights FILE" in str(error.value) and list((keras_home / "models").iterdir()) == []


def test_nothing_is_downloaded_offline(publish):
    publish("http://127.0.0.1:1/")
    with pytest.raises(FileNotFoundError, match=f"{NAME} is not in the cache, and this is offline. Put http"):
        weights.download_weights("pytorch-fid", True, pytest.fail)


def test_weights_that_pytorch_downloaded_or_that_were_converted_are_at_hand(publish, hub, keras_home):
    publish("")
    (hub / NAME).write_bytes(CONTENT)
    assert weights.find_weights("pytorch-fid") == hub / NAME
    (keras_home / "models").mkdir()
    converted = (keras_home / "models" / NAME).with_suffix(".npz")
    converted.write_bytes(b"")
    assert weights.find_weights("pytorch-fid") == converted


@pytest.mark.parametrize(
    "features, ways", [("pytorch-fid", ""), ("inception", f" or the variable {VARIABLE}")]
)
def test_cached_file_with_another_hash_is_refused_with_the_ways_to_name_it(publish, hub, features, ways):
    publish("", features=features)
    (hub / NAME).write_bytes(CONTENT[1:])
    with pytest.raises(ValueError, match="weights. Received: .*with another checksum. Delete it") as error:
        weights.find_weights(features)
    assert str(error.value).endswith(f"name it with --inception-weights FILE{ways}.")


def test_environment_names_weights_of_keras_alone_and_what_is_given_comes_first(publish, hub, monkeypatch):
    publish("")
    publish("", features="inception")
    named, given = hub / "named.h5", hub / "given.h5"
    for path in (named, given):
        path.write_bytes(b"")
    monkeypatch.setenv(VARIABLE, str(named))
    assert weights.find_weights("inception") == named and weights.find_weights("pytorch-fid") is None
    assert weights.find_weights("inception", given) == given == weights.find_weights("pytorch-fid", given)


def test_published_weights_of_keras_are_the_files_that_it_would_download():
    keras_own, files = keras.applications.InceptionV3, weights.FILES["inception"]
    urls = [file.folder + file.name for file in files]
    assert urls == [keras_own.__globals__[name] for name in ("WEIGHTS_PATH", "WEIGHTS_PATH_NO_TOP")]
    hashes = re.findall('file_hash="(.*)"', inspect.getsource(keras_own))
    assert [f"md5:{digest}" for digest in hashes] == [file.checksum for file in files]


@pytest.mark.parametrize("features", sorted(set(weights.FILES) - {"inception"}))
def test_checksum_of_pytorchs_weights_is_the_hash_in_their_name(features):
    for file in weights.FILES[features]:
        assert file.name.removesuffix(".pth").endswith(file.checksum.removeprefix("sha256:"))


def test_converted_weights_say_which_file_they_are_of(publish, tmp_path):
    publish("")
    source, target = tmp_path / "any.pth", tmp_path / "any.npz"
    source.write_bytes(CONTENT)
    weights.save_converted(target, {"w": np.arange(3.0)}, source)
    assert weights.describe_origin("pytorch-fid", target) == NAME
    assert weights.read_arrays(target).keys() == {"w", "sha256"}
    source.write_bytes(b"others")
    weights.save_converted(target, {"w": np.arange(3.0)}, source)
    assert weights.describe_origin("pytorch-fid", target) == f"unpublished weights from {target}"
