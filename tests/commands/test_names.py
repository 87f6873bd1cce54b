"""Folders whose names hold spaces, line ends, control characters, and bytes that are no UTF-8."""

import os

import numpy as np
import pytest

from tests.conftest import refused, run

NAMES = {
    "bytes": os.fsdecode(b"s\xff\xfe"),
    "spaces": " a  b ",
    "line end": "a\nb\x1b[2J",
    "hyphen": "-a",
    "letters": "ü 中",
}


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("kind", NAMES)
def test_every_command_takes_a_folder_of_any_name(kind, tmp_path, pixels, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir(NAMES[kind])
    folder = os.path.join(".", NAMES[kind])
    np.savez(f"{folder}/images.npz", images=pixels)
    sizes = "--preset aioz --epochs 1 --batch-size 25 --latent-dim 7 --quiet".split()
    a, data = f"{folder}/run", f"{folder}/images.npz"
    for words in (
        ["train", *sizes, "--data", data, "--outdir", a],
        ["train", "--resume", a, "--epochs", 2, "--quiet"],
        ["sample", a, "--npz", f"{folder}/a.npz"],
        ["sample", a, "--png", f"{folder}/pngs", "--count", 3],
        ["sample", a, "--gif"],
        ["sample", a, "--nearest"],
        ["evaluate", a, "--count", 20, "--features", "pca", "--offline"],
        ["fid", a, data, "--count", 20, "--features", "pca"],
        ["plot", a],
        ["report", a],
        ["verify", a],
        ["export", a, "--format", "keras"],
    ):
        result = run(*words)
        assert result.exit_code == 0, (words, result.output)
        assert all(line.isprintable() or kind == "bytes" for line in result.stderr.splitlines())
    if kind == "bytes":
        assert "names in UTF-8 alone" in refused("export", a, "--format", "savedmodel")
        assert "names in UTF-8 alone" in refused(
            "train", *sizes, "--data", data, "--outdir", f"{folder}/b", "--tensorboard"
        )
