"""Every command that README.md and docs/ show is run, long ones with their numbers cut."""

import importlib
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import keras_gan.gan
from keras_gan import doctor, export, features
from keras_gan.cli import main
from tests.test_cli import PlainGAN, run
from tests.test_cli_metrics import Judge

REPOSITORY = Path(__file__).parents[1]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", TEXT, re.DOTALL)
COMMANDS = [
    line.removeprefix("$ ")
    for language, block in BLOCKS
    if not language
    for line in block.splitlines()
    if re.match(r"(\$ )?python cli\.py ", line)
]
CUTS = {  # in the order of the commands, on 300 images
    r"--epochs \d+": "--epochs 2",
    r"--count \d+": "--count 30",
    r"--steps \d+": "--steps 2",
    r"--fid-interval \d+": "--fid-interval 1 --fid-samples 20",
    r"--seeds 0-2": "--seeds 0",
    r"evaluate images": "evaluate images --count 30",
    r"compare images": "compare images --count 30",
}
NEEDS = {"parity": "torch", "--preset pytorch-gan": "torch", "--format torch": "torch", "--format onnx": "tf2onnx"}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder that holds what the commands take for granted, and a cache with a small MNIST."""
    rng = np.random.default_rng(0)
    folder, home = (tmp_path_factory.mktemp(name) for name in ("readme", "home"))
    digits = {"x_train": rng.integers(0, 256, (300, 28, 28), np.uint8), "y_train": np.arange(300) % 10}
    digits |= {"x_test": digits["x_train"][:60] ^ 1, "y_test": np.arange(60) % 10}
    (home / "datasets").mkdir()
    for path in (home / "datasets" / "mnist.npz", folder / "mnist.npz"):
        np.savez(path, **digits)
    for name, sides in (("photos", (30, 40)), ("pytorch-samples", (28, 28))):
        (folder / name).mkdir()
        for i in range(300):
            Image.fromarray(rng.integers(0, 256, sides, np.uint8)).save(folder / name / f"{i}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(home))
        patch.chdir(folder)
        patch.setattr(keras_gan.gan, "GAN", PlainGAN)
        patch.setattr(features, "digits", lambda train, test, warn: Judge())
        patch.setattr(doctor, "CHECKS", {"sqrtm": doctor.CHECKS["sqrtm"]})
        yield folder


@pytest.fixture
def ready(prepared, monkeypatch):
    """The same, for one test: the suite gives every test an empty cache."""
    home = prepared.parent / next(p.name for p in prepared.parent.iterdir() if p.name.startswith("home"))
    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.chdir(prepared)
    return prepared


def cut(command, folder):
    """Returns the words of a command after `python cli.py`, with its numbers cut."""
    for pattern, short in CUTS.items():
        command = re.sub(pattern, short, command)
    words = shlex.split(command)[2:]
    if words[0] == "train" and not {"--epochs", "--resume"} & set(words):
        words += ["--epochs", "2"]
    outdir = words[words.index("--outdir") + 1] if "--outdir" in words else "images"
    again = words[0] == "train" and "--resume" not in words and (folder / outdir).exists()
    return [*words, "--overwrite"] if again else words


def test_there_are_commands_and_the_main_one_comes_first():
    assert len(COMMANDS) >= 20 and COMMANDS[0] == "python cli.py train --epochs 30000"


@pytest.mark.parametrize("command", COMMANDS)
def test_command_works_as_shown(command, ready):
    for words, package in NEEDS.items():
        if words in command:
            pytest.importorskip(package, reason=f"{package} is not installed")
    if "generator.pt" in command:
        export.to_torch(PlainGAN("pytorch-gan"), ready)
    if not (ready / "images").exists():
        assert run("train", "--epochs", 2, "--quiet").exit_code == 0
    result = run(*cut(command, ready))
    assert result.exit_code == 0, result.output


def test_lines_that_a_run_prints_are_as_shown(ready):
    [block] = [block for _, block in BLOCKS if block.startswith("$ python cli.py train")]
    result = run("train", "--epochs", 2, "--overwrite")
    shown, printed = (re.sub(r"\d+|/\S+|~\S+", "#", text).splitlines() for text in (block, result.stdout))
    assert [line.split(" = ")[0] for line in shown[1:]] == [line.split(" = ")[0] for line in printed[:4]]


def test_python_that_is_shown_works(ready, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("keras_gan.GAN", PlainGAN, raising=False)
    monkeypatch.chdir(tmp_path)
    [program] = [block for language, block in BLOCKS if language == "python"]
    exec(program.replace("epochs=30000", "epochs=2"), {})
    assert (tmp_path / "images" / "30000.png").is_file() and (tmp_path / "gan.npz").is_file()


@pytest.mark.parametrize("command", sorted(set(re.findall(r"python -m (benchmarks\.[^`\n]*)", TEXT))))
def test_benchmark_takes_the_options_that_are_shown(command):
    name, *words = shlex.split(command)
    module = pytest.importorskip(name, reason="it needs a package that is not installed")
    with module.main.make_context(name, words):
        pass


def test_options_in_the_text_exist():
    known = {o for command in main.commands.values() for p in command.params for o in p.opts}
    for name in ("agreement", "fid", "fuzz", "soak", "train_step"):
        module = importlib.import_module(f"benchmarks.{name}")
        known |= {option for param in module.main.params for option in param.opts}
    shown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) - {"--logdir"}  # TensorBoard's own
    assert shown <= known | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_sections_that_are_linked_exist(page):
    headings = {re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)$", TEXT, re.M)}
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        file, _, section = target.partition("#")
        assert not file or file.startswith("http") or (page.parent / file).exists(), target
        assert not section or section in headings, target
