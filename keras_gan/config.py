"""The settings of a GAN, `GanConfig`, and of a run, `TrainConfig`, and their JSON.

Nothing heavy is imported here, not even NumPy: the command line checks its settings first.
"""

import dataclasses
import json
import math
import os
from typing import Any

from keras_gan.preset_diff import get_preset
from keras_gan.setting_checks import (
    check_choice,
    check_field,
    check_image_shape,
    check_image_size,
    check_strategy,
    to_float32,
)

ENGINES = ("train_on_batch", "compiled")
PRECISIONS = ("float32", "float64", "mixed_bfloat16")
DEVICES = ("auto", "cpu", "gpu")
STRATEGIES = ("none", "mirrored", "multi-worker")
FITS = ("crop", "stretch")
MODES = ("inference", "training")  # in which the generator draws samples
SAMPLES = 5000  # of a run that are scored, unless another number is given
MAX_LATENT_DIM = 100_000  # far above any use and far below what would exhaust the memory

_RESUME_MAY_CHANGE = {
    *("epochs", "sample_interval", "checkpoint_interval", "engine", "device", "strategy", "replicas"),
    *("fid_interval", "fid_samples", "features"),
}

# Compared on resuming by the hash of the images that they give.
_IMAGES = {"dataset", "data", "image_size", "fit", "background"}


