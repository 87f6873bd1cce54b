"""What a checkpoint holds: the step, the configuration and every variable of a GAN, by name.

It is an .npz file without pickle, the same for a `GAN` and a `TorchGAN`.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from keras_gan.config import GanConfig
from keras_gan.files import npz


class Checkpoint(NamedTuple):
    """The content of a checkpoint file."""

    config: GanConfig
    step: int
    arrays: dict[str, np.ndarray]  # named as by `named_variables`


def save_gan(gan: Any, path: str | Path) -> None:
    """Writes configuration, step and arrays of a `GAN` or `TorchGAN` to an .npz file, atomically."""
    settings = gan.config.to_dict()
    header = {"config": settings, "image_shape": settings.pop("image_shape")}
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
        return Checkpoint(config, int(step), arrays)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"Expected a checkpoint of a GAN. Received: {path} ({reason}).") from None


def assign_arrays(
    variables: dict[str, keras.Variable], arrays: dict[str, np.ndarray], path: str | Path
) -> None:
    """Assigns every variable from the array of its name, after all names and shapes are checked.

    Args:
        path: the file that the arrays are from, for the message.

    Raises:
        ValueError: a name is missing, unknown, or of another shape.
    """
    expected = {name: tuple(variable.shape) for name, variable in variables.items()}
    received = {name: array.shape for name, array in arrays.items()}
    if expected != received:
        name = min(n for n in expected.keys() | received if expected.get(n) != received.get(n))
        raise ValueError(
            f"Expected a checkpoint with {name} of shape {expected.get(name)}. "
            f"Received: {path} with {received.get(name)}."
        )
    for name, variable in variables.items():
        variable.assign(arrays[name])


def named_variables(
    generator: keras.Model, discriminator: keras.Model, combined: keras.Model
) -> dict[str, keras.Variable]:
    """Returns weights, moments and update counts: dict of name to Keras variable."""
    named: dict[str, keras.Variable] = {}
    for role, net, trained in (
        ("generator", generator, combined),
        ("discriminator", discriminator, discriminator),
    ):
        weights = dict(_weights(role, net))
        names = {variable.path: name for name, variable in weights.items()}
        named |= weights | dict(_slots(trained.optimizer, net.trainable_variables, names))
        named[f"{role}/iteration"] = trained.optimizer.iterations
    return named


def _weights(role, model):
    """Yields (name, variable) of every weight of a model."""
    for i, layer in enumerate(model.layers):
        for variable in layer.weights:
            inner = variable.path.split("/", 1)[1] if isinstance(layer, keras.Model) else variable.name
            yield f"{role}/{i}/{inner}", variable


def _slots(optimizer, variables, names):
    """Yields (name, variable) of Adam's moments."""
    own = {v.name: v for v in optimizer.variables}
    for variable in variables:
        for slot in ("momentum", "velocity"):
            name = f"{variable.path.replace('/', '_')}_{slot}"
            yield f"{names[variable.path]}/{slot}", own[name]
