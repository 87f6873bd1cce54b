"""The weights of InceptionV3 that Keras and PyTorch's packages publish: where they are and come from."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_gan.data import download
from keras_gan.files import npz
from keras_gan.files.cache import get_keras_home
from keras_gan.files.torch_file import load_torch_file
from keras_gan.streams import Warn

VARIABLE = "KERAS_GAN_INCEPTION_WEIGHTS"


class WeightsFile(NamedTuple):
    """A file of weights as it is published.

    Attributes:
        checksum: "algorithm:digits", of which the digits may be the first of them alone.
        folder: address of the folder that it is downloaded from.
    """

    name: str
    checksum: str
    folder: str

    def is_published(self, path: Path) -> bool:
        """Returns whether a file has the published checksum."""
        algorithm, digits = self.checksum.split(":")
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False))
        return digest.hexdigest().startswith(digits)


_KERAS = "https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/"
_KERAS_NAME = "inception_v3_weights_tf_dim_ordering_tf_kernels"
KERAS = WeightsFile(f"{_KERAS_NAME}.h5", "md5:9a0d58056eeedaa3f26cb7ebd46da564", _KERAS)
KERAS_WITHOUT_CLASSES = WeightsFile(f"{_KERAS_NAME}_notop.h5", "md5:bcbd6486424b2319ff4ef7d526e38f63", _KERAS)
PYTORCH_FID = WeightsFile(
    "pt_inception-2015-12-05-6726825d.pth",
    "sha256:6726825d",
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/",
)
TORCH_FIDELITY = WeightsFile(
    "weights-inception-2015-12-05-6726825d.pth",
    "sha256:6726825d",
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/",
)
TORCHVISION = WeightsFile(
    "inception_v3_google-0cc3c7bd.pth", "sha256:0cc3c7bd", "https://download.pytorch.org/models/"
)
FILES: dict[str, tuple[WeightsFile, ...]] = {  # of each extractor: those that it takes, best the first
    "inception": (KERAS, KERAS_WITHOUT_CLASSES),
    "pytorch-fid": (PYTORCH_FID, TORCH_FIDELITY),
    "torch-fidelity": (TORCH_FIDELITY, PYTORCH_FID),
    "torchmetrics": (TORCH_FIDELITY, PYTORCH_FID),
    "clean-fid": (PYTORCH_FID, TORCH_FIDELITY),
    "torcheval": (TORCHVISION,),
}


def get_cache_folder() -> Path:
    """Returns the folder of Keras's cache that holds weights."""
    return get_keras_home() / "models"


def _get_hub_folder() -> Path:
    """Returns the folder that PyTorch downloads weights to, by PyTorch's own rule."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("TORCH_HOME") or os.path.join(cache, "torch")
    return Path(os.path.expanduser(home)) / "hub" / "checkpoints"


def find_weights(features: str, given: str | Path | None = None) -> Path | None:
    """Returns the path of an extractor's weights that are given or at hand, None where they are not.

    At hand are those that $KERAS_GAN_INCEPTION_WEIGHTS names, for "inception", those in Keras's cache
    (also as `convert-weights` writes them), and those that PyTorch's packages downloaded.

    Raises:
        FileNotFoundError: the file that is given is not there.
        ValueError: a file in a cache is not the published one.
    """
    named = given or (os.environ.get(VARIABLE) if features == "inception" else None)
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            how = "--inception-weights" if given else VARIABLE
            raise FileNotFoundError(f"{how} must name a file of InceptionV3's weights. Received: {named}.")
        return path
    for file in FILES[features]:
        for folder in (get_cache_folder(), _get_hub_folder()):
            if (folder / file.name).is_file():
                return _check(folder / file.name, file, features)
            converted = (folder / file.name).with_suffix(".npz")
            if converted.is_file():
                return converted
    return None


def _check(path: Path, file: WeightsFile, features: str) -> Path:
    if not file.is_published(path):
        raise ValueError(
            f"Expected InceptionV3's published weights. Received: {path}, with another checksum. Delete it "
            f"to have it downloaded again, or, to use it as it is, name it with {_name_options(features)}."
        )
    return path


def _name_options(features: str) -> str:
    """Returns how a file of an extractor's weights is named."""
    return "--inception-weights FILE" + (f" or the variable {VARIABLE}" if features == "inception" else "")


def download_weights(features: str, offline: bool, warn: Warn) -> Path:
    """Downloads an extractor's weights into Keras's cache and returns their path.

    Raises:
        FileNotFoundError: `offline` is set.
        OSError: they were not delivered whole.
        ValueError: what was delivered has another checksum than the published one.
    """
    file, folder = FILES[features][0], get_cache_folder()
    if offline:
        way_out = _describe_ways_out(features, file.folder + file.name)
        raise FileNotFoundError(f"{file.name} is not in the cache, and this is offline. {way_out}")
    warn(f"Downloading InceptionV3's weights, 96 MB, to {folder / file.name}.")
    folder.mkdir(parents=True, exist_ok=True)
    way_out = _describe_ways_out(features, "it")
    download.fetch_from_any((file.folder,), folder / file.name, file.checksum, way_out)
    return folder / file.name


def _describe_ways_out(features: str, file: str) -> str:
    """Returns what to do where an extractor's weights, called `file`, are not downloaded."""
    return (
        f"Put {file} into {get_cache_folder()} by hand, or name it with "
        f"{_name_options(features)}. --features classifier, for images with labels, and pca need no weights."
    )


def describe_origin(features: str, path: Path) -> str:
    """Returns in words whether a file is the published one, by its checksum, or that of its source."""
    for file in FILES[features]:
        if path.suffix == ".npz":
            kept = npz.load(path).get("sha256")
            published = kept is not None and f"sha256:{kept}".startswith(file.checksum)
        else:
            published = file.is_published(path)
        if published:
            return file.name
    return f"unpublished weights from {path}"


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Returns the arrays of a state_dict, by name, from a file of PyTorch's or from a converted one.

    Raises:
        ValueError: the file holds something else.
    """
    content = npz.load(path) if path.suffix == ".npz" else load_torch_file(path)
    if not isinstance(content, dict):
        raise ValueError(f"Expected a state_dict of InceptionV3. Received: {path}, of something else.")
    return {str(name): array for name, array in content.items() if isinstance(array, np.ndarray)}


def save_converted(path: Path, arrays: dict[str, np.ndarray], source: Path) -> None:
    """Writes weights as an .npz file that is read without PyTorch, and the hash of the file they are from."""
    with open(source, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    npz.save(path, {**arrays, "sha256": np.array(sha256)})
