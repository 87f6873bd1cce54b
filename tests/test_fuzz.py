"""Broken and hostile files: at random, and those that someone would make on purpose."""

import gzip
import io
import json
import os
import struct
import zipfile
import zlib

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import fuzz, mutate
from keras_gan.commands import main

ZEROS = bytes(2**20)


def test_mutated_files_are_read_or_refused_in_one_line(tmp_path):
    found = []
    counts = fuzz.fuzz(tmp_path, 300, 2, found.append)
    assert found == [] and counts["read"] + counts["refused"] == 300
    assert counts["read"] > 10 and counts["growth"] < 200 * 10**6
    assert list(tmp_path.iterdir()) == []


def test_valid_files_of_every_kind_are_read(tmp_path):
    for name, content in fuzz.seed_files(np.random.default_rng(0)).items():
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(content)
        assert fuzz.outcome(tmp_path / name / name, (4, 4)) == "read"


def test_same_seed_makes_the_same_files():
    files = fuzz.seed_files(np.random.default_rng(3))
    one, other = np.random.default_rng(5), np.random.default_rng(5)
    for name, content in files.items():
        assert len(mutate.mutated(content, one)) == len(mutate.mutated(content, other)), name


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), ValueError("a\nb"), ValueError("")])
def test_fuzz_tells_what_no_reader_may_do(tmp_path, monkeypatch, error):
    def failing(*_):
        raise error

    monkeypatch.setattr(fuzz, "read", failing)
    found = []
    assert fuzz.fuzz(tmp_path, 1, 0, found.append)["failed"] == 1
    assert "file 0 of seed 0" in found[0] and len(list(tmp_path.iterdir())) == 1


# the command line: each writes x and is refused


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def archive(member, **options):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as whole:
        with whole.open("images.npy", "w") as images:
            images.write(member)
            for _ in range(options.get("mebibytes", 0)):
                images.write(ZEROS)
    return file.getvalue()


def npy_header(*shape, dtype="|u1"):
    file = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue()


def idx_header(*shape):
    return struct.pack(">4I", 0x803, *shape)


