"""Tests of named arrays on disk."""

import io
import warnings
import zipfile

import numpy as np
import pytest

from keras_gan.files import npz

ARRAYS = {
    "a/b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "scalar": np.array(5.0),
    "empty": np.zeros((0, 3)),
    "big_endian": np.arange(3, dtype=">i4"),
}


def test_other_files_are_not_to_be_replaced(tmp_path):
    path = tmp_path / "x.npz"
    npz.check_may_replace(path, ["mu", "sigma"])
    npz.save(path, {"mu": np.zeros(2), "sigma": np.eye(2), "n": np.array(3)})
    npz.check_may_replace(path, ["mu", "sigma"])
    for replaced in ("array", "text", "folder"):
        path.unlink()
        if replaced == "array":
            npz.save(path, {"mu": np.zeros(2)})
        elif replaced == "text":
            path.write_text("mine")
        else:
            path.mkdir()
        with pytest.raises(FileExistsError, match="x.npz must be new, or an .npz file of mu and sigma"):
            npz.check_may_replace(path, ["mu", "sigma"])


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def assert_refused(path, content, message):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        npz.load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_arrays_come_back_as_they_were_saved(tmp_path):
    npz.save(tmp_path / "all.npz", ARRAYS)
    loaded = npz.load(tmp_path / "all.npz")
    assert loaded.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert loaded[name].dtype == array.dtype and loaded[name].shape == array.shape
        np.testing.assert_array_equal(loaded[name], array)


def test_numpy_reads_what_was_saved_and_its_own_files_are_read(tmp_path):
    npz.save(tmp_path / "ours.npz", {"x": np.arange(4)})
    assert np.load(tmp_path / "ours.npz")["x"].tolist() == [0, 1, 2, 3]
    np.savez_compressed(tmp_path / "theirs.npz", x=np.arange(4))
    assert npz.load(tmp_path / "theirs.npz")["x"].tolist() == [0, 1, 2, 3]


def test_npy_file_is_one_array_without_a_name(tmp_path):
    np.save(tmp_path / "one.npy", np.arange(4))
    assert npz.load(tmp_path / "one.npy")[""].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("missing", ["none.npz", "."])
def test_missing_file_and_folder_are_not_found(tmp_path, missing):
    with pytest.raises(FileNotFoundError, match="Expected an .npz or .npy file"):
        npz.load(tmp_path / missing)


def test_python_objects_are_never_unpickled(tmp_path):
    content = npy(np.array([{}], dtype=object))
    assert_refused(tmp_path / "objects.npy", content, "holds Python objects")


def headed(shape):
    file = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + bytes(8 * 15)


@pytest.mark.parametrize("shape", [(2**31, 2**31), (2**62, 2**62), (1000,)])
def test_header_that_promises_too_much_is_refused(tmp_path, shape):
    assert_refused(tmp_path / "x.npy", headed(shape), "promises shape .* more than the file holds")


@pytest.mark.parametrize("shape", [(4, 4), (-1, -1), (-1,)])
def test_header_with_an_impossible_shape_is_refused(tmp_path, shape):
    assert_refused(tmp_path / "x.npy", headed(shape), "cannot be read as arrays of numbers")


def test_reason_of_several_lines_becomes_one(tmp_path):
    """So NumPy refuses a header of more than 10,000 characters."""
    content = b"\x93NUMPY\1\0" + (20000).to_bytes(2, "little") + b" " * 20000
    assert_refused(tmp_path / "x.npy", content, "may not be safe to load securely")


def test_changed_byte_in_an_archive_is_noticed(tmp_path):
    npz.save(tmp_path / "x.npz", {"x": np.full(100, 7, np.uint8)})
    content = bytearray((tmp_path / "x.npz").read_bytes())
    content[content.index(bytes([7] * 100)) + 50] = 8
    assert_refused(tmp_path / "x.npz", content, "Bad CRC-32")


def test_bytes_after_the_array_are_refused(tmp_path):
    """Or a damaged header that promises less would go unnoticed."""
    assert_refused(tmp_path / "x.npy", npy(np.arange(9)) * 2, "more than the 9 numbers")
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", npy(np.arange(9)) + b"x")
    content = (tmp_path / "x.npz").read_bytes()
    assert_refused(tmp_path / "x.npz", content, "more than the 9 numbers")


