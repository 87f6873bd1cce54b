"""config.json: what a training run is, so that it can go on as what it was."""

import json
import re
from pathlib import Path
from typing import NamedTuple

from keras_gan.config import TrainConfig
from keras_gan.data import datasets
from keras_gan.files.atomic import atomic_write


def list_grids(folder):
    """Returns the sample grids in a run directory, dict of step to path in the order of steps."""
    paths = {int(p.stem): p for p in Path(folder).glob("*.png") if re.fullmatch("[0-9]+", p.stem)}
    return dict(sorted(paths.items()))


GAN_FIELDS = ("preset", "latent_dim", "seed", "lr", "b1", "b2", "precision")  # settings it is built of


_MAX_BYTES = 2**20  # of config.json


class RunInfo(NamedTuple):
    """What config.json tells about a run, whose steps begin after `first_step`."""

    config: TrainConfig
    image_shape: list
    data: dict  # name, source, sha256 and number of images
    first_step: int
    framework: str  # "keras", or "torch" for the reference
    device: str
    versions: dict

    @classmethod
    def of(cls, config, dataset, *others):
        """Returns the record of a run on a data set; `others` as they stand above."""
        data = {"name": dataset.name, "source": dataset.source, "sha256": dataset.sha256}
        data |= {"images": len(dataset.images)}
        return cls(config, list(dataset.image_shape), data, *others)

    def write(self, folder):
        """Writes config.json, which marks a folder as that of a run."""
        content = self._asdict() | {"config": self.config.to_dict()}
        with atomic_write(Path(folder, "config.json")) as beside:
            beside.write_text(json.dumps(content, indent=2) + "\n")

    def dataset(self, config, **where):
        """Returns the images of the run, from where `config` says.

        Raises:
            ValueError: other images are there, or the run's came from memory.
        """
        name = config.dataset
        if config.data is None and name == "auto":
            name = self.data["name"]  # and never silently another
            if self.data["source"] == "memory":
                raise ValueError("The run's images came from memory. Received: none; give them again.")
        return self.check(datasets.load_dataset(name, config.data, config.image_size, **where))

    def refuse(self, name, received):
        """Compares settings with those of the run.

        Args:
            name: of what has the settings.
            received: dict of fields of this record or of its configuration.

        Raises:
            ValueError: some differ; each is listed with both values.
        """
        run = self.config.to_dict() | self._asdict()
        differing = [f"{n}={v!r}, {run[n]!r} in the run" for n, v in received.items() if v != run[n]]
        if differing:
            raise ValueError(f"{name} must be of the run beside it. Received: {'; '.join(differing)}.")

    def changes(self, versions):
        """Returns the line that says which versions are not the run's; None where none is."""
        was = self.versions | {"python": versions["python"]}  # which computes nothing
        new = [f"{n} {now} after {was.get(n)}" for n, now in versions.items() if was.get(n) != now]
        return f"The run goes on, though not bit for bit, with {', '.join(new)}." if new else None

    def check(self, dataset):
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


def read(folder):
    """Returns the `Record` of the run in a folder.

    Raises:
        FileNotFoundError: there is no run.
        ValueError: its config.json is damaged.
    """
    path = Path(folder, "config.json")
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
        return RunInfo(config, shape, images, first, framework, device, versions)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise ValueError(f"{path} must be as `train` wrote it. Received: {reason}") from None
