"""Tests of folders of pictures."""

import base64
import io
import warnings

import numpy as np
import pytest
from PIL import Image

from keras_gan.data import image_folder
from keras_gan.data.pixels import resize


def no_warning(line):
    pytest.fail(f"unexpected warning: {line}")


def read(folder, image_size=None, warn=no_warning):
    return image_folder.read_folder(folder, image_size, warn)


def draw(path, colour, mode="L", size=(4, 3)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)


def test_pictures_come_sorted_by_their_relative_path(tmp_path):
    for i, name in enumerate(["10.png", "2.png", "b/1.png", "a/z/9.png", "a.png"]):
        draw(tmp_path / name, i)
    pixels = read(tmp_path)
    assert pixels.shape == (5, 3, 4, 1) and pixels.dtype == np.uint8
    assert pixels[:, 0, 0, 0].tolist() == [0, 1, 4, 3, 2]  # 10, 2, a.png, a/z/9, b/1


@pytest.mark.parametrize("ending", [".png", ".JPG", ".jpeg", ".bmp", ".gif", ".TIF", ".tiff", ".webp"])
def test_every_ending_is_read_in_either_case(tmp_path, ending):
    draw(tmp_path / f"x{ending}", 200)
    np.testing.assert_allclose(read(tmp_path).astype(int), 200, atol=2)  # JPEG and WebP lose a bit


@pytest.mark.parametrize("mode, colour", [("1", 1), ("L", 255), ("LA", (255, 0))])
def test_grey_modes_give_one_channel(tmp_path, mode, colour):
    draw(tmp_path / "x.png", colour, mode)
    draw(tmp_path / "y.png", 17)
    assert read(tmp_path)[:, 0, 0].tolist() == [[255], [17]]


@pytest.mark.parametrize("mode, colour", [("RGB", (1, 2, 3)), ("RGBA", (1, 2, 3, 0)), ("P", (1, 2, 3))])
def test_one_picture_with_colours_makes_all_rgb(tmp_path, mode, colour):
    draw(tmp_path / "colour.png", colour, mode)
    draw(tmp_path / "grey.png", 17)
    assert read(tmp_path)[:, 0, 0].tolist() == [[1, 2, 3], [17, 17, 17]]


@pytest.mark.parametrize("name, mode", [("x.png", "I;16"), ("x.tif", "I"), ("x.tif", "F")])
def test_more_than_8_bits_a_channel_are_refused(tmp_path, name, mode):
    draw(tmp_path / name, 300, mode)
    with pytest.raises(ValueError, match=f"8 bits a channel .* Received: .*{name} of Pillow's mode {mode}"):
        read(tmp_path)


def test_mixed_sizes_are_refused_with_the_first_two_that_differ(tmp_path):
    for name, size in [("a", (4, 3)), ("b", (4, 3)), ("c", (3, 4)), ("d", (9, 9))]:
        draw(tmp_path / f"{name}.png", 1, size=size)
    with pytest.raises(ValueError, match=r"--image-size.*a.png of 4x3 pixels and .*c.png of 3x4"):
        read(tmp_path)


def test_image_size_is_height_first_and_resizes_each_picture(tmp_path):
    draw(tmp_path / "a.png", 10, size=(40, 30))
    draw(tmp_path / "b.png", 20, size=(5, 5))
    pixels = read(tmp_path, (6, 8))
    assert pixels.shape == (2, 6, 8, 1)
    assert [np.unique(picture).tolist() for picture in pixels] == [[10], [20]]


def test_other_files_are_told_and_hidden_ones_are_not(tmp_path):
    draw(tmp_path / "a.png", 1)
    draw(tmp_path / ".cache" / "b.png", 2)
    draw(tmp_path / "__MACOSX" / "._a.png", 3)
    for name in (".DS_Store", "notes.txt", "z.svg"):
        (tmp_path / name).write_text("")
    lines = []
    assert len(read(tmp_path, warn=lines.append)) == 1
    assert len(lines) == 1
    assert "1 pictures are read and the rest is left out, other files: 2" in lines[0]
    assert lines[0].endswith("notes.txt.")


