"""What a notebook shows of a training run, where IPython is a stand-in that records it."""

import io
import sys
import types

import numpy as np
import pytest
from PIL import Image

from keras_gan.model.gan import GAN
from keras_gan.training import notebook
from keras_gan.training.notebook import NotebookView

ROW = [200, 3, 0.7, 0.5, 0.9, 0.25, 0.5, 1.25]
LOG = "200 [D loss: 0.700000, acc.: 37.50%] [G loss: 1.250000]"


class Output:
    """The output of a cell: the contents of each place, the one shown last at the end."""

    def __init__(self):
        self.places = []

    def display(self, content, raw, display_id):
        assert raw and display_id
        self.places.append(place := [content])
        return types.SimpleNamespace(update=lambda content, raw: place.append(content))


@pytest.fixture
def output(monkeypatch):
    """The `Output` of a notebook, in which the test seems to run."""
    output = Output()
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    display = types.ModuleType("IPython.display")
    display.display = output.display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return output


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until the test sets `now`."""
    clock = types.SimpleNamespace(now=0.0)
    monkeypatch.setattr("time.monotonic", lambda: clock.now)
    return clock


def row(step):
    return [step, *ROW[1:]]


def test_terminal_and_script_are_no_notebook(monkeypatch, output):
    assert notebook.is_notebook()
    sys.modules["IPython"].get_ipython = lambda: types.SimpleNamespace()  # the shell of a terminal
    assert not notebook.is_notebook()
    sys.modules["IPython"].get_ipython = lambda: None  # it is imported, no more
    assert not notebook.is_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not notebook.is_notebook()


def test_one_line_tells_step_losses_speed_and_time_left(output, clock):
    view = NotebookView(100, 1000)
    clock.now = 30.0  # the first call compiles, and is left out
    view.see_losses([row(100)])
    clock.now = 70.0
    view.see_losses([row(199), row(200)])
    [contents] = output.places
    texts = [content["text/plain"] for content in contents]
    assert texts == [
        "compiling the steps",
        LOG.replace("200", "100", 1),
        f"{LOG} 2.5 steps/s, 5 min 20 s left",
    ]
    assert (
        '<progress value="200" max="1000"' in contents[-1]["text/html"] and LOG in contents[-1]["text/html"]
    )


def test_line_tells_the_newest_score_as_text_and_not_as_html(output, clock):
    view = NotebookView(0, 1000)
    view.see_score({"value": 12.345, "features": "<b>"})
    clock.now = 1.0
    view.see_losses([row(200)])
    assert output.places[0][-1]["text/plain"] == f"{LOG} [Fréchet 12.35, <b>]"
    assert "[Fréchet 12.35, &lt;b&gt;]" in output.places[0][-1]["text/html"]


def test_line_changes_four_times_a_second_at_most_and_at_the_last_step(output, clock):
    view = NotebookView(0, 10)
    for step in range(1, 11):
        clock.now = step / 10
        view.see_losses([row(step)])
    steps = [content["text/plain"].split()[0] for content in output.places[0][1:]]
    assert steps == ["3", "6", "9", "10"]


def test_newest_grid_is_a_png_in_the_place_of_the_one_before(output, clock):
    view = NotebookView(0, 30)
    samples = np.random.default_rng(0).integers(0, 256, (25, 64, 64, 1), dtype=np.uint8)
    for step in (10, 20):
        clock.now = float(step)
        view.see_samples(step, samples // step)
    view.see_samples(25, samples)  # too soon after
    view.see_samples(30, None)  # of a subclass that draws its own
    _, contents = output.places
    assert [content["text/plain"] for content in contents] == ["samples of step 10", "samples of step 20"]
    picture = np.asarray(Image.open(io.BytesIO(contents[-1]["image/png"])).convert("L"))
    np.testing.assert_array_equal(picture[4:68, 4:68], samples[0, ..., 0] // 20)


def test_training_shows_one_line_and_one_grid_and_prints_what_is_not_replaced(
    output, tmp_path, pixels, capsys
):
    gan = GAN("aioz", image_shape=(8, 8, 1), latent_dim=7)
    gan.train(2, 25, 1, data=pixels, outdir=tmp_path / "run")
    line, grid = output.places
    assert line[-1]["text/plain"].startswith("4 [D loss: ") and grid[-1]["text/plain"] == "samples of step 4"
    out, err = capsys.readouterr()
    assert err == "" and out.startswith("preset aioz") and "[D loss" not in out


def test_quiet_training_shows_nothing(output, tmp_path, pixels, capsys):
    gan = GAN("aioz", image_shape=(8, 8, 1), latent_dim=7)
    gan.train(1, 25, data=pixels, outdir=tmp_path / "run", quiet=True)
    assert output.places == [] and capsys.readouterr() == ("", "")
