"""Distances and scores: arrays of features, probabilities, labels or losses in, numbers out.

Networks, files and protocols are known elsewhere. Features are float (n, d), a row for each
image, and summed in float64. Input that does not fit raises ValueError.
"""

import contextlib
import io
import warnings
from typing import NamedTuple

import numpy as np
from scipy import linalg, special


def pixel_std(images):
    """Returns how much images differ: their standard deviation at a pixel, averaged over pixels.

    Args:
        images: uint8 (n, h, w, c).

    Returns:
        A float in grey levels, 0 where all are the same.
    """
    return float(images.std(axis=0, dtype=np.float32).mean())


class Gaussian(NamedTuple):
    """Mean and covariance of n samples: mu float64 (d,), sigma float64 (d, d) with N-1."""

    mu: np.ndarray
    sigma: np.ndarray
    n: int


class Distance(NamedTuple):
    """A Fréchet distance, the form that gave it, and why it is not the form asked for."""

    value: float
    method: str
    note: str = ""


def _require(condition, expected, received):
    if not condition:
        raise ValueError(f"{expected}. Received: {received}.")


def _checked(array, rows=1):
    array = np.asarray(array, np.float64)
    fits = array.ndim == 2 and len(array) >= rows and array.shape[1]
    _require(fits, f"An array must be (n, d), n at least {rows}", f"shape {array.shape}")
    _require(np.isfinite(array).all(), "Numbers must be finite", "NaN or infinity")
    return array


def _pair(x, y, rows=1):
    x, y = _checked(x, rows), _checked(y, rows)
    _require(x.shape[1] == y.shape[1], "Both must have the same d", f"{x.shape} and {y.shape}")
    return x, y


def gaussian(batches):
    """Returns the `Gaussian` of an array (n, d), or of an iterable of arrays (m, d).

    Equals `np.mean` and `np.cov` of all rows, in memory that does not grow with their number:
    batches are merged as in Chan, Golub and LeVeque 1979 (Stanford STAN-CS-79-773).
    """
    if isinstance(batches, np.ndarray):
        batches = [batches[start : start + 1000] for start in range(0, len(batches), 1000)]
    n, mu, scatter = 0, 0.0, 0.0
    for batch in map(_checked, batches):
        m, d = batch.shape
        _require(d == np.size(mu) or not n, "Batches must have the same d", f"{np.size(mu)}, {d}")
        shift = batch.mean(axis=0) - mu
        centred = batch - (mu + shift)
        scatter += centred.T @ centred + np.outer(shift, shift) * (n * m / (n + m))
        mu += shift * (m / (n + m))
        n += m
    _require(n >= 2, "A covariance needs at least 2 samples", f"n={n}")
    return Gaussian(mu, scatter / (n - 1), n)


def merge(a, b):
    """Returns the `Gaussian` of the samples of two, as `gaussian` does of all of them together."""
    n, shift = a.n + b.n, b.mu - a.mu
    within = (a.n - 1) * a.sigma + (b.n - 1) * b.sigma
    between = np.outer(shift, shift) * (a.n * b.n / n)
    return Gaussian(a.mu + shift * (b.n / n), (within + between) / (n - 1), n)


def frechet_distance(a, b, method="sqrtm"):
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
            "sqrtm" is off it, complex or not finite, that is returned, and the note says why.
    """
    known = ("sqrtm", "symmetric")
    _require(method in known, f"method must be one of {', '.join(known)}", f"method={method!r}")
    _pair(a.mu[None], b.mu[None])
    _pair(a.sigma, b.sigma)
    factors = _factor(a.sigma), _factor(b.sigma)
    if np.array_equal(a.mu, b.mu) and np.array_equal(a.sigma, b.sigma):
        return Distance(0.0, method)
    traces = np.trace(a.sigma) + np.trace(b.sigma)
    apart = np.sum((a.mu - b.mu) ** 2) + traces
    exact = float(apart - 2 * _trace_of_root(*factors))
    if method == "symmetric":
        return Distance(exact, method)
    trace, fault = _trace_of_sqrtm(a.sigma @ b.sigma)
    value = float(apart - 2 * trace)
    if not fault and abs(value - exact) > 1e-6 * traces:
        fault = f"gives {value:.6g}"
    return Distance(exact, "symmetric", f"sqrtm {fault}") if fault else Distance(value, method)


def _factor(sigma):
    """Returns A (d, r) with A A^T = sigma: Cholesky's, or of eigenvectors where it is singular."""
    try:
        return linalg.cholesky(sigma, lower=True)
    except linalg.LinAlgError:
        values, vectors = linalg.eigh(sigma)
    near = values[0] >= -1e-4 * values[-1]  # single precision explains less than this
    _require(near, "sigma must have eigenvalues of 0 and up", f"{values[0]:.3g}..{values[-1]:.3g}")
    kept = values > len(values) * np.finfo(float).eps * values[-1]  # the others are rounding
    return vectors[:, kept] * np.sqrt(values[kept])


