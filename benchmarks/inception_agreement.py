"""The Inception features against torchvision's InceptionV3 with the same weights and images.

    pip install torchvision
    python -m benchmarks.inception_agreement

The weights are random, so nothing is downloaded. Keras's average pools leave the padding out and
torchvision's count it in, unless told otherwise, as here. A difference above the tolerance makes
the exit code 1.
"""

import functools
import json
import sys
import tempfile
from pathlib import Path
from unittest import mock

import click
import numpy as np

from keras_gan import start_tensorflow

TOLERANCE = 1e-4  # of the difference, as a part of the length of an image's vector
SHAPES = ((28, 28, 1), (64, 48, 3), (320, 400, 3))  # the last one shrinks


def random_weights(rng):
    """Returns {Keras layer name: arrays} of InceptionV3, scaled so that no signal dies or explodes."""
    import keras

    weights = {}
    for layer in keras.applications.InceptionV3(weights=None).layers:
        shapes = [w.shape for w in layer.weights]
        if isinstance(layer, keras.layers.BatchNormalization):
            beta, mean = (rng.normal(0, 0.2, shape) for shape in shapes[:2])
            weights[layer.name] = [beta, mean, rng.uniform(0.5, 1.5, shapes[2])]
        elif shapes:
            kernel = rng.normal(0, np.sqrt(2 / np.prod(shapes[0][:-1])), shapes[0])
            weights[layer.name] = [kernel, *(rng.normal(0, 0.1, shape) for shape in shapes[1:])]
    return weights


def of_keras(weights, pictures):
    """Returns features and probabilities of each set of images, through this project's extractor."""
    import keras

    from keras_gan.evaluation import inception

    network = keras.applications.InceptionV3(weights=None)
    for layer, arrays in zip((x for x in network.layers if x.weights), weights.values(), strict=True):
        layer.set_weights(arrays)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "random.weights.h5")
        network.save_weights(path)
        extractor = inception.load_inception(path)
    return [extractor(images) for images in pictures]


def of_torchvision(weights, pictures, count_include_pad):
    """Returns the same of torchvision's network; the images are resized by PyTorch, too."""
    import torch
    from torchvision.models import inception

    network = inception.inception_v3(weights=None, aux_logits=False, init_weights=False).eval()
    network.load_state_dict(_state_dict(weights, network), strict=False)
    found, pool = [], []
    network.avgpool.register_forward_hook(lambda module, args, output: pool.append(output.flatten(1)))
    average = functools.partial(torch.nn.functional.avg_pool2d, count_include_pad=count_include_pad)
    with mock.patch.object(inception.F, "avg_pool2d", average), torch.inference_mode():
        for images in pictures:
            probabilities = network(_resized(images)).softmax(1)
            found.append((pool.pop().numpy(), probabilities.numpy()))
    return found


def _resized(images):
    import torch

    unit = torch.from_numpy(images.transpose(0, 3, 1, 2) / np.float32(127.5) - 1)
    resized = torch.nn.functional.interpolate(unit, (299, 299), mode="bilinear", antialias=True)
    return resized.expand(-1, 3, -1, -1)


def _state_dict(weights, network):
    """Returns the arrays under torchvision's names: both make their layers in the same order."""
    import torch

    names = sorted(weights, key=lambda name: int(name.rpartition("_")[2]) if name[-1].isdigit() else 0)
    convolutions = iter([name for name in names if name.startswith("conv2d")])
    normalizations = iter([name for name in names if name.startswith("batch_normalization")])
    kernel, bias = weights["predictions"]
    state = {"fc.weight": kernel.T, "fc.bias": bias}
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            state[f"{name}.weight"] = weights[next(convolutions)][0].transpose(3, 2, 0, 1)
        elif isinstance(module, torch.nn.BatchNorm2d):
            beta, mean, variance = weights[next(normalizations)]
            state[f"{name}.bias"], state[f"{name}.weight"] = beta, np.ones_like(beta)
            state[f"{name}.running_mean"], state[f"{name}.running_var"] = mean, variance
    return {name: torch.tensor(array, dtype=torch.float32) for name, array in state.items()}


def difference(ours, theirs):
    """Returns the largest |ours - theirs| / |theirs| of an image, lengths of its vector."""
    return float(np.max(np.linalg.norm(ours - theirs, axis=1) / np.linalg.norm(theirs, axis=1)))


@click.command()
@click.option("--count", default=4, show_default=True, type=click.IntRange(1), help="Images of a size.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def main(count, seed, as_json):
    """Compares the features and the probabilities of random images of three sizes."""
    start_tensorflow.import_tensorflow()
    rng = np.random.default_rng(seed)
    pictures = [rng.integers(0, 256, (count, *shape), np.uint8) for shape in SHAPES]
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision of another PyTorch
        raise click.ClickException(
            f"torchvision cannot be imported ({error}): pip install torchvision"
        ) from None
    weights = random_weights(rng)
    ours = of_keras(weights, pictures)
    theirs = of_torchvision(weights, pictures, count_include_pad=False)
    padded = of_torchvision(weights, pictures[:1], count_include_pad=True)
    rows = [
        {"shape": shape, "what": what, "difference": difference(a, b), "tolerance": TOLERANCE}
        for shape, found, expected in zip(SHAPES, ours, theirs, strict=True)
        for what, a, b in zip(("features", "probabilities"), found, expected, strict=True)
    ]
    otherwise = difference(ours[0][0], padded[0][0])
    if as_json:
        click.echo(json.dumps({"rows": rows, "with_padding_counted": otherwise}, indent=2))
    else:
        for row in rows:
            shape = "x".join(map(str, row["shape"]))
            click.echo(f"{row['what']:13} of {shape:9} {row['difference']:8.1e}, at most {TOLERANCE:.0e}")
        click.echo(f"with torchvision's own average pools, which count the padding: {otherwise:.0%}")
    sys.exit(not all(row["difference"] <= TOLERANCE for row in rows))


if __name__ == "__main__":
    main()
