"""What several test files share. No test reaches the network or the user's own Keras cache."""

import os
import signal
import socket
import struct
import sys
import tempfile
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_gan.presets import PRESETS, Dense

REPOSITORY = Path(__file__).parents[1]
_HOME = tempfile.TemporaryDirectory(prefix="keras-home-")  # `import keras` writes keras.json there
os.environ["KERAS_HOME"] = _HOME.name
_LOCAL = ("127.0.0.1", "::1", "localhost")
_LONGEST = (
    "test_two_workers.py",
    "test_resume.py",
    "test_engines.py",
    "test_own_networks.py",
    "test_device.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config):
    """Runs the whole suite in two processes where pytest-xdist is installed; `-n 0` runs it in one."""
    option = config.option
    whole = config.args_source is config.ArgsSource.TESTPATHS and not hasattr(config, "workerinput")
    if whole and not option.usepdb and getattr(option, "numprocesses", 0) is None:
        option.numprocesses, option.dist, option.loadscopereorder = 2, "loadfile", False


def pytest_collection_modifyitems(items):
    """Begins with the files that take longest, so that no process waits long for the other at the end."""
    items.sort(key=lambda item: item.path.name not in _LONGEST)


@pytest.fixture(scope="session", autouse=True)
def signals():
    """Signals as on a terminal: what runs in the background may have been told to ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # which nohup ignores


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


@pytest.fixture(scope="session", autouse=True)
def without_fsync():
    """Files of tests need not survive a power cut: to wait for the disk takes a few ms for each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(autouse=True)
def keras_home(monkeypatch):
    """An empty Keras cache of the test's own."""
    home = Path(tempfile.mkdtemp(dir=_HOME.name))  # pytest's own takes 3 ms once there are thousands
    monkeypatch.setenv("KERAS_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def pixels():
    """Random uint8 images (50, 8, 8, 1)."""
    images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), dtype=np.uint8)
    images.flags.writeable = False
    return images


def make_idx(array):
    """Returns the bytes of an idx file of uint8."""
    return struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def save_image(path, colour, mode="L", size=(4, 3), **options):
    """Writes an image file of one colour, in a folder that need not be there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **options)


@pytest.fixture
def images_npz(tmp_path, pixels):
    """Path of an .npz file that holds `pixels`."""
    path = tmp_path / "images.npz"
    np.savez(path, images=pixels)
    return path


# commands


WITHOUT_XLA = [
    sys.executable,
    "-c",
    "from keras_gan.commands.options import start_tensorflow; start_tensorflow()\n"
    "from keras_gan.model import gan; gan.JIT_COMPILE = False\n"
    "from keras_gan.commands.main import main; main(prog_name='python -m keras_gan')",
]  # instead of `python -m keras_gan`, whose GANs XLA compiles, which takes seconds


def run(*words, prog_name="python cli.py"):
    """Returns the result of a command."""
    from click.testing import CliRunner

    from keras_gan.commands import main

    return CliRunner().invoke(main.main, [str(word) for word in words], prog_name=prog_name)


def refused(*words):
    """Runs a command that must fail in one line on stderr, and returns the line."""
    result = run(*words)
    lines = result.stderr.splitlines()
    assert (result.exit_code, result.stdout, len(lines)) == (1, "", 1), result.output
    assert lines[0].startswith("Error: ")
    return lines[0]


def misused(*words):
    """Runs a command that must fail as wrongly used, and returns what is on stderr."""
    result = run(*words)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    return result.stderr


@pytest.fixture
def in_process(monkeypatch):
    """The list of the commands of a sweep, whose runs train in this process."""
    return train_here(monkeypatch)


def train_here(monkeypatch):
    """Lets the runs of a sweep train in this process, without XLA; returns the list of their commands."""
    from click.testing import CliRunner

    from keras_gan.training import sweep

    commands = []

    def run_here(command, environment):
        commands.append(command)
        if command[2] == "keras_gan":
            result = run(*command[3:])
        else:
            from keras_gan.pytorch import train_run

            result = CliRunner().invoke(train_run.main, command[3:])
            if result.exception and not isinstance(result.exception, SystemExit):
                raise result.exception
        return result.exit_code, result.stderr

    monkeypatch.setattr(sweep, "_run", run_here)
    return commands


def forbidden(line):
    """Takes the place of a warning that must not come."""
    raise AssertionError(line)


def run_workers(count, action, strategy=None):
    """Returns what `action(workers)` returns or raises on each of some workers, which are threads."""
    from keras_gan.model.workers import Workers

    sent, barrier, results = [None] * count, threading.Barrier(count), [None] * count

    class Local(Workers):
        def __enter__(self):
            return self

        def exchange(self, numbers):
            sent[self.index] = numbers
            barrier.wait(10)
            total = sum(sent)
            barrier.wait(10)
            return total

    def run(i):
        try:
            results[i] = action(Local(strategy, [f"host-{j}:1" for j in range(count)], i))
        except Exception as error:
            results[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


# GANs and extractors that take no time


@pytest.fixture(scope="session")
def torch():
    """PyTorch, for comparisons; a test that asks for it is skipped without it."""
    return pytest.importorskip("torch", reason="needs PyTorch: pip install torch==2.13.0")


@pytest.fixture
def bfloat16():
    """Skips a test where oneDNN is kept from computing in bfloat16, as in the row avx2 of `.ci/versions`."""
    from keras_gan.device import check_precision

    try:
        check_precision("mixed_bfloat16")
    except ValueError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session", autouse=True)
def without_xla():
    """GANs are not compiled by XLA, which takes seconds, unless a test asks for it."""
    from keras_gan.model import gan

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gan, "JIT_COMPILE", False)
        yield


@pytest.fixture(scope="session")
def _networks():
    """The last GANs' networks, compiled and traced: list of (settings, weak reference, parts, arrays)."""
    return []


