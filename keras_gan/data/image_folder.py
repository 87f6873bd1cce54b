"""Folders of pictures to one array: PNG, JPEG, BMP, GIF, TIFF and WebP, grey or RGB.

What would have to be guessed is refused: sizes that differ, more than 8 bits a channel.
"""

import base64
import contextlib
import io
import math
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from keras_gan.data.pixels import resize

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
_MAX_PIXELS = {"PNG": 60 * 10**6, "JPEG": 60 * 10**6}  # 8 bytes each while it is decoded
_MAX_PIXELS_OF_OTHERS = 25 * 10**6  # 16 bytes each in a WebP: 500 MB either way
_MAX_BYTES = 64 * 2**20  # of a picture kept at its size: far above what a network can take
_MAX_TOTAL, _MAX_SWELLING = 2**30, 1000  # of all pictures kept at their size; no format packs better
_MAX_RESIZED = 16 * 2**30  # of all pictures
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")


def read_folder(folder, image_size, warn):
    """Returns the pictures below a folder, in the order of their relative paths.

    They are grey when all of them are, and RGB otherwise. An alpha channel is left out, of a
    moving picture the first frame is read, and an orientation in the EXIF data is not applied.

    Args:
        image_size: (h, w) to which each is resized as it is read; None where all have one size.
        warn: called with one line where there are other files too.

    Returns:
        uint8 (n, h, w, c), c 1 or 3.

    Raises:
        ValueError: there is no picture, one cannot be decoded, or their sizes differ.
    """
    paths = _list_pictures(folder, warn)
    modes, sizes = zip(*map(_mode_and_size, paths))
    grey = set(modes) <= {"1", "L", "LA"}
    if image_size is None and len(set(sizes)) > 1:
        other = next(i for i, size in enumerate(sizes) if size != sizes[0])
        raise ValueError(
            "Pictures must be of one size unless one is given with --image-size. Received: "
            f"{paths[0]} of {_text(sizes[0])} and {paths[other]} of {_text(sizes[other])}."
        )
    if image_size is None:
        _check_promised(paths, math.prod(sizes[0]) * (1 if grey else 3))
    shape = (len(paths), *(image_size or sizes[0]), 1 if grey else 3)
    if math.prod(shape) > _MAX_RESIZED:
        expected = f"Expected pictures of at most {_MAX_RESIZED >> 30} GiB in all, once unpacked"
        raise ValueError(f"{expected}. Received: shape {shape}.")
    pixels = np.empty(shape, np.uint8)
    for i, path in enumerate(paths):
        pixels[i] = _decode(path, pixels.shape[1:])
    return pixels


def read_image(path):
    """Returns the picture in a file, grey or not, as uint8 (h, w, 3).

    Raises:
        ValueError: it cannot be decoded.
    """
    _, size = _mode_and_size(Path(path))
    return _decode(Path(path), (*size, 3))


def data_uri(path, side):
    """Returns the picture in a file as a data URI: a PNG where it is grey, and otherwise a JPEG.

    Args:
        side: pixels of its longer side at most; a larger picture is reduced to that.

    Raises:
        ValueError: it cannot be decoded.
    """
    picture = read_image(path)
    longest = max(picture.shape[:2])
    if longest > side:
        size = tuple(max(1, round(n * side / longest)) for n in picture.shape[:2])
        [picture] = resize(picture[None], size)
    grey = not np.ptp(picture, axis=2).any()
    kind, file = "png" if grey else "jpeg", io.BytesIO()
    Image.fromarray(picture[..., 0] if grey else picture).save(file, kind, quality=90)
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def _check_promised(paths, size):
    """Refuses pictures whose headers promise more bytes than there can be, `size` in each."""
    if size > _MAX_BYTES:
        raise ValueError(
            f"Pictures of more than {_MAX_BYTES >> 20} MiB need a smaller size, given with "
            f"--image-size. Received: {paths[0]} of {size >> 20} MiB."
        )
    packed = sum(path.stat().st_size for path in paths)
    if size * len(paths) > max(_MAX_TOTAL, _MAX_SWELLING * packed):
        raise ValueError(
            f"Expected pictures that hold what they promise. Received: {len(paths)} as {paths[0]}, "
            f"{size * len(paths) >> 20} MiB in files of {packed} bytes."
        )


def _text(size):
    return f"{size[1]}x{size[0]} pixels"


def _list_pictures(folder, warn):
    paths = sorted(_walk(folder), key=lambda path: path.relative_to(folder).as_posix())
    pictures = [path for path in paths if path.suffix.lower() in ENDINGS]
    others = [path for path in paths if path.suffix.lower() not in ENDINGS]
    found = f"other files: {len(others)}, the first is {others[0]}" if others else "no file at all"
    if not pictures:
        expected = f"Expected pictures ({' '.join(ENDINGS)}) below {folder}"
        raise ValueError(f"{expected}. Received: {found}.")
    if others:
        warn(f"{folder}: {len(pictures)} pictures are read and the rest is left out, {found}.")
    return pictures


def _walk(folder):
    """Yields the files below a folder but the hidden ones; a folder reached twice, once."""
    seen = set()
    for parent, folders, names in os.walk(folder, onerror=_raise, followlinks=True):
        here = os.path.realpath(parent)
        if here in seen:
            folders.clear()
            continue
        seen.add(here)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in names if not name.startswith("."))


def _raise(error):
    raise error


@contextlib.contextmanager
def _opened(path):
    """Yields the picture in a file, and turns whatever Pillow raises into a ValueError."""
    try:
        if not path.is_file():
            raise ValueError("it is no file")  # a dangling link, or a pipe that would block
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a damaged file is refused, or Pillow can read it all the same
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as picture:
                limit = _MAX_PIXELS.get(picture.format, _MAX_PIXELS_OF_OTHERS)
                if math.prod(picture.size) > limit:
                    raise ValueError(f"it has more than {limit} pixels, could be a decompression bomb")
                yield picture
    except Exception as error:  # damaged files make Pillow's decoders raise a dozen kinds
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path} cannot be read as a picture: {reason}.") from None


def _mode_and_size(path):
    """Returns the mode and (h, w) that a picture's header names."""
    with _opened(path) as picture:
        mode, (w, h) = picture.mode, picture.size
    if mode[0] in "IF":  # I, I;16, I;16B, F: how they map to 0..255 only their owner knows
        raise ValueError(
            "Pictures must have 8 bits a channel or fewer; convert others before. "
            f"Received: {path} of Pillow's mode {mode}."
        )
    return mode, (h, w)


def _decode(path, shape):
    """Returns one picture as uint8 of that shape, (h, w, 1 or 3)."""
    mode = "L" if shape[2] == 1 else "RGB"
    with _opened(path) as picture:
        picture.load()
        picture = picture if picture.mode == mode else picture.convert(mode)  # no copy of a large one
        if picture.size != (shape[1], shape[0]):  # before it is an array, which would take thrice as much
            picture = picture.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)  # as images.resize
        return np.asarray(picture).reshape(shape)
