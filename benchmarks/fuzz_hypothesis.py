"""Pictures and .npz files that Hypothesis makes up, whole and broken, to the readers of images.

    pip install hypothesis
    python -m benchmarks.fuzz_hypothesis --minutes 60

A whole picture or array must be read with its own pixels; a broken one is read or refused in one line,
as in `benchmarks.fuzz`. What fails is made as small as it can be and printed, and the exit code is 1.
"""

import collections
import io
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import click
import hypothesis
import numpy as np
from hypothesis import strategies as st
from PIL import Image

from benchmarks import fuzz
from keras_gan.data import datasets

_LOSSLESS = {".png": "PNG", ".bmp": "BMP", ".tif": "TIFF", ".pgm": "PPM", ".webp": "WEBP", ".gif": "GIF"}
_ENDINGS = {**_LOSSLESS, ".jpg": "JPEG"}
_MODES = {
    **{".png": "1 L LA P RGB RGBA I;16", ".bmp": "1 L P RGB RGBA", ".tif": "1 L LA P RGB RGBA CMYK I;16 F"},
    **{".pgm": "1 L RGB", ".webp": "RGB RGBA", ".gif": "L P", ".jpg": "L RGB CMYK"},
}
_NAMES = ("images", "x_train", "y_train", "x_test", "labels", "arr_0", "", "a/b", "Ünï", "images.npy")
_DTYPES = ("u1", "i1", "u2", "i8", "f2", "f4", "f8", "?", "c8", "S3", "U2", "M8[s]", ">u2", "V0")

edits = st.lists(
    st.tuples(st.sampled_from("flip cut insert number".split()), st.floats(0, 1), st.binary(max_size=8)),
    max_size=4,
)


@st.composite
def pictures(draw):
    """Returns the ending, the content, and the upright pixels, or None where they are not known."""
    ending = draw(st.sampled_from(list(_ENDINGS)))
    mode = draw(st.sampled_from(_MODES[ending].split()))
    width, height, seed = draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.integers(0, 99))
    exif, options = Image.Exif(), {}
    if turn := draw(st.sampled_from([None, *range(10)])):
        exif[0x0112] = turn
        options["exif"] = exif.tobytes()
    frames = draw(st.integers(1, 3)) if ending in (".gif", ".tif", ".webp", ".png") else 1
    rng = np.random.default_rng(seed)
    kind = {"I;16": np.uint16, "F": np.float32}.get(mode, np.uint8)
    shape = (height, width) if kind != np.uint8 else (height, width, 3)
    made = [Image.fromarray((rng.random(shape) * 255).astype(kind)) for _ in range(frames)]
    made = [one if one.mode == mode else one.convert(mode) for one in made]
    if frames > 1:
        options |= {"save_all": True, "append_images": made[1:]}
    if ending == ".webp":
        options["lossless"] = True
    file = io.BytesIO()
    made[0].save(file, format=_ENDINGS[ending], **options)
    known = mode in ("L", "RGB") and frames == 1 and not options.get("exif") and ending in _LOSSLESS
    return ending, file.getvalue(), np.asarray(made[0].convert("RGB")) if known and ending != ".gif" else None


@st.composite
def npz_files(draw):
    """Returns the content of an .npz file, and the images where it is whole and plain, else None."""
    names = draw(st.lists(st.sampled_from(_NAMES), min_size=1, max_size=4))
    file, images = io.BytesIO(), None
    with zipfile.ZipFile(file, "w", draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))) as new:
        for name in names:
            shape = tuple(draw(st.lists(st.integers(0, 9), max_size=5)))
            dtype = np.dtype(draw(st.sampled_from(_DTYPES)))
            values = np.random.default_rng(draw(st.integers(0, 9))).integers(0, 256, shape)
            array = values.astype(dtype)
            content = io.BytesIO()
            np.save(content, np.asfortranarray(array) if draw(st.booleans()) else array, allow_pickle=False)
            content = content.getvalue()
            if header := draw(
                st.sampled_from([None, None, b"1e9", b"-1,", b"9" * 30, b"(1,)*", b"__import__"])
            ):
                content = content.replace(b"(", b"(" + header, 1)
            new.writestr(f"{name}.npy", content)
            plain = dtype == np.uint8 and len(shape) == 3 and min(shape) > 0 and shape[2] > 4 and not header
            images = array if plain and names == ["images"] else None
    return file.getvalue(), images


def edit(content, changes):
    """Returns the bytes after some changes at places from 0 to 1 of their length."""
    content = bytearray(content)
    for kind, place, value in changes:
        i = int(place * len(content))
        if kind == "cut":
            del content[i : i + len(value)]
        elif kind == "insert":
            content[i:i] = value
        elif kind == "number":
            content[i : i + len(value)] = value
        elif content:
            content[i % len(content)] ^= 1 << (len(value) % 8)
    return bytes(content)


def check(name, content, expected, size, counts):
    """Reads a file by itself in a folder; fails where a reader does what none may, or reads other pixels."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(content)
        found = fuzz.outcome(path, size)
        counts[found] += 1
        assert found in ("read", "refused"), found
        if expected is not None:
            assert found == "read", "a whole file was refused"
        if expected is not None and size is None:
            place = path if path.suffix == ".npz" else path.parent
            images = datasets.load_dataset(path=place, warn=lambda line: None).images
            np.testing.assert_array_equal(*np.broadcast_arrays(images.reshape(*images.shape), expected))


def make_checks(counts):
    """Returns the properties that hold for every picture and every .npz file."""
    sizes = st.sampled_from([None, (4, 4), (5, 3)])

    @hypothesis.given(pictures(), edits, sizes)
    def check_picture(picture, changes, size):
        ending, content, expected = picture
        expected = None if changes or expected is None else expected[None]
        check("x" + ending, edit(content, changes), expected, size, counts)

    @hypothesis.given(npz_files(), edits, sizes)
    def check_npz(npz, changes, size):
        content, expected = npz
        expected = None if changes or expected is None else expected[..., None]
        check("x.npz", edit(content, changes), expected, size, counts)

    return check_picture, check_npz


@click.command()
@click.option("--minutes", default=60.0, show_default=True, type=click.FloatRange(0))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the first round.")
def main(minutes, seed):
    """Makes up files until the time is over, in rounds of 100 of each kind."""
    counts, end, failed = collections.Counter(), time.monotonic() + 60 * minutes, 0
    settings = hypothesis.settings(
        max_examples=100, deadline=None, database=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    with fuzz.bounded():
        while time.monotonic() < end:
            for one in make_checks(counts):
                try:
                    hypothesis.seed(seed)(settings(one))()
                except Exception as error:
                    failed += 1
                    click.echo(f"seed {seed}: {type(error).__name__}: {error}", err=True)
                    click.echo("\n".join(getattr(error, "__notes__", [])), err=True)
            seed += 1
    total = sum(counts.values())
    line = f"{total:,} files, {counts['read']:,} read, {counts['refused']:,} refused, {failed} failures"
    click.echo(f"{line}; peak memory {fuzz.peak() >> 20} MiB; seeds to {seed - 1}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