@dataclasses.dataclass(frozen=True)
class GanConfig:
    """What a GAN is made of; None stands for the preset's own value.

    Attributes:
        preset: name of one of `PRESETS`.
        image_shape: (h, w, c) of the images, c 1 or 3.
        latent_dim: length of the noise vector.
        lr, b1, b2: Adam's step size and decay rates, for both networks.
        g_lr, d_lr: Adam's step size for the generator and for the discriminator; None is `lr`.
        label_smoothing: by how much the discriminator's label of a real image is below 1.
        d_steps: updates of the discriminator in a step, each with its own noise.
        seed: for initial weights, noise and batches; the same seed gives the same run.
        precision: Keras dtype policy, one of `PRECISIONS`.

    Raises:
        ValueError: a value is out of its range.
    """

    preset: str = "keras"
    image_shape: tuple[int, int, int] = (28, 28, 1)
    latent_dim: int | None = None
    lr: float | None = None
    b1: float | None = None
    b2: float | None = None
    seed: int = 0
    precision: str = "float32"
    g_lr: float | None = None
    d_lr: float | None = None
    label_smoothing: float = 0.0
    d_steps: int = 1

    def __post_init__(self):
        object.__setattr__(self, "preset", get_preset(self.preset).name)
        object.__setattr__(self, "precision", check_choice("precision", self.precision, PRECISIONS))
        object.__setattr__(self, "image_shape", check_image_shape(self.image_shape))
        for name in ("latent_dim", "d_steps"):
            check_field(self, name, int, lambda value: value >= 1, "an integer of at least 1")
        most = f"at most {MAX_LATENT_DIM}"
        check_field(self, "latent_dim", int, lambda value: value <= MAX_LATENT_DIM, most)
        above_0 = "a number above 0 in float32"
        for name in ("lr", "g_lr", "d_lr"):
            check_field(self, name, float, lambda value: 0 < to_float32(value) < math.inf, above_0)
        below_1 = "a number in [0, 1) in float32"
        for name in ("b1", "b2"):
            check_field(self, name, float, lambda value: 0 <= value and to_float32(value) < 1, below_1)
        check_field(self, "label_smoothing", float, lambda value: 0 <= value < 0.5, "a number in [0, 0.5)")
        check_field(self, "seed", int, lambda value: 0 <= value < 2**63, "an integer in [0, 2**63)")

    def resolved(self) -> "GanConfig":
        """Returns this configuration with every None replaced by the preset's value."""
        return _fill_from_preset(get_preset(self.preset), self)

    def to_dict(self) -> dict[str, Any]:
        """Returns the settings as a dict that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "GanConfig":
        """Returns the configuration of a dict; keys that are no fields are ignored.

        Raises:
            ValueError: a setting is out of its range.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in settings.items() if name in known})


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The settings of a run; None stands for the preset's own value.

    Attributes:
        gan: the settings of the GAN that is trained.
        dataset: a name of `data.download.DATASETS` or "auto".
        data: path of an image file or folder to read instead of a download; becomes absolute.
        image_size: (height, width) in pixels to resize to.
        fit: "crop" cuts images of another aspect ratio than `image_size` at the centre, "stretch" does not.
        background: colour behind transparent pixels, by name or as "#rrggbb".
        epochs: in the preset's own epochs, in total.
        sample_interval: in steps, that is in batches.
        checkpoint_interval: in epochs; None is by time.
        fid_interval: in epochs, between scores (Fréchet distances) of the samples; None is never.
        fid_samples: samples per score.
        features: feature extractor: "inception", "classifier", the path of a .keras file, which becomes
            absolute, or None for the best one at hand.
        strategy: of `tf.distribute`, one of `STRATEGIES`: which devices share each batch.
        replicas: number of devices for "mirrored"; None is all GPUs.

    Raises:
        ValueError: a setting is out of its range.
    """

    gan: GanConfig = dataclasses.field(default_factory=GanConfig)
    dataset: str | None = None
    data: str | None = None
    image_size: tuple[int, int] | None = None
    epochs: int | None = None
    batch_size: int | None = None
    sample_interval: int | None = None
    checkpoint_interval: int | None = None
    fid_interval: int | None = None
    fid_samples: int = SAMPLES
    features: str | None = None
    engine: str = "train_on_batch"
    device: str = "auto"
    fit: str = "crop"
    background: str = "white"
    strategy: str = "none"
    replicas: int | None = None

    def __post_init__(self):
        intervals = ("sample_interval", "checkpoint_interval", "fid_interval")
        for name in ("epochs", "batch_size", "replicas", *intervals):
            check_field(self, name, int, lambda value: value >= 1, "an integer of at least 1")
            check_field(self, name, int, lambda value: value <= 2**53, "at most 2**53")
        check_field(self, "fid_samples", int, lambda value: value >= 2, "an integer of at least 2")
        for name in ("dataset", "data", "features", "background"):
            check_field(self, name, str, bool, "a name or path")
        for name in ("data", "features"):  # a run may be resumed from another folder
            value = getattr(self, name)
            if value is not None and (name == "data" or value.endswith(".keras")):
                object.__setattr__(self, name, os.path.abspath(os.path.expanduser(value)))
        if self.image_size is not None:
            object.__setattr__(self, "image_size", check_image_size(self.image_size))
        object.__setattr__(self, "fit", check_choice("fit", self.fit, FITS))
        object.__setattr__(self, "engine", check_choice("engine", self.engine, ENGINES))
        object.__setattr__(self, "device", check_choice("device", self.device, DEVICES))
        object.__setattr__(self, "strategy", check_choice("strategy", self.strategy, STRATEGIES))
        if self.strategy != "none" and self.engine == "compiled":
            raise ValueError(
                f"strategy {self.strategy} takes engine train_on_batch. Received: engine compiled, which "
                "makes its steps on one device; give --engine train_on_batch or --strategy none."
            )
        check_strategy(self.strategy, self.replicas)

    def resolved(self) -> "TrainConfig":
        """Returns this configuration with every None that has a default replaced by it."""
        preset = get_preset(self.gan.preset)
        config = _fill_from_preset(preset, dataclasses.replace(self, gan=self.gan.resolved()))
        if self.data is not None or preset.dataset == "mnist":  # MNIST may be replaced by the bundled digits
            return dataclasses.replace(config, dataset=self.dataset or "auto")
        return config

    def resumed(self, given: dict[str, Any]) -> "TrainConfig":
        """Returns the configuration under which this run is resumed with some settings given.

        Args:
            given: the settings. `dataset` or `data` replaces both; `RunInfo.check_dataset` compares
                the images themselves.

        Raises:
            ValueError: settings that may not change differ; each is listed with both values.
        """
        if {"dataset", "data"} & set(given):
            given = {"dataset": None, "data": None} | given
        if "strategy" in given:
            given = {"replicas": None} | given
        run = self.to_dict()
        config = TrainConfig.from_dict(run | given).resolved()
        asked = config.to_dict()
        differing = [
            f"{name}={asked[name]!r} given, {run[name]!r} in the run"
            for name in asked
            if name not in _RESUME_MAY_CHANGE | _IMAGES and asked[name] != run[name]
        ]
        if differing:
            listed = "; ".join(differing)
            raise ValueError(f"A run keeps its settings when it is resumed. Received: {listed}.")
        return config.of_shape(self.gan.image_shape)

    def of_shape(self, image_shape: Any) -> "TrainConfig":
        """Returns this configuration for images of shape (h, w, c)."""
        return dataclasses.replace(self, gan=dataclasses.replace(self.gan, image_shape=image_shape))

    def to_dict(self) -> dict[str, Any]:
        """Returns all settings but the images' shape as a flat dict that JSON can hold."""
        settings = dataclasses.asdict(self)
        gan = settings.pop("gan")
        del gan["image_shape"]
        return gan | settings

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "TrainConfig":
        """Returns the configuration of flat settings, as `to_dict` or the command line gives them.

        Raises:
            ValueError: a setting is unknown or out of its range.
        """
        own = {field.name for field in dataclasses.fields(cls)} - {"gan"}
        of_gan = {field.name for field in dataclasses.fields(GanConfig)}
        if unknown := settings.keys() - own - of_gan:
            raise ValueError(f"Expected settings of a run. Received unknown ones: {sorted(unknown)}.")
        gan = GanConfig(**{name: value for name, value in settings.items() if name in of_gan})
        others = {name: value for name, value in settings.items() if name in own}
        size = others.get("image_size")
        return cls(gan, **others | {"image_size": tuple(size) if size else None})

    def to_json(self) -> str:
        """Returns the settings as an indented JSON object."""
        return json.dumps(self.to_dict(), indent=2)


def _fill_from_preset(preset, config):
    """Returns a configuration with each field that is None set to the preset's value, if it has one."""
    names = [field.name for field in dataclasses.fields(config) if getattr(config, field.name) is None]
    return dataclasses.replace(config, **{n: getattr(preset, n) for n in names if hasattr(preset, n)})
