"""Distances and scores: arrays of features or probabilities in, numbers out.

Features are float (n, d), a row for each image, summed in float64. Wrong input raises ValueError.
"""

import contextlib
import io
import warnings
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import scipy  # whose parts are imported when they are first used
from numpy.typing import ArrayLike

Rng = np.random.RandomState | np.random.Generator


class Gaussian(NamedTuple):
    """Mean and covariance of n samples: mu float64 (d,), sigma float64 (d, d) with N-1."""

    mu: np.ndarray
    sigma: np.ndarray
    n: int | None  # None where a file of statistics does not say it


class Distance(NamedTuple):
    """A Fréchet distance, the form that gave it, and why it is not the form asked for."""

    value: float
    method: str
    note: str = ""


def _require(condition: bool, expected: str, received: object) -> None:
    if not condition:
        raise ValueError(f"{expected}. Received: {received}.")


def _check(features: ArrayLike, rows: int = 1) -> np.ndarray:
    array = np.asarray(features, np.float64)
    fits = array.ndim == 2 and len(array) >= rows and array.shape[1]
    _require(fits, f"An array must be (n, d), n at least {rows}", f"shape {array.shape}")
    _require(bool(np.isfinite(array).all()), "Numbers must be finite", "NaN or infinity")
    return array


def _check_pair(x: ArrayLike, y: ArrayLike, rows: int = 1) -> tuple[np.ndarray, np.ndarray]:
    x, y = _check(x, rows), _check(y, rows)
    _require(x.shape[1] == y.shape[1], "Both must have the same d", f"{x.shape} and {y.shape}")
    return x, y


def gaussian(batches: np.ndarray | Iterable[np.ndarray]) -> Gaussian:
    """Returns the `Gaussian` of an array (n, d), or of an iterable of arrays (m, d).

    Equals `np.mean` and `np.cov` of all rows, in memory that does not grow with their number:
    batches are merged as in Chan, Golub and LeVeque 1979 (Stanford STAN-CS-79-773).
    """
    if isinstance(batches, np.ndarray):
        batches = [batches[start : start + 1000] for start in range(0, len(batches), 1000)]
    n, mu, scatter = 0, np.zeros(0), np.zeros(0)
    for batch in map(_check, batches):
        m, d = batch.shape
        if not n:
            mu, scatter = np.zeros(d), np.zeros((d, d))
        _require(d == len(mu), "Batches must have the same d", f"{len(mu)}, {d}")
        shift = batch.mean(axis=0) - mu
        centred = batch - (mu + shift)
        scatter += centred.T @ centred + np.outer(shift, shift) * (n * m / (n + m))
        mu += shift * (m / (n + m))
        n += m
    _require(n >= 2, "A covariance needs at least 2 samples", f"n={n}")
    return Gaussian(mu, scatter / (n - 1), n)


def merge(a: Gaussian, b: Gaussian) -> Gaussian:
    """Returns the `Gaussian` of the samples of two, as `gaussian` does of all of them together."""
    n, shift = a.n + b.n, b.mu - a.mu
    within = (a.n - 1) * a.sigma + (b.n - 1) * b.sigma
    between = np.outer(shift, shift) * (a.n * b.n / n)
    return Gaussian(a.mu + shift * (b.n / n), (within + between) / (n - 1), n)


