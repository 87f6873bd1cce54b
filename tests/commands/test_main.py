"""How every command fails, what its help says, and the commands that list what there is."""

import io
import os
import re
import subprocess
import sys
from unittest import mock

import click
import pytest
import tensorflow as tf
from click.testing import CliRunner

import keras_gan
from keras_gan import preset_diff
from keras_gan.commands import main
from tests.conftest import REPOSITORY, misused, refused, run

each_command = pytest.mark.parametrize("command", sorted(main.main.commands))


# help


def test_help_lists_every_command():
    result = run("--help")
    assert result.exit_code == 0 and {"train", "sample", "presets", "datasets"} <= set(main.main.commands)
    assert all(re.search(rf"^  {name} +\S", result.stdout, re.M) for name in main.main.commands)


@each_command
def test_help_of_a_command_has_an_example_of_it(command):
    result = run(command, "--help")
    assert result.exit_code == 0 and f"python cli.py {command}" in result.stdout
    assert run(command, "-h").stdout == result.stdout


@each_command
def test_every_option_has_a_help_text(command):
    options = [p for p in main.main.commands[command].params if p.param_type_name == "option"]
    assert [option.opts for option in options if not option.help] == []


@each_command
@pytest.mark.parametrize("program", ["keras-gan", "python -m keras_gan"])
def test_help_names_the_program_as_it_was_called(command, program):
    text = run(command, "--help", prog_name=program).stdout
    assert f"  {program} {command}" in text and "cli.py" not in text
    assert "cli.py" not in run("--help", prog_name=program).stdout


def test_options_take_hyphens_and_underscores():
    assert '"batch_size": 5' in run("train", "--dry_run", "--batch_size", 5).stdout


@pytest.mark.parametrize("words", [["-m", "keras_gan"], ["cli.py"]])
def test_program_is_started_either_way(words):
    command = [sys.executable, *words, "--help"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert result.stdout.startswith(f"Usage: python {' '.join(words)} ") and result.stderr == ""


def test_version():
    assert run("--version").stdout == f"keras_gan, version {keras_gan.__version__}\n"


# failures


def test_expected_failure_of_a_real_process_is_one_line_without_noise(tmp_path):
    command = [sys.executable, "cli.py", "sample", str(tmp_path / "no-run")]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1 and "no-run" in result.stderr


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError(13, "Permission denied", "x.npz"), "Permission denied: x.npz"),
        (ValueError("two\nlines"), "two lines"),
        (MemoryError(), "MemoryError"),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\nmore"),
            "Out of memory, where a smaller --batch-size may help: OOM when allocating",
        ),
    ],
)
def test_expected_failure_is_one_line(monkeypatch, error, line):
    monkeypatch.setattr(preset_diff, "list_differences", mock.Mock(side_effect=error))
    assert refused("presets", "keras", "aioz") == f"Error: {line}"


def test_any_other_failure_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(preset_diff, "list_differences", mock.Mock(side_effect=KeyError("a bug")))
    assert isinstance(run("presets", "keras", "aioz").exception, KeyError)


@pytest.mark.parametrize("words", ["train --epoch", "train extra", "sample", "nonesuch", "presets keras"])
def test_wrong_use_is_exit_code_2(words):
    assert "Usage: python cli.py" in misused(*words.split())


NUMBERS = [
    (name, option.opts[0])
    for name, command in main.main.commands.items()
    for option in command.params
    if option.param_type_name == "option" and option.type.name in ("N", "integer", "integer range", "float")
]


@pytest.mark.parametrize(("command", "option"), NUMBERS)
def test_number_that_an_option_cannot_take_is_one_line_and_exit_code_2(command, option, tmp_path):
    words = [tmp_path / word if len(word) <= 3 else word for word in ARGUMENTS.get(command, [])]
    for value in ("-1", "nan", "9" * 400, "9" * 6000, "many"):
        result = run(command, *words, f"{option}={value}")
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1), result.output
        assert len(result.stderr) < 300 and not list(tmp_path.iterdir())


