"""Every command that README.md and docs/ show is run in its order, long ones with their numbers cut."""

import importlib.util
import re
import shlex

import numpy as np
import pytest
from PIL import Image

from keras_gan import doctor
from keras_gan.commands import main
from keras_gan.evaluation import features
from tests.conftest import REPOSITORY, TenClasses, run

PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", TEXT, re.DOTALL)
SHOWN = r"^(?:\$ )?(python cli\.py .+)$|(?<!`)`(python\s+cli\.py [^`]+)`"  # in a block or in a sentence
COMMANDS = list(dict.fromkeys(" ".join("".join(m).split()) for m in re.findall(SHOWN, TEXT, re.MULTILINE)))
CUTS = {  # of numbers, as there are 300 images, and of what takes seconds and has its own tests
    r"--epochs \d+": "--epochs 2",
    r"--count \d+": "--count 30",
    r"--steps \d+": "--steps 2",
    r"--fid-interval \d+": "--fid-interval 1 --fid-samples 20",
    r"--seeds 0-2": "--seeds 0",
    r"(evaluate|compare) (?=\w)": r"\1 --count 30 ",
    r" --engine compiled": "",
}
NEEDS = {"parity": "torch", "compare --preset": "torch", "--format torch": "torch", "import ": "torch",
         "--format onnx": "tf2onnx"}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A Keras cache with a small MNIST."""
    home = tmp_path_factory.mktemp("home")
    rng = np.random.default_rng(0)
    digits = {"x_train": rng.integers(0, 256, (300, 28, 28), np.uint8), "y_train": np.arange(300) % 10}
    digits |= {"x_test": digits["x_train"][:60] ^ 1, "y_test": np.arange(60) % 10}
    (home / "datasets").mkdir()
    np.savez(home / "datasets" / "mnist.npz", **digits)
    return home


@pytest.fixture(scope="module")
def results(home, tmp_path_factory):
    """{command: its result, or the package it lacks}, once all were run in their order in one folder."""
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("readme")
    for name, sides in (("photos", (30, 40)), ("pytorch-samples", (28, 28))):
        (folder / name).mkdir()
        for i in range(300):
            Image.fromarray(rng.integers(0, 256, sides, np.uint8)).save(folder / name / f"{i}.png")
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_HOME", str(home))
        patch.chdir(folder)
        patch.setattr(features, "load_classifier", lambda train, test, warn: TenClasses())
        patch.setattr(doctor, "CHECKS", {"sqrtm": doctor.CHECKS["sqrtm"]})
        for command in COMMANDS:
            needed = (package for words, package in NEEDS.items() if words in command)
            lacking = next((name for name in needed if not importlib.util.find_spec(name)), None)
            found[command] = lacking or run(*shlex.split(cut(command))[2:])
    return found


def cut(command):
    """Returns a command with its numbers cut."""
    for pattern, short in CUTS.items():
        command = re.sub(pattern, short, command)
    is_new_run = command.startswith("python cli.py train") and "--resume" not in command
    return f"{command} --epochs 2" if is_new_run and "--epochs" not in command else command


def test_commands_are_found_and_the_main_one_is_the_first_block_s():
    main_one = "python cli.py train --epochs 30000"
    assert len(COMMANDS) >= 30 and main_one in COMMANDS and BLOCKS[0][1].endswith(f"&& {main_one}\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_command_works_as_shown_after_those_before_it(command, results):
    result = results[command]
    if isinstance(result, str):
        pytest.skip(f"{result} is not installed")
    assert result.exit_code == 0, result.output


def test_lines_that_a_run_prints_are_as_shown(results):
    [block] = [block for _, block in BLOCKS if block.startswith("$ python cli.py train")]
    printed = results["python cli.py train --epochs 30000"].stdout
    shown, printed = (re.sub(r"\d+|/\S+|~\S+", "#", text).splitlines() for text in (block, printed))
    assert [line.split(" = ")[0] for line in shown[1:]] == [line.split(" = ")[0] for line in printed[:4]]


def test_python_that_is_shown_works(home, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(home))
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
    known = {o for command in main.main.commands.values() for p in command.params for o in p.opts}
    for name in ("agreement", "fid", "fuzz", "soak", "train_step"):
        module = importlib.import_module(f"benchmarks.{name}")
        known |= {option for param in module.main.params for option in param.opts}
    shown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) - {"--logdir"}  # TensorBoard's own
    assert shown <= known | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_sections_that_are_linked_exist(page):
    headings = {
        re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-")
        for h in re.findall(r"^#+ (.*)$", TEXT, re.M)
    }
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        file, _, section = target.partition("#")
        assert not file or file.startswith("http") or (page.parent / file).exists(), target
        assert not section or section in headings, target
