import json
import os
import shlex

import pytest

from keras_gan.config import GanConfig, TrainConfig
from keras_gan.data import datasets
from keras_gan.report import reproduce
from keras_gan.run import info
from tests.conftest import run


def record(pixels, config, source="here", name="mnist", first_step=0, framework="keras"):
    found = info.RunInfo.create(
        config.resolved(), datasets.Dataset.from_array(pixels), first_step, framework, "CPU", {}
    )
    return found._replace(data=found.data | {"source": source, "name": name})


def parsed(command):
    """Returns the configuration that the real command line makes of a command."""
    python, program, *words = shlex.split(command)
    assert python == "python" and program == "-m" and words.pop(0) == "keras_gan"
    result = run(*words, "--dry-run")
    assert result.exit_code == 0, result.output
    return TrainConfig.from_dict(json.loads(result.stdout))


@pytest.mark.parametrize(
    "config",
    [
        TrainConfig(),
        TrainConfig(GanConfig("kmnist")),
        TrainConfig(GanConfig("kmnist"), dataset="auto"),
        TrainConfig(GanConfig("kmnist"), data="x.npz"),
        TrainConfig(data="x.npz", dataset="mnist"),
        TrainConfig(data="it's a $HOME/`path` \"; rm -rf\n<b>", features="my judge.keras"),
        TrainConfig(data="-x"),
        TrainConfig(
            GanConfig("pytorch-gan", (28, 28, 1), 19, 1e-05, 0.1, 0.3, 2**62, "mixed_bfloat16"),
            "fashion-mnist", None, (64, 48), 3, 5, 7, 11, 13, 17, "digits", "compiled", "cpu",
        ),
    ],
)  # fmt: skip
def test_command_is_read_back_as_the_configuration_of_the_run(pixels, config):
    assert parsed(reproduce.train_command(record(pixels, config), "images")) == config.resolved()


def test_command_says_no_more_than_is_needed(pixels):
    command = reproduce.train_command(
        record(pixels, TrainConfig.from_dict(dict(preset="aioz", epochs=3, seed=4))), "my runs/a"
    )
    assert command == "python -m keras_gan train --preset aioz --seed 4 --epochs 3 --outdir 'my runs/a-again'"


def test_digits_that_stood_in_for_mnist_are_named(pixels):
    command = reproduce.train_command(record(pixels, TrainConfig(), "scikit-learn", "digits"), ".")
    assert command == "python -m keras_gan train --preset keras --dataset digits --outdir again"


def test_command_to_resume_is_quoted():
    assert reproduce.resume_command("my run") == "python -m keras_gan train --resume 'my run'"
    assert reproduce.resume_command("-run") == "python -m keras_gan train --resume ./-run"
    assert reproduce.resume_command("run", tensorboard=True).endswith(" --resume run --tensorboard")


def test_what_a_command_cannot_repeat_is_said(pixels):
    assert list(reproduce.list_caveats(record(pixels, TrainConfig()))) == []
    memory, steps, torch = reproduce.list_caveats(
        record(pixels, TrainConfig(), "memory", "array", 7, "torch")
    )
    assert "passed in memory" in memory and "a GAN of 7 steps" in steps and "PyTorch" in torch


def test_given_settings_are_those_that_are_not_the_presets_own():
    config = TrainConfig(GanConfig("aioz"), epochs=3, data="x.npz").resolved()
    assert reproduce.list_settings(config) == {"data": os.path.abspath("x.npz"), "epochs": 3}
    assert reproduce.list_settings(TrainConfig().resolved()) == {}