def png_header(width, height):
    """The start of an RGB picture without any pixels."""
    parts = [(b"IHDR", struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(b""))]
    chunks = [struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


FILES = {
    "idx that promises 64 GiB": (idx_header(2**26, 32, 32), "more than the file can hold"),
    "gzip that promises 1 GiB": (gzip.compress(idx_header(2**20, 32, 32)), "more than the file can hold"),
    "gzip bomb": (gzip.compress(idx_header(20, 1024, 1024) + ZEROS * 20, 1), "at most 262,144 values"),
    "idx without images": (idx_header(0, 28, 28), "holds no images"),
    "npy that promises 64 GiB": (npy_header(2**26, 32, 32), "more than the file holds"),
    "npz that promises 64 GiB": (archive(npy_header(2**26, 32, 32)), "more than the file holds"),
    "zip bomb": (archive(npy_header(200, 1024, 1024), mebibytes=200), "at most 262,144 values"),
    "npy of version 2 with a header of 4 GiB": (b"\x93NUMPY\2\0\xff\xff\xff\xff{", "arrays of numbers"),
    "objects": (npy(np.array([{}], object)), "never unpickled"),
    "objects in an npz": (archive(npy(np.array([{}], object))), "never unpickled"),
    "no images": (npy(np.zeros((0, 8, 8), np.uint8)), r"shape (0, 8, 8"),
    "words": (npy(np.full((2, 8, 8), "a")), "integers or floats"),
    "complex numbers": (npy(np.ones((2, 8, 8), complex)), "integers or floats"),
    "records": (npy(np.zeros((2, 8, 8), [("a", "u1")])), "integers or floats"),
    "NaN": (npy(np.full((2, 8, 8), np.nan)), "from nan to nan"),
    "dates": (npy(np.zeros((2, 8, 8), "M8[s]")), "integers or floats"),
    "numbers without size": (npy_header(2**60, 2**60, dtype="|V0"), "has no size"),
    "nothing": (b"", "none of them"),
    "Python's pickle": (b"\x80\4K\1.", "never opened"),
}


def list_files(folder):
    """Returns what lies in a test's folder, and beside it under a name that begins like its own."""
    return sorted([*folder.rglob("*"), *folder.parent.glob(f"{folder.name}*"), *folder.parent.glob(".*")])


def refused(folder, *words):
    """Runs `train`, which must say one line and write nothing; returns the line."""
    outdir = folder.with_name(f"{folder.name}-run")  # beside the images
    before = list_files(folder)
    run = CliRunner().invoke(main.main, ["train", "--outdir", str(outdir), *map(str, words)])
    assert run.exit_code == 1 and run.stdout == ""
    assert run.stderr.startswith("Error: ") and run.stderr.count("\n") == 1
    assert list_files(folder) == before
    return run.stderr


@pytest.mark.parametrize("kind", FILES)
def test_hostile_file_is_refused_in_one_line(tmp_path, kind):
    content, told = FILES[kind]
    (tmp_path / "x").write_bytes(content)
    start = fuzz.peak()
    assert told in refused(tmp_path, "--data", tmp_path / "x")
    assert fuzz.peak() - start < 150 * 10**6


@pytest.mark.parametrize(
    ("size", "told"),
    [((7000, 7000), "at most 262,144 values"), ((9000, 9000), "bomb"), ((2**31 - 1, 2), "bomb")],
)
def test_image_that_promises_too_much_is_refused(tmp_path, size, told):
    (tmp_path / "x.png").write_bytes(png_header(*size))
    assert told in refused(tmp_path, "--data", tmp_path)


def test_many_images_that_promise_too_much_are_refused(tmp_path):
    for i in range(40):
        (tmp_path / f"{i}.png").write_bytes(png_header(4000, 4000))
    start = fuzz.peak()
    assert "at most 262,144 values" in refused(tmp_path, "--data", tmp_path)
    assert "is truncated" in refused(tmp_path, "--data", tmp_path, "--image-size", "16")
    assert fuzz.peak() - start < 150 * 10**6


@pytest.mark.slow
def test_folder_where_a_file_is_expected_is_refused(tmp_path):
    for name in ("mnist.npz", "train-images-idx3-ubyte"):
        (tmp_path / name).mkdir()
        assert "no file at all" in refused(tmp_path, "--data", tmp_path / name)


def test_link_to_itself_and_dangling_link_are_refused(tmp_path):
    (tmp_path / "loop.npz").symlink_to(tmp_path / "loop.npz")
    (tmp_path / "gone.npz").symlink_to(tmp_path / "nowhere")
    for name in ("loop.npz", "gone.npz"):
        assert f"no file {tmp_path / name}" in refused(tmp_path, "--data", tmp_path / name)


def test_folder_of_links_to_itself_has_no_pictures(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "in" / name).symlink_to(tmp_path / "in")
    assert "no file at all" in refused(tmp_path, "--data", tmp_path / "in")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.npz")
    assert "no file" in refused(tmp_path, "--data", tmp_path / "x.npz")


@pytest.fixture
def run_dir(tmp_path):
    """The folder that `refused` names as --outdir."""
    folder = tmp_path.with_name(f"{tmp_path.name}-run")
    folder.mkdir()
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("value", ["1e999", "[]", '"\\n"', "-1", "{", "9" * 9999])
@pytest.mark.parametrize("name", ["first_step", "config", "image_shape"])
def test_resumed_run_with_a_hostile_config_is_refused(tmp_path, run_dir, name, value):
    content = fuzz.seed_files(np.random.default_rng(0))["config.json"].decode()
    old = json.dumps(json.loads(content)[name], indent=2).replace("\n", "\n  ")
    assert f'"{name}": {old}' in content
    (run_dir / "config.json").write_text(content.replace(f'"{name}": {old}', f'"{name}": {value}'))
    refused(tmp_path, "--resume")


def test_config_that_is_a_folder_or_a_loop_is_no_run(tmp_path, run_dir):
    (run_dir / "config.json").symlink_to(run_dir / "config.json")
    assert "Expected a run" in refused(tmp_path, "--resume")
    (run_dir / "config.json").unlink()
    (run_dir / "config.json").mkdir()
    assert "Expected a run" in refused(tmp_path, "--resume")
