"""Mean and covariance of the features of images, with all they depend on: in files and a cache.

The arithmetic is `metrics`'s, the networks are `features`'s.
"""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keras_gan import progress
from keras_gan.evaluation import metrics
from keras_gan.files import cache, npz

CHUNK = 64  # images at a time, or a batch of the network's where that is more


class FeatureStats(NamedTuple):
    """A Gaussian of features and its protocol: what it depends on beside the images.

    Attributes:
        gaussian: `metrics.Gaussian`; its n is None where a file does not say it.
        protocol: dict of strings as `protocol` returns it, or {"stated": what a user said of a
            file that says nothing}.
    """

    gaussian: metrics.Gaussian
    protocol: dict


def get_feature_spec(extractor):
    """Returns what the features of a `features.Extractor` depend on, as a dict of strings."""
    return {
        "features": extractor.name,
        "weights": extractor.sha256,
        "preprocessing": extractor.preprocessing,
    }


def compute_stats(extractor, batches):
    """Returns the `Statistics` of an iterable of uint8 (m, h, w, c), in memory for one of them."""
    gaussian = metrics.gaussian(extractor(batch)[0] for batch in batches)
    return FeatureStats(gaussian, get_feature_spec(extractor))


def load_or_compute_stats(extractor, dataset, rows, warn):
    """Returns the `Statistics` of some rows of a data set, from the cache or made and cached now.

    Args:
        dataset: `data.Dataset`.
        rows: int (n,), sorted.
        warn: called with a line where what is cached is damaged, or the cache cannot be written.
    """
    path = _cache(extractor, dataset, rows)
    if path.is_file():
        try:
            return load_stats(path)
        except ValueError as error:
            warn(f"Cached statistics are made again: {error}")
    size = max(CHUNK, extractor.batch_size)
    batches = (dataset.images[rows[i : i + size]] for i in range(0, len(rows), size))
    what = f"features of {dataset.name}"
    made = compute_stats(extractor, progress.counted(batches, len(rows), what))
    cache.write_cache(path, _arrays(made), warn)
    return made


def _cache(extractor, dataset, rows):
    """Returns the path of cached statistics, named by all that they depend on."""
    digest = hashlib.sha256(json.dumps([dataset.sha256, get_feature_spec(extractor)]).encode())
    digest.update(np.ascontiguousarray(rows, dtype=np.int64))
    return cache.get_keras_home() / "keras_gan" / f"statistics-{digest.hexdigest()[:16]}.npz"


def save_stats(path, statistics):
    """Writes an .npz file of mu (d,), sigma (d, d), n and the protocol.

    The names mu and sigma are those that pytorch-fid reads and writes.
    """
    npz.save(path, _arrays(statistics))


def _arrays(statistics):
    mu, sigma, n = statistics.gaussian
    known = {} if n is None else {"n": np.array(n)}
    return {"mu": mu, "sigma": sigma, "protocol": np.array(json.dumps(statistics.protocol))} | known


def is_stats_file(path):
    """Returns whether a file is an .npz file of statistics, and not one of images."""
    path = Path(path)
    if path.suffix != ".npz" or not path.is_file():
        return False
    return {"mu", "sigma"} <= npz.list_names(path)


def load_stats(path, stated=None):
    """Returns the `Statistics` in an .npz file.

    Args:
        stated: what the user says the protocol of a file without one is.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, holds no statistics, or no protocol and none is stated.
    """
    arrays = npz.load(path)
    try:
        gaussian = _gaussian(**{name: arrays.get(name) for name in ("mu", "sigma", "n")})
        kept = _protocol(arrays["protocol"]) if "protocol" in arrays else None
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"Expected statistics of features. Received: {path} ({error}).") from None
    if kept is None and stated is None:
        raise ValueError(
            f"Statistics must say of which features they are. Received: {path} without a protocol; "
            "--protocol NAME states it."
        )
    return FeatureStats(gaussian, kept or {"stated": stated})


def _gaussian(mu, sigma, n):
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


def _protocol(array):
    kept = json.loads(str(array))
    if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
        raise ValueError("its protocol is no dict of strings")
    return kept


def check_same_spec(a, b):
    """Refuses two `Statistics` whose numbers do not mean the same.

    A protocol that was stated is taken at its word where the other's features have that name.

    Raises:
        ValueError: their protocols or their numbers of features differ.
    """
    if a.protocol != b.protocol and not ({"stated"} & (a.protocol.keys() | b.protocol.keys())):
        names = [name for name, value in a.protocol.items() if b.protocol.get(name) != value]
        differing = "; ".join(f"{name} {a.protocol[name]} and {b.protocol.get(name)}" for name in names)
        raise ValueError(f"Both must be of one protocol. Received: {differing}.")
    said = [s.protocol.get("stated", s.protocol.get("features")) for s in (a, b)]
    if said[0] != said[1]:
        raise ValueError(f"Both must be of the same features. Received: {said[0]} and {said[1]}.")
    lengths = [len(s.gaussian.mu) for s in (a, b)]
    if lengths[0] != lengths[1]:
        raise ValueError(f"Both must have as many features. Received: {lengths[0]} and {lengths[1]}.")
