"""The generator of a run whose class is not imported: from its generator.keras, with a checkpoint's weights.

Keras loads the file in safe mode: no code of the run directory runs.
"""

import re
from pathlib import Path
from typing import Any

import keras

from keras_gan.files.keras_archive import load_network
from keras_gan.model import checkpoint
from keras_gan.model.checkpoint import ClassNotImported
from keras_gan.model.gan import GAN
from keras_gan.model.gan_class import list_layers
from keras_gan.model.variables import list_weights
from keras_gan.preset_diff import get_preset
from keras_gan.run.config_json import find_info
from keras_gan.run.info import GENERATOR
from keras_gan.streams import format_error


class SavedGenerator(GAN):
    """A GAN without a discriminator: it samples and is exported, and does not train."""

    def __init__(self, saved: checkpoint.Checkpoint, path: Path):
        """Takes the layers of the generator.keras beside a checkpoint and the weights of the checkpoint.

        Raises:
            ValueError: there is no such file, it cannot be loaded, or the weights do not fit.
        """
        self.config, self.step, self.loaded_from = saved.config.resolved(), saved.step, path
        self.preset = get_preset(self.config.preset)
        self.rule, self.image_shape = self.preset.rule, self.config.image_shape
        self.latent_dim, self.seed = self.config.latent_dim, self.config.seed
        self.outdir = self.trained_on = self.discriminator = self.combined = None
        self.gan_class = saved.gan_class
        self.generator = self._load(path.with_name(GENERATOR))
        weights = list_weights("generator", self.generator)
        arrays = {name: array for name, array in saved.arrays.items() if name in weights}
        checkpoint.assign_arrays(weights, arrays, path)

    def _load(self, file):
        if not file.is_file():
            raise self._refuse(f"{file} is not there", file)
        try:
            model = load_network(file)
            shapes = model.input_shape, model.output_shape
        except Exception as error:  # whatever a file can hold, and layers that are not Keras's own
            raise self._refuse(f"{file} cannot be loaded alone ({shorten_error(error)})", file) from None
        if shapes != ((None, self.latent_dim), (None, *self.image_shape)):
            raise self._refuse(f"{file} is from {shapes[0]} to {shapes[1]}", file)
        info = find_info(file.parent)
        run_class = info.gan_class if info and info.gan_class else {"path": self.gan_class}
        layers = run_class.get("layers", {}).get("generator")
        if run_class["path"] != self.gan_class or layers and _sizes(layers) != _sizes(list_layers(model)):
            raise self._refuse(f"{file} is of other networks", file)
        return model

    def _refuse(self, reason, file):
        return ValueError(
            f"The run in {file.parent} is of the class {self.gan_class}, and {reason}. Name the class, whose "
            f"code then runs: --gan {self.gan_class}"
        )

    def build_generator(self) -> keras.Model:
        """Returns a generator of the same layers, with new weights."""
        return keras.models.clone_model(self.generator)

    def train(self, *args: Any, **options: Any) -> Any:
        """Refuses: there is no discriminator."""
        raise TypeError(f"A generator alone does not train. Load the run with its class, {self.gan_class}.")


def load_gan_or_generator(path: str | Path) -> GAN:
    """Returns the GAN of a checkpoint, a `SavedGenerator` where its class is not imported.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or is of a class that must be named with --gan.
    """
    try:
        return GAN.load(path)
    except ClassNotImported:
        return SavedGenerator(checkpoint.read_checkpoint(path), Path(path))


def _sizes(layers):
    return [(layer["output"], layer["weights"]) for layer in layers]


def shorten_error(error: Exception) -> str:
    """Returns a line on why Keras cannot load a file: the layer that is not its own, or the error's text."""
    text = format_error(error)
    if match := re.search("Could not locate class '([^']+)'", text):
        return f"its layer {match[1]} is not one of Keras's"
    return text if len(text) <= 160 else f"{text[:157]}..."
