"""Tests of the cache and the downloads, against a server on this machine."""

import hashlib
import http.server
import os
import socket
import threading
import urllib.request

import pytest

from keras_gan.data import download
from keras_gan.files.cache import get_keras_home

CONTENT = bytes(range(256)) * 1000
GOOD = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
GOOD_MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT for any file below /good/, its beginning below the other two places."""

    protocol_version = "HTTP/1.1"  # for the chunks
    places = {
        "good": ("Content-Length", str(len(CONTENT)), CONTENT),
        "half": ("Content-Length", str(len(CONTENT)), CONTENT[:1000]),
        "chunked": ("Transfer-Encoding", "chunked", b"1000\r\n" + CONTENT[:1000]),
    }

    def do_GET(self):
        self.server.paths.append(self.path)
        place = self.path.split("/")[1]
        if place not in self.places:
            return self.send_error(404)
        name, value, body = self.places[place]
        self.send_response(200)
        self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Keeps the requests off stderr."""


@pytest.fixture
def server(monkeypatch):
    """An HTTP server."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.url, server.paths = f"http://127.0.0.1:{server.server_port}", []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def closed(monkeypatch):
    """The address of a port on which nobody listens."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}/"


@pytest.fixture
def offer(monkeypatch):
    """A function that makes "mnist" one file x.npz at some addresses."""

    def offer(*addresses, checksum=GOOD, files=("x.npz",)):
        source = download.DATASETS["mnist"]._replace(
            files=tuple((file, checksum) for file in files), addresses=addresses
        )
        monkeypatch.setitem(download.DATASETS, "mnist", source)

    return offer


def cache():
    folder = download.get_cache_folder("mnist")
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_download_puts_the_file_into_the_cache(server, offer):
    offer(f"{server.url}/good/")
    assert download.find_cached("mnist") is None
    path = download.download("mnist")
    assert path == download.find_cached("mnist") == download.get_cache_folder("mnist") / "x.npz"
    assert cache() == {"x.npz": CONTENT} and server.paths == ["/good/x.npz"]


def test_md5_checksums_are_compared_too(server, offer):
    offer(f"{server.url}/good/", checksum=GOOD_MD5)
    download.download("mnist")
    assert cache() == {"x.npz": CONTENT}


def test_wrong_checksum_names_both_and_leaves_nothing(server, offer):
    offer(f"{server.url}/good/", checksum="sha256:" + "0" * 64)
    with pytest.raises(ValueError, match=f"expected sha256:0{{64}}, received {GOOD}"):
        download.download("mnist")
    assert cache() == {}


@pytest.mark.parametrize(
    "place, reason",
    [
        ("none", "HTTP Error 404"),
        ("half", "IncompleteRead|ended after 1000 of 256000 bytes"),  # by Python version
        ("chunked", "IncompleteRead"),
    ],
)
def test_failed_download_names_address_reason_and_folder(server, offer, place, reason):
    offer(f"{server.url}/{place}/")
    with pytest.raises(OSError, match=reason) as error:
        download.download("mnist")
    text = str(error.value)
    assert f"{server.url}/{place}/x.npz" in text and "\n" not in text
    assert f"Put x.npz into {download.get_cache_folder('mnist')} by hand" in text
    assert cache() == {}


def test_server_that_is_not_there_is_named(closed, offer):
    offer(closed)
    with pytest.raises(OSError, match=f"{closed}x.npz cannot be downloaded: Connection refused. Put x.npz"):
        download.download("mnist")


def test_silent_server_is_given_up(offer, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert download._TIMEOUT_SECONDS == 10
    monkeypatch.setattr(download, "_TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        offer(f"http://127.0.0.1:{silent.getsockname()[1]}/")
        with pytest.raises(OSError, match="x.npz cannot be downloaded: timed out. Put x.npz"):
            download.download("mnist")


def test_second_address_is_taken_when_the_first_fails(server, closed, offer):
    offer(closed, f"{server.url}/none/", f"{server.url}/half/", f"{server.url}/good/")
    download.download("mnist")
    assert cache() == {"x.npz": CONTENT}
    assert server.paths == ["/none/x.npz", "/half/x.npz", "/good/x.npz"]


def test_left_over_part_is_neither_taken_for_the_file_nor_kept(server, offer):
    folder = download.get_cache_folder("mnist")
    folder.mkdir(parents=True)
    (folder / f".x.{os.getpid()}.part.npz").write_bytes(b"left over")
    offer(f"{server.url}/good/")
    assert download.find_cached("mnist") is None
    download.download("mnist")
    assert cache() == {"x.npz": CONTENT}


def test_images_are_downloaded_last_and_labels_at_hand_are_kept(server, offer):
    files = [file for file, _ in download.DATASETS["kmnist"].files]
    offer(f"{server.url}/good/", files=files)
    download.download("mnist", "train")
    assert server.paths == ["/good/train-labels-idx1-ubyte.gz", "/good/train-images-idx3-ubyte.gz"]
    (download.get_cache_folder("mnist") / "t10k-labels-idx1-ubyte").write_bytes(b"by hand")
    assert download.find_cached("mnist", "test") is None
    download.download("mnist", "test")
    assert server.paths[2:] == ["/good/t10k-images-idx3-ubyte.gz"]


def test_offline_downloads_nothing_and_names_the_files(monkeypatch, keras_home):
    monkeypatch.setattr(urllib.request, "urlopen", lambda *a, **k: pytest.fail("went online"))
    with pytest.raises(FileNotFoundError) as error:
        download.download("kmnist", offline=True)
    files = "train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz"
    assert f"Put {files} into {keras_home / 'datasets/kmnist'} by hand" in str(error.value)
    assert "--data PATH" in str(error.value) and list(keras_home.iterdir()) == []


def test_cache_is_that_of_keras(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert download.get_cache_folder("fashion-mnist") == tmp_path / "datasets" / "fashion-mnist"
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert download.get_cache_folder("mnist") == tmp_path / ".keras" / "datasets"
    monkeypatch.setenv("HOME", str(tmp_path / "missing"))  # where Keras takes /tmp
    assert str(get_keras_home()) == "/tmp/.keras"


def test_unpacked_files_in_the_cache_are_found(keras_home):
    path = keras_home / "datasets" / "kmnist" / "t10k-images-idx3-ubyte"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    assert download.find_cached("kmnist", "test") == path
    assert download.find_cached("kmnist", "train") is None


def test_whereabouts_tell_what_is_at_hand(keras_home):
    assert download.describe_location("digits") == "bundled with scikit-learn"
    assert download.describe_location("kmnist").startswith("to be downloaded from http://codh.rois.ac.jp/")
    (keras_home / "datasets").mkdir()
    (keras_home / "datasets" / "mnist.npz").write_bytes(b"")
    assert download.describe_location("mnist") == f"at hand: {keras_home / 'datasets' / 'mnist.npz'}"


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist"])
def test_table_holds_whole_checksums_addresses_and_licences(name):
    source = download.DATASETS[name]
    lengths = {"sha256": 64, "md5": 32}
    checksums = [checksum.split(":") for _, checksum in source.files]
    assert all(len(digest) == lengths[algorithm] for algorithm, digest in checksums)
    assert len({digest for _, digest in checksums}) == len(source.files)
    assert all(address.startswith("http") and address.endswith("/") for address in source.addresses)
    assert source.licence and source.title and source.note
