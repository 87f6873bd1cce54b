"""Mean and covariance of the features of images, with all they depend on: in files and a cache."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_gan import progress
from keras_gan.data.datasets import Dataset
from keras_gan.evaluation import metrics
from keras_gan.evaluation.extractor import FeatureExtractor
from keras_gan.evaluation.features import EARLIER_NAMES
from keras_gan.files import cache, npz
from keras_gan.streams import Warn

CHUNK = 64  # images at a time, or a batch of the network's where that is more
_SPEC = "protocol"  # the array of the feature spec in a file, under the name of the first versions


class FeatureStats(NamedTuple):
    """A Gaussian of features and its feature spec: what it depends on beside the images.

    Attributes:
        gaussian: `metrics.Gaussian`; its n is None where a file does not say it.
        spec: dict of strings as `get_feature_spec` returns it, or {"assumed": name of the features
            that a user says a file without a feature spec is of}.
    """

    gaussian: metrics.Gaussian
    spec: dict[str, str]

    @property
    def features(self) -> str:
        """Name of the features."""
        return self.spec.get("assumed") or self.spec["features"]


def get_feature_spec(extractor: FeatureExtractor) -> dict[str, str]:
    """Returns what the features of an extractor depend on, and on which CPU its weights were trained."""
    spec = {
        "features": extractor.name,
        "weights": extractor.sha256,
        "preprocessing": extractor.preprocessing,
    }
    return spec | {"cpu": extractor.cpu} if extractor.cpu else spec


def compute_stats(extractor: FeatureExtractor, batches: Iterable[np.ndarray]) -> FeatureStats:
    """Returns the `FeatureStats` of an iterable of uint8 (m, h, w, c), in memory for one of them."""
    gaussian = metrics.gaussian(extractor(batch)[0] for batch in batches)
    return FeatureStats(gaussian, get_feature_spec(extractor))


def load_or_compute_stats(
    extractor: FeatureExtractor, dataset: Dataset, rows: np.ndarray, warn: Warn
) -> FeatureStats:
    """Returns the `FeatureStats` of some rows of a data set, from the cache or computed and cached now.

    Args:
        rows: int (n,), sorted.
        warn: called with a line where the cached file is damaged, or the cache cannot be written.
    """
    path = _get_cache_path(extractor, dataset, rows)
    if path.is_file():
        try:
            return load_stats(path)
        except ValueError as error:
            warn(f"Cached statistics are computed again: {error}")
    size = max(CHUNK, extractor.batch_size)
    batches = (dataset.images[rows[i : i + size]] for i in range(0, len(rows), size))
    counted = progress.show_progress(batches, len(rows), f"features of {dataset.name}")
    stats = compute_stats(extractor, counted)
    cache.write_cache(path, _to_arrays(stats), warn)
    return stats


def is_cached(extractor: FeatureExtractor, dataset: Dataset, rows: np.ndarray) -> bool:
    """Returns whether `load_or_compute_stats` would find the statistics in the cache."""
    return _get_cache_path(extractor, dataset, rows).is_file()


def _get_cache_path(extractor: FeatureExtractor, dataset: Dataset, rows: np.ndarray) -> Path:
    """Returns the path of cached statistics, named by all that they depend on."""
    digest = hashlib.sha256(json.dumps([dataset.sha256, get_feature_spec(extractor)]).encode())
    digest.update(np.ascontiguousarray(rows, dtype=np.int64).data)
    return cache.get_keras_home() / "keras_gan" / f"statistics-{digest.hexdigest()[:16]}.npz"


def save_stats(path: str | Path, stats: FeatureStats) -> None:
    """Writes an .npz file of mu (d,), sigma (d, d), n and the feature spec.

    The names mu and sigma are those that pytorch-fid reads and writes.
    """
    npz.save(path, _to_arrays(stats))


def _to_arrays(stats: FeatureStats) -> dict[str, np.ndarray]:
    mu, sigma, n = stats.gaussian
    known = {} if n is None else {"n": np.array(n)}
    return {"mu": mu, "sigma": sigma, _SPEC: np.array(json.dumps(stats.spec))} | known


def is_stats_file(path: str | Path) -> bool:
    """Returns whether a file is an .npz file of statistics, and not one of images."""
    path = Path(path)
    return path.suffix == ".npz" and path.is_file() and {"mu", "sigma"} <= npz.list_names(path)


def load_stats(path: str | Path, assumed: str | None = None) -> FeatureStats:
    """Returns the `FeatureStats` in an .npz file.

    Args:
        assumed: name of the features of a file that does not record them.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged or holds no statistics, or it has no feature spec and none is assumed.
    """
    arrays = npz.load(path)
    try:
        gaussian = _check_gaussian(**{name: arrays.get(name) for name in ("mu", "sigma", "n")})
        spec = _read_spec(arrays[_SPEC]) if _SPEC in arrays else None
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"Expected statistics of features. Received: {path} ({error}).") from None
    if spec is None and assumed is None:
        raise ValueError(
            f"Statistics must record their features. Received: {path}, which does not; "
            "--stats-features NAME says which they are, such as pytorch-fid."
        )
    return FeatureStats(gaussian, spec or {"assumed": EARLIER_NAMES.get(str(assumed), str(assumed))})


def _check_gaussian(mu, sigma, n) -> metrics.Gaussian:
    """Returns the `metrics.Gaussian` of arrays from a file, once they have been checked."""
    if mu is None or sigma is None:
        raise ValueError("it lacks mu or sigma")
    if mu.dtype.kind != "f" or sigma.dtype.kind != "f" or sigma.shape != 2 * mu.shape or mu.ndim != 1:
        raise ValueError(f"mu is {mu.dtype} {mu.shape} and sigma {sigma.dtype} {sigma.shape}")
    mu, sigma = mu.astype(np.float64), sigma.astype(np.float64)
    if not (mu.size and np.isfinite(mu).all() and np.isfinite(sigma).all()):
        raise ValueError("mu and sigma are empty or not finite")
    if np.abs(sigma - sigma.T).max() > 1e-6 * np.abs(sigma).max():
        raise ValueError("sigma is not symmetric")
    if n is not None and not (n.dtype.kind in "iu" and n.shape == () and n >= 2):
        raise ValueError(f"n is {n!r}")
    return metrics.Gaussian(mu, sigma, None if n is None else int(n))


def _read_spec(array: np.ndarray) -> dict[str, str]:
    spec = json.loads(str(array))
    if not isinstance(spec, dict) or not all(isinstance(value, str) for value in spec.values()):
        raise ValueError("its feature spec is no dict of strings")
    if "stated" in spec:  # the word of earlier versions
        spec = {"assumed": spec["stated"]}
    return {name: EARLIER_NAMES.get(value, value) for name, value in spec.items()}


def check_same_spec(a: FeatureStats, b: FeatureStats) -> None:
    """Refuses two `FeatureStats` whose numbers do not mean the same.

    An assumed feature spec is trusted if it names the other's features.

    Raises:
        ValueError: their feature specs or their numbers of features differ.
    """
    names = [
        name for name in ("features", "weights", "preprocessing") if a.spec.get(name) != b.spec.get(name)
    ]
    if names and not ({"assumed"} & (a.spec.keys() | b.spec.keys())):
        cpus = ["cpu"] if a.spec.get("cpu") != b.spec.get("cpu") else []  # why the weights may differ
        differing = "; ".join(f"{name} {a.spec.get(name)} and {b.spec.get(name)}" for name in names + cpus)
        raise ValueError(f"Both must have the same feature spec. Received: {differing}.")
    if a.features != b.features:
        raise ValueError(f"Both must be of the same features. Received: {a.features} and {b.features}.")
    lengths = [len(s.gaussian.mu) for s in (a, b)]
    if lengths[0] != lengths[1]:
        raise ValueError(f"Both must have as many features. Received: {lengths[0]} and {lengths[1]}.")
