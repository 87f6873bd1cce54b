"""What may be imported where, what the command line must not load, and how long a file may be."""

import ast
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "keras_gan"
# Files at the top, then folders: each imports from those before it.
FILES = "presets preset_facts setting_checks preset_diff config streams progress".split()
FILES += ["rng", "start_tensorflow", "device"]
FOLDERS = "files data run figures model evaluation export report training pytorch doctor commands".split()
ORDER = ["__init__", *FILES, *FOLDERS, "__main__"]
FROM_ABOVE = {("model/gan.py", "training"), ("model/gan.py", "evaluation")}  # inside GAN.train and GAN.fid
HEAVY = set("tensorflow keras torch matplotlib scipy sklearn numpy PIL rich".split())
PATHS = sorted(PACKAGE.rglob("*.py"))
each_module = pytest.mark.parametrize("path", PATHS, ids=lambda path: str(path.relative_to(PACKAGE)))


def imported(tree):
    """Yields (dotted name, whether it is imported inside a function) of everything that is imported."""
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((f"{node.module}.{alias.name}", id(node) in inside) for alias in node.names)


@each_module
def test_module_imports_only_what_stands_before_its_folder(path):
    where = path.relative_to(PACKAGE)
    own = where.parts[0].removesuffix(".py")
    for name, inside in imported(ast.parse(path.read_text())):
        package, _, rest = name.partition(".")
        if package == "keras_gan" and rest.split(".")[0] in ORDER:
            other = rest.split(".")[0]
            allowed = other == own or ORDER.index(other) < ORDER.index(own)
            assert allowed or inside and (where.as_posix(), other) in FROM_ABOVE, name


@each_module
def test_files_and_functions_are_short(path):
    lines = path.read_text().splitlines()
    functions = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.FunctionDef)]
    assert len(lines) <= 250
    assert [f.name for f in functions if f.end_lineno - f.lineno >= 60] == []


def test_no_modules_import_each_other_in_a_circle():
    names = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in PATHS}
    edges = {
        name: {n for n, inside in imported(ast.parse(path.read_text())) if not inside}
        for name, path in names.items()
    }
    edges = {
        name: {n if n in names else n.rpartition(".")[0] for n in found} for name, found in edges.items()
    }
    left = {name: found & names.keys() for name, found in edges.items()}
    while ready := {name for name, found in left.items() if not found & left.keys()}:
        left = {name: found for name, found in left.items() if name not in ready}
    assert sorted(left) == []


def test_every_folder_and_file_has_its_place():
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PATHS}
    assert found == set(ORDER)


@each_module
def test_module_and_everything_public_in_it_has_a_docstring(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) and list(undocumented(tree)) == []


def undocumented(node, prefix=""):
    """Yields the public functions, classes and methods that have no docstring."""
    for part in node.body:
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)) and not part.name.startswith("_"):
            if not ast.get_docstring(part):
                yield prefix + part.name
            if isinstance(part, ast.ClassDef):
                yield from undocumented(part, f"{part.name}.")


def in_fresh_interpreter(program):
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_command_line_starts_without_any_heavy_package():
    in_fresh_interpreter(
        f"import sys, keras_gan.commands.main\nheavy = {HEAVY} & set(sys.modules)\nassert not heavy, heavy"
    )


def test_package_hands_on_presets_and_config_without_numpy():
    in_fresh_interpreter(
        "import sys, keras_gan\n"
        "assert keras_gan.PRESETS['keras'] and keras_gan.TrainConfig()\n"
        "assert not {'numpy', 'tensorflow'} & set(sys.modules)\n"
    )


def test_package_hands_on_its_names_and_refuses_others():
    import keras_gan
    from keras_gan.model.gan import GAN

    assert keras_gan.GAN is GAN and sorted(keras_gan.__all__) == [
        "GAN",
        "GanConfig",
        "PRESETS",
        "TrainConfig",
    ]
    with pytest.raises(AttributeError, match="keras_gan.*WGAN"):
        keras_gan.WGAN  # noqa: B018


def test_this_file_sees_imports_wherever_they_stand():
    tree = ast.parse("import a.b\ndef f():\n    from c import d")
    assert set(imported(tree)) == {("a.b", False), ("c.d", True)}
