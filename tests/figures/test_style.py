"""No matplotlibrc changes a picture."""

import os
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from PIL import Image

from keras_gan.figures import curves, dots, grid, montage
from keras_gan.run.history import COLUMNS
from tests.conftest import REPOSITORY

HOSTILE = {
    "image.origin": "lower",
    "image.cmap": "jet",
    "axes.facecolor": "black",
    "axes.grid": True,
    "axes.titlelocation": "left",
    "figure.dpi": 300,
    "font.size": 30,
    "lines.linewidth": 9,
    "savefig.facecolor": "red",
    "savefig.bbox": "tight",
    "savefig.transparent": True,
    "text.usetex": True,
}
IMAGES = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
LINES = {"loss": {"a": (np.arange(5.0), np.arange(5.0)), "b": (np.arange(200.0), np.arange(200.0))}}
ROWS = [{"label": "a", "mean": 1.0, "std": 0.5, "scores": [0.5, 1.5]}]
PICTURES = {
    "grid": lambda path: grid.save_grid(path, IMAGES, 2, 2),
    "titled grids": lambda path: montage.save_titled_grids(path, ["a", "b"], [IMAGES, IMAGES]),
    "curves": lambda path: curves.save_curves(path, LINES),
    "dots": lambda path: dots.save_dots(path, ROWS, "title", "label", 0.5),
}


@pytest.mark.parametrize("save", PICTURES.values(), ids=PICTURES)
def test_picture_is_the_same_under_any_settings_of_matplotlib(save, tmp_path):
    save(tmp_path / "clean.png")
    with matplotlib.rc_context(HOSTILE):
        save(tmp_path / "hostile.png")
    assert (tmp_path / "clean.png").read_bytes() == (tmp_path / "hostile.png").read_bytes()


def test_settings_of_a_program_are_as_before_afterwards(tmp_path):
    with matplotlib.rc_context(HOSTILE):
        PICTURES["curves"](tmp_path / "a.png")
        assert matplotlib.rcParams["figure.dpi"] == 300


def test_grid_has_the_pixels_of_its_images(tmp_path):
    grid.save_grid(tmp_path / "a.png", IMAGES, 2, 2)
    picture = np.asarray(Image.open(tmp_path / "a.png").convert("L"))
    np.testing.assert_array_equal(picture[4:68:8, 4:68:8], IMAGES[0, ..., 0])


@pytest.mark.slow
def test_plot_is_the_same_under_a_hostile_matplotlibrc(tmp_path):
    (tmp_path / "run").mkdir()
    lines = [",".join(COLUMNS), *(f"{i},{i},1,1,1,0.5,0.5,{i}" for i in range(1, 5))]
    (tmp_path / "run/history.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "hostile").write_text("".join(f"{name}: {value}\n" for name, value in HOSTILE.items()))
    pictures = []
    for rc in (os.devnull, tmp_path / "hostile"):
        command = [sys.executable, "cli.py", "plot", str(tmp_path / "run"), "--out", str(tmp_path / "a.png")]
        environment = os.environ | {"MATPLOTLIBRC": str(rc)}
        subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, check=True)
        pictures.append((tmp_path / "a.png").read_bytes())
    assert pictures[0] == pictures[1]
