"""config.json: what a run was made of and with, and whether something else is the same."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from keras_gan.config import TrainConfig
from keras_gan.data import datasets
from keras_gan.data.options import ImageOptions
from keras_gan.files.atomic import atomic_write
from keras_gan.preset_diff import get_preset
from keras_gan.presets import Preset
from keras_gan.run.grids import MAX_STEP, Schedules, has_grid, read_schedules
from keras_gan.streams import format_error

CONFIG = "config.json"
_MAX_BYTES = 2**20


class RunInfo(NamedTuple):
    """The content of config.json.

    Attributes:
        config: resolved `TrainConfig`.
        data: name, source, sha256 and number of the images, and the notes of `Dataset` on them.
        first_step: step at which the run began; 0 for a new GAN.
        framework: "keras", or "torch" for the reference.
        device: name of the device.
        versions: of packages, by name, and the kind and number of the processors.
        grids: (sample interval, last step) of each schedule under which grids were written.
        gan_class: of a subclass of `GAN`: its import "path", the hash of its "networks" and, unless an
            earlier version wrote it, their "layers"; None of `GAN` itself.
        weights_from: "path" of the checkpoint whose weights the run began with, and their "sha256";
            None of a run that began with new weights.
    """

    config: TrainConfig
    data: dict[str, Any]
    first_step: int
    framework: str
    device: str
    versions: dict[str, str]
    grids: Schedules = ()
    gan_class: dict[str, Any] | None = None
    weights_from: dict[str, str] | None = None

    @classmethod
    def create(
        cls,
        config: TrainConfig,
        dataset: datasets.Dataset,
        first_step: int,
        framework: str,
        device: str,
        versions: dict[str, str],
    ) -> "RunInfo":
        """Returns the `RunInfo` of a run on a data set, to the last step of its configuration."""
        data: dict[str, Any] = {"name": dataset.name, "source": dataset.source, "sha256": dataset.sha256}
        data |= {"images": len(dataset.images), "notes": list(dataset.notes)}
        info = cls(config.of_shape(dataset.image_shape), data, first_step, framework, device, versions)
        return info._replace(grids=info.default_grids())

    def default_grids(self) -> Schedules:
        """Returns the schedule of a run that is trained in one go, as earlier versions recorded it."""
        return ((self.config.sample_interval, self.config.epochs * self.steps_per_epoch),)

    def has_grid(self, step: int) -> bool:
        """Returns whether the run writes a sample grid at a step."""
        return has_grid(self.grids, self.first_step, step)

    def write(self, folder: Path) -> None:
        """Writes config.json, which marks a folder as a run directory."""
        with atomic_write(Path(folder, CONFIG)) as beside:
            beside.write_text(json.dumps(self._content(), indent=2) + "\n", encoding="utf-8", newline="\n")

    def _content(self):
        shape = {"image_shape": list(self.config.gan.image_shape)}
        return {"config": self.config.to_dict()} | shape | {n: getattr(self, n) for n in self._fields[1:]}

    @property
    def preset(self) -> Preset:
        """The preset that was trained."""
        return get_preset(self.config.gan.preset)

    @property
    def steps_per_epoch(self) -> int:
        """Steps of an epoch, as the preset counts epochs."""
        return self.preset.rule.steps_per_epoch(self.data["images"], self.config.batch_size)

    def load_dataset(self, config: TrainConfig, **options: Any) -> datasets.Dataset:
        """Returns the images of the run, read from where `config` says.

        Args:
            options: offline, warn: as in `datasets.load_dataset`.

        Raises:
            ValueError: other images are found there, or the run's images came from memory.
        """
        name = config.dataset
        if config.data is None and name == "auto":
            name = self.data["name"]  # "auto" might choose another now
            if self.data["source"] == "memory":
                raise ValueError("The run's images came from memory. Received: none; give them again.")
        how = ImageOptions.create(config)
        return self.check_dataset(datasets.load_dataset(name, config.data, how, **options))

    def check_same(self, name: str | Path, received: dict[str, Any]) -> None:
        """Compares settings with those of the run.

        Args:
            name: what has the settings, for the message.
            received: values by their keys in config.json or in its `config`.

        Raises:
            ValueError: some differ; each is listed with both values.
        """
        run = self._content() | self.config.to_dict()
        differing = [f"{n}={v!r}, {run[n]!r} in the run" for n, v in received.items() if v != run[n]]
        if differing:
            raise ValueError(f"{name} must belong to the run. Received: {'; '.join(differing)}.")

    def check_class(self, name: str | Path, gan_class: dict[str, Any] | None) -> None:
        """Compares the class of a GAN, as `describe_gan_class` returns it, with that of the run.

        Raises:
            ValueError: it is another, or its networks are.
        """
        of_run, received = (
            (d["path"], d["networks"]) if d else ("GAN", None) for d in (self.gan_class, gan_class)
        )
        if of_run != received:
            others = ", with other networks" if of_run[0] == received[0] else ""
            raise ValueError(
                f"The run in {name} was trained by the class {of_run[0]} and needs it with the same networks."
                f" Received: {received[0]}{others}; --gan names a class."
            )

    def describe_changes(self, versions: dict[str, str]) -> str | None:
        """Returns a line on what changed since the run was trained, None if nothing did."""
        new = self.list_changes(versions)
        return f"The run continues, but perhaps not bit for bit: {', '.join(new)}." if new else None

    def list_changes(self, versions: dict[str, str]) -> list[str]:
        """Returns what is not as it was when the run was trained, without Python, which computes nothing.

        Earlier versions did not record the processors.
        """
        before = self.versions | {"python": versions["python"]}
        return [
            f"{name} {now}, before {before[name]}"
            for name, now in versions.items()
            if name in before and before[name] != now
        ]

    def check_dataset(self, dataset: datasets.Dataset) -> datasets.Dataset:
        """Returns the data set if its images are those of the run.

        Raises:
            ValueError: they are not.
        """
        if dataset.sha256 != self.data["sha256"]:
            raise ValueError(
                f"The images must be those of the run, {self.data['name']} with the hash "
                f"{self.data['sha256'][:12]}. Received: {len(dataset.images)} of {dataset.name} "
                f"with the hash {dataset.sha256[:12]}, from {dataset.source}.{self._explain(dataset.notes)}"
            )
        return dataset

    def _explain(self, notes):
        """Returns a sentence on what is done to the images now but was not in the run, or was."""
        recorded = self.data.get("notes")
        if recorded is None and notes:
            return f" The run is of an earlier version, which did not do this: {' '.join(notes)}"
        if recorded is not None and set(recorded) != set(notes):
            then, now = (" ".join(lines) or "nothing." for lines in (recorded, notes))
            return f" Done to the images in the run: {then} Now: {now}"
        return ""


def find_info(folder: Path) -> RunInfo | None:
    """Returns the `RunInfo` of the run in a folder, None if there is no config.json that reads as one."""
    try:
        return None if (folder / CONFIG).is_symlink() else read_info(folder)
    except (ValueError, OSError):
        return None


def read_info(folder: str | Path) -> RunInfo:
    """Returns the `RunInfo` of the run in a folder.

    Raises:
        FileNotFoundError: there is no run.
        ValueError: its config.json is damaged.
    """
    path = Path(folder, CONFIG)
    if not path.is_file():
        raise FileNotFoundError(f"Expected a run in {folder}. Received: no file {path}.")
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"it has more than {_MAX_BYTES} bytes")
        content = json.loads(path.read_text(encoding="utf-8"))
        shape, images = list(content["image_shape"]), content["data"]
        if not all(isinstance(images[name], str) for name in ("name", "source", "sha256")):
            raise ValueError("its data set has no name")
        if type(images["images"]) is not int or not 1 <= images["images"] < 2**63:
            raise ValueError(f"its data set has {images['images']!r} images")
        if not all(isinstance(note, str) for note in list(images.get("notes", []))):
            raise ValueError("the notes on its images are no sentences")
        config = TrainConfig.from_dict(content["config"]).resolved()
        first, versions = int(content.get("first_step", 0)), dict(content["versions"])
        if not 0 <= first <= MAX_STEP:
            raise ValueError(f"its first_step is {first}")
        if len(shape) != 3 or not all(type(side) is int and side > 0 for side in shape):
            raise ValueError(f"its image_shape is {shape!r}, and not three sizes")
        framework, device = str(content.get("framework", "keras")), str(content["device"])
        info = RunInfo(config.of_shape(shape), images, first, framework, device, versions)
        schedules = read_schedules(content["grids"]) if "grids" in content else info.default_grids()
        gan_class = content.get("gan_class")
        if gan_class is not None and not all(isinstance(gan_class[n], str) for n in ("path", "networks")):
            raise ValueError("its gan_class has no path")
        _check_layers((gan_class or {}).get("layers"))
        weights_from = content.get("weights_from")
        if weights_from is not None and not all(isinstance(weights_from[n], str) for n in ("path", "sha256")):
            raise ValueError("its weights_from has no path")
        return info._replace(grids=schedules, gan_class=gan_class, weights_from=weights_from)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else format_error(error)
        raise ValueError(f"{path} must be as `train` wrote it. Received: {reason}") from None


def _check_layers(layers):
    """Raises ValueError where layers are not as `gan_class.list_layers` has them; None is no layers."""
    for network in ("generator", "discriminator") if layers is not None else ():
        for layer in layers[network]:
            if not isinstance(layer["layer"], str) or not isinstance(layer["output"], str):
                raise ValueError("a layer of its gan_class has no name")
            if type(layer["weights"]) is not int:
                raise ValueError("a layer of its gan_class has no number of weights")
