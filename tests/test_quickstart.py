"""The quickstart notebook from top to bottom, with short trainings, by the installed package.

Its kernel then interrupts a run.
"""

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow

CUTS = {
    r"epochs=\d+": "epochs=2",
    r"--count \d+": "--count 30",
    r', engine="compiled"': "",
}  # without XLA, which takes seconds

STOPPED = """
import os, signal

class Stopping(GAN):
    def sample_images(self, epoch):
        if epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)

gan = Stopping(preset="aioz", latent_dim=7)
gan.train(epochs=9, sample_interval=3, outdir="stopped")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the package as pip installs it from a wheel; nothing in the repository is changed."""
    for name in ("nbclient", "ipykernel", "pandas"):
        pytest.importorskip(name, reason="needs pip install nbclient ipykernel pandas")
    pytest.importorskip("setuptools", "77", reason="needs pip install 'setuptools>=77' to build a wheel")
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    shutil.copytree(REPOSITORY / "keras_gan", source / "keras_gan")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, source)
    options = ["--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target", target]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, source], check=True)
    return target


@pytest.fixture(scope="module")
def cells(installed, tmp_path_factory):
    """The cells of code with their outputs, in a folder of their own, with a small MNIST."""
    import nbclient
    import nbformat

    folder, rng = tmp_path_factory.mktemp("notebook"), np.random.default_rng(0)
    digits = {"x_train": rng.integers(0, 256, (300, 28, 28), np.uint8), "y_train": np.arange(300) % 10}
    digits |= {"x_test": digits["x_train"][:60] ^ 1, "y_test": np.arange(60) % 10}
    (folder / "home/datasets").mkdir(parents=True)
    np.savez(folder / "home/datasets/mnist.npz", **digits)
    notebook = nbformat.read(REPOSITORY / "examples/quickstart.ipynb", as_version=4)
    own = [STOPPED, "gan.history", 'Stopping(preset="aioz", latent_dim=7).train(epochs=9, outdir="stopped")']
    notebook.cells.insert(0, nbformat.v4.new_code_cell("import keras_gan\nkeras_gan.__file__"))
    notebook.cells += [nbformat.v4.new_code_cell(cell) for cell in own]
    for cell in notebook.cells:
        for pattern, short in CUTS.items():
            cell.source = re.sub(pattern, short, cell.source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(folder / "home"))
        patch.setenv("PYTHONPATH", str(installed))
        where = {"metadata": {"path": str(folder)}}
        options = dict(timeout=300, kernel_name="python3", allow_errors=True)
        nbclient.NotebookClient(notebook, resources=where, **options).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def find_outputs(cells, text, kind):
    """Returns the outputs of a type that the cells with a text have."""
    chosen = [cell for cell in cells if text in cell.source]
    assert chosen
    return [output for cell in chosen for output in cell.outputs if output.output_type == kind]


def printed(cells, text):
    """Returns what the cells with a text print."""
    return "".join(output.text for output in find_outputs(cells, text, "stream"))


def test_package_is_the_installed_one(cells, installed):
    [path] = find_outputs(cells, "keras_gan.__file__", "execute_result")
    assert path.data["text/plain"] == repr(str(installed / "keras_gan/__init__.py"))


def test_nothing_fails_and_nothing_is_on_stderr(cells):
    *quickstart, _, _, _ = cells
    outputs = [output for cell in quickstart for output in cell.outputs]
    assert [output.evalue for output in outputs if output.output_type == "error"] == []
    assert [output.text for output in outputs if output.get("name") == "stderr"] == []


def test_training_shows_one_line_and_one_grid(cells):
    line, grid = find_outputs(cells, "gan = GAN()\nhistory = ", "display_data")
    assert (
        line.data["text/plain"].startswith("2 [D loss: ")
        and '<progress value="2" max="2"' in line.data["text/html"]
    )
    assert grid.data["text/plain"] == "samples of step 2" and grid.data["image/png"]
    assert "from step 2 on" in printed(cells, "history = gan.train(epochs=2, sample_interval=100, outdir")


@pytest.mark.parametrize(
    "source", ["gan.show(16)", "gan.show(range", "gan.plot()", "twin.show", "small.show", "Image("]
)
def test_pictures_are_shown(cells, source):
    [picture] = find_outputs(cells, source, "execute_result")
    assert picture.data["image/png"]


def test_history_is_a_table_with_whole_steps(cells):
    [table] = find_outputs(cells, "DataFrame", "execute_result")
    assert re.search(r"\n1 +2 +2 +0\.\d+", table.data["text/plain"])


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("evaluate", "Fréchet distance"),
        ("presets", "pytorch-gan"),
        ("compare", "quickstart-pytorch"),
        ("export", "quickstart/generator.html: 1,000 images"),
    ],
)
def test_commands_print_what_they_are_shown_for(cells, command, words):
    text = printed(cells, f"-m keras_gan {command} ")
    assert words in text and "Error" not in text


def test_stopped_run_leaves_its_history_and_says_how_to_continue(cells):
    *_, stopped, shown, again = cells
    assert "Stopped at step 3" in stopped.outputs[-1].evalue and "resume=True" in stopped.outputs[-1].evalue
    assert "'step': array([1, 2, 3])" in shown.outputs[0].data["text/plain"]
    assert (
        again.outputs[-1].ename == "RunExistsError"  # a FileExistsError
        and "resume=True continues it" in again.outputs[-1].evalue
    )
