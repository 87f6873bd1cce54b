"""Completion of the commands, their options and values in bash, zsh and fish."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from keras_gan.commands import main


def complete(*words):
    from click.shell_completion import ShellComplete

    completion = ShellComplete(main.main, {}, "keras-gan", "_KERAS_GAN_COMPLETE")
    return [item.value for item in completion.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["train", "--preset", "k"], ["keras", "kmnist"]),
        (["train", "--dataset", ""], ["auto", "mnist", "fashion-mnist", "kmnist", "digits"]),
        (["presets", "py"], ["pytorch-gan"]),
        (["compare", "--preset", "a"], ["aioz"]),
        (["ev"], ["evaluate"]),
    ],
)
def test_names_are_completed(words, found):
    assert complete(*words) == found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_gets_a_script_and_then_names(shell):
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    start = "from keras_gan.commands.main import main; main(prog_name='keras-gan')"
    words = {"COMP_WORDS": "keras-gan train --preset k", "COMP_CWORD": "k" if shell == "fish" else "3"}

    def answer(instruction):
        env = os.environ | words | {"_KERAS_GAN_COMPLETE": f"{shell}_{instruction}"}
        command = [sys.executable, "-c", start]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout

    syntax = subprocess.run([shell, "-n"], input=answer("source"), capture_output=True, text=True)
    assert syntax.returncode == 0 and syntax.stderr == ""
    assert re.findall("kmnist|keras|aioz", answer("complete")) == ["keras", "kmnist"]
