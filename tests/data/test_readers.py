"""Tests of idx, .npz and .npy files of images."""

import gzip
import struct

import numpy as np
import pytest

from keras_gan.data import readers
from keras_gan.files import npz

PIXELS = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([7, 9], np.uint8)
TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx(array):
    return struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape) + array.tobytes()


def assert_refused(path, content, message):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        readers.read_file(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_idx_file_written_byte_by_byte(tmp_path):
    header = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2])
    (tmp_path / "any.idx").write_bytes(header + bytes([1, 2, 3, 4]))
    pixels, labels = readers.read_file(tmp_path / "any.idx")
    assert pixels.tolist() == [[[[1], [2]]], [[[3], [4]]]] and pixels.dtype == np.uint8
    assert labels is None


def test_idx_file_may_be_packed_under_any_name(tmp_path):
    (tmp_path / "packed").write_bytes(gzip.compress(idx(PIXELS)))
    pixels, _ = readers.read_file(tmp_path / "packed")
    np.testing.assert_array_equal(pixels[..., 0], PIXELS)


@pytest.mark.parametrize("separator", "-.")
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_labels_are_read_from_the_file_beside_the_images(tmp_path, separator, ending):
    (tmp_path / f"train-images{separator}idx3-ubyte.gz").write_bytes(gzip.compress(idx(PIXELS)))
    labels = gzip.compress(idx(LABELS)) if ending else idx(LABELS)
    (tmp_path / f"train-labels{separator}idx1-ubyte{ending}").write_bytes(labels)
    path = readers.find_idx(tmp_path, "train")
    assert readers.read_file(path)[1].tolist() == [7, 9]


def test_labels_of_another_count_are_refused(tmp_path):
    (tmp_path / TRAIN_LABELS).write_bytes(idx(np.arange(3, dtype=np.uint8)))
    path = tmp_path / TRAIN_IMAGES
    path.write_bytes(idx(PIXELS))
    with pytest.raises(ValueError, match=rf"must be 2 integers.*shape \(3,\) in .*{TRAIN_LABELS}"):
        readers.read_file(path)


def test_test_split_is_the_t10k_file_beside_the_train_file(tmp_path):
    (tmp_path / TRAIN_IMAGES).write_bytes(idx(PIXELS))
    with pytest.raises(ValueError, match="Expected a source with a test part"):
        readers.read_file(tmp_path / TRAIN_IMAGES, "test")
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(PIXELS[:1]))
    assert len(readers.read_file(tmp_path / TRAIN_IMAGES, "test")[0]) == 1


def test_find_idx_finds_only_what_is_there(tmp_path):
    assert readers.find_idx(tmp_path, "train") is None
    (tmp_path / f"{TRAIN_IMAGES}.gz").write_bytes(b"")
    assert readers.find_idx(tmp_path, "train") == tmp_path / f"{TRAIN_IMAGES}.gz"
    assert readers.find_idx(tmp_path, "test") is None


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    "content, message",
    [
        (idx(LABELS), "must start with 0x00000803, not with 0x00000801"),
        (idx(PIXELS)[:10], "ends within its header"),
        (idx(PIXELS)[:-1], "24 bytes, and there are 23"),
        (idx(PIXELS) + b"x", "24 bytes, and there are more"),
        (idx(PIXELS[:0]), "holds no images"),
    ],
)
def test_wrong_idx_files_are_refused(tmp_path, pack, content, message):
    assert_refused(tmp_path / "x", pack(content), message)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_file_that_promises_too_much_sets_no_memory_aside(tmp_path, pack, monkeypatch):
    monkeypatch.setattr(readers, "_read_up_to", lambda file, size: file.read(min(size, 16)))
    for shape in [(2**32 - 1, 2**32 - 1, 2**32 - 1), (1, 2**15, 2**15)]:
        content = pack(struct.pack(">4I", 0x803, *shape))
        assert_refused(tmp_path / "x", content, "more than the file can hold")


def test_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "_MAX_SMALL_BYTES", 100)
    content = gzip.compress(idx(np.zeros((2, 300, 300), np.uint8)))
    assert_refused(tmp_path / "x.gz", content, "more than the file can hold")


def test_idx_file_above_the_limit_of_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "_MAX_IDX_BYTES", PIXELS.size - 1)
    assert_refused(tmp_path / "x", idx(PIXELS), "more than the file can hold")


