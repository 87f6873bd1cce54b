"""Weights for other tools, and back: PyTorch state_dicts with the published modules' own names."""

from pathlib import Path

import numpy as np

from keras_gan.files.atomic import atomic_write
from keras_gan.model.gan import GAN
from keras_gan.pytorch import weight_names

NETWORKS = ("generator", "discriminator")
_COUNT = "num_batches_tracked"


def make_state_dict(preset, arrays, network):
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


def export_state_dicts(gan, folder):
    """Writes generator.pt and discriminator.pt and returns their paths.

    Raises:
        ImportError: PyTorch is not installed.
    """
    from keras_gan.pytorch.gan import torch

    paths = []
    for network in NETWORKS:
        weights = make_state_dict(gan.preset, gan.arrays(), network)
        paths.append(Path(folder, f"{network}.pt"))
        with atomic_write(paths[-1]) as beside:
            torch.save({key: torch.from_numpy(np.array(w)) for key, w in weights.items()}, beside)
    return paths


def build_gan_for(preset, path, image_size=None):
    """Returns a `GAN` of the noise and images that a generator's state_dict is for.

    Args:
        preset: `presets.Preset`.
        image_size: (h, w) of the images; None stands for 28x28, grey, and nothing else.

    Raises:
        ImportError, FileNotFoundError, ValueError: as `from_torch`, or the images' shape is open.
    """
    weights = _read(path)
    keys = [key for _, key in weight_names.list_weight_names(preset, "generator")]
    if sorted(keys) != sorted(weights):
        key = min(set(keys) ^ set(weights))
        found = "has" if key in weights else "lacks"
        raise ValueError(
            f"Expected the weights for the generator of preset {preset.name}. "
            f"Received: {path}, which {found} {key}."
        )
    kernels = [weights[key] for key in keys if weights[key].ndim == 2]
    values = kernels[-1].shape[0]
    shape = _image_shape(values, image_size)
    return GAN(preset.name, latent_dim=kernels[0].shape[1], image_shape=shape)


def _image_shape(values, image_size):
    """Returns (h, w, c) of images of so many values; ValueError where they could be of others."""
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


def import_state_dict(gan, network, path):
    """Sets the weights of "generator" or "discriminator" from the state_dict in a file.

    Raises:
        ImportError: PyTorch is not installed.
        FileNotFoundError: there is no such file.
        ValueError: the file is no state_dict of this preset's network.
    """
    weights = _read(path)
    received = {key: w.shape for key, w in weights.items()}
    expected = make_state_dict(gan.preset, gan.arrays(), network)
    expected = {key: w.shape for key, w in expected.items() if _COUNT not in key}
    if received != expected:
        key = min(k for k in expected.keys() | received if expected.get(k) != received.get(k))
        raise ValueError(
            f"Expected {key} of shape {expected.get(key)} for the {network} of preset "
            f"{gan.preset.name}. Received: {path} with {received.get(key)}."
        )
    variables = gan.variables()
    for ours, key in weight_names.list_weight_names(gan.preset, network):
        variables[ours].assign(weights[key].T if ours.endswith("/kernel") else weights[key])


def _read(path):
    """Returns {key: array} of the weights in a state_dict, without BatchNorm's counts of batches."""
    from keras_gan.pytorch.gan import torch

    if not Path(path).is_file():
        raise FileNotFoundError(f"Expected a PyTorch state_dict. Received: {path}, which is no file.")
    try:  # weights_only: nothing in the file is executed
        weights = torch.load(path, map_location="cpu", weights_only=True)
        return {key: w.numpy() for key, w in weights.items() if _COUNT not in key}
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"Expected a PyTorch state_dict. Received: {path} ({reason}).") from None
