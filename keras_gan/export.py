"""Weights for other tools, and back: PyTorch state_dicts with the published modules' own names."""

from pathlib import Path

import numpy as np

from keras_gan import checkpoint, notation

NETWORKS = ("generator", "discriminator")


def state_dict(preset, arrays, network):
    """Returns {PyTorch key: array} of a network, kernels transposed as `nn.Linear` holds them.

    Args:
        arrays: as `GAN.arrays` names them, in Keras's layout.
        network: "generator" or "discriminator".
    """
    weights = {}
    for ours, key in notation.weight_names(preset, network):
        weights[key] = np.ascontiguousarray(arrays[ours].T if ours.endswith("/kernel") else arrays[ours])
        if key.endswith("running_var"):  # a buffer that BatchNorm1d loads and never reads here
            weights[key.replace("running_var", "num_batches_tracked")] = np.array(0)
    return weights


def to_torch(gan, folder):
    """Writes generator.pt and discriminator.pt and returns their paths.

    Raises:
        ImportError: PyTorch is not installed.
    """
    from keras_gan.torch_reference import torch

    paths = []
    for network in NETWORKS:
        weights = state_dict(gan.preset, gan.arrays(), network)
        paths.append(Path(folder, f"{network}.pt"))
        with checkpoint.replacing(paths[-1]) as beside:
            torch.save({key: torch.from_numpy(np.array(w)) for key, w in weights.items()}, beside)
    return paths


def from_torch(gan, network, path):
    """Sets the weights of "generator" or "discriminator" from the state_dict in a file.

    Raises:
        ImportError: PyTorch is not installed.
        FileNotFoundError: there is no such file.
        ValueError: the file is no state_dict of this preset's network.
    """
    from keras_gan.torch_reference import torch

    if not Path(path).is_file():
        raise FileNotFoundError(f"Expected a PyTorch state_dict. Received: {path}, which is no file.")
    try:  # weights_only: nothing in the file is executed
        weights = torch.load(path, map_location="cpu", weights_only=True)
        received = {key: tuple(w.shape) for key, w in weights.items() if "num_batches" not in key}
    except Exception as error:
        raise ValueError(f"Expected a PyTorch state_dict. Received: {path} ({error}).") from None
    expected = state_dict(gan.preset, gan.arrays(), network)
    expected = {key: w.shape for key, w in expected.items() if "num_batches" not in key}
    if received != expected:
        key = min(k for k in expected.keys() | received if expected.get(k) != received.get(k))
        raise ValueError(
            f"Expected {key} of shape {expected.get(key)} for the {network} of preset "
            f"{gan.preset.name}. Received: {path} with {received.get(key)}."
        )
    variables = gan.variables()
    for ours, key in notation.weight_names(gan.preset, network):
        array = weights[key].numpy()
        variables[ours].assign(array.T if ours.endswith("/kernel") else array)
