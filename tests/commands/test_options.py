"""What the types of the options make of a word."""

import threading

import click
import pytest

from keras_gan.commands import options
from keras_gan.commands.option_types import DatasetName, Integer, PresetName, Seeds, Size, UserPath
from tests.conftest import forbidden, run


def convert(kind, value):
    return kind.convert(value, None, None)


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        (Integer(), "7", 7),
        (Integer(0, 2**63 - 1), str(2**63 - 1), 2**63 - 1),
        (Seeds(), "0-3", [0, 1, 2, 3]),
        (Seeds(), "7,2-3", [7, 2, 3]),
        (Size(), "64", (64, 64)),
        (Size(), "64x48", (64, 48)),
        (Size(), "8X9", (8, 9)),
        (PresetName(), "pytorch_gan", "pytorch-gan"),
        (DatasetName(), "fashion_mnist", "fashion-mnist"),
        (UserPath(), "a/~/b", "a/~/b"),
        (UserPath(), "-run", "-run"),
    ],
)
def test_word_becomes_a_value(kind, value, result):
    assert convert(kind, value) == result


def test_home_is_expanded(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert convert(UserPath(), "~/run") == "/home/somebody/run"


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (
            Integer(2, 9),
            ["1", "10", "", "2.0", "+-3", "٣", "1e0", "9" * 30],
            "expected an integer from 2 to 9",
        ),
        (Seeds(), ["", "a", "3-1", "1,,2", "-1", "1-2-3", str(2**63), "1 2"], "such as 0-63 or 0,1,4-6"),
        (Seeds(), ["0-100000", f"0-{2**62}", "0-60000,0-60000"], "expected at most 100,000 seeds"),
        (Size(), ["0", "8x", "8x8x8", "-8", "x", "8.5", "²", "99999"], "such as 64 or 64x48"),
        (PresetName(), ["kmnits"], "did you mean kmnist"),
        (DatasetName(), ["fashion-mnits"], "did you mean fashion-mnist"),
        (UserPath(), [""], "expected a path"),
    ],
)
def test_word_that_is_no_value_is_refused(kind, values, message):
    for value in values:
        with pytest.raises(click.BadParameter, match=message):
            convert(kind, value)


@pytest.mark.parametrize("command", ["train", "fid", "evaluate", "compare", "sample", "parity"])
def test_every_command_that_reads_images_says_how(command):
    text = run(command, "--help").stdout
    assert "--background COLOUR" in text
    assert ("--fit [crop|stretch]" in text) == (command != "parity")  # which resizes nothing


def test_work_is_done_in_a_thread_while_tensorflow_starts(monkeypatch):
    calls, begun = [], threading.Event()
    monkeypatch.setattr(options, "start_tensorflow", lambda *args: calls.append(args) or begun.set())
    found = options.start_tensorflow_while(lambda: begun.wait(10) and "images", "cpu", "float32")
    assert found == "images" and calls == [("cpu", "float32")]


def test_what_work_refuses_at_once_is_told_before_tensorflow_starts(monkeypatch):
    def refuse():
        raise ValueError("no images")

    monkeypatch.setattr(options, "start_tensorflow", forbidden)
    with pytest.raises(ValueError, match="no images"):
        options.start_tensorflow_while(refuse, "cpu", "float32")