def test_gzip_that_unpacks_to_more_than_promised_is_not_unpacked_further():
    class File:
        asked = 0

        def read(self, size):
            self.asked += size
            return bytes(size)

    file = File()
    assert len(readers._read_up_to(file, 2**21 + 1)) == file.asked == 2**21 + 1


@pytest.mark.parametrize("change", [lambda g: g[:-9], lambda g: g[:-8] + bytes(8), lambda g: g[:12]])
def test_damaged_gzip_is_refused(tmp_path, change):
    assert_refused(tmp_path / "x.gz", change(gzip.compress(idx(PIXELS))), "cannot be read as an idx")


def test_keras_style_npz_has_both_splits(tmp_path):
    path = tmp_path / "mnist.npz"
    np.savez(path, x_train=PIXELS, y_train=LABELS, x_test=PIXELS[1:], y_test=LABELS[1:])
    (train, y_train), (test, y_test) = (readers.read_file(path, s) for s in ("train", "test"))
    np.testing.assert_array_equal(train[..., 0], PIXELS)
    np.testing.assert_array_equal(test[..., 0], PIXELS[1:])
    assert y_train.tolist() == [7, 9] and y_test.tolist() == [9]


def test_images_are_preferred_in_the_order_images_x_train_arr_0(tmp_path):
    arrays = {"other": LABELS}
    for i, key in enumerate(["arr_0", "x_train", "images"]):
        arrays[key] = np.full((1, 2, 2), 10 + i, np.uint8)
        np.savez(tmp_path / "x.npz", **arrays)
        assert readers.read_file(tmp_path / "x.npz")[0][0, 0, 0, 0] == 10 + i


def test_a_single_array_may_have_any_name_or_none(tmp_path):
    np.savez(tmp_path / "x.npz", faces=PIXELS)
    np.save(tmp_path / "x.npy", PIXELS / 255)
    for name in ("x.npz", "x.npy"):
        pixels, labels = readers.read_file(tmp_path / name)
        np.testing.assert_array_equal(pixels[..., 0], PIXELS)
        assert labels is None


def test_npz_with_several_unknown_names_lists_them(tmp_path):
    np.savez(tmp_path / "stats.npz", mu=LABELS, sigma=PIXELS)
    with pytest.raises(ValueError, match="a single array. Received: .*stats.npz with mu, sigma"):
        readers.read_file(tmp_path / "stats.npz")


def test_npz_without_a_test_part_says_so(tmp_path):
    np.savez(tmp_path / "x.npz", images=PIXELS)
    with pytest.raises(ValueError, match="with a test part: an .npz file with x_test"):
        readers.read_file(tmp_path / "x.npz", "test")


@pytest.mark.parametrize("labels", [LABELS.reshape(2, 1), LABELS.astype(np.int64)])
def test_labels_may_be_a_column_or_wide_integers(tmp_path, labels):
    np.savez(tmp_path / "x.npz", images=PIXELS, labels=labels)
    assert readers.read_file(tmp_path / "x.npz")[1].tolist() == [7, 9]


@pytest.mark.parametrize("labels", [np.eye(2, 10, dtype=int), LABELS / 2, LABELS[:1]])
def test_other_labels_are_refused(tmp_path, labels):
    np.savez(tmp_path / "x.npz", images=PIXELS, labels=labels)
    with pytest.raises(ValueError, match="Labels must be 2 integers, one for each image. Received"):
        readers.read_file(tmp_path / "x.npz")


def test_numbers_that_are_no_pixels_are_refused_with_the_path(tmp_path):
    np.save(tmp_path / "x.npy", PIXELS * 100.0)
    with pytest.raises(ValueError, match="x.npy: Images must be .* Received: float64 from 0.0 to 2300"):
        readers.read_file(tmp_path / "x.npy")


@pytest.mark.parametrize("content", [b"", b"%PDF", b"\x89PNG\r\n"])
def test_other_files_are_refused(tmp_path, content):
    assert_refused(tmp_path / "x", content, r"Expected an idx\(.gz\) file, an .npz or .npy file")


def test_damaged_npz_is_refused_with_the_path(tmp_path):
    assert_refused(tmp_path / "mnist.npz", b"PK\3\4" + bytes(50), "as if cut short")


def test_missing_file_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected a file or folder of images.*nothing.here"):
        readers.read_file(tmp_path / "nothing.here")
