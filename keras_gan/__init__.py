"""The classic GAN of the Keras tutorials, working again on Keras 3."""

import importlib

__version__ = "0.1.0"
_HOMES = {"GAN": "model.gan", "GanConfig": "config", "TrainConfig": "config", "PRESETS": "presets"}
__all__ = [*_HOMES]


def __getattr__(name):
    """Imports GAN, TrainConfig or PRESETS when first asked for (PEP 562), TensorFlow with it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
