"""Images at a path, whatever lies there. What cannot be read is refused with what it is and what would work.

Nothing is downloaded, and what a file promises is checked before memory is set aside for it.
"""

import contextlib
import gzip
import zipfile
import zlib
from pathlib import Path

from keras_gan.data import array_file, idx
from keras_gan.data.image_file import ENDINGS
from keras_gan.data.image_folder import is_image_name, read_folder, read_image_files, read_zip
from keras_gan.data.options import DEFAULTS, ImageOptions, LoadedImages
from keras_gan.streams import escape_controls

EXPECTED = "a folder or .zip of image files, an image file, or an .npz, .npy, .csv or idx(.gz) file"
_ARRAYS = (".npz", ".npy", ".csv", ".csv.gz", ".zip", ".gz")
_UNPACK = "unpack it and name the folder"
_SAVE = "save its images with np.save('images.npy', images), as uint8 (n, h, w) or (n, h, w, 3)"
_KNOWN = (  # first bytes at an offset, what they tell, and what would work
    (0, b"\x89HDF", "an HDF5 file", _SAVE),
    (0, b"MATLAB", "a MATLAB file", _SAVE),
    (0, b"PAR1", "a Parquet file", _SAVE),
    (0, b"ARROW1", "an Arrow file", _SAVE),
    (0, b"\x80", "a Python pickle, which is never opened, as it could run anything", _SAVE),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (0, b"Rar!", "a RAR archive", _UNPACK),
    (0, b"BZh", "a bzip2 file", _UNPACK),
    (0, b"\xfd7zXZ", "an xz file", _UNPACK),
    (0, b"%PDF", "a PDF file", "save its pages as PNG files in a folder"),
    (4, b"ftyp", "a video or an HEIC photo", "save its frames as PNG files in a folder"),
    (0, b"\x1aE\xdf\xa3", "a video", "save its frames as PNG files in a folder"),
)


def read_path(path: str | Path, split: str = "train", options: ImageOptions = DEFAULTS) -> LoadedImages:
    """Returns the images, and labels, in a file of any kind, told by its first bytes, or in a folder.

    Args:
        split: "train", or "test" where the file or folder, or a file beside it, has that part.

    Raises:
        FileNotFoundError: nothing is at the path.
        ValueError: what is there cannot be read as images, or has no test part.
    """
    path = Path(path)
    try:
        loaded = _read_folder(path, split, options) if path.is_dir() else _read_file(path, split, options)
    except (ValueError, FileNotFoundError) as error:
        if (line := escape_controls(str(error))) == str(error):
            raise
        kind = ValueError if isinstance(error, ValueError) else FileNotFoundError
        raise kind(line) from None  # of names in an archive, which may hold line ends
    if loaded is None:
        raise ValueError(
            "Expected a source with a test part: an .npz file with x_test or test_images, or idx files named "
            f"t10k-images-idx3-ubyte or test-images-idx3-ubyte. Received: {path}, which has none."
        )
    return loaded


def _read_folder(path, split, options):
    """Returns the images of a split in a folder, None where it has no such split."""
    if file := idx.find_idx(path, split):
        return idx.read_idx(file, options)
    if split == "test" or idx.find_idx(path, "test"):
        return None
    try:
        return read_folder(path, options)
    except ValueError as error:
        files = sorted(p for p in path.iterdir() if p.name.lower().endswith(_ARRAYS) and p.is_file())
        if not files or any(map(is_image_name, (p.name for p in path.rglob("*")))):
            raise
        raise ValueError(f"{error} To read that file, give its own path: {files[0]}") from None


def _read_file(path, split, options):
    """Returns the images of a split in a file, None where it has no such split."""
    if not path.is_file():
        raise FileNotFoundError(f"Expected a file or folder of images. Received: no file {path}.")
    with open(path, "rb") as file:
        start = file.read(512)
    if start.startswith(b"\x93NUMPY"):
        return array_file.read_npy(path, options) if split == "train" else None
    if start.startswith(b"PK"):
        return _read_archive(path, split, options)
    if is_image_name(path.name):
        return read_image_files([path], options) if split == "train" else None
    if path.name.lower().endswith((".csv", ".csv.gz")):
        return array_file.read_csv(path) if split == "train" else None
    if start.startswith(b"\x1f\x8b"):
        start = _unpack_start(path) or start
    known = next(((what, way) for at, magic, what, way in _KNOWN if start[at:].startswith(magic)), None)
    if known:
        raise ValueError(f"Expected {EXPECTED}. Received: {path}, {known[0]}; {known[1]}.")
    if start[:2] in (b"\0\0", b"\x1f\x8b"):
        of_split = idx.get_split_path(path, split)
        return of_split and idx.read_idx(of_split, options)
    raise ValueError(f"Expected {EXPECTED}. Received: {path}, which is none of them.")


def _unpack_start(path):
    """Returns the first bytes in a gzip file; none where it is damaged."""
    with contextlib.suppress(OSError, EOFError, zlib.error), gzip.open(path) as file:
        return file.read(512)
    return b""


def _read_archive(path, split, options):
    """Returns the images of a zip archive: in an array, as .npz files have it, or in image files."""
    names = []
    unreadable = OSError, ValueError, zipfile.BadZipFile, NotImplementedError  # of a later version of zip
    with contextlib.suppress(*unreadable), zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if not names or any(name.endswith(".npy") for name in names):
        return array_file.read_npz(path, split, options)
    if any(map(is_image_name, names)):
        return read_zip(path, options) if split == "train" else None
    if any(name.endswith("data.pkl") for name in names):
        raise ValueError(f"Expected {EXPECTED}. Received: {path}, a file of torch.save; {_SAVE}.")
    raise ValueError(
        f"Expected image files ({' '.join(ENDINGS)}) or arrays in {path}. "
        f"Received: {len(names)} files, the first is {names[0]}; {_UNPACK}."
    )
