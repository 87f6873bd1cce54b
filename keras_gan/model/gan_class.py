"""The class of a GAN by its import path, and what its networks are.

A class is imported only where the user names it, never because a file of a run does.
"""

import hashlib
import importlib
import importlib.util
import inspect
import json
import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import keras

from keras_gan.streams import format_error


def load_gan_class(text: str) -> type:
    """Returns the subclass of `GAN` of an import path, "my_gan.py:DCGAN" or "package.module:DCGAN".

    Raises:
        ValueError: it cannot be imported or is no subclass of `GAN`.
    """
    from keras_gan.model.gan import GAN

    place, _, name = text.rpartition(":")
    try:
        kind = getattr(_import_file(place) if place.endswith(".py") else _import_module(place), name)
    except Exception as error:  # whatever the user's file raises
        reason = format_error(error)
        raise ValueError(
            f"A GAN's class must be given as my_gan.py:DCGAN or module:DCGAN. Received: {text} ({reason})."
        ) from error
    if not (isinstance(kind, type) and issubclass(kind, GAN)):
        raise ValueError(f"The class of a GAN must be a subclass of keras_gan.GAN. Received: {text}.")
    return kind


def _import_file(place):
    path = Path(place).expanduser().resolve(strict=True)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _import_module(place):
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as `python` does, and an installed command does not
    return importlib.import_module(place)


def name_gan_class(kind: type) -> str | None:
    """Returns the import path of a subclass of `GAN`, as `load_gan_class` takes it; None of `GAN` itself.

    It is the path of its file where its module cannot be imported by name.
    """
    module, name = kind.__module__, kind.__qualname__
    if module.split(".")[0] == "keras_gan":
        return None
    if module != "__main__" and ("." in module or PathFinder.find_spec(module)):
        return f"{module}:{name}"
    try:
        return f"{Path(inspect.getfile(kind)).resolve()}:{name}"
    except (TypeError, OSError):  # typed into an interpreter
        return f"{module}:{name}"


def find_gan_class(name: str, kind: type) -> type | None:
    """Returns the already imported subclass of `kind` that has an import path; None if there is none.

    It is the newest one, as a notebook's cell that is run again defines its class anew.
    """
    subclass: type
    for subclass in reversed(kind.__subclasses__()):
        if name_gan_class(subclass) == name:
            return subclass
        if found := find_gan_class(name, subclass):
            return found
    return None


def hash_networks(gan: Any) -> str:
    """Returns the SHA-256 of the configuration of both networks, whatever Keras called their layers."""
    described = [_describe(network) for network in (gan.generator, gan.discriminator)]
    return hashlib.sha256(json.dumps(described, sort_keys=True, default=str).encode()).hexdigest()


def _describe(layer):
    """Returns class, settings, shapes of variables and inner layers of a layer, as JSON can hold them."""
    inner = layer.layers if isinstance(layer, keras.Model) else layer._flatten_layers(False, False)
    inner = [_describe(sublayer) for sublayer in inner]
    shapes = [list(variable.shape) for variable in layer.weights]
    try:
        config = {} if inner else layer.get_config()
    except Exception:  # a layer of the user's that has none
        config = {}
    config = {name: value for name, value in config.items() if name not in ("name", "dtype", "seed")}
    return [type(layer).__name__, json.dumps(config, sort_keys=True, default=str), shapes, inner]


def describe_gan_class(gan: Any) -> dict[str, Any] | None:
    """Returns what config.json says of a subclass of `GAN`; None of `GAN` itself.

    That is its import path as "path", the hash of its networks as "networks", and the "layers" of each.
    """
    if not (path := name_gan_class(type(gan))):
        return None
    layers = {name: list_layers(getattr(gan, name)) for name in ("generator", "discriminator")}
    return {"path": path, "networks": hash_networks(gan), "layers": layers}


def list_layers(network: keras.Model) -> list[dict[str, Any]]:
    """Returns class, output shape without the batch, and number of weights of each layer, for JSON."""
    layers = []
    for layer in network.layers:
        shape = getattr(getattr(layer, "output", None), "shape", None)  # of several outputs, or never called
        output = "x".join(map(str, shape[1:])) if shape else ""
        layers.append({"layer": type(layer).__name__, "output": output, "weights": layer.count_params()})
    return layers
