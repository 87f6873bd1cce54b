"""The features and distances of PyTorch's packages for FID against this project's, from the same weights.

    pip install torch==2.13.0 torchvision pytorch-fid torch-fidelity torchmetrics clean-fid torcheval
    python -m benchmarks.package_agreement

The weights are random, the scales of the batch normalizations among them, and written by each package's own
constructor, so nothing is downloaded. A difference above the tolerance, or a package that is missing, makes
the exit code 1.
"""

import json
import sys
import tempfile
from pathlib import Path
from unittest import mock

import click
import numpy as np

from keras_gan.start_tensorflow import import_tensorflow, settle_imports

FEATURES, DISTANCE = 2e-6, 1e-5  # tolerances: of the length of all feature vectors, of the distance
SHAPES = ((28, 28, 1), (48, 64, 3), (200, 300, 3), (400, 320, 3))  # the last one shrinks


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


def build_packages(folder):
    """Returns {package: (path of its weights, function of uint8 RGB images (n, 3, h, w) -> features)}."""
    import torch
    from cleanfid.resize import build_resizer
    from pytorch_fid import inception
    from torch_fidelity import feature_extractor_inceptionv3 as fidelity
    from torcheval.metrics.image.fid import FIDInceptionV3
    from torchmetrics.image.fid import NoTrainInceptionV3

    with mock.patch.object(inception, "load_state_dict_from_url"):
        with mock.patch.object(torch.nn.Module, "load_state_dict"):
            network = randomize(inception.fid_inception_v3(), 1)
    path = Path(folder, "2015.pth")
    torch.save(network.state_dict(), path)
    with mock.patch.object(inception, "fid_inception_v3", lambda: network):
        pytorch_fid = inception.InceptionV3([3]).eval()
    torch_fidelity = fidelity.FeatureExtractorInceptionV3("x", ["2048"], str(path))
    torchmetrics = NoTrainInceptionV3("x", ["2048"], str(path))
    torcheval = randomize(FIDInceptionV3(weights=None), 2)
    torcheval.model.transform_input = True  # as with the published weights
    torch.save(torcheval.model.state_dict(), Path(folder, "torchvision.pth"))
    resize = build_resizer("clean")

    def clean_fid(images):
        resized = np.stack([resize(image) for image in images.numpy().transpose(0, 2, 3, 1)])
        shown = torch.from_numpy(resized.transpose(0, 3, 1, 2))
        with mock.patch.object(fidelity, "interpolate_bilinear_2d_like_tensorflow1x", lambda *a, **k: shown):
            return torch_fidelity(images)[0]  # the network of 2015, once the images are resized

    return {
        "pytorch-fid": (path, lambda images: pytorch_fid(images / 255)[0].flatten(1)),
        "torch-fidelity": (path, lambda images: torch_fidelity(images)[0]),
        "torchmetrics": (path, torchmetrics),
        "clean-fid": (path, clean_fid),
        "torcheval": (Path(folder, "torchvision.pth"), lambda images: torcheval(images / 255)),
    }


def compare(name, path, compute, sets):
    """Yields the row of each shape: features and distances of both, and how far they are apart."""
    import torch

    from keras_gan.evaluation import metrics
    from keras_gan.evaluation.package_inception import load_package_extractor

    extractor = load_package_extractor(name, path, True, lambda line: None)
    for images in sets:
        rgb = np.repeat(images, 3 // images.shape[3], axis=3).transpose(0, 3, 1, 2)
        with torch.inference_mode():
            theirs = compute(torch.from_numpy(rgb.copy())).numpy()
        ours = extractor(images)[0]
        half = len(images) // 2
        distances = [
            metrics.frechet_distance(
                metrics.gaussian(f[:half]), metrics.gaussian(f[half:]), "symmetric"
            ).value
            for f in (ours, theirs)
        ]
        yield {
            "package": name,
            "shape": images.shape[1:],
            "features": float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)),
            "distance": abs(distances[0] / distances[1] - 1),
        }


def format_row(row):
    """Returns a line on the differences of a package at a size of images."""
    shape = "x".join(map(str, row["shape"]))
    features = f"features {row['features']:.1e} of {FEATURES:.0e}"
    return f"{row['package']:15} {shape:10} {features}, distance {row['distance']:.1e} of {DISTANCE:.0e}"


@click.command()
@click.option("--count", default=4, show_default=True, type=click.IntRange(4), help="Images of a size.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def main(count, seed, as_json):
    """Compares features and Fréchet distances of random images of four sizes."""
    import_tensorflow()
    settle_imports()
    rng = np.random.default_rng(seed)
    sets = [rng.integers(0, 256, (count, *shape), np.uint8) for shape in SHAPES]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            packages = build_packages(folder)
        except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision of another PyTorch
            raise click.ClickException(
                f"a package cannot be imported ({error}); see the first lines"
            ) from None
        for name, (path, compute) in packages.items():
            for row in compare(name, path, compute, sets):
                rows.append(row)
                if not as_json:
                    click.echo(format_row(row))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    sys.exit(not all(row["features"] <= FEATURES and row["distance"] <= DISTANCE for row in rows))


if __name__ == "__main__":
    main()
