"""What README.md and docs/ show: every command in its order, all Python, options, files and links.

Long trainings are cut to two steps, on 300 random images and without XLA.
"""

import re
import shlex

import numpy as np
import pytest
from PIL import Image

from keras_gan import doctor
from keras_gan.commands import main
from keras_gan.evaluation import features
from tests.conftest import REPOSITORY, TenClasses, run, train_here

PAGES = [
    REPOSITORY / "README.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
    REPOSITORY / "CONTRIBUTING.md",
]
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
TEXT = "\n".join(TEXTS.values())
SHOWN = (
    r"^(?:\$ |.* && )?(python cli\.py .+)$|(?<!`)`(python\s+cli\.py [^`]+)`"  # in a block or in a sentence
)
COMMANDS = list(dict.fromkeys(" ".join("".join(m).split()) for m in re.findall(SHOWN, TEXT, re.MULTILINE)))
MAIN = "python cli.py train --epochs 30000"
CUTS = {  # of numbers, as there are 300 images, and of what takes seconds and has its own tests
    r"--epochs \d+": "--epochs 2",
    r"--count \d+": "--count 30",
    r"--steps \d+": "--steps 2",
    r"(parity(?!.*--steps).*)": r"\1 --steps 2",
    r"(parity .*)": r"\1 --mode resync",
    r"--fid-interval \d+": "--fid-interval 1 --fid-samples 20",
    r"--seeds 0-2": "--seeds 0",
    r"(evaluate|compare) (?=\w)": r"\1 --count 30 ",
    r" --engine compiled": "",
}
NEEDS = {"parity": "torch", "compare --preset": "torch", "--format torch": "torch", "import ": "torch",
         "--format onnx": "tf2onnx"}  # fmt: skip
NOT_RUN = (
    "convert-weights",  # it needs a file of 96 MB; tests/evaluation has its tests
    "keras-run",  # of the PyTorch example, which tests/test_examples.py runs
    "from-pytorch",
    "dcgan.py",  # tests/test_examples.py trains it
    "ablate",  # a process for each of 32 runs; tests/training has its tests
)
ONCE = ("parity", "compare --preset")  # both frameworks; the presets' own tests are in tests/pytorch
BLOCKS = {page.name: re.findall(r"```python\n(.*?)```", TEXTS[page], re.DOTALL) for page in PAGES}
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder to work in, with pictures and a Keras cache that holds a small MNIST."""
    folder, rng = tmp_path_factory.mktemp("readme"), np.random.default_rng(0)
    digits = {"x_train": rng.integers(0, 256, (300, 28, 28), np.uint8), "y_train": np.arange(300) % 10}
    digits |= {"x_test": digits["x_train"][:60] ^ 1, "y_test": np.arange(60) % 10}
    (folder / "home" / "datasets").mkdir(parents=True)
    (folder / "examples").symlink_to(REPOSITORY / "examples")
    np.savez(folder / "home" / "datasets" / "mnist.npz", **digits)
    for name, sides in (("photos", (30, 40)), ("pytorch-samples", (28, 28))):
        (folder / name).mkdir()
        for i in range(300):
            Image.fromarray(rng.integers(0, 256, sides, np.uint8)).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture
def small(folder, narrow_presets, monkeypatch):
    """Works in that folder, with a classifier and a doctor that take no time, and runs in this process."""
    train_here(monkeypatch)
    monkeypatch.setenv("KERAS_HOME", str(folder / "home"))
    monkeypatch.chdir(folder)
    monkeypatch.setattr(features, "load_classifier", lambda train, test, warn: TenClasses())
    monkeypatch.setattr(doctor, "CHECKS", {"sqrtm": doctor.CHECKS["sqrtm"]})


def cut(command):
    """Returns a command with its numbers cut."""
    for pattern, short in CUTS.items():
        command = re.sub(pattern, short, command)
    is_new_run = command.startswith("python cli.py train") and "--resume" not in command
    return f"{command} --epochs 2" if is_new_run and "--epochs" not in command else command


def ran_before(command):
    """Returns whether a command of the kind that is run once comes earlier."""
    kind = next((kind for kind in ONCE if kind in command), None)
    return kind and any(kind in earlier for earlier in COMMANDS[: COMMANDS.index(command)])


def test_commands_are_found_and_the_main_one_comes_first():
    assert len(COMMANDS) >= 30 and COMMANDS[0] == MAIN
    first_block = re.search(r"```\n(.*?)```", TEXTS[PAGES[0]], re.DOTALL)[1]
    assert first_block.endswith(f"&& {MAIN}\n") and first_block.count("\n") == 1


def test_readme_is_short():
    assert PAGES[0].stat().st_size <= 9 * 1024


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_command_works_as_shown_after_those_before_it(command, small):
    for words, package in NEEDS.items():
        if words in command:
            pytest.importorskip(package)
    name, *words = shlex.split(cut(command))[2:]
    if ran_before(command) or any(part in command for part in NOT_RUN):
        main.main.commands[name].make_context(name, words, obj=words)
        return
    result = run(name, *words)
    assert result.exit_code == 0, result.output
    if command == MAIN:
        assert_is_shown(result.stdout)


def assert_is_shown(printed):
    """Checks that the lines which a run prints first stand in the docs, whatever the numbers and paths."""
    [block] = re.findall(r"^\$ python cli\.py train.*?\n(.*?)```", TEXT, re.DOTALL | re.MULTILINE)
    shown, printed = (re.sub(r"\d+|/\S+|~\S+", "#", text).splitlines() for text in (block, printed))
    assert [line.split(" = ")[0] for line in shown] == [line.split(" = ")[0] for line in printed[:4]]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in BLOCKS if BLOCKS[name]])
def test_python_that_is_shown_works(name, small, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in BLOCKS[name]:  # those of a page go on from each other
        exec(re.sub(r"epochs=\d+", "epochs=2", block), names)


@pytest.mark.parametrize("command", sorted(set(re.findall(r"python -m (benchmarks\.[^`\n]*)", TEXT))))
def test_benchmark_takes_the_options_that_are_shown(command):
    name, *words = shlex.split(command)
    module = pytest.importorskip(name, reason="it needs a package that is not installed")
    with module.main.make_context(name, words):
        pass


def test_options_in_the_text_exist():
    known = {
        o
        for command in main.main.commands.values()
        for p in command.params
        for o in [*p.opts, *p.secondary_opts]
    }
    for name in set(re.findall(r"python -m benchmarks\.(\w+)", TEXT)):
        source = (REPOSITORY / "benchmarks" / f"{name}.py").read_text()  # which may need a peer to import
        known |= set(re.findall(r'click\.option\(\s*"(--[a-z-]+)"', source))
    shown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+(?!\w)", TEXT))
    others = {"--logdir", "--check", "--port", "--nthreads"}  # of TensorBoard, ruff and Dask
    others |= {"--nodes", "--ntasks-per-node", "--gpus-per-node", "--kill-on-bad-exit"}  # of SLURM
    assert shown <= known | others | {"--help"}


@each_page
def test_files_and_sections_that_are_linked_exist(page):
    for target in re.findall(r"\]\(([^)]+)\)", TEXTS[page]):
        file, _, section = target.partition("#")
        if file.startswith("http"):
            continue
        path = (page.parent / file).resolve() if file else page
        assert path.exists(), target
        assert not section or section in anchors(path.read_text(encoding="utf-8")), target


def anchors(text):
    """Returns the addresses of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_index_lists_every_page():
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", TEXTS[REPOSITORY / "docs" / "README.md"]))
    assert linked == {page.name for page in (REPOSITORY / "docs").glob("*.md")} - {"README.md"}