def frechet_distance(a: Gaussian, b: Gaussian, method: str = "sqrtm") -> Distance:
    """Returns the `Distance` |mu_a - mu_b|^2 + tr(sigma_a + sigma_b - 2 (sigma_a sigma_b)^(1/2)).

    Dowson and Landau 1982; of Inception features, the FID of Heusel et al. 2017 (arXiv:1706.08500).
    Biased: the fewer samples, the larger, by an amount that depends on the generator (Chong and
    Forsyth 2020, arXiv:1911.07023), so compare at equal n. Exactly 0 for equal Gaussians; else
    rounding can take it a little below 0.

    Args:
        a, b: `Gaussian`s of the same d.
        method: "sqrtm" takes `scipy.linalg.sqrtm` of the product, and agrees with pytorch-fid's
            `calculate_frechet_distance`. "symmetric" takes the trace of
            (sigma_a^(1/2) sigma_b sigma_a^(1/2))^(1/2): the same, always real, and faster. Where
            "sqrtm" differs from it, is complex or not finite, the symmetric value is returned
            and the note says why.
    """
    _require(method in ("sqrtm", "symmetric"), "method must be one of sqrtm, symmetric", f"method={method!r}")
    # Check the input. The factors A A^T = sigma also show a sigma that is no covariance.
    _check_pair(a.mu[None], b.mu[None])
    _check_pair(a.sigma, b.sigma)
    factors = _factor(a.sigma), _factor(b.sigma)
    if np.array_equal(a.mu, b.mu) and np.array_equal(a.sigma, b.sigma):
        return Distance(0.0, method)

    # The symmetric form: about a second at d = 2048.
    traces = np.trace(a.sigma) + np.trace(b.sigma)
    without_root = np.sum((a.mu - b.mu) ** 2) + traces
    symmetric = float(without_root - 2 * _trace_of_root(*factors))
    if method == "symmetric":
        return Distance(symmetric, method)

    # The published form: over ten times as long, and wrong without a word for singular products.
    trace, fault = _trace_of_sqrtm(a.sigma @ b.sigma)
    value = float(without_root - 2 * trace)

    # Keep it where both agree.
    if not fault and abs(value - symmetric) > 1e-6 * traces:
        fault = f"gives {value:.6g}"
    return Distance(symmetric, "symmetric", f"sqrtm {fault}") if fault else Distance(value, method)


def _factor(sigma: np.ndarray) -> np.ndarray:
    """Returns A (d, r) with A A^T = sigma: Cholesky's, or of eigenvectors where it is singular."""
    try:
        return scipy.linalg.cholesky(sigma, lower=True)
    except scipy.linalg.LinAlgError:
        values, vectors = scipy.linalg.eigh(sigma)
    near = values[0] >= -1e-4 * values[-1]  # single precision explains less than this
    _require(near, "sigma must have eigenvalues of 0 and up", f"{values[0]:.3g}..{values[-1]:.3g}")
    kept = values > len(values) * np.finfo(float).eps * values[-1]  # the others are rounding
    return vectors[:, kept] * np.sqrt(values[kept])


def _trace_of_root(a: np.ndarray, b: np.ndarray) -> float:
    """Returns tr (A A^T B B^T)^(1/2) as the sum of the singular values of A^T B, to nine digits.

    The roots of the eigenvalues of its square take a third of the time. They lose half of the
    digits of the small ones, and are taken where those hardly count.
    """
    product = a.T @ b if a.shape[1] <= b.shape[1] else b.T @ a
    if not product.size:  # of a single point, which older SciPys refuse
        return 0.0
    square = scipy.linalg.blas.dsyrk(1.0, product.T, trans=True)  # its upper triangle, in half the time
    squares = np.maximum(scipy.linalg.eigvalsh(square, lower=False, overwrite_a=True), 0)
    roots, rounding = np.sqrt(squares), np.finfo(float).eps * squares[-1]
    if np.sum(rounding / (roots + np.sqrt(rounding) + np.finfo(float).tiny)) < 1e-9 * roots.sum():
        return roots.sum()
    return scipy.linalg.svdvals(product).sum()


