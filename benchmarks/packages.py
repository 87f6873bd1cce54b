"""PyTorch's packages for FID themselves: their networks with random weights, and their own distances.

Each network is made by its package's own constructor. The weights, the scales of the batch
normalizations among them, are random and written into the form that the package publishes, so
nothing is downloaded.
"""

import contextlib
import io
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np


class Package(NamedTuple):
    """A package as it is installed.

    Attributes:
        weights: path of the file that it and this project read.
        features: turns uint8 images (n, h, w, 3) into float32 features (n, 2048).
        distance: the package's Fréchet distance of two arrays of features; torcheval's is computed in the
            precision of the features, the others' in float64.
    """

    weights: Path
    features: Callable[[np.ndarray], np.ndarray]
    distance: Callable[[np.ndarray, np.ndarray], float]


def build_package(name: str, folder: Path) -> Package:
    """Returns a package, whose weights are written into a folder.

    Raises:
        ImportError, RuntimeError: it is not installed, or needs another version of PyTorch.
    """
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchvision's, of future initial weights
        package = _BUILDERS[name](Path(folder))

    def compute(images):
        with torch.inference_mode():
            return package.features(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()

    return package._replace(features=compute)


def randomize(network, seed):
    """Gives a network random weights with which no signal dies or explodes; returns it for inference."""
    import torch

    rng = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for array in (module.weight.data, module.running_var):
                array.uniform_(0.5, 1.5, generator=rng)
            for array in (module.bias.data, module.running_mean):
                array.normal_(0, 0.2, generator=rng)
        elif isinstance(module, torch.nn.Conv2d):
            module.weight.data.normal_(0, (2 / module.weight[0].numel()) ** 0.5, generator=rng)
        elif isinstance(module, torch.nn.Linear):
            module.weight.data.normal_(0, 0.02, generator=rng)
    return network.eval()


def _build_network_of_2015():
    """Returns pytorch-fid's whole network."""
    import torch
    from pytorch_fid import inception

    with (
        mock.patch.object(inception, "load_state_dict_from_url"),
        mock.patch.object(torch.nn.Module, "load_state_dict"),
    ):
        return randomize(inception.fid_inception_v3(), 1)


def _build_blocks(network):
    """Returns pytorch-fid's `InceptionV3`, which gives the features, with the layers of a whole network."""
    from pytorch_fid import inception

    with mock.patch.object(inception, "fid_inception_v3", lambda: network):
        return inception.InceptionV3([3], resize_input=True).eval()


def _save_weights_of_2015(folder):
    import torch

    path = folder / "2015.pth"
    if not path.exists():
        torch.save(_build_network_of_2015().state_dict(), path)
    return path


def _build_pytorch_fid(folder):
    from pytorch_fid.fid_score import calculate_frechet_distance

    path, network = _save_weights_of_2015(folder), _build_blocks(_build_network_of_2015())

    def distance(a, b):
        statistics = [s for f in (a, b) for s in (np.mean(f, axis=0), np.cov(f, rowvar=False))]
        with contextlib.redirect_stdout(io.StringIO()):  # that the product is singular
            return calculate_frechet_distance(*statistics)

    def features(images):
        return network(images / 255)[0].flatten(1)

    # `get_activations` writes the features into a float64 array, which the statistics are of.
    return Package(path, features, lambda a, b: distance(a.astype(float), b.astype(float)))


def _build_torch_fidelity(folder):
    import torch
    from torch_fidelity import metric_fid
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    path = _save_weights_of_2015(folder)
    network = FeatureExtractorInceptionV3("x", ["2048"], str(path))

    def distance(a, b):
        statistics = [metric_fid.fid_features_to_statistics(torch.from_numpy(f)) for f in (a, b)]
        return metric_fid.fid_statistics_to_metric(*statistics, False)[metric_fid.KEY_METRIC_FID]

    return Package(path, lambda images: network(images)[0], distance)


def _build_torchmetrics(folder):
    import torch
    from torchmetrics.image.fid import FrechetInceptionDistance, NoTrainInceptionV3

    path = _save_weights_of_2015(folder)

    def distance(a, b):
        given = torch.nn.Identity()
        given.num_features = a.shape[1]
        metric = FrechetInceptionDistance(given)
        metric.update(torch.from_numpy(b), real=True)
        metric.update(torch.from_numpy(a), real=False)
        return metric.compute().item()

    return Package(path, NoTrainInceptionV3("x", ["2048"], str(path)), distance)


def _build_clean_fid(folder):
    """Returns clean-fid, whose own code reads the network of 2015 from a TorchScript made here.

    The published file, inception-2015-12-05.pt, is such a TorchScript: `layers` gives the features. It is
    written beside the `weights`.
    """
    import torch
    from cleanfid import fid
    from cleanfid.inception_torchscript import InceptionV3W
    from cleanfid.resize import build_resizer

    blocks = _build_blocks(_build_network_of_2015())
    blocks.resize_input = blocks.normalize_input = False

    class Layers(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = blocks

        def forward(self, images):
            return self.blocks(images)[0]

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.jit.trace(Layers(), torch.zeros(2, 3, 299, 299), check_trace=False)

        def forward(self, images):
            return self.layers(images)

    torch.jit.script(Whole().eval()).save(str(folder / "inception-2015-12-05.pt"))
    network, resize = InceptionV3W(str(folder), download=False), build_resizer("clean")

    def features(images):
        resized = np.stack([resize(image) for image in images.numpy().transpose(0, 2, 3, 1)])
        return network(torch.from_numpy(resized.transpose(0, 3, 1, 2)))

    def distance(a, b):
        with contextlib.redirect_stdout(io.StringIO()):
            return fid.fid_from_feats(a, b)

    return Package(_save_weights_of_2015(folder), features, distance)


def _build_torcheval(folder):
    import torch
    from torcheval.metrics import FrechetInceptionDistance
    from torcheval.metrics.image.fid import FIDInceptionV3

    class Given(torch.nn.Module):
        def forward(self, images):
            return images[:, 0, 0]

    network = randomize(FIDInceptionV3(weights=None), 2)
    network.model.transform_input = True  # as with the published weights
    path = folder / "torchvision.pth"
    torch.save(network.model.state_dict(), path)

    def distance(a, b):
        metric = FrechetInceptionDistance(Given(), a.shape[1])
        for name in ("real_sum", "real_cov_sum", "fake_sum", "fake_cov_sum"):
            setattr(metric, name, getattr(metric, name).to(torch.from_numpy(a).dtype))
        for features, is_real in ((b, True), (a, False)):
            metric.update(torch.from_numpy(features)[:, None, None].expand(-1, 3, -1, -1), is_real)
        return metric.compute().item()

    return Package(path, lambda images: network(images / 255), distance)


_BUILDERS = {
    "pytorch-fid": _build_pytorch_fid,
    "torch-fidelity": _build_torch_fidelity,
    "torchmetrics": _build_torchmetrics,
    "clean-fid": _build_clean_fid,
    "torcheval": _build_torcheval,
}
