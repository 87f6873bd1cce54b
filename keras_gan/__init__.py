"""The classic GAN of the Keras tutorials, working again on Keras 3."""

import importlib
import os
import sys

__version__ = "1.0.0"
_HOMES = {"GAN": "model.gan", "GanConfig": "config", "TrainConfig": "config", "PRESETS": "presets"}
__all__ = [*_HOMES]

os.environ["KERAS_BACKEND"] = os.environ.get("KERAS_BACKEND") or "tensorflow"  # before keras.json
if {"torch", "tensorflow"} & set(sys.modules):  # one of them is yet to come, and must not meet triton
    importlib.import_module(f"{__name__}.start_tensorflow").settle_imports()


def __getattr__(name):
    """Imports a public name when it is first asked for (PEP 562); `GAN` imports TensorFlow with it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "GAN":
        importlib.import_module(f"{__name__}.start_tensorflow").import_tensorflow()
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
