"""Commands on a run of a subclass: from its generator.keras, or with --gan, which alone runs its code."""

import html
import json
import re
import shlex
import shutil
import signal
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_gan.evaluation import features
from keras_gan.model import checkpoint, gan_class
from keras_gan.report import reproduce
from keras_gan.run.info import read_info
from tests.conftest import TenClasses, run
from tests.training.conftest import at_step, send

FILE = """\
import keras
from keras import layers
from keras_gan import GAN

class Mine(GAN):
    filters = 4

    def build_generator(self):
        inner = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dropout(0.3)])
        return keras.Sequential([
            keras.Input((self.latent_dim,)), inner, layers.Reshape((4, 4, 1)),
            layers.Conv2DTranspose(self.filters, 3, strides=2, padding="same"),
            layers.BatchNormalization(momentum=0.8),
            layers.Conv2D(1, 3, padding="same", activation="tanh"),
        ])

    def build_discriminator(self):
        return keras.Sequential([
            keras.Input(self.image_shape), layers.SpectralNormalization(layers.Conv2D(4, 3)),
            layers.Flatten(), layers.Dropout(0.3), layers.Dense(1, activation="sigmoid"),
        ])

class Wider(Mine):
    filters = 5

class Doubled(layers.Layer):
    def call(self, x):
        return 2 * x

class Custom(Mine):
    def build_generator(self):
        return keras.Sequential([*super().build_generator().layers, Doubled(), layers.Activation("tanh")])

class Unsaved(layers.Layer):
    def __init__(self, units):
        super().__init__()

    def call(self, x):
        return x

class Unsavable(Mine):
    def build_generator(self):
        return keras.Sequential([*super().build_generator().layers, Unsaved(object())])
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory, pixels):
    """A folder with the file of the classes, images, and a run of Mine and one of Custom, of two steps."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_class.py").write_text(FILE)
    labels = np.arange(50) % 10
    parts = {"x_train": pixels[:40], "y_train": labels[:40]}
    np.savez(folder / "images.npz", **parts, x_test=pixels[40:], y_test=labels[40:])
    for name in ("Mine", "Custom"):
        result = train(folder, name, folder / name)
        assert result.exit_code == 0, result.output
    return folder


def train(home, name, outdir, *words):
    where = ["--gan", home / f"own_class.py:{name}", "--data", home / "images.npz", "--outdir", outdir]
    sizes = ["--preset", "aioz", "--epochs", 1, "--batch-size", 20, "--latent-dim", 7, "--quiet"]
    return run("train", *where, *sizes, *words)


@pytest.fixture
def forgotten(home, tmp_path, monkeypatch):
    """The folder `home`, where no class is imported and none may be."""

    def forbidden(text):
        raise AssertionError(f"{text} was imported")

    monkeypatch.setattr(checkpoint, "find_gan_class", lambda name, kind: None)
    monkeypatch.setattr(gan_class, "load_gan_class", forbidden)
    monkeypatch.setattr(features, "load_classifier", lambda train, test, warn: TenClasses())
    monkeypatch.chdir(tmp_path)
    return home


def refused(*words):
    result = run(*words)
    assert result.exit_code == 1 and "Traceback" not in result.output, result.output
    [line] = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    return line


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "sample RUN --out a.png",
        "sample RUN --nearest --out a.png",
        "sample RUN --mode training --count 5 --out a.png",
        "evaluate RUN --count 20",
        "fid RUN IMAGES --count 20 --features pca",
        "export RUN --format keras --out .",
        "export RUN --format savedmodel --out .",
        "compare RUN IMAGES --count 20 --outdir compared",
        "plot RUN --out a.png",
        "report RUN --out a.html",
    ],
)
def test_command_works_without_the_class(words, forgotten):
    names = {"RUN": forgotten / "Mine", "IMAGES": forgotten / "images.npz"}
    result = run(*(names.get(word, word) for word in words.split()))
    assert result.exit_code == 0, result.output
    assert "samples that fool D" not in result.output  # there is no discriminator


def test_samples_are_those_of_the_class_and_of_the_checkpoint_that_is_given(home, tmp_path, monkeypatch):
    shutil.copytree(home / "Mine", tmp_path / "run")
    kind = gan_class.load_gan_class(f"{home}/own_class.py:Mine")
    other = kind.load(home / "Mine/checkpoint.npz")
    other.generator.layers[2].bias.assign(np.full(4, 0.7))
    other.save(tmp_path / "run/checkpoint.best.npz")
    for name in ("checkpoint.npz", "checkpoint.best.npz"):
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, "find_gan_class", lambda name, kind: None)
            assert run("sample", tmp_path / "run" / name, "--npz", tmp_path / "a.npz").exit_code == 0
        expected = kind.load(tmp_path / "run" / name)
        images = np.load(tmp_path / "a.npz")["images"]
        np.testing.assert_array_equal(images, expected.sample(expected.noise(64)))


