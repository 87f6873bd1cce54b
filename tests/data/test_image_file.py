"""Tests of single image files: pages, orientation, transparency, colour."""

import base64
import collections
import io
import logging
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from keras_gan.data import image_file
from tests.conftest import save_image

WHITE = (255, 255, 255)
ORIENTATION = 274
CORNERS = np.array([[10, 20, 30], [40, 50, 60]], np.uint8)  # 3 wide, 2 high


def decode(path, background=WHITE):
    """Returns the pages of a file as arrays, and the counts of what was done to them."""
    counts = collections.Counter()
    pages = image_file.decode_pages(image_file.read_headers(path), background, counts)
    return [np.array(page) for page in pages], +counts


# orientation: what each of the eight means is worked out by hand from the EXIF standard

UPRIGHT = {
    1: [[10, 20, 30], [40, 50, 60]],
    2: [[30, 20, 10], [60, 50, 40]],
    3: [[60, 50, 40], [30, 20, 10]],
    4: [[40, 50, 60], [10, 20, 30]],
    5: [[10, 40], [20, 50], [30, 60]],
    6: [[40, 10], [50, 20], [60, 30]],
    7: [[60, 30], [50, 20], [40, 10]],
    8: [[30, 60], [20, 50], [10, 40]],
}


@pytest.mark.parametrize("ending", [".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_image_is_turned_as_its_orientation_says(tmp_path, orientation, ending):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f"x{ending}"
    options = {"lossless": True} if ending == ".webp" else {}
    Image.fromarray(CORNERS).convert("RGB").save(path, exif=exif, **options)
    [page], counts = decode(path)
    assert page[..., 0].tolist() == UPRIGHT[orientation]
    assert image_file.read_headers(path).sizes == [page.shape[:2]]
    assert counts == ({"turned": 1} if orientation > 1 else {})


def test_photo_of_a_phone_held_upright_is_upright(tmp_path):
    """A camera on its side stores the left of the sensor first: orientation 6."""
    photo = np.zeros((16, 32, 3), np.uint8)
    photo[:, :16] = (0, 0, 255)  # blue on the left of the sensor is the top, the sky
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.fromarray(photo).save(tmp_path / "x.jpg", exif=exif, quality=95)
    [page], counts = decode(tmp_path / "x.jpg")
    assert page.shape == (32, 16, 3) and counts == {"turned": 1}
    np.testing.assert_allclose([page[4, 8], page[28, 8]], [(0, 0, 255), (0, 0, 0)], atol=6)


def test_damaged_exif_data_are_no_orientation(tmp_path):
    save_image(tmp_path / "x.png", 7, exif=b"Exif\0\0MM\0\x2a\0\0\0\x08\xff\xff")
    assert decode(tmp_path / "x.png")[0][0].tolist() == [[7] * 4] * 3


def test_orientation_behind_the_pixels_of_a_png_is_refused_where_it_changes_the_sides(tmp_path):
    """Where only the decoder sees it, after the sides of all images were compared."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    save_image(tmp_path / "x.png", 7, exif=exif)
    content = (tmp_path / "x.png").read_bytes()
    start = content.index(b"eXIf") - 4
    chunk = content[start : start + 12 + int.from_bytes(content[start : start + 4], "big")]
    end = content.index(b"IEND") - 4
    (tmp_path / "x.png").write_bytes(content[:end].replace(chunk, b"") + chunk + content[end:])
    with pytest.raises(ValueError, match="its header says 4x3 pixels, and it has other sides"):
        decode(tmp_path / "x.png")


# transparency


def shape_on_transparent_ground(mode):
    """Returns a black square on transparent black ground."""
    pixels = np.zeros((6, 6, 4), np.uint8)
    pixels[2:4, 2:4, 3] = 255
    return Image.fromarray(pixels).convert(mode)


@pytest.mark.parametrize(
    "mode, name", [("RGBA", "x.png"), ("LA", "x.png"), ("RGBA", "x.webp"), ("RGBA", "x.tif")]
)
@pytest.mark.parametrize("background", [WHITE, (200, 200, 200)])
def test_transparent_pixels_show_the_background(tmp_path, mode, name, background):
    shape_on_transparent_ground(mode).save(tmp_path / name, **({"lossless": True} if "webp" in name else {}))
    [page], counts = decode(tmp_path / name, background)
    assert page.shape[2] == 3 and counts == {"composited": 1}
    assert page[0, 0].tolist() == list(background) and page[2, 2].tolist() == [0, 0, 0]


@pytest.mark.parametrize("transparency", [0, bytes([0, 255])])
@pytest.mark.parametrize("name", ["x.png", "x.gif"])
def test_transparent_entry_of_a_palette_shows_the_background(tmp_path, name, transparency):
    if name == "x.gif" and isinstance(transparency, bytes):
        pytest.skip("a GIF has one transparent entry")
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([9, 8, 7, 1, 2, 3])
    image.save(tmp_path / name, transparency=transparency)
    [page], counts = decode(tmp_path / name)
    assert page.tolist() == [[[255, 255, 255], [1, 2, 3]]] and counts == {"composited": 1}


@pytest.mark.parametrize("mode, colour, key", [("L", 5, 5), ("RGB", (1, 2, 3), (1, 2, 3))])
def test_colour_that_a_png_calls_transparent_shows_the_background(tmp_path, mode, colour, key):
    save_image(tmp_path / "x.png", colour, mode, transparency=key)
    [page], counts = decode(tmp_path / "x.png")
    assert (page == 255).all() and counts == {"composited": 1}


def test_half_transparent_is_half_the_background(tmp_path):
    save_image(tmp_path / "x.png", (100, 0, 0, 128), "RGBA")
    [page], _ = decode(tmp_path / "x.png", (0, 0, 200))
    assert page[0, 0].tolist() == [50, 0, 100]  # 128 / 255 of one and 127 / 255 of the other, rounded


def test_opaque_image_with_an_alpha_channel_is_not_said_to_be_composited(tmp_path):
    save_image(tmp_path / "x.png", (1, 2, 3, 255), "RGBA")
    [page], counts = decode(tmp_path / "x.png")
    assert page[0, 0].tolist() == [1, 2, 3] and counts == {}


# pages


@pytest.mark.parametrize("name", ["x.gif", "x.tif", "x.png", "x.webp"])
def test_every_page_and_frame_is_read(tmp_path, name):
    first, *others = [Image.new("L", (5, 4), level) for level in (0, 60, 200)]
    options = {"lossless": True} if name == "x.webp" else {}
    first.save(tmp_path / name, save_all=True, append_images=others, **options)
    file, (pages, _) = image_file.read_headers(tmp_path / name), decode(tmp_path / name)
    assert file.pages == [0, 1, 2] and file.sizes == [(4, 5)] * 3
    assert [int(page[..., 0].mean() if page.ndim == 3 else page.mean()) for page in pages] == [0, 60, 200]


def test_thumbnail_inside_a_tiff_is_no_page(tmp_path):
    large, small = Image.new("L", (50, 40), 7), Image.new("L", (5, 4), 7)
    small.encoderinfo = {"tiffinfo": {254: 1}}
    large.save(tmp_path / "x.tif", save_all=True, append_images=[small])
    assert image_file.read_headers(tmp_path / "x.tif").sizes == [(40, 50)]


def test_second_picture_in_a_jpeg_of_a_phone_is_no_page(tmp_path):
    """MPO: the second is a depth map or a preview."""
    image = Image.new("RGB", (32, 16), (9, 9, 9))
    image.save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=[Image.new("RGB", (8, 4))])
    assert image_file.read_headers(tmp_path / "x.jpg").sizes == [(16, 32)]
    assert len(decode(tmp_path / "x.jpg")[0]) == 1


def test_file_that_promises_too_many_pages_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(image_file, "_MAX_PAGES", 2)
    Image.new("L", (5, 4)).save(
        tmp_path / "x.tif", save_all=True, append_images=[Image.new("L", (5, 4), 1)] * 2
    )
    with pytest.raises(ValueError, match="x.tif cannot be read as an image: it has more than 2 pages"):
        image_file.read_headers(tmp_path / "x.tif")


# colour


@pytest.mark.parametrize("name, mode", [("x.png", "I;16"), ("x.tif", "I"), ("x.tif", "F"), ("x.pgm", "I")])
def test_more_than_8_bits_of_grey_are_refused(tmp_path, name, mode):
    save_image(tmp_path / name, 300, mode)
    with pytest.raises(ValueError, match=f"8 bits a channel .* Received: .*{name} of Pillow's mode I|F"):
        image_file.read_headers(tmp_path / name)


def test_16_bits_of_colour_are_counted_as_reduced(tmp_path):
    chunks = [(b"IHDR", struct.pack(">2I5B", 1, 1, 16, 2, 0, 0, 0)), (b"IEND", b"")]
    chunks[1:1] = [(b"IDAT", zlib.compress(b"\0" + struct.pack(">3H", 0x80FF, 0xFFFF, 0)))]
    packed = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks]
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
    [page], counts = decode(tmp_path / "x.png")
    assert page.tolist() == [[[128, 255, 0]]] and counts == {"reduced": 1}


@pytest.mark.parametrize("colours, grey", [([0, 0, 0, 9, 9, 9], True), ([0, 0, 0, 9, 9, 8], False)])
@pytest.mark.parametrize("name", ["x.png", "x.gif", "x.bmp"])
def test_palette_is_grey_where_the_colours_in_use_are(tmp_path, name, colours, grey):
    image = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    image.putpalette([*colours, 1, 2, 3])  # an entry that no pixel uses is no colour
    image.save(tmp_path / name)
    assert image_file.is_grey(image_file.read_headers(tmp_path / name), WHITE) == grey


def test_animation_with_a_coloured_frame_is_not_grey(tmp_path):
    frames = [Image.new("RGB", (5, 4), (9, 9, 9)), Image.new("RGB", (5, 4), (200, 9, 9))]
    for last, grey in ((frames[1], False), (Image.new("RGB", (5, 4), (40, 40, 40)), True)):
        frames[0].save(tmp_path / "x.gif", save_all=True, append_images=[last])
        assert image_file.is_grey(image_file.read_headers(tmp_path / "x.gif"), WHITE) == grey


def test_grey_image_with_transparent_pixels_is_coloured_on_a_coloured_background(tmp_path):
    shape_on_transparent_ground("LA").save(tmp_path / "x.png")
    file = image_file.read_headers(tmp_path / "x.png")
    assert image_file.is_grey(file, WHITE) and not image_file.is_grey(file, (255, 0, 0))


# what cannot be read


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"no picture", None])
def test_image_that_cannot_be_decoded_is_named(tmp_path, content):
    save_image(tmp_path / "whole.bmp", 100)
    cut = (tmp_path / "whole.bmp").read_bytes()[:-3]
    (tmp_path / "bad.png").write_bytes(cut if content is None else content)
    with pytest.raises(ValueError, match="bad.png cannot be read as an image: .") as error:
        decode(tmp_path / "bad.png")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("limit", [9, 5])  # of 12 pixels: Pillow warns above it, raises above twice it
def test_decompression_bomb_is_refused(tmp_path, monkeypatch, limit):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    save_image(tmp_path / "bomb.png", 1)
    with pytest.raises(ValueError, match="bomb.png cannot be read as an image: .*decompression bomb"):
        decode(tmp_path / "bomb.png")


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif"])
def test_image_of_more_pixels_than_its_decoder_should_hold_is_refused(tmp_path, monkeypatch, name):
    monkeypatch.setitem(image_file._MAX_PIXELS, "PNG", 11)
    monkeypatch.setattr(image_file, "_MAX_PIXELS_OF_OTHERS", 11)
    save_image(tmp_path / name, 1)
    with pytest.raises(ValueError, match=f"{name} cannot be .* more than 11 pixels, could be a decomp"):
        decode(tmp_path / name)


def test_what_pillow_warns_of_is_no_second_line(tmp_path):
    palette = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4)).convert("P")
    palette.save(tmp_path / "a.png", transparency=bytes([0, 9, 5]))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        decode(tmp_path / "a.png")
    assert told == []


def test_what_pillow_logs_is_no_second_line(tmp_path, monkeypatch):
    """It logs an error of a TIFF of 64 channels, which Python prints where nobody listens."""
    told, printer = [], logging.Handler()
    monkeypatch.setattr(printer, "emit", told.append)
    monkeypatch.setattr(logging, "lastResort", printer)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # those of pytest
    Image.new("RGB", (5, 4)).save(tmp_path / "x.tif")
    content = (tmp_path / "x.tif").read_bytes()
    tag = struct.pack("<HHII", 277, 3, 1, 3)
    assert tag in content
    (tmp_path / "x.tif").write_bytes(content.replace(tag, struct.pack("<HHII", 277, 3, 1, 64)))
    with pytest.raises(ValueError, match="x.tif cannot be read as an image"):
        decode(tmp_path / "x.tif")
    assert told == []


# one image for a picture or a page


@pytest.mark.parametrize("mode, colour", [("L", 7), ("RGB", (1, 2, 3)), ("RGBA", (1, 2, 3, 255))])
def test_one_image_is_read_in_rgb_whatever_it_is_stored_in(tmp_path, mode, colour):
    save_image(tmp_path / "x.png", colour, mode, size=(5, 4))
    image = image_file.read_image(str(tmp_path / "x.png"))
    assert image.shape == (4, 5, 3) and image.dtype == np.uint8
    assert image[3, 4].tolist() == ([7, 7, 7] if mode == "L" else [1, 2, 3])


@pytest.mark.parametrize("mode, colour, kind", [("L", 7, "png"), ("RGB", (250, 0, 0), "jpeg")])
def test_image_as_a_data_uri_is_the_image_reduced_to_a_side(tmp_path, mode, colour, kind):
    save_image(tmp_path / "a.png", colour, mode, (40, 10))
    for side, size in ((40, (40, 10)), (20, (20, 5))):
        head, _, packed = image_file.get_data_uri(tmp_path / "a.png", side).partition(",")
        image = Image.open(io.BytesIO(base64.b64decode(packed)))
        assert head == f"data:image/{kind};base64" and (image.size, image.mode) == (size, mode)
        np.testing.assert_allclose(np.asarray(image)[2, 3], colour, atol=6)  # what JPEG changes
