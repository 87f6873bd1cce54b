"""Folders, zip archives and lists of image files to one array."""

import collections
import json
import os
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from keras_gan.data.image_file import (
    ENDINGS,
    GREY_MODES,
    Source,
    decode_pages,
    is_grey,
    name_source,
    read_headers,
)
from keras_gan.data.options import ImageOptions, LoadedImages
from keras_gan.data.pixels import compute_crop, fit_image

_MAX_CONFIG_BYTES = 2**20  # of a run's config.json
_TEST_FOLDERS = ("test", "testing", "val", "valid", "validation")


def read_folder(folder: Path, options: ImageOptions) -> LoadedImages:
    """Returns the images in the files below a folder, in the order of their relative paths.

    Raises:
        ValueError: there is none, one cannot be decoded, or their sizes differ.
    """
    paths = list(_walk(folder))
    # Folders of runs, whose grids are no images to learn from
    runs = {path.parent for path in paths if path.name == "config.json" and _is_config_of_run(path)}
    if folder in runs:
        raise ValueError(
            f"Expected a folder of images. Received: {folder}, a run directory, which holds sample grids."
        )
    files = {path.relative_to(folder).as_posix(): path for path in paths if path.parent not in runs}
    loaded = _read_sorted(folder, files, options)
    notes = [f"{run} is left out: it is a run directory, which holds sample grids." for run in sorted(runs)]
    return loaded._replace(notes=(*loaded.notes, *notes))


