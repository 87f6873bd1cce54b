"""What a checkpoint holds: the step, the configuration and every variable of a GAN, by name.

It is an .npz file without pickle, the same for a `GAN` and a `TorchGAN`.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_gan.config import GanConfig
from keras_gan.files import npz
from keras_gan.model.gan_class import find_gan_class, name_gan_class
from keras_gan.model.variables import list_weights
from keras_gan.streams import format_error


class ClassNotImported(ValueError):
    """A checkpoint is of a subclass of `GAN` that this process has not imported."""


class Checkpoint(NamedTuple):
    """The content of a checkpoint file."""

    config: GanConfig
    step: int
    arrays: dict[str, np.ndarray]  # named as by `variables.named_variables`
    gan_class: str | None = None  # import path of the class, None of `GAN` itself


def save_gan(gan: Any, path: str | Path) -> None:
    """Writes configuration, step and arrays of a `GAN` or `TorchGAN` to an .npz file, atomically.

    Raises:
        FileExistsError: something else than a checkpoint is at the path.
    """
    npz.check_may_replace(path, ["gan"])
    settings = gan.config.to_dict()
    header = {"config": settings, "image_shape": settings.pop("image_shape")}
    if name := name_gan_class(type(gan)):
        header["class"] = name
    npz.save(path, {"step": np.array(gan.step), "gan": np.array(json.dumps(header))} | gan.arrays())


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Returns the `Checkpoint` in a file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged or is no checkpoint of a GAN.
    """
    arrays = npz.load(path)
    try:
        header = json.loads(str(arrays.pop("gan")))
        config = GanConfig.from_dict(header["config"] | {"image_shape": header["image_shape"]})
        step = arrays.pop("step")
        if step.shape or step.dtype.kind not in "iu" or not 0 <= step <= 2**53:
            raise ValueError("its step is no integer from 0 to 2**53")
        name = header.get("class")
        if not (name is None or isinstance(name, str)):
            raise ValueError("its class has no name")
        return Checkpoint(config, int(step), arrays, name)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        reason = format_error(error)[:200]
        raise ValueError(f"Expected a checkpoint of a GAN. Received: {path} ({reason}).") from None


def load_gan(cls: type, path: str | Path) -> Any:
    """Returns the GAN of a checkpoint, of `cls` or the subclass of it that wrote the file.

    Raises:
        FileNotFoundError: there is no such file.
        ClassNotImported: the file is of a class that is not imported yet.
        ValueError: the file is damaged, or is no checkpoint of a GAN.
    """
    saved = read_checkpoint(path)
    kind = saved.gan_class and find_gan_class(saved.gan_class, cls) or cls
    if saved.gan_class and name_gan_class(kind) is None:  # `GAN` itself
        raise ClassNotImported(
            f"{path} was written by the class {saved.gan_class}, which is not imported by itself: give "
            f"--gan {saved.gan_class}, or load it with that class in Python."
        )
    gan = kind(**saved.config.to_dict())
    gan.restore(saved, path)
    gan.loaded_from = Path(path)
    return gan


def assign_arrays(
    variables: dict[str, keras.Variable], arrays: dict[str, np.ndarray], path: str | Path
) -> None:
    """Assigns every variable from the array of its name, after all names and shapes are checked.

    Args:
        path: the file that the arrays are from, for the message.

    Raises:
        ValueError: a name is missing, unknown, or of another shape.
    """
    arrays = _rename_nested(variables, arrays)
    expected = {name: tuple(v.shape) for name, v in variables.items() if name in arrays or not _is_new(name)}
    received = {name: array.shape for name, array in arrays.items()}
    if expected != received:
        name = min(n for n in expected.keys() | received if expected.get(n) != received.get(n))
        raise ValueError(
            f"Expected a checkpoint with {name} of shape {expected.get(name)}. "
            f"Received: {path} with {received.get(name)}."
        )
    for name in expected:
        variables[name].assign(arrays[name])


def _is_new(name):
    """Returns whether files of earlier versions lack a variable of that name: it keeps its initial value."""
    is_in_attribute = name.startswith("gan/") and name.count("/") > 1
    return is_in_attribute or name.endswith(("/learning_rate", "/seed_generator_state"))


def _rename_nested(variables, arrays):
    """Returns the arrays with today's names for the weights of nested models and for unnamed weights.

    Earlier versions used Keras's automatic names for them, which are others in every process. They are
    in the order of today's.
    """
    unknown = [name for name in arrays.keys() - variables if name.count("/") > 2 or "/variable_" in name]
    for prefix in {name.rpartition("/")[0] for name in unknown}:
        layer = "/".join(prefix.split("/")[:2])
        old = [name for name in arrays if name.startswith(f"{layer}/")]
        new = [name for name in variables if name.startswith(f"{layer}/") and not _is_new(name)]
        if len(old) == len(new):
            names = dict(zip(old, new))
            arrays = {names.get(name, name): array for name, array in arrays.items()}
    return arrays


def load_weights(gan: Any, path: str | Path) -> None:
    """Sets the weights of both networks to those of a checkpoint; optimizers and random states begin anew.

    `gan.weights_from` then holds the path and the hash of the weights.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is of another preset, or of other networks.
    """
    saved = read_checkpoint(path)
    if saved.config.preset != gan.preset.name:
        raise ValueError(
            f"--from must be of preset {gan.preset.name}. Received: {path} of {saved.config.preset}."
        )
    weights = list_weights("generator", gan.generator) | list_weights("discriminator", gan.discriminator)
    weights = {name: v for name, v in weights.items() if not name.endswith("/seed_generator_state")}
    arrays = _rename_nested(gan.variables(), saved.arrays)
    arrays = {name: array for name, array in arrays.items() if name in weights}
    assign_arrays(weights, arrays, path)
    digest = hashlib.sha256()
    for name, array in sorted(arrays.items()):
        digest.update(
            f"{name} {array.dtype.str} {array.shape}".encode() + np.ascontiguousarray(array).tobytes()
        )
    gan.weights_from = {"path": str(Path(path).absolute()), "sha256": digest.hexdigest()}


def load_first_weights(gan: Any, weights_from: dict[str, str] | None) -> None:
    """Sets the weights to those that a run began with, as `RunInfo` records them; None are new ones.

    Raises:
        FileNotFoundError: their file is gone.
        ValueError: it holds other weights now.
    """
    if not weights_from:
        return
    load_weights(gan, weights_from["path"])
    if gan.weights_from["sha256"] != weights_from["sha256"]:
        raise ValueError(
            f"{weights_from['path']} must hold the weights that the run began with. Received: other weights."
        )
