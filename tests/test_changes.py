"""docs/changes.md: the new names in its table exist."""

import re

from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "keras_gan"
PAGE = (REPOSITORY / "docs/changes.md").read_text(encoding="utf-8")


def list_names(cell):
    """Yields (module file, name in it) for `folder.module.name` and for the names after `folder.module`."""
    module = None
    for path in re.findall(r"`([\w.]+)", cell):
        *folders, name = path.split(".")
        if folders and (file := PACKAGE.joinpath(*folders, name).with_suffix(".py")).is_file():
            module = file
        elif folders and (file := PACKAGE.joinpath(*folders).with_suffix(".py")).is_file():
            module = file
            yield module, name
        elif module and not folders:
            yield module, name


def test_new_names_exist():
    cells = re.findall(r"^\| .+ \| (.+) \|$", PAGE, re.MULTILINE)
    names = [pair for cell in cells for pair in list_names(cell)]
    assert len(names) > 90
    missing = [n for file, n in names if not re.search(rf"^ *(def|class) {n}\b", file.read_text(), re.M)]
    assert missing == []
