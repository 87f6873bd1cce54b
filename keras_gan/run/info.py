"""A run on disk: the names of its files, what config.json tells, and what the other files hold.

The only reader of a run directory. What writes one is `training.run_dir`.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple

from keras_gan.config import TrainConfig, get_preset
from keras_gan.data import datasets
from keras_gan.files import npz
from keras_gan.files.atomic import atomic_write
from keras_gan.run import history, metrics_log

CONFIG, HISTORY, METRICS = "config.json", "history.csv", "metrics.jsonl"
CHECKPOINT, PREVIOUS, BEST = "checkpoint.npz", "checkpoint.previous.npz", "checkpoint.best.npz"
GENERATOR, REPORT, TENSORBOARD = "generator.keras", "report.html", "tensorboard"
_MAX_BYTES = 2**20  # of config.json


class RunInfo(NamedTuple):
    """What config.json tells about a run, whose steps begin after `first_step`."""

    config: TrainConfig
    data: dict  # name, source, sha256 and number of images
    first_step: int
    framework: str  # "keras", or "torch" for the reference
    device: str
    versions: dict

    @classmethod
    def create(cls, config, dataset, *others):
        """Returns what config.json is to tell of a run on a data set; `others` as they stand above."""
        data = {"name": dataset.name, "source": dataset.source, "sha256": dataset.sha256}
        data |= {"images": len(dataset.images)}
        return cls(config.of_shape(dataset.image_shape), data, *others)

    def write(self, folder):
        """Writes config.json, which marks a folder as that of a run."""
        with atomic_write(Path(folder, CONFIG)) as beside:
            beside.write_text(json.dumps(self._content(), indent=2) + "\n")

    def _content(self):
        shape = {"image_shape": list(self.config.gan.image_shape)}
        return {"config": self.config.to_dict()} | shape | {n: getattr(self, n) for n in self._fields[1:]}

    @property
    def preset(self):
        """The `Preset` that was trained."""
        return get_preset(self.config.gan.preset)

    @property
    def steps_per_epoch(self):
        """Steps of an epoch as the preset counts them."""
        return self.preset.rule.steps_per_epoch(self.data["images"], self.config.batch_size)

    def load_dataset(self, config, **where):
        """Returns the images of the run, from where `config` says.

        Raises:
            ValueError: other images are there, or the run's came from memory.
        """
        name = config.dataset
        if config.data is None and name == "auto":
            name = self.data["name"]  # and never silently another
            if self.data["source"] == "memory":
                raise ValueError("The run's images came from memory. Received: none; give them again.")
        return self.check_dataset(datasets.load_dataset(name, config.data, config.image_size, **where))

    def check_same(self, name, received):
        """Compares settings with those of the run.

        Args:
            name: of what has the settings.
            received: dict of keys of config.json or of its `config`.

        Raises:
            ValueError: some differ; each is listed with both values.
        """
        run = self._content() | self.config.to_dict()
        differing = [f"{n}={v!r}, {run[n]!r} in the run" for n, v in received.items() if v != run[n]]
        if differing:
            raise ValueError(f"{name} must be of the run beside it. Received: {'; '.join(differing)}.")

    def describe_changes(self, versions):
        """Returns the line that says which versions are not the run's; None where none is."""
        new = self.list_changes(versions)
        return f"The run goes on, though not bit for bit, with {', '.join(new)}." if new else None

    def list_changes(self, versions):
        """Returns what is not as it was when the run was trained, but Python, which computes nothing."""
        was = self.versions | {"python": versions["python"]}
        return [f"{n} {now} after {was.get(n)}" for n, now in versions.items() if was.get(n) != now]

    def check_dataset(self, dataset):
        """Returns the data set if it holds the images of the run.

        Raises:
            ValueError: it does not.
        """
        if dataset.sha256 != self.data["sha256"]:
            raise ValueError(
                f"The images must be those of the run, {self.data['name']} with the hash "
                f"{self.data['sha256'][:12]}. Received: {len(dataset.images)} of {dataset.name} "
                f"with the hash {dataset.sha256[:12]}, from {dataset.source}."
            )
        return dataset


class Run(NamedTuple):
    """A run on disk.

    Attributes:
        folder: its directory.
        checkpoint: path of the checkpoint that is meant, which need not be there.
        info: `RunInfo`, None where there is no config.json.
    """

    folder: Path
    checkpoint: Path
    info: RunInfo | None

    @property
    def framework(self):
        """ "keras" or "torch", which trained it; None where that is not known."""
        return self.info.framework if self.info else None

    @property
    def steps_per_epoch(self):
        """Steps of an epoch as the run's preset counts them; 1 where that is not known."""
        return self.info.steps_per_epoch if self.info else 1

    def read_history(self, step=None):
        """Returns the history up to a step, as `history.read` does; None where there is no file."""
        path = self.folder / HISTORY
        if not path.is_file():
            return None
        table = history.read(path)
        return table if step is None else {n: values[table["step"] <= step] for n, values in table.items()}

    def read_metrics(self):
        """Returns the rows of metrics.jsonl, as `metrics_log.read` does."""
        return metrics_log.read(self.folder / METRICS)

    def list_grids(self):
        """Returns the sample grids, dict of step to path in the order of steps."""
        paths = {int(p.stem): p for p in self.folder.glob("*.png") if re.fullmatch("[0-9]+", p.stem)}
        return dict(sorted(paths.items()))


def is_run(path):
    """Returns whether a path is a run directory or a checkpoint."""
    path = Path(path)
    return any((path / name).is_file() for name in (CONFIG, CHECKPOINT)) or "gan" in npz.list_names(path)


def read(path):
    """Returns the `Run` at a path: a run directory, or a checkpoint in a run's place.

    Raises:
        ValueError: its config.json is damaged.
    """
    path = Path(path)
    folder, checkpoint = (path.parent, path) if path.is_file() else (path, path / CHECKPOINT)
    return Run(folder, checkpoint, read_info(folder) if (folder / CONFIG).is_file() else None)


def read_info(folder):
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
        content = json.loads(path.read_text())
        shape, images = list(content["image_shape"]), content["data"]
        if not all(isinstance(images[name], str) for name in ("name", "source", "sha256")):
            raise ValueError("its data set has no name")
        if type(images["images"]) is not int or not 1 <= images["images"] < 2**63:
            raise ValueError(f"its data set has {images['images']!r} images")
        config = TrainConfig.from_dict(content["config"]).resolved()
        first, versions = int(content.get("first_step", 0)), dict(content["versions"])
        if first < 0:
            raise ValueError(f"its first_step is {first}")
        if len(shape) != 3 or not all(type(side) is int and side > 0 for side in shape):
            raise ValueError(f"its image_shape is {shape!r}, and not three sizes")
        framework, device = str(content.get("framework", "keras")), str(content["device"])
        return RunInfo(config.of_shape(shape), images, first, framework, device, versions)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise ValueError(f"{path} must be as `train` wrote it. Received: {reason}") from None
