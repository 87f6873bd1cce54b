"""Thousands of broken files to every reader: read, or refused in one line, and nothing else.

    python -m benchmarks.fuzz --files 5000 --seed 0

Valid files of every kind are mutated and read in this process, without TensorFlow. Another
exception, a message of several lines, a warning beside a refusal, ten seconds without an answer or
500 MB of memory is a failure: it is printed, its file is kept, and the exit code is 1.
"""

import collections
import contextlib
import gzip
import io
import json
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import warnings
import zipfile
from pathlib import Path

import click
import numpy as np
from PIL import Image

from benchmarks import mutate
from keras_gan.config import TrainConfig
from keras_gan.data import datasets
from keras_gan.data.image_file import ENDINGS
from keras_gan.data.options import ImageOptions
from keras_gan.evaluation import feature_stats
from keras_gan.files import npz
from keras_gan.run import info, metrics_log

MAX_GROWTH, MAX_SECONDS = 500 * 10**6, 10
_ADDRESS_SPACE = 4 * 2**30  # beyond what the process has at the start: an allocation of more fails


class Late(BaseException):
    """A reader took too long; no `except Exception` swallows it."""


def seed_files(rng):
    """Returns {name: content} of a small valid file of every kind."""
    images = rng.integers(0, 256, (6, 8, 8), dtype=np.uint8)
    labels = rng.integers(0, 10, 6, dtype=np.uint8)
    idx = struct.pack(">4I", 0x803, *images.shape) + images.tobytes()
    weights = {f"generator/{i}/kernel": rng.standard_normal((4, 3)) for i in range(4)}
    split = {"x_train": images, "y_train": labels, "x_test": images[:2], "y_test": labels[:2]}
    files = {
        "images.idx": idx,
        "images.idx.gz": gzip.compress(idx),
        "images.npz": _saved(np.savez, images=images, labels=labels),
        "packed.npz": _saved(np.savez_compressed, images=images / 255),
        "mnist.npz": _saved(np.savez, **split),
        "images.npy": _saved(np.save, images),
        "floats.npy": _saved(np.save, images.astype(np.float16) / 255),
        "checkpoint.npz": _saved(np.savez, **weights, step=np.array(7)),
        "statistics.npz": _saved(np.savez, mu=np.arange(3.0), sigma=np.eye(3), n=np.array(6)),
        "config.json": _config(),
        "metrics.jsonl": json.dumps({"step": 3, "metric": "recall", "value": 0.5, "n": 6}).encode(),
    }
    rows = np.c_[labels, images.reshape(6, 64)]
    files["digits.csv"] = b"\n".join(b",".join(b"%d" % value for value in row) for row in rows)
    frames = [Image.fromarray(image) for image in images]
    exif = Image.Exif()
    exif[274] = 6
    for name, mode, options in (
        ("grey.png", "L", {}),
        ("palette.png", "P", {}),
        ("colour.png", "RGB", {"exif": exif}),
        ("opacity.png", "RGBA", {}),
        ("x.jpg", "RGB", {"exif": exif}),
        ("x.pgm", "L", {}),
        ("x.bmp", "P", {}),
        ("x.gif", "L", {"save_all": True, "append_images": frames[1:]}),
        ("x.tif", "L", {"save_all": True, "append_images": frames[1:]}),
        ("x.webp", "RGB", {}),
    ):
        kind = Image.registered_extensions()[Path(name).suffix]
        files[name] = _saved(frames[0].convert(mode).save, format=kind, **options)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/x.png", files["grey.png"])
    files["images.zip"] = packed.getvalue()
    return files


def _saved(write, *array, **arrays):
    file = io.BytesIO()
    write(file, *array, **arrays)
    return file.getvalue()


def _config():
    images = {"name": "digits", "source": "scikit-learn", "sha256": "0" * 64, "images": 6}
    config = TrainConfig().resolved().of_shape([8, 8, 1])
    with tempfile.TemporaryDirectory() as folder:
        info.RunInfo(config, images, 0, "keras", "cpu", {"keras": "3"}).write(folder)
        return Path(folder, info.CONFIG).read_bytes()


def read(path, image_size=None):
    """Reads a file by the project's reader of its kind."""
    if path.name == "config.json":
        return info.read_info(path.parent)
    if path.name == "checkpoint.npz":
        return npz.load(path)
    if path.name == "statistics.npz":
        return feature_stats.load_stats(path, "stated")
    if path.name == "metrics.jsonl":
        return metrics_log.read(path)
    split = "test" if path.name == "mnist.npz" else "train"
    is_picture = path.suffix in ENDINGS
    place = path.parent if is_picture else path
    options = ImageOptions(image_size)
    return datasets.load_dataset(path=place, options=options, split=split, warn=lambda line: None)


def outcome(path, image_size=None):
    """Returns "read", "refused", or in words what a reader did instead."""
    try:
        with warnings.catch_warnings(record=True) as told, _deadline():
            warnings.simplefilter("always")
            read(path, image_size)
        return "read" if [*path.parent.iterdir()] == [path] else "a file was written"
    except (ValueError, OSError) as error:
        if len(str(error).splitlines()) != 1:
            return f"a message of several lines or none: {error!r}"
        return f"a warning beside the line: {told[0].message}" if told else "refused"
    except (Exception, Late) as error:  # what no reader may let out
        return f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def _deadline():
    def late(*_):
        raise Late(f"no answer in {MAX_SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(MAX_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def peak():
    """Returns the largest memory of this process so far, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def fuzz(folder, files, seed, say=lambda line: None):
    """Reads mutated files below a folder, where those that fail are kept.

    Returns:
        dict of counts "read", "refused" and "failed", and the bytes of "growth" of memory.
    """
    rng = np.random.default_rng(seed)
    kinds, counts = list(seed_files(rng).items()), collections.Counter(read=0, refused=0, failed=0)
    start = highest = peak()
    for i in range(files):
        name, content = kinds[i % len(kinds)]
        path = Path(folder, f"{i // len(kinds)}", name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(mutate.mutated(content, rng))
        found, before = outcome(path, (4, 4) if i // len(kinds) % 2 else None), highest
        highest = peak()
        if highest - start > MAX_GROWTH and highest > before:
            found = f"memory grew by {(highest - start) >> 20} MiB"
        failed = found not in ("read", "refused")
        counts["failed" if failed else found] += 1
        if failed:
            kept = Path(folder, f"failed-{seed}-{i}-{name}")
            path.rename(kept)
            say(f"file {i} of seed {seed}, {kept}: {found}")
        shutil.rmtree(path.parent)
    return dict(counts) | {"growth": highest - start}


@contextlib.contextmanager
def bounded():
    """Lets allocations fail that take the process far beyond what it has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    has = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (has + _ADDRESS_SPACE, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@click.command()
@click.option("--files", default=5000, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the mutations.")
@click.option("--json", "as_json", is_flag=True)
def main(files, seed, as_json):
    """Mutates valid files of every kind and reads each."""
    folder, start = tempfile.mkdtemp(prefix="fuzz-"), time.monotonic()
    with bounded():
        counts = fuzz(folder, files, seed, lambda line: click.echo(line, err=True))
    if not counts["failed"]:
        shutil.rmtree(folder)
    line = "{read} read, {refused} refused, {failed} failed".format(**counts)
    line += f"; memory grew by {counts['growth'] / 1e6:.0f} MB, in {time.monotonic() - start:.0f} s"
    click.echo(json.dumps(counts) if as_json else line)
    sys.exit(bool(counts["failed"]))


if __name__ == "__main__":
    main()
