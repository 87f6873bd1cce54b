"""Tests of images in .npz, .npy and .csv files."""

import gzip

import numpy as np
import pytest

from keras_gan.data import array_file
from keras_gan.data.options import ImageOptions
from keras_gan.files import npz
from tests.conftest import forbidden

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([7, 9], np.uint8)
OPTIONS = ImageOptions()


def read_npz(path, split="train"):
    return array_file.read_npz(path, split, OPTIONS)


@pytest.mark.parametrize(
    "names", ["x_train y_train x_test y_test", "train_images train_labels test_images test_labels"]
)
def test_npz_of_keras_and_of_medmnist_has_both_splits(tmp_path, names):
    arrays = dict(zip(names.split(), [IMAGES, LABELS[:, None], IMAGES[1:], LABELS[1:]]))
    np.savez(tmp_path / "x.npz", val_images=IMAGES, **arrays)
    train, test = read_npz(tmp_path / "x.npz"), read_npz(tmp_path / "x.npz", "test")
    np.testing.assert_array_equal(train.images[..., 0], IMAGES)
    np.testing.assert_array_equal(test.images[..., 0], IMAGES[1:])
    assert train.labels.tolist() == [7, 9] and test.labels.tolist() == [9]


@pytest.mark.parametrize(
    "images, labels", [("image", "label"), ("X", "Y"), ("Images", "LABELS"), ("arr_0", "arr_1")]
)
def test_images_and_labels_have_the_names_that_people_give_them(tmp_path, images, labels):
    np.savez(tmp_path / "x.npz", **{images: IMAGES, labels: LABELS, "weights": LABELS / 2})
    loaded = read_npz(tmp_path / "x.npz")
    np.testing.assert_array_equal(loaded.images[..., 0], IMAGES)
    assert loaded.labels.tolist() == [7, 9] and loaded.notes == ()


def test_images_are_preferred_in_the_order_images_x_train_arr_0(tmp_path):
    arrays = {"other": LABELS}
    for i, key in enumerate(["arr_0", "x_train", "images"]):
        arrays[key] = np.full((1, 2, 2), 10 + i, np.uint8)
        np.savez(tmp_path / "x.npz", **arrays)
        assert read_npz(tmp_path / "x.npz").images[0, 0, 0, 0] == 10 + i


def test_a_single_array_may_have_any_name_or_none(tmp_path):
    np.savez(tmp_path / "x.npz", faces=IMAGES)
    np.save(tmp_path / "x.npy", IMAGES / 255)
    for loaded in (read_npz(tmp_path / "x.npz"), array_file.read_npy(tmp_path / "x.npy", OPTIONS)):
        np.testing.assert_array_equal(loaded.images[..., 0], IMAGES)
        assert loaded.labels is None


def test_npz_with_several_unknown_names_lists_them(tmp_path):
    np.savez(tmp_path / "stats.npz", mu=LABELS, sigma=IMAGES)
    with pytest.raises(ValueError, match="a single array. Received: .*stats.npz with mu, sigma"):
        read_npz(tmp_path / "stats.npz")


def test_only_the_arrays_of_the_images_and_their_labels_are_read(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES, labels=LABELS, extra=np.array([{}], object))
    assert read_npz(tmp_path / "x.npz").labels.tolist() == [7, 9]


def test_second_array_that_may_be_the_images_is_named(tmp_path):
    np.savez(tmp_path / "x.npz", images=IMAGES, x_train=IMAGES, X=IMAGES, masks=IMAGES)
    assert read_npz(tmp_path / "x.npz").notes == (
        f"{tmp_path / 'x.npz'}: the images are the array images; X, x_train not.",
    )


def test_labels_that_cannot_be_read_are_left_out_and_it_is_said(tmp_path):
    for labels in (LABELS[:1], np.array([{}, {}], object)):
        np.savez(tmp_path / "x.npz", images=IMAGES, labels=labels)
        loaded = read_npz(tmp_path / "x.npz")
        assert loaded.labels is None and loaded.notes[0].startswith("The labels are left out")
        assert len(loaded.notes) == 1


@pytest.mark.slow
def test_honest_array_is_read_however_well_it_packs(tmp_path):
    """20,000 sprites of which most is ground: 312 MB in 2 MB."""
    sprites = np.zeros((2000, 64, 64, 3), np.uint8)
    sprites[:, 20:40, 20:40] = 200
    np.savez_compressed(tmp_path / "x.npz", images=sprites)
    assert (tmp_path / "x.npz").stat().st_size < sprites.nbytes / 200
    np.testing.assert_array_equal(read_npz(tmp_path / "x.npz").images, sprites)