@pytest.fixture(autouse=True)
def reuse_networks(_networks, without_xla, monkeypatch):
    """Gives a GAN the networks of an earlier one, reset, that had the same settings and is gone.

    To build and trace a GAN takes a second, to keep one 10 to 100 MB: eight are kept. Test files
    that are about how one is built override this fixture.
    """
    from keras_gan.model.gan import GAN

    build = GAN._build

    def build_or_take(gan, jit_compile):
        if type(gan) is not GAN:
            return build(gan, jit_compile)
        settings = repr((gan.config, gan.preset, jit_compile))
        free = [i for i, (s, other, *_) in enumerate(_networks) if s == settings and other() is None]
        if free:
            *_, parts, arrays = _networks.pop(free[0])
            vars(gan).update(parts)
            for name, variable in gan.variables().items():
                variable.assign(arrays[name])
        else:
            build(gan, jit_compile)
            parts = {n: vars(gan)[n] for n in ("generator", "discriminator", "combined", "_generate")}
            arrays = gan.arrays()
        _networks.append((settings, weakref.ref(gan), parts, arrays))
        unused = [i for i, (_, other, *_) in enumerate(_networks) if other() is None]
        for i in reversed(unused[:-8]):
            del _networks[i]

    monkeypatch.setattr(GAN, "_build", build_or_take)


@pytest.fixture(autouse=True)
def forget_gradients(without_xla):
    """Lets TensorFlow give back the graphs of GANs that are gone, 10 to 20 MB each.

    In every trace Keras's optimizers sum their gradients over replicas, of which there is one; TensorFlow
    registers the gradient of that sum under a new name, for good, and the whole graph stays with it.
    """
    yield
    from tensorflow.python.framework import ops

    registered = getattr(ops.gradient_registry, "_registry", {})
    for name in [name for name in registered if name.startswith("CustomGradient-")]:
        del registered[name]


def narrow(preset):
    """Returns a preset with a sixteenth of its units, which trains in no time."""
    networks = {
        name: tuple(
            x._replace(units=x.units // 16) if isinstance(x, Dense) and (x.units or 0) > 1 else x
            for x in getattr(preset, name)
        )
        for name in ("generator", "discriminator")
    }
    return preset._replace(**networks)


each_preset = pytest.mark.parametrize(  # of which two take part in the quick tests
    "preset", [n if n in ("keras", "aioz") else pytest.param(n, marks=pytest.mark.slow) for n in PRESETS]
)


@pytest.fixture
def narrow_presets(monkeypatch):
    """All presets with a sixteenth of their units."""
    for name, preset in PRESETS.items():
        monkeypatch.setitem(PRESETS, name, narrow(preset))


class Corner:
    """An extractor whose features are the first three pixels."""

    name, description, sha256, preprocessing, batch_size = "corner", "for tests", "0" * 64, "none", 7
    cpu = ""

    def __init__(self):
        self.seen = 0

    def __call__(self, images):
        """Returns features (n, 3) and no probabilities."""
        self.seen += len(images)
        return images.reshape(len(images), -1)[:, :3].astype(np.float32), None


class TenClasses(Corner):
    """An extractor that finds ten classes by the fourth pixel, too."""

    name, description = "classifier", "an extractor for tests"

    def __call__(self, images):
        """Returns features (n, 3) and probabilities (n, 10)."""
        pool, _ = super().__call__(images)
        return pool, np.eye(10, dtype=np.float32)[images.reshape(len(images), -1)[:, 3] % 10]