def _trace_of_sqrtm(product: np.ndarray) -> tuple[float, str]:
    """Returns the trace of SciPy's root and "", or NaN and what is wrong with the root."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # SciPy warns of singular matrices; older ones print
        root = scipy.linalg.sqrtm(product)
    if not np.isfinite(root).all():
        return np.nan, "is not finite"
    if np.imag(root).any():
        return np.nan, f"has an imaginary part of up to {np.abs(root.imag).max():.1e}"
    return np.trace(root).real, ""


def kernel_distance(
    x: np.ndarray,
    y: np.ndarray,
    subsets: int = 100,
    subset_size: int = 1000,
    rng: Rng | None = None,
) -> tuple[float, float]:
    """Returns mean and standard deviation over subsets of the unbiased MMD^2 (KID).

    With k(x, y) = (x.y / d + 1)^3: mean k of different x, plus that of different y, minus twice
    mean k(x, y). Binkowski et al. 2018 (arXiv:1801.01401). Agrees with torch-fidelity's
    `kid_features_to_metric`. Unbiased, so often below 0 for equal distributions; the deviation is
    that of one subset, not of the mean. x and y are float (n, d), n at least `subset_size`;
    `rng` draws the subsets; None is torch-fidelity's `RandomState(2020)`.
    """
    x, y = _check_pair(x, y)
    n = min(len(x), len(y))
    _require(2 <= subset_size <= n, f"subset_size must be in 2..{n}", f"subset_size={subset_size}")
    _require(subsets >= 1, "subsets must be at least 1", f"subsets={subsets}")
    rng = np.random.RandomState(2020) if rng is None else rng
    rows = ([rng.choice(len(f), subset_size, replace=False) for f in (x, y)] for _ in range(subsets))
    mmds = [_squared_mmd(x[x_rows], y[y_rows]) for x_rows, y_rows in rows]
    return float(np.mean(mmds)), float(np.std(mmds))


def _squared_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """Returns the MMD^2 by k - 1 = u (3 + u (3 + u)), u = x.y / d: the ones of k cancel.

    scikit-learn's `polynomial_kernel` is k itself, in which small features are lost beside 1.
    """
    m, d = x.shape
    products = (u @ v.T / d for u, v in ((x, x), (y, y), (x, y)))
    xx, yy, xy = (u * (3 + u * (3 + u)) for u in products)
    different = xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)
    return different / (m * (m - 1)) - 2 * xy.mean()


def inception_score(p: np.ndarray, splits: int = 10, rng: Rng | None = None) -> tuple[float, float]:
    """Returns mean and standard deviation over splits of exp(mean KL(p(y|x) || p(y))).

    Salimans et al. 2016 (arXiv:1606.03498). Agrees with torch-fidelity's `isc_features_to_metric`.
    From 1 to the number of classes; it never sees real images, and falls with fewer samples.
    p is float (n, classes), probabilities in rows that sum to 1, n at least `splits`; `rng` shuffles
    them, and None is torch-fidelity's `RandomState(2020)`.
    """
    _require(splits >= 1, "splits must be at least 1", f"splits={splits}")
    p = _check(p, rows=splits)
    sums = p.sum(axis=1)
    fits = p.min() >= 0 and np.abs(sums - 1).max() < 1e-3
    _require(fits, "Rows must be probabilities", f"{p.min()} and up, sums {sums.min()} to {sums.max()}")
    p = p[(np.random.RandomState(2020) if rng is None else rng).permutation(len(p))]
    parts = np.split(p, [i * len(p) // splits for i in range(1, splits)])
    scores = [np.exp(scipy.stats.entropy(q, q.mean(axis=0, keepdims=True), axis=1).mean()) for q in parts]
    return float(np.mean(scores)), float(np.std(scores))


def precision_recall(real: np.ndarray, fake: np.ndarray, k: int = 3) -> tuple[float, float]:
    """Returns precision, the share of fakes near a real sample, and recall, of real near a fake.

    Near is within the distance from a sample to its k-th nearest neighbour in its own set; n and
    m must be above k. Kynkäänniemi et al. 2019 (arXiv:1904.06991). Agrees with torch-fidelity's
    `prc_features_to_metric`. Both depend on n and k, and an outlier has a large ball.
    """
    _require(k >= 1, "k must be at least 1", f"k={k}")
    real, fake = _check_pair(real, fake, rows=k + 1)
    # Distances are computed from products, in which they are lost where all features are far from 0.
    centre = np.median(real, axis=0)  # which outliers do not move, unlike the mean
    real, fake = real - centre, fake - centre
    return _share_near(fake, real, k), _share_near(real, fake, k)


def _share_near(x: np.ndarray, y: np.ndarray, k: int) -> float:
    radii = np.hstack([np.partition(part, k)[:, k] for part in _distances(y, y)])
    return float(np.hstack([(part <= radii).any(axis=1) for part in _distances(x, y)]).mean())


def _distances(x: np.ndarray, y: np.ndarray) -> Iterator[np.ndarray]:
    """Yields distances (rows, len(y)) of successive rows of x, some 256 MiB at a time."""
    from sklearn.metrics import pairwise_distances_chunked  # half a second, which no training needs

    rounding_noise = 1e-6 * np.linalg.norm(y, axis=1)
    for part in pairwise_distances_chunked(x, y, working_memory=256):
        part[part < rounding_noise] = 0  # equal rows are 0 apart, which the fast form of |x - y| is not
        yield part
