"""Tests of data sets by name and path."""

import gzip
import hashlib
import socket
import subprocess
import sys

import numpy as np
import pytest

from keras_gan.data import datasets, download
from keras_gan.data.options import ImageOptions
from tests.conftest import REPOSITORY, forbidden, make_idx, save_image

MNIST = REPOSITORY / "../shared/data/mnist.npz"
IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
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


def write_mnist(path):
    np.savez(path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[1:], y_test=LABELS[1:])


def write_idx(path, array):
    path.write_bytes(gzip.compress(make_idx(array)))


def test_auto_is_mnist_when_it_is_cached(cache):
    write_mnist(cache / "mnist.npz")
    dataset = datasets.load_dataset(warn=forbidden)
    np.testing.assert_array_equal(dataset.images[..., 0], IMAGES)
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
        datasets.load_dataset(warn=forbidden)


def test_named_data_set_is_never_replaced(cache):
    with pytest.raises(FileNotFoundError, match="kmnist is not in the cache.*train-images-idx3"):
        datasets.load_dataset("kmnist", offline=True, warn=forbidden)
    with pytest.raises(OSError, match="mnist.npz cannot be downloaded.*Connection refused"):
        datasets.load_dataset("mnist", warn=forbidden)


@pytest.mark.parametrize("name", ["fashion-mnist", "fashion_mnist"])
@pytest.mark.parametrize("split, start", [("train", "train"), ("test", "t10k")])
def test_idx_data_set_is_read_from_its_folder_in_the_cache(cache, name, split, start):
    folder = cache / "fashion-mnist"
    folder.mkdir()
    write_idx(folder / f"{start}-images-idx3-ubyte.gz", IMAGES)
    write_idx(folder / f"{start}-labels-idx1-ubyte.gz", LABELS)
    dataset = datasets.load_dataset(name, split=split, offline=True, warn=forbidden)
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
    train, test = (datasets.load_dataset("digits", split=s, warn=forbidden) for s in ("train", "test"))
    assert train.images.shape == (1437, 28, 28, 1) and test.images.shape == (360, 28, 28, 1)
    assert train.images.dtype == np.uint8 and train.images.min() == 0 and train.images.max() == 255
    assert train.labels[:10].tolist() == list(range(10)) and len(test.labels) == 360
    assert train.sha256 != test.sha256


def test_digits_are_255_sixteenths_of_the_stored_values_before_the_resize(monkeypatch):
    from sklearn.datasets import load_digits

    monkeypatch.setattr(datasets, "resize", lambda images, size: images)
    loaded = datasets._load_digits("test")
    np.testing.assert_array_equal(loaded.images[..., 0], np.rint(load_digits().images[1437:] * 255 / 16))
    np.testing.assert_array_equal(loaded.labels, load_digits().target[1437:])


def test_path_is_read_under_its_own_name_or_the_given_one(tmp_path):
    path = tmp_path / "my.digits.npz"
    write_mnist(path)
    dataset = datasets.load_dataset(path=str(path), warn=forbidden)
    assert (dataset.name, dataset.source) == ("my.digits", str(path))
    assert datasets.load_dataset("kmnist", path).name == "kmnist"
    assert datasets.load_dataset(path=path, split="test")[2:5] == ("my.digits", str(path), "test")


def test_folder_of_images_is_read_under_its_name_and_has_no_test_part(tmp_path, monkeypatch):
    save_image(tmp_path / "faces.v2" / "x.png", (1, 2, 3), "RGB", (10, 8))
    dataset = datasets.load_dataset(path=tmp_path / "faces.v2", options=ImageOptions((4, 5)), warn=forbidden)
    assert (dataset.name, dataset.image_shape, dataset.labels) == ("faces.v2", (4, 5, 3), None)
    monkeypatch.chdir(tmp_path / "faces.v2")
    assert datasets.load_dataset(path=".").name == "faces.v2"
    with pytest.raises(ValueError, match="Expected a source with a test part"):
        datasets.load_dataset(path=".", split="test")


def test_folder_of_idx_files_is_read_as_such(tmp_path):
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", IMAGES)
    write_idx(tmp_path / "train-labels-idx1-ubyte.gz", LABELS)
    assert datasets.load_dataset(path=tmp_path).labels.tolist() == [7, 9]
    with pytest.raises(ValueError, match="Expected a source with a test part"):
        datasets.load_dataset(path=tmp_path, split="test")


def test_digits_with_a_path_are_refused(tmp_path):
    with pytest.raises(ValueError, match="digits comes from scikit-learn and takes no path"):
        datasets.load_dataset("digits", path=tmp_path)


def test_image_size_is_height_first(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    options = ImageOptions((6, 8))
    dataset = datasets.load_dataset(path=tmp_path / "x.npy", options=options, warn=forbidden)
    assert dataset.image_shape == (6, 8, 1)


@pytest.mark.parametrize("name", ["x.npy", "digits"])
def test_images_of_another_aspect_ratio_are_cropped_or_stretched(tmp_path, name):
    np.save(tmp_path / "x.npy", np.repeat(np.array([[[1, 99, 99, 2]]], np.uint8), 2, 1))  # 2x4
    path, lines = (tmp_path / name, []) if name == "x.npy" else (None, [])
    where = dict(name="auto" if path else "digits", path=path)
    cropped = datasets.load_dataset(**where, options=ImageOptions((4, 2)), warn=lines.append)
    n = len(cropped.images)
    assert cropped.image_shape == (4, 2, 1) and cropped.notes == tuple(lines)
    assert [line.partition(";")[0] for line in lines] == [
        f"{n} of {n} images are cropped at the centre to the aspect ratio of --image-size"
    ]
    options = ImageOptions((4, 2), fit="stretch")
    stretched = datasets.load_dataset(**where, options=options, warn=forbidden)
    assert stretched.image_shape == (4, 2, 1) and stretched.sha256 != cropped.sha256


def test_sizes_are_refused_before_images_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.readers, "read_path", forbidden)
    options = ImageOptions((2000, 2000), max_values=2**18)
    for where in ({"path": tmp_path / "x.npy"}, {"name": "digits"}):
        with pytest.raises(
            ValueError, match="at most 262,144 values each.*Received: 2000x2000x1 from --image-size"
        ):
            datasets.load_dataset(**where, options=options)


