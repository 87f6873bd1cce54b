"""Folders of pictures to one array: PNG, JPEG, BMP, GIF, TIFF and WebP, grey or RGB.

What would have to be guessed is refused: sizes that differ, more than 8 bits a channel.
"""

import contextlib
import os
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from keras_gan import images

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")


def read_pictures(folder, image_size, warn):
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
    pixels = np.empty((len(paths), *(image_size or sizes[0]), 1 if grey else 3), np.uint8)
    for i, path in enumerate(paths):
        pixels[i] = images.resize(_decode(path, grey), pixels.shape[1:3])[0]
    return pixels


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
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as picture:
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


def _decode(path, grey):
    """Returns one picture as uint8 (1, h, w, 1 or 3)."""
    with _opened(path) as picture:
        pixels = np.asarray(picture.convert("L" if grey else "RGB"))
    return pixels.reshape(1, *pixels.shape[:2], 1 if grey else 3)
