"""Tests of what is read at a path, and of what is said where nothing can be."""

import gzip
import io
import tarfile
import zipfile

import numpy as np
import pytest

from keras_gan.data.readers import read_path
from tests.conftest import make_idx, save_image

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([7, 9], np.uint8)


def assert_images(path, expected=IMAGES, split="train"):
    loaded = read_path(path, split)
    np.testing.assert_array_equal(loaded.images[..., 0], expected)
    return loaded


def refuse(path, content=None, split="train"):
    """Returns the line in which a path is refused."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError) as error:
        read_path(path, split)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    return str(error.value)


def test_files_are_told_by_their_first_bytes_and_not_by_their_names(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    np.savez(tmp_path / "b.npz", images=IMAGES)
    (tmp_path / "c.idx").write_bytes(make_idx(IMAGES))
    (tmp_path / "d.gz").write_bytes(gzip.compress(make_idx(IMAGES)))
    for i, path in enumerate(sorted(tmp_path.iterdir())):
        assert_images(path)
        assert_images(path.rename(tmp_path / f"without an ending {i}"))


def test_single_image_file_is_a_set_of_its_pages(tmp_path):
    save_image(tmp_path / "x.png", 9)
    assert_images(tmp_path / "x.png", np.full((1, 3, 4), 9))
    assert "with a test part" in refuse(tmp_path / "x.png", split="test")


def test_zip_is_one_of_arrays_or_of_images(tmp_path):
    save_image(tmp_path / "x.png", 9)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(tmp_path / "x.png", "in/x.png")
    assert_images(tmp_path / "x.zip", np.full((1, 3, 4), 9))
    assert "with a test part" in refuse(tmp_path / "x.zip", split="test")
    with zipfile.ZipFile(tmp_path / "x.zip", "a") as archive, archive.open("images.npy", "w") as member:
        np.save(member, IMAGES)
    assert_images(tmp_path / "x.zip")


def test_folder_of_torchvision_is_read_at_any_of_its_levels(tmp_path):
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, rows in (("train", slice(0, 2)), ("t10k", slice(1, 2))):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(make_idx(IMAGES[rows]))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(make_idx(LABELS[rows]))
    for folder in (raw, raw.parent, raw.parent.parent):
        assert assert_images(folder).labels.tolist() == [7, 9]
        assert assert_images(folder, IMAGES[1:], "test").labels.tolist() == [9]


def test_folder_and_file_of_emnist_have_both_parts(tmp_path):
    for part, rows in (("train", slice(0, 2)), ("test", slice(1, 2))):
        path = tmp_path / f"emnist-letters-{part}-images-idx3-ubyte.gz"
        path.write_bytes(gzip.compress(make_idx(IMAGES[rows])))
    for place in (tmp_path, tmp_path / "emnist-letters-train-images-idx3-ubyte.gz"):
        assert_images(place, IMAGES.transpose(0, 2, 1))
        assert_images(place, IMAGES[1:].transpose(0, 2, 1), "test")


def test_source_without_a_test_part_says_what_one_has(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES)
    np.save(tmp_path / "x.npy", IMAGES)
    save_image(tmp_path / "in" / "x.png", 9)
    (tmp_path / "x.idx").write_bytes(make_idx(IMAGES))
    for name in ("x.npz", "x.npy", "in", "x.idx"):
        line = refuse(tmp_path / name, split="test")
        assert "Expected a source with a test part" in line and "test-images-idx3-ubyte" in line


def test_folder_with_a_file_that_can_be_read_names_it(tmp_path):
    np.savez(tmp_path / "mnist.npz", images=IMAGES)
    line = refuse(tmp_path)
    assert line.endswith(f"give its own path: {tmp_path / 'mnist.npz'}")
    save_image(tmp_path / "bad.png", 1)
    (tmp_path / "bad.png").write_bytes(b"")
    assert "bad.png cannot be read as an image" in refuse(tmp_path)


def packed_tar():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("cifar-10-batches-py/data_batch_1"))
    return file.getvalue()


def zipped(name):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, b"content")
    return file.getvalue()


@pytest.mark.parametrize(
    "name, content, what, way",
    [
        ("x.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file", "np.save('images.npy', images)"),
        ("data_batch_1", b"\x80\4\x95" + bytes(100), "a Python pickle", "np.save"),
        ("x.tar.gz", packed_tar(), "a tar archive", "unpack it"),
        ("x.parquet", b"PAR1" + bytes(100), "a Parquet file", "np.save"),
        ("x.mat", b"MATLAB 5.0 MAT-file", "a MATLAB file", "np.save"),
        ("x.pt", zipped("x/data.pkl"), "a file of torch.save", "np.save"),
        ("x.zip", zipped("a.heic"), "1 files, the first is a.heic", "unpack it"),
        ("x.mp4", b"\0\0\0 ftypisom" + bytes(100), "a video", "PNG"),
        ("x.rar", b"Rar!\x1a\7", "a RAR archive", "unpack it"),
        ("x.pdf", b"%PDF-1.7", "a PDF file", "PNG"),
        ("x", b"", "which is none of them", ""),
        ("x.txt", b"hello", "which is none of them", ""),
    ],
)
def test_other_files_are_named_with_what_would_work(tmp_path, name, content, what, way):
    line = refuse(tmp_path / name, content)
    assert what in line and way in line and "Expected" in line


def test_missing_file_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected a file or folder of images.*nothing.here"):
        read_path(tmp_path / "nothing.here")


def test_zip_of_a_later_version_and_names_with_line_ends_are_refused_in_one_line(tmp_path):
    """Found by Hypothesis."""
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.n\ny\x1b[2J", b"")
    with pytest.raises(ValueError, match=r"the first is images\.n\\ny\\x1b\[2J; unpack it") as error:
        read_path(path)
    assert str(error.value).isprintable()
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 64  # the version of zip that is needed to unpack
    path.write_bytes(content)
    with pytest.raises(ValueError, match="zip file version 6.4"):
        read_path(path)