def test_images_that_would_fill_the_memory_are_refused_before_they_are_resized(tmp_path):
    with pytest.raises(ValueError, match="in memory. Received: 1,437 images of 4096x4096x1"):
        datasets.load_dataset("digits", options=ImageOptions((4096, 4096)))


def test_images_too_large_to_train_on_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES)
    with pytest.raises(
        ValueError, match="x.npy: Images to train on must have at most 11 values each.*Received: 3x4x1"
    ):
        datasets.load_dataset(path=tmp_path / "x.npy", options=ImageOptions(max_values=11))


def test_background_that_is_no_colour_is_refused_with_any_data_set():
    with pytest.raises(ValueError, match="background must be a colour"):
        datasets.load_dataset("digits", options=ImageOptions(background="no colour"))


def test_what_is_given_is_a_name_a_path_or_in_memory(tmp_path, monkeypatch, cache):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", IMAGES)
    save_image(tmp_path / "digits" / "x.png", 9)
    for data, name, source in (
        ("digits", "digits", "scikit-learn"),
        ("./digits", "digits", "./digits"),
        (tmp_path / "digits", "digits", str(tmp_path / "digits")),
        ("x.npy", "x", "x.npy"),
        (IMAGES, "array", "memory"),
        (list(IMAGES), "array", "memory"),
    ):
        dataset = datasets.open_dataset(data, warn=forbidden)
        assert (dataset.name, dataset.source, dataset.split) == (name, source, "train")
    write_mnist(cache / "mnist.npz")
    for data in (5, None, object(), b"x.npy"):
        with pytest.raises(TypeError, match=f"Received: {type(data).__name__}."):
            datasets.open_dataset(data)
    with pytest.raises(FileNotFoundError, match="no file nowhere"):
        datasets.open_dataset("nowhere")


@pytest.mark.parametrize(
    "path, line",
    [
        ("mnits", "no file mnits; did you mean the data set mnist?"),
        ("/home/mnits", "no file /home/mnits; did you mean the data set mnist?"),
        ("/home/https:/example.org/x.zip", "the address https://example.org/x.zip; download it first."),
        ("https://example.org/x.zip", "the address https://example.org/x.zip; download it first."),
        ("", "data must be a path or the name of a data set. Received: ''."),
    ],
)
def test_what_is_no_path_is_refused_with_what_was_likely_meant(path, line):
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        datasets.open_dataset(path)
    assert str(error.value).endswith(line)


def test_home_in_a_path_is_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    np.save(tmp_path / "x.npy", IMAGES)
    assert datasets.open_dataset("~/x.npy").source == str(tmp_path / "x.npy")


def test_notes_are_told_once_and_kept(tmp_path):
    save_image(tmp_path / "in" / "x.png", (0, 0, 0, 0), "RGBA")
    lines = []
    dataset = datasets.load_dataset(path=tmp_path / "in", warn=lines.append)
    assert dataset.notes == tuple(lines) and "composited on white" in lines[0] and len(lines) == 1


@pytest.mark.slow
def test_million_images_are_opened_and_hashed_in_little_memory(tmp_path):
    """784 MB on disk, in a process of its own, whose peak is measured."""
    code = """if 1:
        import resource, sys
        import numpy as np
        from keras_gan.data.datasets import load_dataset
        from keras_gan.rng import draw_batch_rows

        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        before = peak()
        dataset = load_dataset(path=sys.argv[1])
        for step in range(10):
            batch = dataset.images[draw_batch_rows(len(dataset.images), 256, 0, step, True)]
        assert batch.shape == (256, 28, 28, 1) and len(dataset.images) == 10**6
        print(peak() - before, dataset.sha256)
    """
    images = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (10**6, 28, 28))
    images[::1000] = np.arange(784, dtype=np.uint16).reshape(28, 28) % 256
    digest = hashlib.sha256(b"(1000000, 28, 28, 1) uint8")
    for i in range(0, 10**6, 10**5):
        digest.update(images[i : i + 10**5])
    del images
    run = subprocess.run([sys.executable, "-c", code, tmp_path / "x.npy"], capture_output=True, text=True)
    grown, sha256 = run.stdout.split()
    assert sha256 == digest.hexdigest() and int(grown) < 150 * 10**6, run.stderr


def test_identity_is_of_the_pixels_and_not_of_the_file(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    np.savez(tmp_path / "b.npz", images=IMAGES.astype(np.int64), labels=LABELS)
    expected = hashlib.sha256(b"(2, 3, 4, 1) uint8" + IMAGES.tobytes()).hexdigest()
    assert datasets.load_dataset(path=tmp_path / "a.npy").sha256 == expected
    assert datasets.load_dataset(path=tmp_path / "b.npz").sha256 == expected
    assert datasets.Dataset.from_array(IMAGES).sha256 == expected
    assert datasets.Dataset.from_array(IMAGES.reshape(2, 4, 3)).sha256 != expected


def test_array_is_a_data_set_from_memory():
    dataset = datasets.Dataset.from_array(IMAGES / 255)
    assert dataset[1:5] == (None, "array", "memory", "train")
    np.testing.assert_array_equal(dataset.images[..., 0], IMAGES)


@pytest.mark.slow
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
