"""What several test files share. No test reaches the network or the user's own Keras cache."""

import os
import signal
import socket
import tempfile

import numpy as np
import pytest

_HOME = tempfile.TemporaryDirectory(prefix="keras-home-")  # `import keras` writes keras.json there
os.environ["KERAS_HOME"] = _HOME.name
_LOCAL = ("127.0.0.1", "::1", "localhost")


@pytest.fixture(scope="session", autouse=True)
def signals():
    """Signals as on a terminal: what runs in the background may have been told to ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def no_network():
    """Refuses every connection that leaves this machine, at once."""
    connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo

    def local_connect(self, address):
        if isinstance(address, tuple) and address[0] not in _LOCAL:
            raise OSError(f"a test tried to reach {address}")
        return connect(self, address)

    def local_getaddrinfo(host, *args, **kwargs):
        if host not in _LOCAL:
            raise socket.gaierror(f"a test asked for the address of {host}")
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", local_connect)
        patch.setattr(socket, "getaddrinfo", local_getaddrinfo)
        yield


@pytest.fixture(autouse=True)
def keras_home(tmp_path_factory, monkeypatch):
    """An empty Keras cache of the test's own."""
    home = tmp_path_factory.mktemp("keras-home")
    monkeypatch.setenv("KERAS_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def pixels():
    """Random uint8 images (50, 8, 8, 1)."""
    images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), dtype=np.uint8)
    images.flags.writeable = False
    return images


@pytest.fixture
def images_npz(tmp_path, pixels):
    """Path of an .npz file that holds `pixels`."""
    path = tmp_path / "images.npz"
    np.savez(path, images=pixels)
    return path