ARGUMENTS = {
    **{command: ["run"] for command in ("sample", "evaluate", "verify")},
    **{command: ["a", "b"] for command in ("fid", "compare")},
    "ablate": ["keras", "kmnist"],
}


NOT_PATHS = {"background", "facts", "cluster", "stats_features", "keys", "labels"}  # parameters of free text


@each_command
def test_home_is_expanded_in_every_path(command):
    params = main.main.commands[command].params
    texts = [p.name for p in params if isinstance(p.type, (click.Path, type(click.STRING)))]
    assert set(texts) <= NOT_PATHS


def test_warning_of_a_dependency_ends_no_command_where_warnings_are_errors():
    body = (
        "import warnings\nfrom keras_gan.commands import main\n"
        "main._describe_epoch = lambda rule: warnings.warn('old') or 'an epoch'\n"
        "main.main(['presets'])\n"
    )
    command = [sys.executable, "-W", "error", "-c", body]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0 and "an epoch" in result.stdout and "UserWarning: old" in result.stderr


# output


def test_help_and_commands_work_where_python_drops_docstrings():
    for words in (["--help"], ["presets"]):
        command = [sys.executable, "-OO", "-m", "keras_gan", *words]
        assert subprocess.run(command, cwd=REPOSITORY, capture_output=True).returncode == 0


def test_current_folder_that_was_removed_is_one_line(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    line = refused("presets")
    assert line.endswith("Received: the current one was removed; change to another.")


@each_command
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp1251", "cp932"])
def test_help_is_printed_in_any_encoding(command, encoding, monkeypatch):
    stream = io.TextIOWrapper(file := io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit) as end:
        main.main([command, "--help"], prog_name="python cli.py")
    assert end.value.code == 0 and f"python cli.py {command}" in file.getvalue().decode(encoding)


def test_output_into_a_closed_pipe_is_no_error():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "cli.py", "presets"]
    result = subprocess.run(command, cwd=REPOSITORY, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (result.returncode, result.stderr) == (1, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_output_onto_a_full_device_is_one_line_and_exit_code_1():
    with open("/dev/full", "w") as full:
        command = [sys.executable, "cli.py", "presets"]
        result = subprocess.run(command, cwd=REPOSITORY, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    assert result.stderr == "Error: The output is incomplete: No space left on device.\n"


@pytest.mark.parametrize("closed", [[1], [2], [0, 1, 2]])
def test_closed_streams_end_nothing_and_give_their_numbers_to_no_file(closed):
    body = f"""
import os, sys
from keras_gan.commands import main
for number in {closed}:
    os.close(number)
try:
    main.main(["presets"])
finally:
    [os.fstat(number) for number in range(3)]
    assert os.open(os.devnull, os.O_RDONLY) > 2
"""
    result = subprocess.run([sys.executable, "-c", body], cwd=REPOSITORY, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


# what there is


def test_presets_lists_each_with_its_numbers_and_below_them_its_source(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    numbers, sources = run("presets").stdout.split("\nPublished as\n")
    for preset in keras_gan.PRESETS.values():
        [line] = [line for line in numbers.splitlines() if line.startswith(f"{preset.name} ")]
        assert line.split()[1:-2] == [preset.dataset, str(preset.epochs), "one"]
        assert line.endswith(f" {preset.batch_size}")
        assert f"{preset.name} {preset.source}" in " ".join(sources.split())


def test_datasets_lists_each_with_its_licence_and_where_it_is():
    result = run("datasets")
    assert result.exit_code == 0
    for name in ("mnist", "fashion-mnist", "kmnist", "digits"):
        assert re.search(rf"^{name} ", result.stdout, re.M)
    assert "bundled with scikit-learn" in result.stdout and "CC BY-SA 4.0" in result.stdout


@pytest.mark.parametrize(
    "words, width",
    [("presets", 60), ("presets keras pytorch-gan", 60), ("datasets", 80), ("--help", 80)],
)
def test_listing_fits_the_terminal(words, width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    result = CliRunner().invoke(main.main, words.split(), prog_name="keras-gan")
    assert result.exit_code == 0 and max(map(len, result.stdout.splitlines())) <= width
