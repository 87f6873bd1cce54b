"""Weights to PyTorch and back: state_dicts with the published modules' own names."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_gan.files.atomic import atomic_write
from keras_gan.files.torch_file import load_torch_file
from keras_gan.model.gan import GAN
from keras_gan.presets import Preset
from keras_gan.pytorch import weight_names

NETWORKS = ("generator", "discriminator")
_COUNT = "num_batches_tracked"


class Weights(NamedTuple):
    """The weights of one network in a file of PyTorch's.

    Attributes:
        path: of the file.
        key: where in the file they are, such as "G_state_dict"; "" if they are all that it holds.
        prefix: what stands before "0.weight" in the names of the weights, such as "G.module.model.".
        arrays: {full name: array}, as the file has them.
    """

    path: Path
    key: str
    prefix: str
    arrays: dict[str, np.ndarray]


def make_state_dict(preset: Preset, arrays: dict, network: str) -> dict[str, np.ndarray]:
    """Returns {PyTorch key: array} of a network, kernels transposed as `nn.Linear` holds them.

    Args:
        arrays: as `GAN.arrays` names them, in Keras's layout.
        network: "generator" or "discriminator".
    """
    weights = {}
    for ours, key in weight_names.list_weight_names(preset, network):
        weights[key] = np.ascontiguousarray(arrays[ours].T if ours.endswith("/kernel") else arrays[ours])
        if key.endswith("running_var"):  # a buffer that BatchNorm1d loads and never reads here
            weights[key.replace("running_var", _COUNT)] = np.array(0)
    return weights


def export_state_dicts(gan: GAN, folder: str | Path) -> list[Path]:
    """Writes generator.pt and discriminator.pt and returns their paths.

    Raises:
        ImportError: PyTorch is not installed.
        ValueError: the networks are those of a subclass.
    """
    from keras_gan.pytorch.gan import torch

    if any(getattr(type(gan), f"build_{n}") is not getattr(GAN, f"build_{n}") for n in NETWORKS):
        raise ValueError(
            "PyTorch's state_dicts are for the published networks. Received: a run with networks of its own; "
            "--format onnx writes its generator for other programs."
        )
    paths = []
    for network in NETWORKS:
        weights = make_state_dict(gan.preset, gan.arrays(), network)
        paths.append(Path(folder, f"{network}.pt"))
        with atomic_write(paths[-1]) as beside:
            torch.save({key: torch.from_numpy(np.array(w)) for key, w in weights.items()}, beside)
    return paths


def build_gan_for(preset: Preset, weights: Weights, image_size: tuple[int, int] | None = None) -> GAN:
    """Returns a new `GAN` for the noise and images that a generator's weights are for.

    Args:
        weights: of `read_weights`.
        image_size: (h, w) of the images; None stands for 28x28, grey, and nothing else.

    Raises:
        ValueError: the shape of the images does not follow from the weights.
    """
    keys = [weights.prefix + tail for tail in _list_tails(preset, "generator")]
    kernels = [weights.arrays[key] for key in keys if weights.arrays[key].ndim == 2]
    if not kernels:
        raise ValueError(f"Expected matrices of weights. Received: {weights.path}, which has none.")
    shape = _find_image_shape(kernels[-1].shape[0], image_size)
    return GAN(preset.name, latent_dim=kernels[0].shape[1], image_shape=shape)


def _find_image_shape(values: int, image_size: tuple[int, int] | None) -> tuple[int, int, int]:
    """Returns (h, w, c) of images of so many values; ValueError if they may have another shape."""
    if image_size is None and values != 28 * 28:
        raise ValueError(
            f"Expected --image-size, as images of {values} values may have more than one shape. "
            "Received: none."
        )
    h, w = image_size or (28, 28)
    if values not in (h * w, 3 * h * w):
        raise ValueError(
            f"--image-size must be that of images of {values} values, grey or RGB. "
            f"Received: {h}x{w}, {h * w} or {3 * h * w} values."
        )
    return h, w, values // (h * w)


def read_weights(path: str | Path, preset: Preset, network: str, keys: Sequence[str] = ()) -> Weights:
    """Returns the weights of a preset's network from a file of torch.save; PyTorch is not needed.

    The file may hold a state_dict, or dicts that hold some, for one network or several, whose names
    may begin with anything ("module.", "generator.model.").

    Args:
        keys: which to take where several fit; see `Weights.key`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or holds no weights of this network, or several.
    """
    flat = dict(_flatten(load_torch_file(path)))
    tails = _list_tails(preset, network)
    candidates = [_select(Path(path), flat, prefix) for prefix in _list_prefixes(flat, tails[0])]
    fitting = [w for w in candidates if {name[len(w.prefix) :] for name in w.arrays} == set(tails)]
    chosen = [w for w in fitting if w.key in keys] or fitting
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        names = ", ".join(w.key or "the whole file" for w in chosen)
        raise ValueError(
            f"Expected the weights of one {network}. Received: {path} with {names}; choose by --key."
        )
    expected = f"Expected the weights for the {network} of preset {preset.name}."
    raise ValueError(f"{expected} Received: {path}, which {_describe_mismatch(flat, candidates, tails)}.")


def _flatten(content: object, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Yields (name, array) of all arrays in nested dicts, the keys joined by dots."""
    if isinstance(content, np.ndarray) and prefix and not prefix.endswith(_COUNT + "."):
        yield prefix.removesuffix("."), content
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _flatten(value, f"{prefix}{key}.")


