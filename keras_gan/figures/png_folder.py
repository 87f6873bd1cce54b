"""Images as single PNG files in a folder, as pytorch-fid, clean-fid and other tools read them."""

import itertools
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from keras_gan.rng import Stream, make_rng

_AT_ONCE = 1000


def check_new_folder(folder: str | Path) -> None:
    """Raises FileExistsError unless a folder is empty or missing."""
    folder = Path(folder)
    if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} must be a new or an empty folder. Received: one that holds files.")


def save_png_folder(folder: str | Path, batches: Iterable[np.ndarray], n: int) -> None:
    """Writes images as 00000.png, 00001.png and so on into a folder, which is there once all are.

    Args:
        folder: new or empty.
        batches: uint8 (batch, h, w, c) each, grey for c = 1, RGB for c = 3.
        n: number of all images.

    Raises:
        FileExistsError: the folder holds something.
    """
    check_new_folder(folder)
    folder = Path(os.path.abspath(folder))
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    beside.mkdir(parents=True)
    digits = max(5, len(str(n - 1)))
    try:
        i = 0
        for images in batches:
            for image in images:
                picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
                picture.save(beside / f"{i:0{digits}}.png")
                i += 1
        beside.rename(folder)  # over an empty folder, too
    except BaseException:
        shutil.rmtree(beside)
        raise


def draw_noise_in_parts(gan, seeds: list[int] | None, n: int, multiple: int = 1) -> Iterator[np.ndarray]:
    """Yields the n rows of `gan.noise(seeds or n)`, some at a time.

    The memory that it takes does not grow with n. All parts but the last have a multiple of `multiple`
    rows, and the last has at least as many, so that training mode makes the same batches of them.
    """
    rng = make_rng(gan.seed, Stream.EVALUATION)
    size = multiple * max(1, _AT_ONCE // multiple)
    bounds = [0, *range(size, n - multiple + 1, size), n]
    for first, end in itertools.pairwise(bounds):
        if seeds:
            yield gan.noise(seeds[first:end])
        else:
            yield rng.standard_normal((end - first, gan.latent_dim), dtype=np.float32)
