"""What a checkpoint holds: the step, the configuration and every variable of a GAN, by name.

It is an .npz file without pickle, the same for a `GAN` and a `TorchGAN`.
"""

import collections
import hashlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_gan.config import GanConfig
from keras_gan.files import npz
from keras_gan.model.gan_class import find_gan_class, name_gan_class
from keras_gan.model.updates import get_iterations


class ClassNotImported(ValueError):
    """A checkpoint is of a subclass of `GAN` that this process has not imported."""


class Checkpoint(NamedTuple):
    """The content of a checkpoint file."""

    config: GanConfig
    step: int
    arrays: dict[str, np.ndarray]  # named as by `named_variables`
    gan_class: str | None = None  # import path of the class, None of `GAN` itself


def save_gan(gan: Any, path: str | Path, replace: bool = True) -> None:
    """Writes configuration, step and arrays of a `GAN` or `TorchGAN` to an .npz file, atomically.

    Args:
        replace: whether a file that is no checkpoint may be replaced.

    Raises:
        FileExistsError: it may not.
    """
    if not replace:
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
        reason = " ".join(str(error).split())[:200]
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
            f"{path} is of the class {saved.gan_class}, which is imported only if you say so: "
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
    for i in {name.rpartition("/")[0] for name in unknown}:
        layer = "/".join(i.split("/")[:2])
        old = [name for name in arrays if name.startswith(f"{layer}/")]
        new = [name for name in variables if name.startswith(f"{layer}/") and not _is_new(name)]
        if len(old) == len(new):
            names = dict(zip(old, new))
            arrays = {names.get(name, name): array for name, array in arrays.items()}
    return arrays


def named_variables(gan: Any) -> dict[str, keras.Variable]:
    """Returns all that training a `GAN` changes: dict of name to Keras variable.

    These are weights, the optimizers' moments, counts and learning rates, and the states of random
    generators; also those of more layers, optimizers and variables that are attributes of the GAN. A name
    is the place in the model, such as "generator/2/0/kernel" for the first layer inside layer 2, and not a
    name that Keras made up.
    """
    named: dict[str, keras.Variable] = {}
    for role, net, trained in (
        ("generator", gan.generator, gan.combined),
        ("discriminator", gan.discriminator, gan.discriminator),
    ):
        weights = list_weights(role, net)
        named |= weights | _name_slots(role, trained.optimizer, net.trainable_variables, weights)
        named[f"{role}/iteration"] = get_iterations(trained.optimizer)
        if isinstance(rate := trained.optimizer._learning_rate, keras.Variable):  # and no schedule
            named[f"{role}/learning_rate"] = rate
    seen = {id(variable) for variable in named.values()}
    for name, value in vars(gan).items():
        if name != "combined":
            named |= _list_attribute(f"gan/{name}", value, seen)
    return named


def _list_attribute(name, value, seen):
    """Yields (name, variable) of what an attribute of a GAN holds, each variable once."""
    if isinstance(value, keras.random.SeedGenerator):
        yield f"{name}/seed_generator_state", value.state
    elif isinstance(value, (keras.Variable, tf.Variable)) and id(value) not in seen:
        yield name, value
    elif isinstance(value, keras.layers.Layer):
        yield from _list_weights(name, value, seen)
    elif isinstance(value, (keras.optimizers.Optimizer, keras.metrics.Metric)):
        new = [variable for variable in value.variables if id(variable) not in seen]
        seen |= {id(variable) for variable in new}
        yield from ((f"{name}/{i}", variable) for i, variable in enumerate(new))
    elif isinstance(value, (list, tuple, dict)):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _list_attribute(f"{name}/{key}", item, seen)


def list_weights(role: str, network: keras.Model) -> dict[str, keras.Variable]:
    """Returns weights and random states of a network by their names in a checkpoint, as "generator/0/kernel".

    Args:
        role: "generator" or "discriminator".
    """
    return dict(_list_weights(role, network, set()))


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


def _list_weights(prefix, layer, seen):
    """Yields (name, variable) of a layer and the layers inside it, each variable once."""
    names: collections.Counter = collections.Counter()
    states = [generator.state for generator in layer._seed_generators]
    for variable in [*layer._trainable_variables, *layer._non_trainable_variables, *states]:
        if id(variable) not in seen:
            seen.add(id(variable))
            name = re.sub(r"^variable_\d+$", "variable", variable.name)  # which Keras counts in a process
            n = names[name]
            names[name] += 1
            yield f"{prefix}/{name}{f'_{n}' if n else ''}", variable
    is_model = isinstance(layer, keras.Model)
    inner = layer.layers if is_model else layer._flatten_layers(include_self=False, recursive=False)
    for i, sublayer in enumerate(inner):
        yield from _list_weights(f"{prefix}/{i}", sublayer, seen)


def _name_slots(role, optimizer, variables, weights):
    """Returns the slots of an optimizer, such as Adam's moments, named after the weight that each is of."""
    names = {id(variable): name for name, variable in weights.items()}
    slots: dict[int, dict] = {id(variable): {} for variable in variables}
    others = []
    for slot in optimizer.variables:
        if slot is get_iterations(optimizer) or slot is optimizer._learning_rate:
            continue
        # Keras names a slot after the path of its weight; of two with one path the first is the first's.
        owners = [(v.path.replace("/", "_") + "_", v) for v in variables]
        owners = [(path, v) for path, v in owners if slot.name.startswith(path)]
        longest = max((path for path, _ in owners), key=len, default="")
        kind = slot.name.removeprefix(longest)
        owner = next((v for path, v in owners if path == longest and kind not in slots[id(v)]), None)
        if owner is None:
            others.append(slot)
        else:
            slots[id(owner)][kind] = slot
    named = {f"{names[key]}/{kind}": slot for key, own in slots.items() for kind, slot in own.items()}
    return named | {f"{role}/optimizer/{i}": slot for i, slot in enumerate(others)}