def _list_tails(preset: Preset, network: str) -> list[str]:
    """Returns the names of a network's weights in its nn.Sequential, such as "0.weight"."""
    names = (key for _, key in weight_names.list_weight_names(preset, network))
    return [name.removeprefix(f"{preset.torch_prefix}.") for name in names]


def _list_prefixes(flat: dict[str, np.ndarray], tail: str) -> list[str]:
    """Returns what stands before a name such as "0.weight" wherever it occurs."""
    return [name.removesuffix(tail) for name in flat if f".{name}".endswith(f".{tail}")]


def _select(path: Path, flat: dict[str, np.ndarray], prefix: str) -> Weights:
    words = [word for word in prefix.split(".")[:-1] if word not in _WRAPPERS]
    key = ".".join(words[:-1] if words and words[-1] in _SEQUENTIALS else words)
    return Weights(
        path, key, prefix, {name: array for name, array in flat.items() if name.startswith(prefix)}
    )


_WRAPPERS = ("module", "_orig_mod")  # of DataParallel and of torch.compile
_SEQUENTIALS = ("model", "main", "net", "layers")  # what the nn.Sequential in a module is called


def _describe_mismatch(flat: dict, candidates: list[Weights], tails: list[str]) -> str:
    if not candidates:
        return f"holds {', '.join(sorted({name.split('.')[0] for name in flat})[:5]) or 'no tensor'}"
    nearest = max(candidates, key=lambda w: sum(w.prefix + tail in w.arrays for tail in tails))
    expected = {nearest.prefix + tail for tail in tails}
    name = min(expected ^ set(nearest.arrays))
    return f"{'has' if name in nearest.arrays else 'lacks'} {name}"


def import_weights(gan: GAN, network: str, weights: Weights) -> None:
    """Sets the weights of "generator" or "discriminator"; float16 and bfloat16 are widened.

    Raises:
        ValueError: a weight is of another shape, is not a float or not finite; nothing is changed.
    """
    values = {}
    names = weight_names.list_weight_names(gan.preset, network)
    for (ours, _), tail in zip(names, _list_tails(gan.preset, network), strict=True):
        array = weights.arrays[weights.prefix + tail]
        array = array.T if ours.endswith("/kernel") else array
        values[ours] = _check(
            array, gan.variables()[ours].shape, f"{weights.path} with {weights.prefix}{tail}"
        )
    for ours, value in values.items():
        gan.variables()[ours].assign(value)


def _check(array: np.ndarray, shape: tuple, received: str) -> np.ndarray:
    """Returns an array as float64; ValueError if it is not of a shape or no finite floats."""
    if array.shape != tuple(shape):
        expected = tuple(reversed(shape))  # as PyTorch writes it
        raise ValueError(f"Expected a weight of shape {expected}. Received: {received} of {array.T.shape}.")
    if array.dtype.kind in "ciub":
        raise ValueError(f"Expected weights that are floats. Received: {received} of {array.dtype}.")
    value = array.astype(np.float64)
    if not np.isfinite(value).all():
        raise ValueError(f"Expected finite weights. Received: {received}, which holds nan or inf.")
    return value
