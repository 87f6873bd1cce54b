"""The settings of a GAN, `GanConfig`, and of a run, `TrainConfig`: their checks and their JSON.

Nothing heavy is imported here, not even NumPy: the command line checks its settings first.
"""

import dataclasses
import difflib
import json
import math
import numbers
import os
import struct
from collections.abc import Iterable
from typing import Any

from keras_gan.preset_diff import mix
from keras_gan.preset_facts import FACTS
from keras_gan.presets import PRESETS, Preset

ENGINES = ("train_on_batch", "compiled")
PRECISIONS = ("float32", "float64", "mixed_bfloat16")
DEVICES = ("auto", "cpu", "gpu")
STRATEGIES = ("none", "mirrored", "multi-worker")
FITS = ("crop", "stretch")
SAMPLES = 5000  # of a run that are scored, unless another number is given
MAX_VALUES = 2**18  # of an image: with 1,024 units before it a layer of 268 million weights
MAX_LATENT_DIM = 100_000  # far above any use and far below what would exhaust the memory

_RESUME_MAY_CHANGE = {
    *("epochs", "sample_interval", "checkpoint_interval", "engine", "device"),
    *("strategy", "replicas"),
    *("fid_interval", "fid_samples", "features"),
}

_DEVICES_OF = {"none": "one device", "multi-worker": "all GPUs of each worker"}

_IMAGES = {
    "dataset",
    "data",
    "image_size",
    "fit",
    "background",
}  # compared on resuming by the hash of the images they give


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
        object.__setattr__(self, "image_shape", _check_image_shape(self.image_shape))
        for name in ("latent_dim", "d_steps"):
            _check(self, name, int, lambda value: value >= 1, "an integer of at least 1")
        most = f"at most {MAX_LATENT_DIM}"
        _check(self, "latent_dim", int, lambda value: value <= MAX_LATENT_DIM, most)
        for name in ("lr", "g_lr", "d_lr"):
            _check(self, name, float, lambda v: 0 < _to_float32(v) < math.inf, "a number above 0 in float32")
        for name in ("b1", "b2"):
            _check(
                self, name, float, lambda v: 0 <= v and _to_float32(v) < 1, "a number in [0, 1) in float32"
            )
        _check(self, "label_smoothing", float, lambda v: 0 <= v < 0.5, "a number in [0, 0.5)")
        _check(self, "seed", int, lambda value: 0 <= value < 2**63, "an integer in [0, 2**63)")

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
        features: feature extractor: "inception", "classifier", the path of a .keras file, or None for
            the best one at hand.
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
            _check(self, name, int, lambda value: value >= 1, "an integer of at least 1")
            _check(self, name, int, lambda value: value <= 2**53, "at most 2**53")
        _check(self, "fid_samples", int, lambda value: value >= 2, "an integer of at least 2")
        for name in ("dataset", "data", "features", "background"):
            _check(self, name, str, bool, "a name or path")
        if self.data is not None:  # a run may be resumed from another folder
            object.__setattr__(self, "data", os.path.abspath(os.path.expanduser(self.data)))
        if self.image_size is not None:
            object.__setattr__(self, "image_size", _check_image_size(self.image_size))
        object.__setattr__(self, "fit", check_choice("fit", self.fit, FITS))
        object.__setattr__(self, "engine", check_choice("engine", self.engine, ENGINES))
        object.__setattr__(self, "device", check_choice("device", self.device, DEVICES))
        object.__setattr__(self, "strategy", check_choice("strategy", self.strategy, STRATEGIES))
        if self.strategy != "none" and self.engine == "compiled":
            raise ValueError(
                f"strategy {self.strategy} takes engine train_on_batch. Received: engine compiled, which "
                "makes its steps on one device; give --engine train_on_batch or --strategy none."
            )
        if self.replicas and self.strategy != "mirrored":
            raise ValueError(
                f"replicas are of strategy mirrored. Received: replicas={self.replicas} with strategy "
                f"{self.strategy}, which trains on {_DEVICES_OF[self.strategy]}."
            )

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
            raise ValueError(f"Settings of a run stay when it is resumed. Received: {listed}.")
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


def _check_image_shape(image_shape):
    shape = tuple(image_shape)
    integers = all(isinstance(side, numbers.Integral) for side in shape)
    if not integers or len(shape) != 3 or shape[2] not in (1, 3) or min(shape) < 1:
        raise ValueError(f"image_shape must be (h, w, 1) or (h, w, 3). Received: {image_shape!r}.")
    if math.prod(shape) > MAX_VALUES:
        raise ValueError(
            f"image_shape must hold at most {MAX_VALUES} values, for dense layers. Received: "
            f"{image_shape!r}; --image-size makes images smaller."
        )
    return tuple(int(side) for side in shape)


def _check_image_size(image_size):
    whole = [isinstance(side, numbers.Integral) and not isinstance(side, bool) for side in image_size]
    if not all(whole) or not all(1 <= side <= 4096 for side in image_size):
        raise ValueError(
            f"image_size must be one or two integers from 1 to 4096. Received: image_size={image_size!r}."
        )
    return tuple(int(side) for side in image_size)


def _check(config, name, kind, holds, expected):
    """Checks a field of a configuration and stores it as Python's own int, float or str; None stays.

    Raises:
        ValueError: it is of another kind, or not `holds(value)`.
    """
    value = getattr(config, name)
    if value is None:
        return
    of_kind = isinstance(value, _KINDS[kind]) and not isinstance(value, bool)
    if not of_kind or not holds(value):
        raise ValueError(f"{name} must be {expected}. Received: {name}={value!r}.")
    if not isinstance(value, int):  # 1 stays 1 where a float is meant
        object.__setattr__(config, name, kind(value))


_KINDS = {int: numbers.Integral, float: numbers.Real, str: str}  # NumPy's numbers, too


def _to_float32(value):
    """Returns a number as float32 rounds it, in which Adam takes it."""
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.inf


def check_choice(what: str, name: Any, known: Iterable[str]) -> str:
    """Returns the one of the known names that `name` spells; hyphen and underscore are the same.

    Args:
        what: the name is of, for the message.

    Raises:
        ValueError: it is none of them; the message lists them and suggests the nearest.
    """
    hyphened = str(name).replace("_", "-")
    by_name = {k.replace("_", "-"): k for k in known}
    if hyphened in by_name:
        return by_name[hyphened]
    near = difflib.get_close_matches(hyphened.lower(), known, n=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    raise ValueError(f"{what} must be one of {', '.join(sorted(known))}. Received: {name!r}{hint}")


def get_preset(name: str) -> Preset:
    """Returns the preset of that name; hyphen and underscore are the same.

    "keras,order=pytorch-gan" is the preset keras with one fact of pytorch-gan, see `preset_facts.FACTS`;
    more may follow, each after a comma.

    Raises:
        ValueError: there is no such preset or fact; the message suggests the nearest.
    """
    base, *changes = str(name).split(",")
    preset = PRESETS[check_choice("preset", base, PRESETS)]
    for change in changes:
        key, _, other = change.partition("=")
        key = check_choice("preset's fact", key, [fact.key for fact in FACTS if fact.take])
        preset = mix(preset, PRESETS[check_choice("preset", other, PRESETS)], [key])
    return preset
