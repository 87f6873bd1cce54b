"""What a training run is made of: `TrainConfig`, its checks and its JSON. No NumPy here."""

import dataclasses
import difflib
import json
import math

from keras_gan.presets import PRESETS

ENGINES = ("train_on_batch", "compiled")


PRECISIONS = ("float32", "float64", "mixed_bfloat16")


DEVICES = ("auto", "cpu", "gpu")


SAMPLES = 5000  # of a run that are judged, unless another number is given


MAX_LATENT_DIM = 100_000  # far above any use, and far below what would exhaust the memory


_RESUME_MAY_CHANGE = {  # on resuming
    *("epochs", "sample_interval", "checkpoint_interval", "engine", "device"),
    *("fid_interval", "fid_samples", "features"),
}


_IMAGES = {"dataset", "data", "image_size"}  # on resuming compared by the hash of what they give


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """The settings of a run; None stands for the preset's own number.

    Attributes:
        dataset: a name of `keras_gan.data.DATASETS` or "auto".
        data: path of an image file or folder to read instead of a download.
        image_size: (height, width) in pixels to resize to.
        epochs: in the preset's own epochs, in total.
        sample_interval: in steps, that is in batches.
        checkpoint_interval: in epochs; None is by time.
        fid_interval: in epochs, between Fréchet distances of the samples; None is never.
        fid_samples: of which they are.
        features: in whose terms: "inception", "digits", the path of a .keras file, or None for
            what is at hand.
        lr, b1, b2: Adam's step size and decay rates, for both networks.

    Raises:
        ValueError: a setting is out of its range.
    """

    preset: str = "keras"
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
    latent_dim: int | None = None
    lr: float | None = None
    b1: float | None = None
    b2: float | None = None
    seed: int = 0
    engine: str = "train_on_batch"
    precision: str = "float32"
    device: str = "auto"

    def __post_init__(self):
        get_preset(self.preset)
        intervals = ("sample_interval", "checkpoint_interval", "fid_interval")
        for name in ("epochs", "batch_size", *intervals, "latent_dim"):
            _check(name, getattr(self, name), int, lambda value: value >= 1, "an integer of at least 1")
        most = f"at most {MAX_LATENT_DIM}"
        _check("latent_dim", self.latent_dim, int, lambda value: value <= MAX_LATENT_DIM, most)
        _check("fid_samples", self.fid_samples, int, lambda value: value >= 2, "an integer of at least 2")
        for name in ("dataset", "data", "features"):
            _check(name, getattr(self, name), str, bool, "a name or path")
        for side in self.image_size or ():
            expected = "one or two integers from 1 to 4096"
            _check("image_size", side, int, lambda value: 1 <= value <= 4096, expected)
        _check("lr", self.lr, (int, float), lambda v: v > 0 and math.isfinite(v), "a number above 0")
        for name in ("b1", "b2"):
            _check(name, getattr(self, name), (int, float), lambda v: 0 <= v < 1, "a number in [0, 1)")
        _check("seed", self.seed, int, lambda value: 0 <= value < 2**63, "an integer in [0, 2**63)")
        for name, known in (("engine", ENGINES), ("precision", PRECISIONS), ("device", DEVICES)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {', '.join(known)}. Received: {getattr(self, name)!r}."
                )

    def resolved(self):
        """Returns this configuration with every None that has a default replaced by it."""
        preset = get_preset(self.preset)
        numbers = ("epochs", "batch_size", "sample_interval", "latent_dim", "lr", "b1", "b2")
        values = {n: getattr(preset, n) for n in numbers if getattr(self, n) is None}
        if self.dataset is None:  # MNIST may be replaced by the bundled digits, and it is said
            replaceable = preset.dataset == "mnist" or self.data is not None
            values["dataset"] = "auto" if replaceable else preset.dataset
        return dataclasses.replace(self, preset=preset.name, **values)

    def resumed(self, given):
        """Returns the configuration under which this run goes on when some settings are given.

        Args:
            given: dict of settings. A data set or path stands for both; what it holds is compared
                elsewhere.

        Raises:
            ValueError: settings that must stay differ; each is listed with both values.
        """
        if {"dataset", "data"} & set(given):
            given = {"dataset": None, "data": None} | given
        asked = dataclasses.replace(self, **given).resolved()
        differing = [
            f"{name}={getattr(asked, name)!r} given, {getattr(self, name)!r} in the run"
            for name in (field.name for field in dataclasses.fields(self))
            if name not in _RESUME_MAY_CHANGE | _IMAGES and getattr(asked, name) != getattr(self, name)
        ]
        if differing:
            what = "; ".join(differing)
            raise ValueError(f"Settings of a run stay when it is resumed. Received: {what}.")
        return asked

    def to_dict(self):
        """Returns the settings as a dict that JSON can hold."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, settings):
        """Returns the configuration that `to_dict` made.

        Raises:
            ValueError: a setting is unknown or out of its range.
        """
        unknown = set(settings) - {field.name for field in dataclasses.fields(cls)}
        if unknown:
            raise ValueError(f"Expected settings of a run. Received unknown ones: {sorted(unknown)}.")
        size = settings.get("image_size")
        return cls(**{**settings, "image_size": tuple(size) if size else None})

    def to_json(self):
        """Returns the settings as an indented JSON object."""
        return json.dumps(self.to_dict(), indent=2)


def _check(name, value, kind, holds, expected):
    """Raises ValueError unless value is None or a number of that kind for which `holds`."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, kind) or not holds(value):
        raise ValueError(f"{name} must be {expected}. Received: {name}={value!r}.")


def check_choice(what, name, known):
    """Returns `name` with hyphens for underscores if it is known.

    Raises:
        ValueError: it is not; the message lists the known names and the nearest.
    """
    hyphened = str(name).replace("_", "-")
    if hyphened in known:
        return hyphened
    near = difflib.get_close_matches(hyphened.lower(), known, n=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    raise ValueError(f"{what} must be one of {', '.join(sorted(known))}. Received: {name!r}{hint}")


def get_preset(name):
    """Returns the preset of that name; a hyphen and an underscore are the same.

    Raises:
        ValueError: there is none; the message names the nearest.
    """
    return PRESETS[check_choice("preset", name, PRESETS)]
