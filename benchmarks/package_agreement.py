"""The features and distances of PyTorch's packages for FID against this project's, from the same weights.

    pip install torch==2.13.0 torchvision pytorch-fid torch-fidelity torchmetrics clean-fid torcheval
    python -m benchmarks.package_agreement

For each package two sets of images of each of four sizes go through its own network and through this
project's extractor of its name, in processes of their own. Weights are random, as `benchmarks.packages`
makes them, so nothing is downloaded. This project's distance of its features is held against the package's
of its own, by its own function: in float64, too, of torcheval, whose own float32 sums are far off where there
are fewer images than features, which is printed. The distance is of the first 512 features, as SciPy's sqrtm
takes half a minute at 2048; `--dimensions 2048` takes all. A difference above the tolerance, or a package
that is missing, makes the exit code 1.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np
from PIL import Image

FEATURES, DISTANCE = 2e-6, 1e-5  # tolerances: of the length of all feature vectors, of the distance
SHAPES = ((28, 28, 1), (48, 64, 3), (200, 300, 3), (400, 320, 3))  # the last one shrinks
NAMES = ("pytorch-fid", "torch-fidelity", "torchmetrics", "clean-fid", "torcheval")


def make_sets(count, shape, seed):
    """Returns two arrays of uint8 images: soft patterns with noise, the second with less contrast."""
    rng = np.random.default_rng(seed)
    height, width, channels = shape

    def make_image(contrast):
        coarse = rng.integers(0, 256, (5, 5, channels), np.uint8)
        layers = [Image.fromarray(coarse[..., i]).resize((width, height)) for i in range(channels)]
        pattern = np.stack([np.asarray(layer, float) for layer in layers], axis=-1)
        noisy = 128 + contrast * (pattern - 128) + rng.normal(0, 10, shape)
        return np.clip(noisy, 0, 255).astype(np.uint8)

    return [np.stack([make_image(contrast) for _ in range(count)]) for contrast in (1.0, 0.7)]


def compute_of_package(name, folder, count, seed, dimensions):
    """Writes the features of a package and its distances, for each shape, into a folder."""
    from benchmarks.packages import build_package

    package, results = build_package(name, folder), {}
    for i, shape in enumerate(SHAPES):
        rgb = [np.repeat(images, 3 // shape[2], axis=3) for images in make_sets(count, shape, seed)]
        a, b = (package.features(images) for images in rgb)
        results |= {f"a{i}": a, f"b{i}": b}
        a, b = a[:, :dimensions], b[:, :dimensions]
        if name == "torcheval":
            results[f"in_float32_{i}"] = package.distance(a, b)
            a, b = a.astype(np.float64), b.astype(np.float64)
        results[f"distance{i}"] = package.distance(a, b)
    np.savez(Path(folder, f"{name}.npz"), weights=str(package.weights), **results)


def compare(name, folder, count, seed, dimensions):
    """Yields the row of each shape: how far this project's features and distance are from the package's."""
    from keras_gan.evaluation import metrics
    from keras_gan.evaluation.package_inception import load_package_extractor

    theirs = np.load(Path(folder, f"{name}.npz"))
    extractor = load_package_extractor(name, str(theirs["weights"]), True, lambda line: None)
    for i, shape in enumerate(SHAPES):
        expected = np.concatenate([theirs[f"a{i}"], theirs[f"b{i}"]])
        a, b = (extractor(images)[0] for images in make_sets(count, shape, seed))
        gaussians = (metrics.gaussian(features[:, :dimensions]) for features in (a, b))
        distance = metrics.frechet_distance(*gaussians, "symmetric").value
        float32 = (
            {"in_float32": float(theirs[f"in_float32_{i}"] / distance - 1)} if name == "torcheval" else {}
        )
        yield {
            "package": name,
            "shape": shape,
            "features": float(np.linalg.norm(np.concatenate([a, b]) - expected) / np.linalg.norm(expected)),
            "distance": float(abs(distance / theirs[f"distance{i}"] - 1)),
            **float32,
        }


def format_row(row):
    """Returns a line on the differences of a package at a size of images."""
    shape = "x".join(map(str, row["shape"]))
    return (
        f"{row['package']:15} {shape:10} features {row['features']:.1e} of {FEATURES:.0e}, "
        f"distance {row['distance']:.1e} of {DISTANCE:.0e}"
        + (f"; its own, in float32, is {row['in_float32']:+.1%} off" if "in_float32" in row else "")
    )


def work(worker, name, folder, count, seed, dimensions):
    """Does the part of one process, of the package or of this project."""
    if worker == "package":
        try:
            return compute_of_package(name, folder, count, seed, dimensions)
        except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision of another PyTorch
            raise click.ClickException(f"{name} cannot be imported: {error}") from None
    from keras_gan.start_tensorflow import import_tensorflow

    import_tensorflow()
    for row in compare(name, folder, count, seed, dimensions):
        click.echo(json.dumps(row))
    return None


def run_worker(worker, name, folder, count, seed, dimensions):
    """Runs `work` in a process of its own and returns the rows that it prints."""
    words = ["--worker", worker, "--only", name, "--folder", folder, "--count", count, "--seed", seed]
    words += ["--dimensions", dimensions]
    command = [sys.executable, "-m", "benchmarks.package_agreement", *map(str, words)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if ended.returncode:
        raise click.ClickException(f"{name} is not compared; see the first lines of this program")
    return [json.loads(line) for line in ended.stdout.splitlines()]


@click.command()
@click.option("--count", default=32, show_default=True, type=click.IntRange(2), help="Images in a set.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--dimensions", default=512, show_default=True, type=click.IntRange(2, 2048))
@click.option("--only", multiple=True, type=click.Choice(NAMES), help="Packages. Default: all.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
@click.option("--worker", hidden=True)
@click.option("--folder", hidden=True)
def main(count, seed, dimensions, only, as_json, worker, folder):
    """Compares features and Fréchet distances of two sets of images of four sizes."""
    if worker:
        return work(worker, only[0], folder, count, seed, dimensions)
    rows = []
    for name in only or NAMES:
        with tempfile.TemporaryDirectory() as folder:
            run_worker("package", name, folder, count, seed, dimensions)
            found = run_worker("keras_gan", name, folder, count, seed, dimensions)
        rows += found
        if not as_json:
            click.echo("\n".join(map(format_row, found)))
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    sys.exit(not all(row["features"] <= FEATURES and row["distance"] <= DISTANCE for row in rows))


if __name__ == "__main__":
    main()