def test_numbers_that_are_no_pixels_are_refused_with_the_path_once(tmp_path):
    np.save(tmp_path / "x.npy", IMAGES * 100.0)
    np.savez(tmp_path / "x.npz", images=IMAGES * 100.0)
    for read, name in ((array_file.read_npy, "x.npy"), (lambda path, _: read_npz(path), "x.npz")):
        with pytest.raises(ValueError, match=f"{name}: Images must be .* from 0.0 to 2300") as error:
            read(tmp_path / name, OPTIONS)
        assert str(error.value).count(name) == 1


def test_damaged_npz_is_refused_with_the_path(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"PK\3\4" + bytes(50))
    with pytest.raises(ValueError, match="x.npz cannot be read as arrays of numbers: .* as if cut short"):
        read_npz(tmp_path / "x.npz")


@pytest.mark.parametrize("shape", [(5, 30, 40), (5, 30, 40, 3)])
def test_images_too_large_to_train_on_are_refused_by_their_header_alone(tmp_path, shape, monkeypatch):
    np.savez(tmp_path / "x.npz", images=np.ones(shape, np.uint8))
    np.save(tmp_path / "x.npy", np.ones(shape, np.uint8))
    monkeypatch.setattr(npz, "load", forbidden)
    options = ImageOptions(max_values=1199)
    for read in (
        lambda: array_file.read_npz(tmp_path / "x.npz", "train", options),
        lambda: array_file.read_npy(tmp_path / "x.npy", options),
    ):
        with pytest.raises(ValueError, match="x.np.: Images to train on must have at most 1,199 values"):
            read()


# large .npy files


def test_large_array_of_uint8_is_mapped_and_a_small_one_read(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", IMAGES)
    small = array_file.read_npy(tmp_path / "x.npy", OPTIONS).images
    assert not isinstance(small, np.memmap) and small.flags.writeable
    monkeypatch.setattr(array_file, "MAP_BYTES", 1)
    images = array_file.read_npy(tmp_path / "x.npy", OPTIONS).images
    assert isinstance(images, np.memmap) and images.shape == (2, 3, 4, 1)
    np.testing.assert_array_equal(images[np.array([1, 0]), ..., 0], IMAGES[::-1])
    with pytest.raises(ValueError, match="read-only"):
        images[:] = 0


def test_large_array_of_floats_is_converted_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(array_file, "MAP_BYTES", 1)
    monkeypatch.setattr("keras_gan.data.pixels._CHUNK_BYTES", 100)
    np.save(tmp_path / "x.npy", np.repeat(IMAGES / 255, 50, axis=0))
    images = array_file.read_npy(tmp_path / "x.npy", OPTIONS).images
    np.testing.assert_array_equal(images[..., 0], np.repeat(IMAGES, 50, axis=0))
    assert not isinstance(images, np.memmap)


# csv


def write_csv(path, rows, header=""):
    text = header + "\n".join(",".join(map(str, row)) for row in rows) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


DIGITS = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
ROWS, CLASSES = DIGITS.reshape(5, 784).tolist(), [3, 1, 4, 1, 5]
PIXELS = ",".join(f"pixel{i}" for i in range(784))


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
@pytest.mark.parametrize(
    "header, first, last",
    [
        ("", False, False),
        ("", True, False),
        (f"label,{PIXELS}\n", True, False),
        (f'{PIXELS},"class"\n', False, True),
    ],
)
def test_csv_of_mnist_is_read_with_its_labels(tmp_path, name, header, first, last):
    rows = [[*[c] * first, *row, *[c] * last] for row, c in zip(ROWS, CLASSES)]
    write_csv(tmp_path / name, rows, header)
    loaded = array_file.read_csv(tmp_path / name)
    np.testing.assert_array_equal(loaded.images[..., 0], DIGITS)
    assert loaded.labels is None if not first | last else loaded.labels.tolist() == CLASSES
    said = ("The first of 785 columns without names is read as labels.",) * (first and not header)
    assert loaded.notes == said


def test_labels_in_the_last_of_columns_without_names_are_found_where_the_first_is_a_corner(tmp_path):
    for corner in (0, np.arange(50) * 5):
        rows = np.random.default_rng(0).integers(0, 256, (50, 784))
        rows[:, 0] = corner
        write_csv(tmp_path / "x.csv", np.c_[rows, np.arange(50) % 10].tolist())
        loaded = array_file.read_csv(tmp_path / "x.csv")
        np.testing.assert_array_equal(loaded.images.reshape(50, 784), rows)
        assert loaded.labels.tolist() == [*range(10)] * 5
        assert loaded.notes == ("The last of 785 columns without names is read as labels.",)


def test_csv_of_a_kaggle_test_set_has_a_header_and_no_labels(tmp_path):
    write_csv(tmp_path / "test.csv", ROWS, f"{PIXELS}\n")
    loaded = array_file.read_csv(tmp_path / "test.csv")
    np.testing.assert_array_equal(loaded.images[..., 0], DIGITS)
    assert loaded.labels is None


@pytest.mark.parametrize("header", ["", f"{PIXELS}\n", f"label,{PIXELS}\n"])
def test_byte_order_mark_of_a_csv_costs_no_row_and_no_label(tmp_path, header):
    rows = [[c, *row] for row, c in zip(ROWS, CLASSES)] if "label" in header else ROWS
    write_csv(tmp_path / "x.csv", rows, header)
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "x.csv").read_bytes())
    loaded = array_file.read_csv(tmp_path / "x.csv")
    np.testing.assert_array_equal(loaded.images[..., 0], DIGITS)
    assert loaded.labels is None if "label" not in header else loaded.labels.tolist() == CLASSES


