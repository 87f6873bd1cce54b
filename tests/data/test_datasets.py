"""Tests of data sets by name and path."""

import gzip
import hashlib
import socket
import struct
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from keras_gan.data import datasets, download
from tests.conftest import REPOSITORY

MNIST = REPOSITORY / "../shared/data/mnist.npz"
PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([7, 9], np.uint8)


@pytest.fixture(autouse=True)
def cache(monkeypatch, keras_home):
    """An empty cache, and MNIST at an address where nobody listens."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (keras_home / "datasets").mkdir()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        nowhere = download.DATASETS["mnist"]._replace(addresses=(address,))
        monkeypatch.setitem(download.DATASETS, "mnist", nowhere)
        yield keras_home / "datasets"


def no_warning(line):
    pytest.fail(f"unexpected warning: {line}")


def write_mnist(path):
    np.savez(path, x_train=PIXELS, y_train=LABELS, x_test=PIXELS[1:], y_test=LABELS[1:])


def write_idx(path, array):
    header = struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


def test_auto_is_mnist_when_it_is_cached(cache):
    write_mnist(cache / "mnist.npz")
    dataset = datasets.load_dataset(warn=no_warning)
    np.testing.assert_array_equal(dataset.images[..., 0], PIXELS)
    assert dataset.labels.tolist() == [7, 9]
    assert (dataset.name, dataset.split) == ("mnist", "train")
    assert dataset.source == str(cache / "mnist.npz") and dataset.image_shape == (3, 4, 1)


@pytest.mark.parametrize("offline, why", [(False, "Connection refused"), (True, "offline")])
def test_auto_without_mnist_is_the_digits_and_says_so(cache, offline, why):
    lines = []
    dataset = datasets.load_dataset(offline=offline, warn=lines.append)
    assert (dataset.name, dataset.source) == ("digits", "scikit-learn")
    assert len(lines) == 1 and "\n" not in lines[0]
    for part in ("MNIST is replaced by the 8x8 digits", why, str(cache), "--data PATH", "--dataset NAME"):
        assert part in lines[0]


def test_warning_goes_to_stderr_where_nothing_else_is_said(capsys):
    datasets.load_dataset(offline=True)
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1


def test_auto_does_not_replace_a_damaged_mnist(cache):
    (cache / "mnist.npz").write_bytes(b"PK\3\4" + bytes(50))
    with pytest.raises(ValueError, match="mnist.npz cannot be read .* Delete the file to have it"):
        datasets.load_dataset(warn=no_warning)


def test_named_data_set_is_never_replaced(cache):
    with pytest.raises(FileNotFoundError, match="kmnist is not in the cache.*train-images-idx3"):
        datasets.load_dataset("kmnist", offline=True, warn=no_warning)
    with pytest.raises(OSError, match="mnist.npz cannot be downloaded.*Connection refused"):
        datasets.load_dataset("mnist", warn=no_warning)


@pytest.mark.parametrize("name", ["fashion-mnist", "fashion_mnist"])
@pytest.mark.parametrize("split, start", [("train", "train"), ("test", "t10k")])
def test_idx_data_set_is_read_from_its_folder_in_the_cache(cache, name, split, start):
    folder = cache / "fashion-mnist"
    folder.mkdir()
    write_idx(folder / f"{start}-images-idx3-ubyte.gz", PIXELS)
    write_idx(folder / f"{start}-labels-idx1-ubyte.gz", LABELS)
    dataset = datasets.load_dataset(name, split=split, offline=True, warn=no_warning)
    assert (dataset.name, dataset.split, dataset.labels.tolist()) == ("fashion-mnist", split, [7, 9])


@pytest.mark.parametrize(
    "name, hint", [("mnits", "; did you mean mnist?"), ("MNIST", "; did you mean mnist?"), ("x", ".")]
)
def test_unknown_name_lists_the_known_and_the_near(name, hint):
    known = "auto, digits, fashion-mnist, kmnist, mnist"
    with pytest.raises(ValueError) as error:
        datasets.load_dataset(name)
    assert str(error.value) == f"dataset must be one of {known}. Received: {name!r}{hint}"


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split must be one of train, test. Received: 'valid'"):
        datasets.load_dataset("digits", split="valid")


def test_digits_are_two_parts_of_scikit_learns(cache):
    train, test = (datasets.load_dataset("digits", split=s, warn=no_warning) for s in ("train", "test"))
    assert train.images.shape == (1437, 28, 28, 1) and test.images.shape == (360, 28, 28, 1)
    assert train.images.dtype == np.uint8 and train.images.min() == 0 and train.images.max() == 255
    assert train.labels[:10].tolist() == list(range(10)) and len(test.labels) == 360
    assert train.sha256 != test.sha256


def test_digits_are_255_sixteenths_of_the_stored_values_before_the_resize(monkeypatch):
    from sklearn.datasets import load_digits

    monkeypatch.setattr(datasets, "resize", lambda images, size: images)
    pixels, labels = datasets._digits("test")
    np.testing.assert_array_equal(pixels[..., 0], np.rint(load_digits().images[1437:] * 255 / 16))
    np.testing.assert_array_equal(labels, load_digits().target[1437:])


def test_path_is_read_under_its_own_name_or_the_given_one(tmp_path):
    path = tmp_path / "my.digits.npz"
    write_mnist(path)
    dataset = datasets.load_dataset(path=str(path), warn=no_warning)
    assert (dataset.name, dataset.source) == ("my.digits", str(path))
    assert datasets.load_dataset("kmnist", path).name == "kmnist"
    assert datasets.load_dataset(path=path, split="test")[2:5] == ("my.digits", str(path), "test")


def test_folder_of_pictures_is_read_under_its_name_and_has_no_test_part(tmp_path, monkeypatch):
    (tmp_path / "faces.v2").mkdir()
    Image.new("RGB", (10, 20), (1, 2, 3)).save(tmp_path / "faces.v2" / "x.png")
    dataset = datasets.load_dataset(path=tmp_path / "faces.v2", image_size=(4, 5))
    assert (dataset.name, dataset.image_shape, dataset.labels) == ("faces.v2", (4, 5, 3), None)
    monkeypatch.chdir(tmp_path / "faces.v2")
    assert datasets.load_dataset(path=".").name == "faces.v2"
    with pytest.raises(ValueError, match="Expected a source with a test part"):
        datasets.load_dataset(path=".", split="test")


def test_folder_of_idx_files_is_read_as_such(tmp_path):
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", PIXELS)
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", LABELS)
    assert datasets.load_dataset(path=tmp_path).labels.tolist() == [7, 9]
    with pytest.raises(ValueError, match="Expected a source with a test part"):
        datasets.load_dataset(path=tmp_path, split="test")


def test_digits_with_a_path_are_refused(tmp_path):
    with pytest.raises(ValueError, match="digits comes from scikit-learn and takes no path"):
        datasets.load_dataset("digits", path=tmp_path)


def test_image_size_is_height_first(tmp_path):
    np.save(tmp_path / "x.npy", PIXELS)
    assert datasets.load_dataset(path=tmp_path / "x.npy", image_size=[8, 6]).image_shape == (8, 6, 1)


def test_identity_is_of_the_pixels_and_not_of_the_file(tmp_path):
    np.save(tmp_path / "a.npy", PIXELS)
    np.savez(tmp_path / "b.npz", images=PIXELS.astype(np.int64), labels=LABELS)
    expected = hashlib.sha256(b"(2, 3, 4, 1) uint8" + PIXELS.tobytes()).hexdigest()
    assert datasets.load_dataset(path=tmp_path / "a.npy").sha256 == expected
    assert datasets.load_dataset(path=tmp_path / "b.npz").sha256 == expected
    assert datasets.Dataset.from_array(PIXELS).sha256 == expected
    assert datasets.Dataset.from_array(PIXELS.reshape(2, 4, 3)).sha256 != expected


def test_array_is_a_data_set_from_memory():
    dataset = datasets.Dataset.from_array(PIXELS / 255)
    assert dataset[1:5] == (None, "array", "memory", "train")
    np.testing.assert_array_equal(dataset.images[..., 0], PIXELS)


def test_all_of_mnist_is_read():
    if not MNIST.is_file():
        pytest.skip(f"the development copy of MNIST is not at {MNIST}")
    train, test = (datasets.load_dataset(path=MNIST, split=split) for split in ("train", "test"))
    assert train.images.shape == (60000, 28, 28, 1) and test.images.shape == (10000, 28, 28, 1)
    np.testing.assert_allclose([train.images.mean(), train.images.std()], [33.3184, 78.5675], atol=5e-5)
    assert np.bincount(train.labels).tolist()[:2] == [5923, 6742]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4] and train.name == "mnist"


def test_importing_data_imports_no_framework():
    code = (
        "import sys, keras_gan.data.datasets; print(*{'tensorflow', 'keras', 'sklearn'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


@pytest.mark.parametrize(
    "outdir, data",
    [("a", "a"), ("a/run", "a"), (".", "a"), ("a", "a/b"), ("link/run", "a"), ("a/../a", "a/./")],
)
def test_run_directory_and_images_must_be_apart(tmp_path, monkeypatch, outdir, data):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(ValueError, match=f"must be apart.*outdir={outdir} and data={data}, .*--outdir"):
        datasets.check_outdir(outdir, data)


@pytest.mark.parametrize("outdir, data", [("ab", "a"), ("a", None), ("a/b", "a/c"), (".", "x.npz")])
def test_run_directory_beside_the_images_is_taken(tmp_path, monkeypatch, outdir, data):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a" / "c").mkdir(parents=True)
    (tmp_path / "x.npz").write_bytes(b"")
    datasets.check_outdir(outdir, data)