def test_folder_without_pictures_says_what_was_found(tmp_path):
    with pytest.raises(ValueError, match=r"Expected pictures \(.png .* Received: no file at all"):
        read(tmp_path)
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(ValueError, match="Received: other files: 1, the first is .*x.txt"):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"no picture", None])
def test_picture_that_cannot_be_decoded_is_named(tmp_path, content):
    draw(tmp_path / "a.png", 1)
    draw(tmp_path / "whole.bmp", 100)
    cut = (tmp_path / "whole.bmp").read_bytes()[:-3]
    (tmp_path / "bad.png").write_bytes(cut if content is None else content)
    with pytest.raises(ValueError, match="bad.png cannot be read as a picture: .") as error:
        read(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("limit", [9, 5])  # of 12 pixels: Pillow warns above it, raises above twice it
def test_decompression_bomb_is_refused(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    draw(tmp_path / "bomb.png", 1)
    with pytest.raises(ValueError, match="bomb.png cannot be read as a picture: .*decompression bomb"):
        read(tmp_path)


@pytest.mark.parametrize("name", ["a.png", "a.webp"])
def test_picture_of_more_pixels_than_its_decoder_should_hold_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setitem(image_folder._MAX_PIXELS, "PNG", 11)
    monkeypatch.setattr(image_folder, "_MAX_PIXELS_OF_OTHERS", 11)
    draw(tmp_path / name, 1)
    with pytest.raises(ValueError, match=f"{name} cannot be .* more than 11 pixels, could be a decomp"):
        read(tmp_path, (2, 2))


def test_links_are_followed_but_not_for_ever(tmp_path):
    draw(tmp_path / "outside" / "2.png", 2)
    draw(tmp_path / "in" / "1.png", 1)
    (tmp_path / "in" / "2.png").symlink_to(tmp_path / "outside" / "2.png")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "more").symlink_to(tmp_path / "outside")
    (tmp_path / "in" / "more again").symlink_to(tmp_path / "outside")
    assert read(tmp_path / "in")[:, 0, 0, 0].tolist() == [1, 2, 2]


def test_dangling_link_is_named(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(ValueError, match="gone.png cannot be read as a picture: it is no file"):
        read(tmp_path)


@pytest.mark.parametrize("mode, colour", [("L", 9), ("RGB", (1, 2, 3))])
def test_pictures_are_resized_as_arrays_are(tmp_path, mode, colour):
    draw(tmp_path / "a.png", colour, mode, size=(40, 30))
    with Image.open(tmp_path / "a.png") as picture:
        noise = np.random.default_rng(0).integers(0, 256, np.asarray(picture).shape, np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    expected = resize(noise.reshape(1, 30, 40, -1), (6, 8))
    np.testing.assert_array_equal(read(tmp_path, (6, 8)), expected)


def test_large_picture_needs_another_size(tmp_path, monkeypatch):
    monkeypatch.setattr(image_folder, "_MAX_BYTES", 11)
    draw(tmp_path / "a.png", 1)
    with pytest.raises(ValueError, match="--image-size. Received: .*a.png of 0 MiB"):
        read(tmp_path)
    assert read(tmp_path, (2, 2)).shape == (1, 2, 2, 1)


@pytest.mark.parametrize("limit, size", [("_MAX_TOTAL", None), ("_MAX_RESIZED", (3, 4))])
def test_pictures_of_too_much_in_all_are_refused(tmp_path, monkeypatch, limit, size):
    monkeypatch.setattr(image_folder, "_MAX_SWELLING", 0)
    monkeypatch.setattr(image_folder, limit, 23)
    for name in "ab":
        draw(tmp_path / f"{name}.png", 1)
    with pytest.raises(ValueError, match="Expected pictures"):
        read(tmp_path, size)


def test_what_pillow_warns_of_is_no_second_line(tmp_path):
    palette = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4)).convert("P")
    palette.save(tmp_path / "a.png", transparency=bytes([0, 9, 5]))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        read(tmp_path)
    assert told == []


@pytest.mark.parametrize(("mode", "colour"), [("L", 7), ("RGB", (1, 2, 3)), ("RGBA", (1, 2, 3, 4))])
def test_one_picture_is_read_in_rgb_whatever_it_is_stored_in(tmp_path, mode, colour):
    draw(tmp_path / "x.png", colour, mode, size=(5, 4))
    picture = image_folder.read_image(str(tmp_path / "x.png"))
    assert picture.shape == (4, 5, 3) and picture.dtype == np.uint8
    assert picture[3, 4].tolist() == ([7, 7, 7] if mode == "L" else [1, 2, 3])


def test_one_picture_that_cannot_be_decoded_is_named(tmp_path):
    (tmp_path / "x.png").write_text("no picture")
    with pytest.raises(ValueError, match="x.png cannot be read as a picture"):
        image_folder.read_image(tmp_path / "x.png")


@pytest.mark.parametrize(("mode", "colour", "kind"), [("L", 7, "png"), ("RGB", (250, 0, 0), "jpeg")])
def test_picture_as_a_data_uri_is_the_picture_reduced_to_a_side(tmp_path, mode, colour, kind):
    draw(tmp_path / "a.png", colour, mode, (40, 10))
    for side, size in ((40, (40, 10)), (20, (20, 5))):
        head, _, packed = image_folder.data_uri(tmp_path / "a.png", side).partition(",")
        picture = Image.open(io.BytesIO(base64.b64decode(packed)))
        assert head == f"data:image/{kind};base64" and (picture.size, picture.mode) == (size, mode)
        np.testing.assert_allclose(np.asarray(picture)[2, 3], colour, atol=6)
