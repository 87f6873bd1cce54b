"""One image file: its pages, each upright and opaque. Folders and archives of them are `image_folder`'s.

What would have to be guessed is refused, such as how 16 bits of grey map to 8.
"""

import base64
import collections
import contextlib
import io
import logging
import math
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, UnidentifiedImageError

from keras_gan.data.pixels import resize
from keras_gan.streams import format_error

ENDINGS = tuple(
    ".png .apng .jpg .jpeg .jpe .jfif .bmp .dib .gif .tif .tiff .webp .pgm .ppm .pbm .pnm .avif".split()
)
GREY_MODES, _PALETTE_MODES = frozenset({"1", "L", "LA"}), frozenset({"P", "PA"})
_FORMATS = ("PNG", "JPEG", "MPO", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM", "AVIF")
_PAGED = ("PNG", "GIF", "TIFF", "WEBP", "AVIF")  # of the rest, such as MPO, the first is the photo
_MAX_PIXELS = dict.fromkeys(("PNG", "JPEG", "MPO"), 60 * 10**6)  # 8 bytes each while it is decoded
_MAX_PIXELS_OF_OTHERS = 25 * 10**6  # 16 bytes each in a WebP: 500 MB either way
_MAX_MEMBER_BYTES = 256 * 2**20  # of a file in a zip archive, which is unpacked in memory
_MAX_PAGES = 10**6
_ORIENTATION, _SUBFILE_TYPE = 274, 254  # tags
_SILENT = logging.NullHandler()
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Source = Path | zipfile.Path | Image.Image


class ImageFile(NamedTuple):
    """What the headers of an image file say.

    Attributes:
        source: a path, a member of a zip archive, or a picture that Pillow has opened.
        pages: numbers of the pages or frames that are read.
        sizes: (h, w) of each of them, upright.
        modes: Pillow's modes of them.
        transparent: whether it may have transparent pixels.
    """

    source: Source
    pages: list[int]
    sizes: list[tuple[int, int]]
    modes: frozenset[str]
    transparent: bool


def read_headers(source: Source) -> ImageFile:
    """Returns what the headers of an image file say; no pixel is decoded.

    Raises:
        ValueError: it is no image file, has more than 8 bits of grey, or is far too large.
    """
    with _open_image(source) as picture:
        paged = picture.format in _PAGED and source is not picture
        count = getattr(picture, "n_frames", 1) if paged else 1
        if count > _MAX_PAGES:
            raise ValueError(f"it has more than {_MAX_PAGES:,} pages")
        if paged and picture.format == "TIFF":
            pages, sizes, modes, transparent = _read_tiff_headers(picture, count)
        else:
            pages, sizes, modes = [*range(count)], [_upright_size(picture)] * count, {picture.mode}
            transparent = picture.has_transparency_data
        if count > 1 and picture.format == "GIF":
            modes, transparent = {"P"}, True  # each frame may have another palette
    if wide := [mode for mode in modes if mode[0] in "IF"]:  # I, I;16, F: how they map only the owner knows
        raise ValueError(
            "Images must have 8 bits a channel or fewer; convert others before. "
            f"Received: {name_source(source)} of Pillow's mode {wide[0]}."
        )
    return ImageFile(source, pages, sizes, frozenset(modes), transparent)


def _read_tiff_headers(picture, count):
    pages, sizes, modes, transparent = [], [], set(), False
    for i in range(count):
        picture.seek(i)
        if picture.tag_v2.get(_SUBFILE_TYPE) in (1, 4, 5):
            continue  # a thumbnail or a mask of another page
        _check_pixels(picture)
        pages.append(i)
        sizes.append(picture.size[::-1])  # upright already
        modes.add(picture.mode)
        transparent |= picture.has_transparency_data
    if not pages:
        raise ValueError("it holds nothing but thumbnails")
    return pages, sizes, modes, transparent


def decode_pages(
    file: ImageFile, background: tuple[int, int, int], counts: collections.Counter
) -> Iterator[Image.Image]:
    """Yields each page upright and opaque, in the mode it has; it is valid until the next one.

    Args:
        background: colour behind transparent pixels.
        counts: how many pages were "turned", "composited", or "reduced" from 16 bits is added here.

    Raises:
        ValueError: a page cannot be decoded, or is not what its header says.
    """
    with _open_image(file.source) as picture:
        for page, size in zip(file.pages, file.sizes):
            if page:
                picture.seek(page)
            counts["reduced"] += any(";16" in str(tile) for tile in getattr(picture, "tile", ()))
            in_tiff = getattr(picture, "tag_v2", {}).get(_ORIENTATION)  # Pillow turns these as it decodes
            picture.load()
            upright = picture
            if (turn := in_tiff or _read_orientation(picture)) in _TURNS:
                counts["turned"] += 1
                upright = picture if in_tiff else picture.transpose(_TURNS[turn])
            if upright.size != size[::-1]:
                raise ValueError(f"its header says {size[1]}x{size[0]} pixels, and it has other sides")
            yield _flatten(upright, background, counts)


def _flatten(picture, background, counts):
    """Returns a picture without transparency: transparent pixels show the background."""
    if not picture.has_transparency_data:
        return picture
    picture = picture.convert("RGBA")
    alpha = picture.getchannel("A")
    if alpha.getextrema()[0] == 255:
        return picture.convert("RGB")
    counts["composited"] += 1
    flat = Image.new("RGB", picture.size, background)
    flat.paste(picture, mask=alpha)
    return flat


def is_grey(file: ImageFile, background: tuple[int, int, int]) -> bool:
    """Returns whether an image file is grey; palettes and transparency are decoded to see that."""
    if not file.modes <= GREY_MODES | _PALETTE_MODES:
        return False
    if file.modes <= GREY_MODES and not (file.transparent and len(set(background)) > 1):
        return True
    for page in decode_pages(file, background, collections.Counter()):
        red, green, blue = page.convert("RGB").split()
        if ImageChops.difference(red, green).getbbox() or ImageChops.difference(green, blue).getbbox():
            return False
    return True


def read_image(path: str | Path) -> np.ndarray:
    """Returns the first page of an image file, grey or not, as uint8 (h, w, 3).

    Raises:
        ValueError: it cannot be decoded.
    """
    pages = decode_pages(read_headers(Path(path)), (255, 255, 255), collections.Counter())
    return np.asarray(next(pages).convert("RGB"))


def get_data_uri(path: str | Path, side: int) -> str:
    """Returns the image in a file as a data URI: a PNG where it is grey, and otherwise a JPEG.

    Args:
        side: pixels of its longer side at most; a larger image is reduced to that.

    Raises:
        ValueError: it cannot be decoded.
    """
    image = read_image(path)
    longest = max(image.shape[:2])
    if longest > side:
        height, width = (max(1, round(n * side / longest)) for n in image.shape[:2])
        [image] = resize(image[None], (height, width), "stretch")
    grey = not np.ptp(image, axis=2).any()
    kind, file = "png" if grey else "jpeg", io.BytesIO()
    Image.fromarray(image[..., 0] if grey else image).save(file, kind, quality=90)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


@contextlib.contextmanager
def _open_image(source):
    """Yields the picture of a source, and turns whatever Pillow raises into a ValueError."""
    try:
        logging.getLogger("PIL").addHandler(_SILENT)  # or its errors are printed beside the line of a refusal
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged file is refused, or Pillow can read it all the same
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            if isinstance(source, Image.Image):
                yield source
                return
            Image.init()  # or only the commonest formats are known
            formats = [name for name in _FORMATS if name in Image.OPEN]  # AVIF needs a Pillow built with it
            with Image.open(_open_file(source), formats=formats) as picture:
                _check_pixels(picture)
                yield picture
    except Exception as error:  # damaged files make Pillow's decoders raise a dozen kinds
        unknown = isinstance(error, UnidentifiedImageError)  # whose message names a place in memory
        reason = "it is none, or of a kind that is not read" if unknown else format_error(error)
        raise ValueError(f"{name_source(source)} cannot be read as an image: {reason}.") from None


def _open_file(source):
    """Returns what Pillow can open: the path of a file, or the bytes of a member of an archive."""
    if not source.is_file():
        raise ValueError("it is no file")  # a dangling link, or a pipe that would block
    if isinstance(source, Path):
        return source
    if source.root.getinfo(source.at).file_size > _MAX_MEMBER_BYTES:
        raise ValueError(f"it unpacks to more than {_MAX_MEMBER_BYTES >> 20} MiB")
    return io.BytesIO(source.read_bytes())


def _check_pixels(picture):
    limit = _MAX_PIXELS.get(picture.format, _MAX_PIXELS_OF_OTHERS)
    if math.prod(picture.size) > limit:
        raise ValueError(f"it has more than {limit} pixels, could be a decompression bomb")


def _upright_size(picture):
    """Returns (h, w) once the picture is turned as its orientation says."""
    return picture.size if _read_orientation(picture) in (5, 6, 7, 8) else picture.size[::-1]


def _read_orientation(picture):
    """Returns the EXIF orientation of a picture, 1 where it has none or its EXIF data are damaged."""
    try:
        return Image.Image.getexif(picture).get(_ORIENTATION, 1)  # a PNG's own would decode it
    except Exception:  # as every viewer shows it
        return 1


def name_source(source: Source) -> str:
    """Returns what a message calls an image: its path, or what it is in memory."""
    if isinstance(source, Image.Image):
        return f"an image of mode {source.mode}, {source.width}x{source.height},"
    return str(source)