@pytest.mark.slow
def test_run_that_was_stopped_is_sampled_without_the_class(home, tmp_path, monkeypatch):
    with at_step(1, lambda: send(signal.SIGINT)):
        assert train(home, "Mine", tmp_path / "run").exit_code == 130
    gan = gan_class.load_gan_class(f"{home}/own_class.py:Mine").load(tmp_path / "run/checkpoint.npz")
    assert gan.step == 1
    saved = keras.models.load_model(tmp_path / "run/generator.keras")
    for ours, theirs in zip(saved.get_weights(), gan.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    monkeypatch.setattr(checkpoint, "find_gan_class", lambda name, kind: None)
    assert run("sample", tmp_path / "run", "--npz", tmp_path / "a.npz").exit_code == 0
    np.testing.assert_array_equal(np.load(tmp_path / "a.npz")["images"], gan.sample(gan.noise(64)))


def test_what_cannot_be_loaded_alone_asks_for_the_class_in_one_line(forgotten, tmp_path):
    line = refused("sample", forgotten / "Custom")
    assert re.search(r"generator.keras cannot be loaded alone \(its layer Doubled is not one", line)
    assert line.endswith(f"--gan {forgotten}/own_class.py:Custom")
    shutil.copytree(forgotten / "Mine", tmp_path / "run")
    Path("run/generator.keras").write_bytes(b"PK")
    for words in (["sample", "run"], ["evaluate", "run"], ["export", "run", "--format", "keras"]):
        assert "cannot be loaded alone" in refused(*words)
    Path("run/generator.keras").unlink()
    assert "generator.keras is not there" in refused("sample", "run")
    shutil.copy(forgotten / "Custom/checkpoint.npz", "run/checkpoint.npz")
    shutil.copy(forgotten / "Mine/generator.keras", "run/generator.keras")
    assert "generator.keras is of other networks" in refused("sample", "run")
    shutil.copy(forgotten / "Custom/config.json", "run/config.json")
    assert "generator.keras is of other networks" in refused("sample", "run")
    assert not list(Path("run").glob("samples.png"))


def test_published_state_dicts_are_not_written_of_own_networks(home, forgotten, torch):
    assert "for the published networks" in refused(
        "export", forgotten / "Mine", "--format", "torch", "--out", "."
    )


@pytest.mark.slow
def test_report_shows_class_and_layers_and_the_command_that_repeats_the_run(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(home / "Mine", "run")
    assert run("report", "run").exit_code == 0
    page = Path("run/report.html").read_text()
    assert f"{home}/own_class.py:Mine" in page and "<h1>Mine (aioz) after 2 steps</h1>" in page
    assert "Layers of the generator" in page and "Conv2DTranspose" in page and ">8x8x4<" in page
    command = reproduce.train_command(read_info("run"), "run")
    assert html.escape(command.split()[-1]) in page
    result = run(*shlex.split(command)[3:], "--quiet")
    assert result.exit_code == 0, result.output
    assert Path("run-again/history.csv").read_bytes() == Path("run/history.csv").read_bytes()
    ours, theirs = (read_info(folder).gan_class for folder in ("run", "run-again"))
    assert ours == theirs


@pytest.mark.slow
def test_verify_takes_the_class_that_is_named(home):
    named = ["--gan", home / "own_class.py:Mine"]
    assert "2 steps are equal bit for bit" in run("verify", home / "Mine", *named).stdout
    assert "own_class.py:Mine and needs it with the same networks. Received: GAN" in refused(
        "verify", home / "Mine"
    )
    other = ["--gan", home / "own_class.py:Wider"]
    assert "Received: " in refused("verify", home / "Mine", *other)


@pytest.mark.slow
def test_run_that_began_with_weights_says_so_and_is_repeated(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(home / "Mine", "start")
    result = train(home, "Mine", "run", "--from", "start")
    assert result.exit_code == 0, result.output
    info = read_info(tmp_path / "run")
    assert info.weights_from["path"] == str(tmp_path / "start/checkpoint.npz")
    named = ["--gan", home / "own_class.py:Mine"]
    assert "equal bit for bit" in run("verify", "run", *named).stdout
    resumed = run("train", "--resume", "run", "--epochs", 2, *named, "--quiet")
    assert resumed.exit_code == 0 and read_info(tmp_path / "run").weights_from == info.weights_from
    command = reproduce.train_command(read_info("run"), "run")
    assert f"--from {tmp_path}/start/checkpoint.npz" in command
    assert f"--from</span> {tmp_path}/start/checkpoint.npz" in Path("run/report.html").read_text()
    shutil.copy("run/checkpoint.npz", "start/checkpoint.npz")
    assert "must hold the weights that the run began with" in refused("verify", "run", *named)


@pytest.mark.slow
def test_generator_that_keras_cannot_save_does_not_end_a_run(home, tmp_path):
    result = train(home, "Unsavable", tmp_path / "run")
    assert result.exit_code == 0, result.output
    said = "generator.keras is not written, as Keras cannot save the generator: "
    assert result.stderr.count(said) == 1  # and not with every checkpoint
    assert (tmp_path / "run/report.html").is_file() and not (tmp_path / "run/generator.keras").exists()
    assert json.loads((tmp_path / "run/config.json").read_text())["gan_class"]["layers"]["generator"]
