"""The commands that make a run once more or go on with it, for a shell."""

import shlex
from pathlib import Path

from keras_gan.config import GanConfig, TrainConfig
from keras_gan.progress import get_program


def list_settings(config):
    """Returns the settings, dict by name, that are not what its preset and its images stand for.

    Args:
        config: resolved `TrainConfig`.
    """
    usual = TrainConfig(GanConfig(config.gan.preset), data=config.data).resolved().to_dict()
    settings = config.to_dict()
    of_data = {"data": config.data} if config.data is not None else {}
    return of_data | {name: value for name, value in settings.items() if value != usual[name]}


def train_command(info, folder):
    """Returns the command that makes the run of a `RunInfo` again, beside its folder."""
    settings = list_settings(info.config)
    fell_back = info.config.dataset == "auto" and info.config.data is None
    if fell_back and info.data["name"] == "digits":  # for want of MNIST, which may be there next time
        settings["dataset"] = "digits"
    words = ["--preset", info.config.gan.preset]
    words += ["--gan", info.gan_class["path"]] if info.gan_class else []
    words += ["--from", info.weights_from["path"]] if info.weights_from else []
    for name in info.config.to_dict():
        if name in settings:
            words += [f"--{name.replace('_', '-')}", _word(settings[name])]
    again = f"{folder}-again" if Path(folder).name else "again"
    return f"{get_program()} train {shlex.join(words)} --outdir {quote_folder(again)}"


def _word(value):
    return "x".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def resume_command(folder: str | Path, tensorboard: bool = False) -> str:
    """Returns the command that continues the run in a folder.

    Args:
        tensorboard: whether it writes for TensorBoard, which no file of the run records.
    """
    return f"{get_program()} train --resume {quote_folder(folder)}{' --tensorboard' if tensorboard else ''}"


def quote_folder(folder: str | Path) -> str:
    """Returns the name of a folder for a shell, which must not be read as an option or a home."""
    text = str(folder)
    return shlex.quote(f"./{text}" if text.startswith(("-", "~")) else text)


def list_caveats(info):
    """Yields a line on each thing that the command of a `RunInfo` does not repeat."""
    if info.data["source"] == "memory":
        yield (
            "The images were passed in memory, which the command cannot: save them as an .npz file and name "
            "it with --data."
        )
    if info.weights_from:
        yield (
            "The run began with the weights of another, which are in its file unless that run was trained on "
            f"since: SHA-256 {info.weights_from['sha256'][:12]}."
        )
    if info.gan_class:
        yield f"Its networks are those of {info.gan_class['path']}, whose code the command runs."
    if info.first_step:
        yield f"The run began with a GAN of {info.first_step} steps; the command begins with a new one."
    if info.framework == "torch":
        yield "PyTorch trained this run, for compare --preset; the command trains the same GAN in Keras."
