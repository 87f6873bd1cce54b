"""Tests of folders, archives and lists of image files."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from keras_gan.data import image_folder, options
from keras_gan.data.image_file import ENDINGS
from keras_gan.data.options import ImageOptions
from keras_gan.data.pixels import resize
from tests.conftest import save_image


def read(folder, **settings):
    """Returns the images in a folder about which nothing is to be said."""
    loaded = image_folder.read_folder(folder, ImageOptions(**settings))
    assert loaded.notes == () and loaded.labels is None
    return loaded.images


def read_notes(folder, **settings):
    return list(image_folder.read_folder(folder, ImageOptions(**settings)).notes)


def test_images_come_sorted_by_their_relative_path(tmp_path):
    for i, name in enumerate(["10.png", "2.png", "b/1.png", "a/z/9.png", "a.png"]):
        save_image(tmp_path / name, i)
    images = read(tmp_path)
    assert images.shape == (5, 3, 4, 1) and images.dtype == np.uint8
    assert images[:, 0, 0, 0].tolist() == [0, 1, 4, 3, 2]  # 10, 2, a.png, a/z/9, b/1


@pytest.mark.parametrize("ending", sorted({*ENDINGS} - {".ppm", ".dib", ".apng"}))
def test_every_ending_is_read_in_either_case(tmp_path, ending):
    kind = {".jfif": "JPEG", ".jpe": "JPEG", ".pgm": "PPM", ".pbm": "PPM", ".pnm": "PPM"}.get(ending)
    if ending == ".avif" and ".avif" not in Image.registered_extensions():
        pytest.skip("this Pillow was built without AVIF")
    mode, colour = ("1", 1) if ending == ".pbm" else ("L", 200)
    save_image(tmp_path / f"x{ending}", colour, mode, format=kind)
    save_image(tmp_path / f"Y{ending.upper()}", colour, mode, format=kind)
    images = image_folder.read_folder(tmp_path, ImageOptions()).images
    np.testing.assert_allclose(images.astype(int), 255 if mode == "1" else 200, atol=2)  # lossy formats


@pytest.mark.parametrize("mode, colour", [("1", 1), ("L", 255), ("LA", (255, 255))])
def test_grey_modes_give_one_channel(tmp_path, mode, colour):
    save_image(tmp_path / "x.png", colour, mode)
    save_image(tmp_path / "y.png", 17)
    assert read(tmp_path)[:, 0, 0].tolist() == [[255], [17]]


@pytest.mark.parametrize("mode, colour", [("RGB", (1, 2, 3)), ("RGBA", (1, 2, 3, 255)), ("P", (1, 2, 3))])
def test_one_image_with_colours_makes_all_rgb(tmp_path, mode, colour):
    save_image(tmp_path / "colour.png", colour, mode)
    save_image(tmp_path / "grey.png", 17)
    assert read(tmp_path)[:, 0, 0].tolist() == [[1, 2, 3], [17, 17, 17]]


def test_palettes_of_greys_give_one_channel_and_it_is_said(tmp_path):
    for name, level in (("a.png", 3), ("b.gif", 4)):
        save_image(tmp_path / name, (level,) * 3, "P")
    save_image(tmp_path / "c.png", 5)
    loaded = image_folder.read_folder(tmp_path, ImageOptions())
    assert loaded.images[:, 0, 0].tolist() == [[3], [4], [5]]
    assert "2 of 3 images have a palette of greys only" in loaded.notes[0] and len(loaded.notes) == 1


def test_what_was_done_to_images_is_said_once_with_their_number(tmp_path):
    exif = Image.Exif()
    exif[274] = 3
    for name in "ab":
        save_image(tmp_path / f"{name}.png", (0, 0, 0, 0), "RGBA")
    save_image(tmp_path / "c.jpg", (9, 9, 9), "RGB", exif=exif)
    save_image(tmp_path / "d.jpg", (0, 0, 0, 0), "CMYK")
    Image.new("L", (4, 3)).save(
        tmp_path / "e.tif", save_all=True, append_images=[Image.new("L", (4, 3), 1)] * 2
    )
    (tmp_path / "notes.txt").write_text("")
    lines = read_notes(tmp_path, size=(3, 3), background="#ff8000")
    starts = [
        "3 of 7 images are pages or frames",
        "1 of 7 images are turned upright",
        "2 of 7 images have transparent pixels: composited on #ff8000 (--background)",
        "1 of 7 images are converted from CMYK",
        "7 of 7 images are cropped at the centre to the aspect ratio of --image-size; --fit stretch",
        f"{tmp_path}: 5 image files are read and the rest is left out, other files: 1, the first is notes",
    ]
    assert [line.startswith(start) for line, start in zip(lines, starts, strict=True)] == [True] * 6
    assert not any("\n" in line for line in lines)


def test_background_is_that_of_the_transparent_pixels(tmp_path):
    save_image(tmp_path / "a.png", (0, 0, 0, 0), "RGBA")
    for name, colour in (("white", 255), ("black", 0), ("#808080", 128)):
        images = image_folder.read_folder(tmp_path, ImageOptions(background=name)).images
        assert (images == colour).all() and images.shape == (1, 3, 4, 3)


def test_mixed_sizes_are_refused_with_the_first_two_that_differ(tmp_path):
    for name, size in [("a", (4, 3)), ("b", (4, 3)), ("c", (3, 4)), ("d", (9, 9))]:
        save_image(tmp_path / f"{name}.png", 1, size=size)
    with pytest.raises(ValueError, match=r"--image-size.*a.png of 4x3 pixels and .*c.png of 3x4"):
        read(tmp_path)


def wide_photo():
    """128x64: red, green, green, blue columns of 32 pixels."""
    photo = np.zeros((64, 128, 3), np.uint8)
    photo[:, :32, 0] = photo[:, 32:96, 1] = photo[:, 96:, 2] = 255
    return photo


def test_wide_image_is_cropped_at_the_centre_or_stretched(tmp_path):
    Image.fromarray(wide_photo()).save(tmp_path / "a.png")
    cropped = image_folder.read_folder(tmp_path, ImageOptions((64, 64))).images
    assert (cropped == [0, 255, 0]).all()
    stretched = read(tmp_path, size=(64, 64), fit="stretch")
    np.testing.assert_array_equal(stretched, resize(wide_photo()[None], (64, 64)))
    assert stretched[0, 0, 2].tolist() == [255, 0, 0] and stretched[0, 0, -3].tolist() == [0, 0, 255]


def test_same_aspect_ratio_is_neither_cropped_nor_said(tmp_path):
    Image.fromarray(wide_photo()).save(tmp_path / "a.png")
    save_image(tmp_path / "b.png", (1, 2, 3), "RGB", size=(31, 15))  # 30x15 within rounding of a pixel
    images = image_folder.read_folder(tmp_path, ImageOptions((32, 64)))
    assert images.images.shape == (2, 32, 64, 3) and "1 of 2 images are cropped" in images.notes[0]
    (tmp_path / "b.png").unlink()
    np.testing.assert_array_equal(read(tmp_path, size=(32, 64)), resize(wide_photo()[None], (32, 64)))


def test_other_files_are_told_and_hidden_ones_are_not(tmp_path):
    save_image(tmp_path / "a.png", 1)
    save_image(tmp_path / ".cache" / "b.png", 2)
    save_image(tmp_path / "__MACOSX" / "._a.png", 3)
    for name in (".DS_Store", "notes.txt", "z.svg"):
        (tmp_path / name).write_text("")
    [line] = read_notes(tmp_path)
    assert "1 image files are read and the rest is left out, other files: 2, the first is notes.txt." in line


def test_grids_of_a_run_among_the_images_are_left_out_and_it_is_said(tmp_path):
    save_image(tmp_path / "mine.png", 9)
    save_image(tmp_path / "run" / "0.png", 1)
    config = json.dumps({"config": {}, "image_shape": [28, 28, 1], "data": {}})
    (tmp_path / "run" / "config.json").write_text(config)
    loaded = image_folder.read_folder(tmp_path, ImageOptions())
    assert loaded.images.max() == 9 and len(loaded.images) == 1
    assert loaded.notes == (
        f"{tmp_path / 'run'} is left out: it is a run directory, which holds sample grids.",
    )
    with pytest.raises(ValueError, match="Received: .*run, a run directory, which holds sample grids"):
        read(tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("content", ["", "[1]", '{"data": "mine"}', "[" * 10_000, "\0"])
def test_config_of_another_program_makes_no_run_of_a_folder(tmp_path, content):
    save_image(tmp_path / "mine.png", 9)
    for name in ("config.json", "history.csv"):
        (tmp_path / name).write_text(content)
    assert len(image_folder.read_folder(tmp_path, ImageOptions()).images) == 1


def test_images_in_folders_for_testing_are_read_and_it_is_said(tmp_path):
    for name in ("a/train/1.png", "a/test/2.png", "a/Val/3.png"):
        save_image(tmp_path / name, 9)
    [line] = read_notes(tmp_path)
    assert "2 of 3 image files are in folders called Val and test, and read" in line
    assert read_notes(tmp_path / "a" / "test") == []


def test_folder_without_images_says_what_is_there(tmp_path):
    with pytest.raises(ValueError, match=r"Expected image files \(.png .* Received: no file at all"):
        read(tmp_path)
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(ValueError, match="Received: other files: 1, the first is x.txt"):
        read(tmp_path)


def test_links_are_followed_but_not_for_ever(tmp_path):
    save_image(tmp_path / "outside" / "2.png", 2)
    save_image(tmp_path / "in" / "1.png", 1)
    (tmp_path / "in" / "2.png").symlink_to(tmp_path / "outside" / "2.png")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "more").symlink_to(tmp_path / "outside")
    (tmp_path / "in" / "more again").symlink_to(tmp_path / "outside")
    assert read(tmp_path / "in")[:, 0, 0, 0].tolist() == [1, 2, 2]


def test_dangling_link_is_named(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(ValueError, match="gone.png cannot be read as an image: it is no file"):
        read(tmp_path)


def test_images_too_large_to_train_on_are_refused_before_one_is_decoded(tmp_path, monkeypatch):
    save_image(tmp_path / "a.png", 1)
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:45])  # its pixels are gone
    with pytest.raises(ValueError, match="at most 11 values.*Received: 3x4x1 from .*a.png"):
        read(tmp_path, max_values=11)
    with pytest.raises(ValueError, match="cannot be read as an image"):
        read(tmp_path, max_values=12)


def test_images_of_too_much_in_all_are_refused_before_one_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(options, "MAX_BYTES", 23)
    for name in "ab":
        save_image(tmp_path / f"{name}.png", 1)
    with pytest.raises(ValueError, match="must take at most 0 GiB in memory. Received: 2 images of 3x4x1"):
        read(tmp_path)


def test_zip_of_images_is_the_folder_packed(tmp_path):
    for i, name in enumerate(["b/2.png", "a.png", "b/1.jpg"]):
        save_image(tmp_path / "in" / name, 100 * i)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (tmp_path / "in").rglob("*"):
            archive.write(path, path.relative_to(tmp_path / "in"))
        archive.writestr("__MACOSX/._a.png", b"")
        archive.writestr("labels.csv", b"")
    loaded = image_folder.read_zip(tmp_path / "x.zip", ImageOptions())
    np.testing.assert_array_equal(loaded.images, read(tmp_path / "in"))
    assert loaded.notes[0].endswith("other files: 1, the first is labels.csv.") and len(loaded.notes) == 1


def test_zip_of_two_files_of_one_name_is_refused(tmp_path):
    content = io.BytesIO()
    Image.new("L", (4, 4)).save(content, "PNG")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for name in ("a.png", "a.png"):
            archive.writestr(name, content.getvalue())
    with pytest.raises(ValueError, match="x.zip, with a.png twice"):
        image_folder.read_zip(tmp_path / "x.zip", ImageOptions())


def test_damaged_image_in_a_zip_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("sub/a.png", b"none")
    with pytest.raises(ValueError, match="x.zip/sub/a.png cannot be read as an image: "):
        image_folder.read_zip(tmp_path / "x.zip", ImageOptions())


def test_member_of_a_zip_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("keras_gan.data.image_file._MAX_MEMBER_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", bytes(1001))
    with pytest.raises(ValueError, match="x.zip/a.png cannot be read as an image: it unpacks to more than"):
        image_folder.read_zip(tmp_path / "x.zip", ImageOptions())
