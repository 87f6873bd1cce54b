"""This project's metrics against the packages people trust, on the same features.

    pip install pytorch-fid torch-fidelity torchvision
    python -m benchmarks.agreement --samples 1500 --dimensions 256

Features are made here, in float64, so that only the mathematics is compared. A difference above
its tolerance, or a package that is missing, makes the exit code 1.
"""

import importlib
import json
import sys
from collections.abc import Callable
from typing import NamedTuple

import click
import numpy as np
from scipy import special

from keras_gan.evaluation import metrics

TOLERANCE = 1e-6


class Number(NamedTuple):
    """One number computed by both; `scale` is what the tolerance is a part of."""

    name: str
    ours: float
    theirs: float
    scale: float = 1.0

    def row(self, package):
        """Returns the number as a dict for the table and for JSON."""
        difference, tolerance = abs(self.ours - self.theirs), TOLERANCE * abs(self.scale)
        agrees = bool(difference <= tolerance)  # false for NaN, too
        compared = {"difference": difference, "tolerance": tolerance, "agrees": agrees}
        return {"package": package, **self._asdict(), **compared}


class Check(NamedTuple):
    """A package, the modules of it that are needed, and what yields `Number`s from two sets."""

    package: str
    modules: tuple[str, ...]
    numbers: Callable


def _features(seed, samples, dimensions):
    """Returns float64 (n, d) like those of a pooled ReLU layer: correlated, at least 0, unequal."""
    rng = np.random.default_rng(seed)
    scales = np.exp(-8 * np.arange(dimensions) / dimensions)
    mixed = rng.normal(size=(samples, dimensions)) * scales @ rng.normal(size=(dimensions, dimensions))
    return np.maximum(0, mixed + 0.1 * seed)


def _pytorch_fid(fid_score, x, y):
    cases = {"n > d": (x, y), "n < d": (x[: x.shape[1] // 2], y), "equal": (x, x)}
    for name, sets in cases.items():
        a, b = map(metrics.gaussian, sets)
        theirs = fid_score.calculate_frechet_distance(a.mu, a.sigma, b.mu, b.sigma)
        scale = np.trace(a.sigma + b.sigma) if name == "equal" else theirs
        for method in ("sqrtm", "symmetric"):
            ours = metrics.frechet_distance(a, b, method).value
            yield Number(f"Fréchet distance, {name}, {method}", ours, float(theirs), float(scale))


def _torch_fidelity(fid, kid, isc, prc, x, y):
    import torch

    a, b = metrics.gaussian(x), metrics.gaussian(y)
    theirs = fid.fid_statistics_to_metric(a._asdict(), b._asdict(), False)[fid.KEY_METRIC_FID]
    ours = metrics.frechet_distance(a, b, "symmetric").value
    yield Number("Fréchet distance, n > d, symmetric", ours, theirs, theirs)
    x_tensor, y_tensor = torch.from_numpy(x), torch.from_numpy(y)
    settings = {"kid_subsets": 20, "kid_subset_size": len(x) // 2, "verbose": False}
    theirs = kid.kid_features_to_metric(x_tensor, y_tensor, **settings)
    ours = metrics.kernel_distance(x, y, subsets=20, subset_size=len(x) // 2)
    yield from map(Number, ("KID, mean", "KID, deviation"), ours, theirs.values())
    theirs = isc.isc_features_to_metric(3 * x_tensor[:, :10])
    ours = metrics.inception_score(special.softmax(3 * x[:, :10], axis=1))
    yield from map(Number, ("Inception Score, mean", "Inception Score, deviation"), ours, theirs.values())
    few = slice(8)  # of the features, so that neither share is 0 or 1
    theirs = prc.prc_features_to_metric(y_tensor[:, few], x_tensor[:, few], verbose=False)
    ours = metrics.precision_recall(x[:, few], y[:, few])
    yield from map(Number, ("precision", "recall"), ours, theirs.values())


CHECKS = (
    Check("pytorch-fid", ("pytorch_fid.fid_score",), _pytorch_fid),
    Check(
        "torch-fidelity",
        tuple(f"torch_fidelity.metric_{name}" for name in ("fid", "kid", "isc", "prc")),
        _torch_fidelity,
    ),
)


def _rows(check, x, y):
    """Returns the rows of a check, or None where its package cannot be imported, which is said."""
    try:
        modules = [importlib.import_module(name) for name in check.modules]
    except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision of another PyTorch
        command = f"pip install {check.package} torchvision"
        click.echo(f"{check.package} cannot be imported ({error}): {command}", err=True)
        return None
    return [number.row(check.package) for number in check.numbers(*modules, x, y)]


@click.command()
@click.option("--samples", default=1500, show_default=True, type=click.IntRange(20))
@click.option("--dimensions", default=256, show_default=True, type=click.IntRange(10))
@click.option("--json", "as_json", is_flag=True)
def main(samples, dimensions, as_json):
    """Compares and prints the table."""
    if samples <= dimensions:
        raise click.UsageError(f"--samples must be above --dimensions. Received: {samples}, {dimensions}.")
    x, y = (_features(seed, samples, dimensions) for seed in (1, 2))
    results = [_rows(check, x, y) for check in CHECKS]
    rows = [row for result in results if result for row in result]
    if as_json:
        click.echo(json.dumps({"samples": samples, "dimensions": dimensions, "numbers": rows}, indent=2))
    else:
        click.echo(f"{samples} samples of {dimensions} features in each set")
        for row in rows:
            verdict = "agrees" if row["agrees"] else "DIFFERS"
            click.echo(
                f"{row['package']:15}{row['name']:35}{row['ours']:16.8g}{row['theirs']:16.8g}"
                f"   |difference| {row['difference']:.1e} of {row['tolerance']:.1e}  {verdict}"
            )
    sys.exit(0 if None not in results and all(row["agrees"] for row in rows) else 1)


if __name__ == "__main__":
    main()