def read_zip(path: Path, options: ImageOptions) -> LoadedImages:
    """Returns the images in the files of a zip archive, in the order of their names.

    Errors are those of `read_folder`.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if twice := next((name for name, n in collections.Counter(names).items() if n > 1), None):
            raise ValueError(f"Files must have names of their own. Received: {path}, with {twice} twice.")
        members = {name: zipfile.Path(archive, name) for name in names if not _is_hidden(name)}
        return _read_sorted(path, {n: m for n, m in members.items() if not n.endswith("/")}, options)


def _is_config_of_run(path):
    """Returns whether a file is one that `run.config_json` writes."""
    try:
        config = json.loads(path.read_bytes()) if path.stat().st_size <= _MAX_CONFIG_BYTES else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(config, dict) and {"config", "image_shape", "data"} <= config.keys()


def is_image_name(name: str) -> bool:
    """Returns whether a file name ends as those of image files do."""
    return name.lower().endswith(ENDINGS)


def _read_sorted(where, files, options):
    """Returns the images of a dict of name to source, in the order of the names."""
    names = sorted(files)
    images = [name for name in names if is_image_name(name)]
    others = [name for name in names if not is_image_name(name)]
    rest = f"other files: {len(others)}, the first is {others[0]}" if others else "no file at all"
    if not images:
        raise ValueError(f"Expected image files ({' '.join(ENDINGS)}) in {where}. Received: {rest}.")
    loaded = read_image_files([files[name] for name in images], options)
    left_out = f"{where}: {len(images)} image files are read and the rest is left out, {rest}."
    notes = [*([left_out] if others else []), *_describe_test_folders(where, images)]
    return loaded._replace(notes=(*loaded.notes, *notes))


def _describe_test_folders(where, names):
    """Yields a note where some of the images, but not all, are in folders for testing."""
    found = [word for name in names if (word := _find_test_folder(name))]
    if 0 < len(found) < len(names):
        folders = " and ".join(sorted(set(found)))
        yield (
            f"{where}: {len(found)} of {len(names)} image files are in folders called {folders}, and read "
            "like the others; to leave them out, give the folder of the others."
        )


def _find_test_folder(name):
    return next((word for word in name.split("/")[:-1] if word.lower() in _TEST_FOLDERS), None)


def read_image_files(sources: Sequence[Source], options: ImageOptions) -> LoadedImages:
    """Returns the images in files: every page of each, upright, transparent pixels on the background.

    They are grey when all of them are, and RGB otherwise.

    Args:
        sources: paths, members of zip archives, or pictures that Pillow has opened.
        options: with a size each image is fitted to it as it is read; without, all must have one size.

    Raises:
        ValueError: one cannot be decoded, their sizes differ, or they are too large.
    """
    background = options.get_background()
    files = [read_headers(source) for source in sources]
    grey = _are_grey(files, background)
    shape = _check_shape(files, 1 if grey else 3, options)
    images, mode = np.empty(shape, np.uint8), "L" if grey else "RGB"
    counts: collections.Counter = collections.Counter()
    i = 0
    for file in files:
        for page in decode_pages(file, background, counts):
            counts["cropped"] += options.size is not None and _is_cropped(page, options)
            counts["converted"] += page.mode in ("CMYK", "YCbCr", "LAB", "HSV")
            page = page if page.mode == mode else page.convert(mode)  # no copy of a large one
            page = fit_image(page, shape[1:3], options.fit)
            images[i] = np.asarray(page).reshape(shape[1:])
            i += 1
    counts["palettes"] = sum(len(file.pages) for file in files if grey and not file.modes <= GREY_MODES)
    counts["pages"] = sum(len(file.pages) for file in files if len(file.pages) > 1)
    return LoadedImages(images, notes=tuple(_describe(counts, len(images), options)))


def _are_grey(files, background):
    """Returns whether all files are; those whose headers leave it open are decoded, last of all."""
    return all(is_grey(file, background) for file in sorted(files, key=lambda file: "P" in file.modes))


def _check_shape(files, channels, options):
    """Returns (n, h, w, c) of all images.

    Raises:
        ValueError: there is no one size, or they are too large.
    """
    sizes = [(size, file.source) for file in files for size in file.sizes]
    (height, width), first = sizes[0]
    other = next(((size, source) for size, source in sizes if size != sizes[0][0]), None)
    if options.size is None and other:
        received = f"{name_source(first)} of {width}x{height} pixels and "
        received += f"{name_source(other[1])} of {other[0][1]}x{other[0][0]}"
        raise ValueError(
            f"Images must be of one size unless one is given with --image-size. Received: {received}."
        )
    shape = (len(sizes), *(options.size or (height, width)), channels)
    options.check_values(shape[1:], name_source(first))
    options.check_total(shape, name_source(first))
    return shape


def _is_cropped(page, options):
    height, width = compute_crop(page.size[::-1], options.size)[2:]
    return options.fit == "crop" and (width, height) != page.size


def _describe(counts, total, options):
    """Yields a sentence on each thing that was done to the images."""
    of_all = f"of {total} images"
    if counts["pages"]:
        yield f"{counts['pages']} {of_all} are pages or frames of files with several; each is an image."
    if counts["turned"]:
        yield f"{counts['turned']} {of_all} are turned upright, as their orientation tag says."
    yield from options.describe_composited(counts["composited"], total)
    if counts["palettes"]:
        yield f"{counts['palettes']} {of_all} have a palette of greys only: read with one channel."
    if counts["converted"]:
        yield f"{counts['converted']} {of_all} are converted from CMYK, YCbCr, LAB or HSV to RGB."
    if counts["reduced"]:
        yield f"{counts['reduced']} {of_all} have 16 bits a channel: reduced to 8."
    yield from options.describe_cropped(counts["cropped"], total)


def _is_hidden(name):
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _walk(folder: Path) -> Iterator[Path]:
    """Yields the files below a folder but the hidden ones; a folder reached twice, once."""
    seen = set()
    for parent, folders, names in os.walk(folder, onerror=_raise, followlinks=True):
        here = os.path.realpath(parent)
        if here in seen:
            folders.clear()
            continue
        seen.add(here)
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        yield from (Path(parent, name) for name in names if not _is_hidden(name))


def _raise(error):
    raise error
