"""What is installed: requirements, extras, files and versions agree with each other."""

import configparser
import re
import subprocess
from pathlib import PurePosixPath

import pytest

import keras_gan
from tests.conftest import REPOSITORY

SETUP = configparser.ConfigParser()
SETUP.read(REPOSITORY / "setup.cfg", encoding="utf-8")


def lines(section, name):
    """Returns the lines of a setting in setup.cfg."""
    return SETUP[section][name].split("\n")[1:]


def test_requirements_are_those_of_the_package_and_pytest():
    text = (REPOSITORY / "requirements.txt").read_text()
    tests = lines("options.extras_require", "test")
    assert set(text.split()) == {*lines("options", "install_requires"), *tests}
    assert [name.split(">=")[0] for name in tests] == ["pytest", "pytest-xdist"]


def test_docs_name_extras_that_exist():
    pages = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").glob("*.md")]
    named = set(re.findall(r'"\.\[(\w+)\]"', "".join(page.read_text(encoding="utf-8") for page in pages)))
    assert {"torch", "onnx", "tensorboard"} <= named <= set(SETUP["options.extras_require"])


def test_every_file_that_is_not_python_is_packaged():
    patterns = SETUP["options.package_data"]["*"].split(", ")
    files = [p for p in (REPOSITORY / "keras_gan").rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    others = [p for p in files if p.suffix != ".py"]
    assert (REPOSITORY / "keras_gan" / "py.typed") in others
    assert [p for p in others if not any(p.match(pattern) for pattern in patterns)] == []


def test_source_distribution_holds_all_files_but_those_of_the_repository_alone():
    if not (REPOSITORY / ".git").exists():
        pytest.skip("not a clone")
    tracked = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    lines = [line.split() for line in (REPOSITORY / "MANIFEST.in").read_text().splitlines()]
    folders = {name for command, *names in lines if command == "graft" for name in names} | {"keras_gan"}
    files = {name for command, *names in lines if command == "include" for name in names}
    files |= {"LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.cfg"}  # which setuptools adds
    paths = [
        p for p in tracked.stdout.splitlines() if p not in files and PurePosixPath(p).parts[0] not in folders
    ]
    assert paths == [".github/workflows/ci.yml", ".gitignore", "images/.gitignore"]


def test_changelog_begins_with_this_version():
    changes = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", changes, re.MULTILINE)[0] == keras_gan.__version__


def test_tools_of_ci_read_the_test_command_from_the_readme():
    [command] = re.findall(
        r"^python3 -m venv .*python -m pytest$", (REPOSITORY / "README.md").read_text(), re.M
    )
    assert command.split()[3].startswith(".venv") and "pip install -r requirements.txt" in command