def test_archive_cut_short_says_so(tmp_path):
    npz.save(tmp_path / "x.npz", {"x": np.arange(100)})
    content = (tmp_path / "x.npz").read_bytes()[:500]
    assert_refused(tmp_path / "x.npz", content, "as if cut short")


@pytest.mark.parametrize("content", [b"", b"PK", b"hello", npy(np.arange(9))[:-1]])
def test_files_that_are_no_arrays_are_refused(tmp_path, content):
    assert_refused(tmp_path / "x.npz", content, "cannot be read as arrays of numbers")


def test_header_that_is_no_python_is_refused(tmp_path):
    """NumPy raises tokenize.TokenError here, which is no ValueError."""
    content = npy(np.arange(9)).replace(b"}", b"(")
    assert_refused(tmp_path / "x.npy", content, "cannot be read as arrays of numbers")


def test_damaged_lzma_member_is_refused(tmp_path):
    """lzma.LZMAError is no ValueError either."""
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", npy(np.arange(100)))
    content = bytearray((tmp_path / "x.npz").read_bytes())
    content[60:80] = bytes(20)
    assert_refused(tmp_path / "x.npz", content, "cannot be read as arrays of numbers")


def test_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(npz, "MAX_UNPACKED_BYTES", 1000)
    file = io.BytesIO()
    np.savez_compressed(file, x=np.zeros(1000, np.uint8))
    assert_refused(tmp_path / "bomb.npz", file.getvalue(), "unpacks to more than")


def test_limit_is_one_of_size_and_not_of_ratio(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros((8000, 8000), np.uint8))  # 64 MB in 0.06
    assert (tmp_path / "x.npz").stat().st_size < 10**5 and npz.MAX_UNPACKED_BYTES == 4 * 2**30
    assert npz.load(tmp_path / "x.npz")["x"].shape == (8000, 8000)


def test_only_the_arrays_that_are_named_are_read(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.arange(3), b=np.array([{}], object))
    assert npz.load(tmp_path / "x.npz", ["a"])["a"].tolist() == [0, 1, 2]
    assert npz.list_names(tmp_path / "x.npz") == {"a", "b"}
    with pytest.raises(ValueError, match="never unpickled"):
        npz.load(tmp_path / "x.npz")


def test_shape_is_read_without_the_array(tmp_path):
    np.savez(tmp_path / "x.npz", **ARRAYS)
    assert {n: npz.read_shape(tmp_path / "x.npz", n) for n in ARRAYS} == {
        n: a.shape for n, a in ARRAYS.items()
    }
    with pytest.raises(
        ValueError, match="x.npz cannot be read as arrays of numbers: .*no item named 'z.npy'"
    ):
        npz.read_shape(tmp_path / "x.npz", "z")


@pytest.mark.parametrize("name", ARRAYS)
def test_array_is_mapped_as_it_was_saved(tmp_path, name):
    path = tmp_path / "x.npy"
    np.save(path, ARRAYS[name])
    mapped = npz.map_array(path)
    np.testing.assert_array_equal(mapped, ARRAYS[name])
    assert (mapped.dtype, mapped.shape) == (ARRAYS[name].dtype, ARRAYS[name].shape)


@pytest.mark.parametrize(
    "change", [lambda c: c[:-1], lambda c: c + b"x", lambda c: c[:9], lambda c: b"PK" + c]
)
def test_array_that_is_damaged_is_not_mapped(tmp_path, change):
    (tmp_path / "x.npy").write_bytes(change(npy(np.arange(9))))
    with pytest.raises(ValueError, match="x.npy cannot be read as arrays of numbers"):
        npz.map_array(tmp_path / "x.npy")


@pytest.mark.parametrize("old, new", [(b"(9,), } ", b"(9L,), }"), (b"'<i8'", b"'\\W8'")])
def test_no_warning_stands_beside_the_line_of_a_refusal(tmp_path, old, new):
    """NumPy warns of a header of Python 2, and Python of an escape sequence."""
    content = npy(np.arange(9)).replace(old, new)[:-1]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert_refused(tmp_path / "x.npy", content, "cannot be read as arrays of numbers")
    assert told == []
