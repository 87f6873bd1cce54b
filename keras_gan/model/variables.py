"""All that training a GAN changes, by names that are the same in every process."""

import collections
import re
from typing import Any

import keras
import tensorflow as tf

from keras_gan.model.updates import get_iterations


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
    if isinstance(value, (keras.random.SeedGenerator, tf.random.Generator)):
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