def test_index_that_pandas_writes_is_left_out_and_is_no_label(tmp_path):
    write_csv(tmp_path / "x.csv", [[i, *row] for i, row in enumerate(ROWS)], f",{PIXELS}\n")
    loaded = array_file.read_csv(tmp_path / "x.csv")
    np.testing.assert_array_equal(loaded.images[..., 0], DIGITS)
    assert loaded.labels is None and "The column '' is left out" in loaded.notes[0]


def test_csv_of_emnist_is_turned_upright(tmp_path):
    write_csv(tmp_path / "emnist-letters-train.csv", [[c, *row] for row, c in zip(ROWS, CLASSES)])
    loaded = array_file.read_csv(tmp_path / "emnist-letters-train.csv")
    np.testing.assert_array_equal(loaded.images[..., 0], DIGITS.transpose(0, 2, 1))
    assert "turned upright" in loaded.notes[0]


@pytest.mark.parametrize("black", ["0", "0.0"])
def test_floats_in_csv_are_read_whatever_the_first_row_holds(black, tmp_path):
    expected = np.r_[[np.zeros((28, 28), np.uint8)], DIGITS]
    write_csv(tmp_path / "x.csv", [[black] * 784, *(DIGITS.reshape(5, 784) / 255).tolist()])
    np.testing.assert_array_equal(array_file.read_csv(tmp_path / "x.csv").images[..., 0], expected)


@pytest.mark.parametrize(
    "rows, message",
    [
        ([[1, 2, 3]], "784 pixels for an image of 28x28, with a label or without. Received: 3 columns"),
        ([["img_1.png", 4], ["img_2.png", 5]], "Received: 2 columns"),
        ([ROWS[0], ROWS[1][:-1]], "columns"),
        ([[*ROWS[0][:-1], "x"], ROWS[1], [*ROWS[2][:-1], "x"]], "could not convert string"),
        ([[300] * 784], "integers from 0 to 255"),
        ([["nan", *ROWS[0][1:]], ROWS[1]], "integers from 0 to 255 .* Received: float32 from nan"),
        ([["label", "a"], ROWS[0]], "its first line names 2 columns, and its second has 784"),
        ([], "Received: 1 columns"),
    ],
)
def test_csv_of_something_else_is_refused_in_one_line(tmp_path, rows, message):
    write_csv(tmp_path / "x.csv", rows)
    with pytest.raises(ValueError, match=message) as error:
        array_file.read_csv(tmp_path / "x.csv")
    assert str(error.value).startswith(f"{tmp_path / 'x.csv'} cannot be read as rows of pixels: ")
    assert "\n" not in str(error.value)


def test_csv_of_too_many_rows_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(array_file, "_MAX_CSV_BYTES", 4 * 4 * 784)
    write_csv(tmp_path / "x.csv", ROWS)
    with pytest.raises(ValueError, match="it has more than 4 rows; an .npy file may hold more"):
        array_file.read_csv(tmp_path / "x.csv")


def test_keys_of_a_split_that_is_not_there_are_none():
    assert array_file.find_keys(["images", "labels"], "test") == (None, [])
    assert array_file.find_keys(["x_test", "y_test"], "test") == ("x_test", ["y_test"])
