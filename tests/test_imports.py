"""The level table of the design, and what may be imported where."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "keras_gan"

LEVELS = {  # a module imports from lower levels only
    "__init__": 0,  # imports GAN, TrainConfig and PRESETS by name, when they are asked for
    "presets": 0,
    "rule": 0,
    "images": 0,
    "checkpoint": 0,
    "health": 0,
    "scores": 1,
    "verdict": 1,
    "history": 0,
    "interrupt": 0,
    "latent": 0,
    "lock": 0,
    "metrics": 0,
    "nearest": 0,
    "progress": 0,
    "quiet": 0,
    "config": 1,
    "downloads": 1,
    "pictures": 1,
    "plots": 1,
    "readers": 1,
    "montage": 1,
    "notation": 1,
    "torch_semantics": 1,
    "tensorboard": 1,
    "data": 2,
    "record": 3,
    "networks": 3,
    "animation": 4,
    "gan": 4,
    "classifier": 4,
    "inception_v3": 4,
    "features": 5,
    "sources": 5,
    "torch_reference": 5,
    "engines": 5,
    "run_dir": 5,
    "compare": 6,
    "curves": 6,
    "charts": 2,
    "repeat": 2,
    "tables": 2,
    "report": 7,
    "statistics": 6,
    "parity": 6,
    "export": 6,
    "serving": 6,
    "plan": 6,
    "fid": 7,
    "evaluate": 8,
    "train": 8,
    "doctor": 8,
    "frameworks": 9,
    "options": 9,
    "cli_compare": 10,
    "cli_doctor": 10,
    "cli_metrics": 10,
    "cli_pictures": 10,
    "cli": 11,
    "__main__": 12,
}
EXCEPTION = ("gan", "train")  # inside GAN.train
HEAVY = {  # third-party packages of more than a moment, and who may import them
    "tensorflow": set(
        "doctor engines evaluate features gan inception_v3 networks quiet serving tensorboard "
        "torch_semantics train".split()
    ),
    "keras": set(
        "classifier doctor features gan inception_v3 networks serving torch_semantics train".split()
    ),
    "torch": {"torch_reference"},
    "matplotlib": {"plots"},
    "sklearn": {"data", "metrics", "nearest"},
    "rich": {"progress"},
    "PIL": {"animation", "images", "pictures"},
    "onnxruntime": {"serving"},
    "tf2onnx": {"serving"},
}
COMMANDS = {"cli", "cli_compare", "cli_doctor", "cli_metrics", "cli_pictures", "options"}
WITHOUT_NUMPY = set("__init__ __main__ presets rule config progress quiet notation repeat".split()) | COMMANDS
modules = pytest.mark.parametrize("module", sorted(path.stem for path in PACKAGE.glob("*.py")))


def tree(module):
    return ast.parse((PACKAGE / f"{module}.py").read_text())


def imported(node):
    """Returns the dotted names that an ast node imports, anywhere in it."""
    names = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Import):
            names |= {alias.name for alias in part.names}
        elif isinstance(part, ast.ImportFrom):
            assert part.level == 0, "imports are absolute"
            names |= {f"{part.module}.{alias.name}" for alias in part.names}
    return names


def own(names):
    """Returns the modules of this package among dotted names."""
    parts = [name.split(".") for name in names]
    return {part[1] if len(part) > 1 else "__init__" for part in parts if part[0] == "keras_gan"}


def packages(module):
    return {name.split(".")[0] for name in imported(tree(module))}


def function(module, owner, name):
    classes = [n for n in tree(module).body if isinstance(n, ast.ClassDef) and n.name == owner]
    return next(n for n in classes[0].body if isinstance(n, ast.FunctionDef) and n.name == name)


def test_table_holds_every_module_and_no_other():
    assert set(LEVELS) == {path.stem for path in PACKAGE.glob("*.py")}


@modules
def test_module_imports_from_lower_levels_only(module):
    found = own(imported(tree(module)))
    found -= {EXCEPTION[1]} if module == EXCEPTION[0] else set()
    assert {name for name in found if LEVELS[name] >= LEVELS[module]} == set()


def test_the_exception_is_inside_GAN_train_alone():
    assert own(imported(function("gan", "GAN", "train"))) == {"train"}
    everywhere = ast.unparse(tree("gan"))
    assert everywhere.count("import train") == 1


@modules
def test_heavy_packages_are_imported_by_their_modules_alone(module):
    assert packages(module) & set(HEAVY) == {name for name, users in HEAVY.items() if module in users}


@modules
def test_modules_that_must_answer_at_once_do_without_numpy(module):
    assert ("numpy" in packages(module)) <= (module not in WITHOUT_NUMPY)


@modules
def test_imports_stand_at_the_top_but_in_commands_and_where_they_cost_time(module):
    late = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef):
            late |= {name.split(".")[0] for name in imported(node)}
    allowed = {"quiet": {"tensorflow"}, "progress": {"rich"}, "data": {"sklearn"}, "gan": {"keras_gan"}}
    allowed |= {"metrics": {"sklearn"}, "nearest": {"sklearn"}, "serving": {"onnxruntime", "tf2onnx"}}
    allowed |= dict.fromkeys({*COMMANDS, "export"}, {"keras_gan"})
    assert late <= allowed.get(module, set())


def fresh_interpreter(program):
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_command_line_starts_without_any_heavy_package():
    fresh_interpreter(
        "import sys, keras_gan.cli\n"
        "heavy = 'tensorflow keras torch matplotlib scipy sklearn numpy PIL rich'\n"
        "assert not set(heavy.split()) & set(sys.modules)\n"
    )


def test_package_hands_on_presets_and_config_without_numpy():
    fresh_interpreter(
        "import sys, keras_gan\n"
        "assert keras_gan.PRESETS['keras'] and keras_gan.TrainConfig()\n"
        "assert not {'numpy', 'tensorflow'} & set(sys.modules)\n"
    )


def test_package_hands_on_its_three_names_and_refuses_others():
    import keras_gan
    from keras_gan.gan import GAN

    assert keras_gan.GAN is GAN and sorted(keras_gan.__all__) == ["GAN", "PRESETS", "TrainConfig"]
    with pytest.raises(AttributeError, match="keras_gan.*WGAN"):
        keras_gan.WGAN


def undocumented(node, prefix=""):
    """Yields the public functions, classes and methods that have no docstring."""
    for part in node.body:
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)) and not part.name.startswith("_"):
            if not ast.get_docstring(part):
                yield prefix + part.name
            if isinstance(part, ast.ClassDef):
                yield from undocumented(part, f"{part.name}.")


@modules
def test_module_and_everything_public_in_it_has_a_docstring(module):
    assert ast.get_docstring(tree(module)) and list(undocumented(tree(module))) == []


def test_this_file_sees_imports_wherever_they_stand():
    assert imported(ast.parse("def f():\n    import a.b\n    from c import d")) == {"a.b", "c.d"}
    assert own({"keras_gan", "keras_gan.data.noise", "numpy"}) == {"__init__", "data"}
