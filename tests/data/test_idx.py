"""Tests of idx files."""

import gzip
import struct

import numpy as np
import pytest

from keras_gan.data import idx
from tests.conftest import make_idx

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([7, 9], np.uint8)
TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def assert_refused(path, content, message):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        idx.read_idx(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_file_written_byte_by_byte(tmp_path):
    header = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2])
    (tmp_path / "any.idx").write_bytes(header + bytes([1, 2, 3, 4]))
    loaded = idx.read_idx(tmp_path / "any.idx")
    assert loaded.images.tolist() == [[[[1], [2]]], [[[3], [4]]]] and loaded.images.dtype == np.uint8
    assert loaded.labels is None and loaded.notes == ()


def test_file_may_be_packed_under_any_name(tmp_path):
    (tmp_path / "packed").write_bytes(gzip.compress(make_idx(IMAGES)))
    np.testing.assert_array_equal(idx.read_idx(tmp_path / "packed").images[..., 0], IMAGES)


@pytest.mark.parametrize("separator", "-.")
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_labels_are_read_from_the_file_beside_the_images(tmp_path, separator, ending):
    (tmp_path / f"train-images{separator}idx3-ubyte.gz").write_bytes(gzip.compress(make_idx(IMAGES)))
    labels = gzip.compress(make_idx(LABELS)) if ending else make_idx(LABELS)
    (tmp_path / f"train-labels{separator}idx1-ubyte{ending}").write_bytes(labels)
    loaded = idx.read_idx(idx.find_idx(tmp_path, "train"))
    assert loaded.labels.tolist() == [7, 9] and loaded.notes == ()


@pytest.mark.parametrize("labels", [make_idx(np.arange(3, dtype=np.uint8)), b"damaged", make_idx(IMAGES)])
def test_labels_that_do_not_fit_are_left_out_and_it_is_said(tmp_path, labels):
    (tmp_path / TRAIN_LABELS).write_bytes(labels)
    (tmp_path / TRAIN_IMAGES).write_bytes(make_idx(IMAGES))
    loaded = idx.read_idx(tmp_path / TRAIN_IMAGES)
    assert loaded.labels is None and loaded.notes[0].startswith("The labels are left out")
    assert len(loaded.notes) == 1 and len(loaded.images) == 2


@pytest.mark.parametrize(
    "name", ["emnist-letters-train-images-idx3-ubyte.gz", "EMNIST-x-train-images-idx3-ubyte"]
)
def test_images_of_emnist_are_turned_and_it_is_said(tmp_path, name):
    content = make_idx(IMAGES)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    loaded = idx.read_idx(tmp_path / name)
    assert loaded.images[..., 0].tolist() == IMAGES.transpose(0, 2, 1).tolist()
    assert loaded.notes == (f"{name}: 2 images are turned upright, as EMNIST stores them transposed.",)


@pytest.mark.parametrize("split, word", [("train", "train"), ("test", "test"), ("test", "t10k")])
@pytest.mark.parametrize("folder", [".", "raw", "MNIST/raw"])
@pytest.mark.parametrize("start", ["", "emnist-letters-", "qmnist-"])
def test_file_is_found_by_its_published_name_in_a_folder_or_below(tmp_path, split, word, folder, start):
    path = tmp_path / folder / f"{start}{word}-images-idx3-ubyte.gz"
    assert idx.find_idx(tmp_path, split) is None
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    assert idx.find_idx(tmp_path, split) == path
    assert idx.find_idx(tmp_path, "train" if split == "test" else "test") is None
    path.with_suffix("").write_bytes(b"")
    assert idx.find_idx(tmp_path, split) == path.with_suffix("")  # unpacked before packed


def test_several_sets_in_a_folder_are_named(tmp_path):
    for name in ("letters", "digits"):
        (tmp_path / f"emnist-{name}-train-images-idx3-ubyte.gz").write_bytes(b"")
    expected = "one idx file of train images in .*; name one of emnist-letters-train.*, emnist-digits-train"
    with pytest.raises(ValueError, match=f"Expected {expected}"):
        idx.find_idx(tmp_path, "train")


@pytest.mark.parametrize(
    "train, test",
    [(TRAIN_IMAGES, "t10k-images-idx3-ubyte")]
    + [
        (f"emnist-mnist-train-images-idx3-ubyte{end}", f"emnist-mnist-test-images-idx3-ubyte{end}")
        for end in ("", ".gz")
    ],
)
def test_test_split_of_a_file_is_the_file_beside_it(tmp_path, train, test):
    assert idx.get_split_path(tmp_path / train, "train") == tmp_path / train
    assert idx.get_split_path(tmp_path / train, "test") is None
    (tmp_path / test).write_bytes(b"")
    assert idx.get_split_path(tmp_path / train, "test") == tmp_path / test
    assert idx.get_split_path(tmp_path / test, "test") == tmp_path / test


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    "content, message",
    [
        (make_idx(LABELS), "must start with 0x00000803, not with 0x00000801"),
        (make_idx(IMAGES)[:10], "ends within its header"),
        (make_idx(IMAGES)[:-1], "24 bytes, and there are 23"),
        (make_idx(IMAGES) + b"x", "24 bytes, and there are more"),
        (make_idx(IMAGES[:0]), "it holds no images"),
    ],
)
def test_wrong_files_are_refused(tmp_path, pack, content, message):
    assert_refused(tmp_path / "x", pack(content), message)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_file_that_promises_too_much_sets_no_memory_aside(tmp_path, pack, monkeypatch):
    monkeypatch.setattr(idx, "_read_up_to", lambda file, size: file.read(min(size, 16)))
    for shape in [(2**32 - 1, 2**32 - 1, 2**32 - 1), (1, 2**15, 2**15)]:
        content = pack(struct.pack(">4I", 0x803, *shape))
        assert_refused(tmp_path / "x", content, "more than the file can hold")


def test_packed_images_of_any_ratio_are_read_up_to_a_limit_of_size(tmp_path, monkeypatch):
    """10,000 black images pack to a thousandth, and are no bomb."""
    black = np.zeros((10000, 28, 28), np.uint8)
    (tmp_path / "x.gz").write_bytes(gzip.compress(make_idx(black), 9))
    assert (tmp_path / "x.gz").stat().st_size < black.size / 900
    assert idx.read_idx(tmp_path / "x.gz").images.shape == (10000, 28, 28, 1)
    monkeypatch.setattr(idx, "MAX_BYTES", black.size - 1)
    assert_refused(tmp_path / "x.gz", (tmp_path / "x.gz").read_bytes(), "more than the file can hold")


def test_gzip_that_unpacks_to_more_than_promised_is_not_unpacked_further():
    class File:
        asked = 0

        def read(self, size):
            self.asked += size
            return bytes(size)

    file = File()
    assert len(idx._read_up_to(file, 2**21 + 1)) == file.asked == 2**21 + 1


@pytest.mark.parametrize("change", [lambda g: g[:-9], lambda g: g[:-8] + bytes(8), lambda g: g[:12]])
def test_damaged_gzip_is_refused(tmp_path, change):
    assert_refused(tmp_path / "x.gz", change(gzip.compress(make_idx(IMAGES))), "cannot be read as an idx")