def _trace_of_root(a, b):
    """Returns tr (A A^T B B^T)^(1/2) as the sum of the singular values of A^T B, to nine digits.

    The roots of the eigenvalues of its square take a third of the time. They lose half of the
    digits of the small ones, and are taken where those hardly count.
    """
    product = a.T @ b if a.shape[1] <= b.shape[1] else b.T @ a
    if not product.size:  # of a single point, which older SciPys refuse
        return 0.0
    square = linalg.blas.dsyrk(1.0, product.T, trans=True)  # its upper triangle, in half the time
    squares = np.maximum(linalg.eigvalsh(square, lower=False, overwrite_a=True), 0)
    roots, rounding = np.sqrt(squares), np.finfo(float).eps * squares[-1]
    if np.sum(rounding / (roots + np.sqrt(rounding) + np.finfo(float).tiny)) < 1e-9 * roots.sum():
        return roots.sum()
    return linalg.svdvals(product).sum()


def _trace_of_sqrtm(product):
    """Returns the trace of SciPy's root and "", or NaN and what is wrong with the root."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # SciPy warns of singular matrices; older ones print
        root = linalg.sqrtm(product)
    if not np.isfinite(root).all():
        return np.nan, "is not finite"
    if np.imag(root).any():
        return np.nan, f"has an imaginary part of up to {np.abs(root.imag).max():.1e}"
    return np.trace(root).real, ""


def frechet_distance_of_features(x, y):
    """Returns the symmetric `Distance` of two sets of features, float (n, d) and (m, d).

    With n or m below d no d x d matrix is formed: with X and Y the centred features,
    tr (sigma_a sigma_b)^(1/2) is the sum of the singular values of X Y^T / sqrt((n - 1)(m - 1)).
    """
    x, y = _pair(x, y, rows=2)
    if min(len(x), len(y)) >= x.shape[1]:
        return frechet_distance(gaussian(x), gaussian(y), "symmetric")
    a, b = (((f - f.mean(axis=0)) / np.sqrt(len(f) - 1)).T for f in (x, y))
    apart = np.sum((x.mean(axis=0) - y.mean(axis=0)) ** 2) + np.sum(a**2) + np.sum(b**2)
    return Distance(float(apart - 2 * _trace_of_root(a, b)), "low-rank")


def kernel_distance(x, y, subsets=100, subset_size=1000, rng=None):
    """Returns mean and standard deviation over subsets of the unbiased MMD^2 (KID).

    With k(x, y) = (x.y / d + 1)^3: mean k of different x, plus that of different y, minus twice
    mean k(x, y). Binkowski et al. 2018 (arXiv:1801.01401). Agrees with torch-fidelity's
    `kid_features_to_metric`. Unbiased, so often below 0 for equal distributions; the deviation is
    that of one subset, not of the mean. x and y are float (n, d), n at least `subset_size`;
    `rng` draws the subsets; None is torch-fidelity's `RandomState(2020)`.
    """
    x, y = _pair(x, y)
    n = min(len(x), len(y))
    _require(2 <= subset_size <= n, f"subset_size must be in 2..{n}", f"subset_size={subset_size}")
    _require(subsets >= 1, "subsets must be at least 1", f"subsets={subsets}")
    rng = np.random.RandomState(2020) if rng is None else rng
    rows = ([rng.choice(len(f), subset_size, replace=False) for f in (x, y)] for _ in range(subsets))
    mmds = [_squared_mmd(x[x_rows], y[y_rows]) for x_rows, y_rows in rows]
    return float(np.mean(mmds)), float(np.std(mmds))


def _squared_mmd(x, y):
    m, d = x.shape
    xx, yy, xy = ((u @ v.T / d + 1) ** 3 for u, v in ((x, x), (y, y), (x, y)))
    different = xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)
    return different / (m * (m - 1)) - 2 * xy.mean()


def inception_score(probabilities, splits=10, rng=None):
    """Returns mean and standard deviation over splits of exp(mean KL(p(y|x) || p(y))).

    Salimans et al. 2016 (arXiv:1606.03498). Agrees with torch-fidelity's `isc_features_to_metric`.
    From 1 to the number of classes; it never sees real images, and falls with fewer samples.
    Probabilities are float (n, classes), rows that sum to 1, n at least `splits`; `rng` shuffles
    them, and None is torch-fidelity's `RandomState(2020)`.
    """
    _require(splits >= 1, "splits must be at least 1", f"splits={splits}")
    p = _checked(probabilities, rows=splits)
    sums = p.sum(axis=1)
    fits = p.min() >= 0 and np.abs(sums - 1).max() < 1e-3
    _require(fits, "Rows must be probabilities", f"{p.min()} and up, sums {sums.min()} to {sums.max()}")
    p = p[(np.random.RandomState(2020) if rng is None else rng).permutation(len(p))]
    parts = np.split(p, [i * len(p) // splits for i in range(1, splits)])
    scores = [np.exp(special.rel_entr(q, q.mean(axis=0)).sum(axis=1).mean()) for q in parts]
    return float(np.mean(scores)), float(np.std(scores))


def precision_recall(real, fake, k=3):
    """Returns precision, the share of fakes near a real sample, and recall, of real near a fake.

    Near is within the distance from a sample to its k-th nearest neighbour in its own set; n and
    m must be above k. Kynkäänniemi et al. 2019 (arXiv:1904.06991). Agrees with torch-fidelity's
    `prc_features_to_metric`. Both depend on n and k, and an outlier has a large ball.
    """
    _require(k >= 1, "k must be at least 1", f"k={k}")
    real, fake = _pair(real, fake, rows=k + 1)
    return _share_near(fake, real, k), _share_near(real, fake, k)


def _share_near(x, y, k):
    radii = np.hstack([np.partition(part, k)[:, k] for part in _distances(y, y)])
    return float(np.hstack([(part <= radii).any(axis=1) for part in _distances(x, y)]).mean())


def _distances(x, y):
    """Yields distances (rows, len(y)) of successive rows of x, some 256 MiB at a time."""
    from sklearn.metrics import pairwise_distances_chunked

    rounding = 1e-6 * np.linalg.norm(y, axis=1)
    for part in pairwise_distances_chunked(x, y, working_memory=256):
        part[part < rounding] = 0  # equal rows are 0 apart, which the fast form of |x - y| is not
        yield part


def nearer_share(fakes, tests):
    """Returns how often a fake is nearer to the training set than a test image is: 1 for copies.

    The share of pairs whose fake is nearer, equal distances counting half: 0.5 for samples of the
    distribution itself, less for those far from it. The Mann-Whitney form of Meehan et al. 2020
    (arXiv:2004.05675). Blurred samples are near too, in pixels more than in features.

    Args:
        fakes, tests: float (n,) and (m,), distances of each to its nearest training image.
    """
    below, up_to = (np.searchsorted(np.sort(tests), fakes, side) for side in ("left", "right"))
    return float(1 - (below + up_to).mean() / (2 * len(tests)))


def count_distinct(images):
    """Returns the number of distinct images of uint8 (n, h, w, c), those that differ in a byte."""
    return len({image.tobytes() for image in images})


def class_coverage(labels, classes):
    """Returns how many classes occur in integers (n,), and the entropy of their shares in nats."""
    counts = np.bincount(labels, minlength=classes)
    fits = 0 < counts.sum() and len(counts) == classes
    _require(fits, f"Labels must be in 0..{classes - 1}", f"counts {counts}")
    return int(np.count_nonzero(counts)), float(special.entr(counts / counts.sum()).sum())


def trend_and_spread(losses):
    """Returns slope (least squares, in 1000 steps) and deviation of the last tenth of (steps,)."""
    losses = _checked(np.reshape(losses, (-1, 1)), rows=2)[:, 0]
    tail = losses[-max(2, len(losses) // 10) :]
    return float(1000 * np.polyfit(np.arange(len(tail)), tail, 1)[0]), float(tail.std())
