"""The feature extractors of PyTorch's packages for FID: which network, and what it is shown."""

import hashlib
import importlib.util
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_gan.evaluation import torch_inception, weights
from keras_gan.evaluation.extractor import FeatureExtractor, hash_arrays
from keras_gan.evaluation.fused import fuse
from keras_gan.evaluation.resize import (
    resize_as_pytorch,
    resize_as_tensorflow_1,
    resize_bicubic,
    resize_bilinear,
)
from keras_gan.files import npz
from keras_gan.start_tensorflow import settle_imports
from keras_gan.streams import Warn

_MEAN, _STD = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32)  # of ImageNet


class Package(NamedTuple):
    """How a package computes features.

    Attributes:
        prepare: turns uint8 (n, h, w, 1 or 3) into what the network is shown.
        preprocessing: the same in words.
        of_2015: whether the network is that of 2015, and not torchvision's.
        with_logits: whether it also gives the logits of its Inception Score.
    """

    prepare: Callable[[np.ndarray], tf.Tensor]
    preprocessing: str
    of_2015: bool = True
    with_logits: bool = False


def _prepare_for_pytorch_fid(images: np.ndarray) -> tf.Tensor:
    return resize_bilinear(images / np.float32(255)) * 2 - 1


def _prepare_for_torch_fidelity(images: np.ndarray) -> tf.Tensor:
    return (resize_as_tensorflow_1(images) - 128) / 128


def _prepare_for_torchmetrics(images: np.ndarray) -> tf.Tensor:
    return (resize_as_pytorch(images) - 128) / 128


def _prepare_for_clean_fid(images: np.ndarray) -> tf.Tensor:
    return (resize_bicubic(images) - 128) / 128


def _prepare_for_torcheval(images: np.ndarray) -> tf.Tensor:
    """Returns what torchvision's `transform_input` makes of images in [0, 1]."""
    return resize_bilinear(images / np.float32(255)) * (_STD / 0.5) + (_MEAN - 0.5) / 0.5


_UNIT = "grey as RGB, [-1, 1]"
_BYTES = "grey as RGB, (x - 128) / 128"
PACKAGES = {
    "pytorch-fid": Package(_prepare_for_pytorch_fid, f"299x299 bilinear, {_UNIT}"),
    "torch-fidelity": Package(
        _prepare_for_torch_fidelity, f"299x299 bilinear of TensorFlow 1, {_BYTES}", with_logits=True
    ),
    "torchmetrics": Package(
        _prepare_for_torchmetrics, f"299x299 bilinear antialiased, {_BYTES}", with_logits=True
    ),
    "clean-fid": Package(_prepare_for_clean_fid, f"299x299 bicubic antialiased, clipped, {_BYTES}"),
    "torcheval": Package(
        _prepare_for_torcheval, "299x299 bilinear, grey as RGB, normalized as transform_input", of_2015=False
    ),
}


def load_package_extractor(
    name: str, given: str | Path | None, offline: bool, warn: Warn
) -> FeatureExtractor:
    """Returns the extractor that gives a package's features of the same images, to rounding.

    Args:
        name: one of PACKAGES.
        given: path of the package's weights: a .pth file, or what `convert-weights` made of it; None is
            what is at hand, or a download.

    Raises:
        FileNotFoundError: there is no such file, or none is at hand and `offline` is set.
        ImportError: the file is a TorchScript, and PyTorch is not installed.
        OSError: the download failed.
        ValueError: the file holds something else.
    """
    package, path = PACKAGES[name], weights.find_weights(name, given)
    path = path or weights.download_weights(name, offline, warn)
    if name == "clean-fid":
        if _is_torchscript(path):
            return _load_torchscript(path)
        warn("clean-fid's own file is a TorchScript; pytorch-fid's, of the same network, stands in.")
    if name == "torcheval":
        warn(
            "Sums are in float64. torcheval's own are in float32: its distance can be off by up to 2.4 % "
            "at 160 images."
        )
    arrays = weights.read_arrays(path)
    used = (np.asarray(arrays[array], np.float32) for array in torch_inception.NAMES)
    network = torch_inception.build_network(arrays, package.of_2015, package.with_logits)
    return FeatureExtractor(
        name,
        f"InceptionV3 of {name}, {weights.describe_origin(name, path)}",
        hash_arrays(used),
        package.preprocessing,
        fuse(network),
        package.prepare,
        batch_size=16,
        sizes=tuple(output.shape[1] for output in network.outputs),
    )


def convert_weights(source: str | Path, target: str | Path | None = None) -> Path:
    """Writes the weights in a .pth file as an .npz file beside it, which needs no PyTorch; returns its path.

    Features are the same bit for bit.

    Raises:
        FileExistsError: something else than converted weights is at `target`.
        FileNotFoundError: there is no such file.
        ValueError: it holds something else than weights of InceptionV3.
    """
    source = Path(source)
    target = Path(target or source.with_suffix(".npz"))
    npz.check_may_replace(target, ["sha256"])
    arrays = weights.read_arrays(source)
    torch_inception.build_network(arrays, of_2015=True, with_logits=False)  # checks names and shapes
    kept = (*torch_inception.NAMES, "fc.weight")
    weights.save_converted(
        target, {n: np.asarray(arrays[n], np.float32) for n in kept if n in arrays}, source
    )
    return target


def _is_torchscript(path: Path) -> bool:
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def _load_torchscript(path: Path) -> FeatureExtractor:
    """Returns the extractor of clean-fid's own file, which PyTorch computes."""
    if importlib.util.find_spec("torch") is None:
        raise ImportError(
            f"{path} is a TorchScript, which PyTorch alone can run: pip install torch, or give the same "
            f"network as pytorch-fid publishes it, {weights.PYTORCH_FID.folder}{weights.PYTORCH_FID.name}."
        )
    settle_imports()  # before PyTorch looks for triton
    import torch

    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    layers = getattr(torch.jit.load(str(path), map_location="cpu").eval(), "layers", None)
    if layers is None:
        raise ValueError(
            f"Expected clean-fid's TorchScript, which has `layers`. Received: {path}, which has none."
        )

    def compute(images):
        with torch.inference_mode():
            features = layers(torch.from_numpy(images.numpy().transpose(0, 3, 1, 2).copy()))
        return [features.reshape(len(images), -1).numpy()]

    package = PACKAGES["clean-fid"]
    description = f"InceptionV3 of clean-fid, computed by PyTorch from {path}"
    sizes = (torch_inception.FEATURES,)
    return FeatureExtractor(
        "clean-fid", description, sha256, package.preprocessing, compute, package.prepare, 16, sizes
    )
