"""Tests of distances and scores: answers worked out by hand, then short restatements."""

import re
import tracemalloc
import warnings

import numpy as np
import pytest
import sklearn.metrics
from scipy import linalg
from scipy.spatial.distance import cdist

from keras_gan.evaluation import metrics

METHODS = ("sqrtm", "symmetric")
methods = pytest.mark.parametrize("method", METHODS)


def normal(seed, n, d, shift=0.0):
    """Returns features (n, d) of correlated normals, another covariance for each seed."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + shift


def line(*values):
    return np.array(values, float).reshape(-1, 1)


def peak_bytes(function, *arguments):
    tracemalloc.start()
    function(*arguments)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


# Statistics


def test_gaussian_of_three_points_divides_by_n_minus_1():
    mu, sigma, n = metrics.gaussian(np.array([[0, 0], [2, 0], [1, 3]]))
    assert mu.tolist() == [1, 1] and sigma.tolist() == [[1, 0], [0, 3]] and n == 3


@pytest.mark.parametrize("rows", [1, 2, 7, 2500])
def test_gaussian_is_numpy_mean_and_cov_however_the_rows_are_cut(rows):
    """Far from 0, where the sum of squares minus the square of the sum would keep 4 digits."""
    features = normal(0, 2500, 5, shift=1e6)
    mu, sigma, n = metrics.gaussian(features[i : i + rows] for i in range(0, 2500, rows))
    np.testing.assert_allclose(mu, features.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(sigma, np.cov(features, rowvar=False), rtol=0, atol=1e-8)
    assert n == 2500 and mu.dtype == sigma.dtype == np.float64


def test_gaussian_takes_one_array_and_sums_single_precision_in_double():
    features = normal(0, 2500, 5, shift=1000).astype(np.float32)
    mu, sigma, n = metrics.gaussian(features)
    np.testing.assert_allclose(sigma, np.cov(features, rowvar=False, dtype=np.float64), rtol=1e-9)
    np.testing.assert_allclose(mu, features.mean(axis=0, dtype=np.float64), rtol=1e-13)
    assert n == 2500


def test_gaussian_keeps_no_batch():
    batches = (np.full((1000, 20), i, np.float32) for i in range(100))  # 8 MB, or 16 MB as float64
    assert peak_bytes(metrics.gaussian, batches) < 2e6


@pytest.mark.parametrize(
    "batches, message",
    [
        ([], "at least 2 samples. Received: n=0"),
        ([np.ones((1, 3))], "at least 2 samples. Received: n=1"),
        ([np.ones((2, 3)), np.ones((2, 4))], "same d. Received: 3, 4"),
        ([np.ones(3)], r"must be \(n, d\).* Received: shape \(3,\)"),
        ([np.ones((2, 3)), np.full((2, 3), np.nan)], "finite. Received: NaN or infinity"),
        (np.full((2, 3), np.inf), "finite. Received: NaN or infinity"),
    ],
)
def test_gaussian_refuses_what_has_no_covariance(batches, message):
    with pytest.raises(ValueError, match=message):
        metrics.gaussian(batches)


# Fréchet distance


@methods
def test_frechet_distance_of_two_normals_in_one_dimension(method):
    """(0 - 3)^2 + (2 - 5)^2, for deviations of 2 and 5."""
    a, b = (metrics.Gaussian(np.array([m]), np.array([[v]]), 9) for m, v in ((0.0, 4.0), (3.0, 25.0)))
    np.testing.assert_allclose(metrics.frechet_distance(a, b, method).value, 18, rtol=1e-12)


@methods
def test_frechet_distance_of_diagonal_covariances_is_the_squared_distance_of_deviations(method):
    a, b = (metrics.Gaussian(np.zeros(3), np.diag(np.square(s)), 9) for s in ([1.0, 2, 3], [3.0, 2, 7]))
    np.testing.assert_allclose(metrics.frechet_distance(a, b, method).value, 4 + 0 + 16, rtol=1e-12)


@methods
def test_frechet_distance_of_covariances_that_do_not_commute(method):
    """The root of a 2 x 2 matrix has the trace (tr + 2 det^(1/2))^(1/2): here tr 10, det 12."""
    a = metrics.Gaussian(np.zeros(2), np.array([[2.0, 1], [1, 2]]), 9)
    b = metrics.Gaussian(np.zeros(2), np.diag([1.0, 4]), 9)
    expected = 4 + 5 - 2 * np.sqrt(10 + 2 * np.sqrt(12))
    np.testing.assert_allclose(metrics.frechet_distance(a, b, method).value, expected, rtol=1e-12)


@methods
def test_frechet_distance_of_equal_covariances_is_squared_mean_distance(method):
    a = metrics.gaussian(normal(0, 100, 6))
    b = a._replace(mu=a.mu + np.arange(6))
    np.testing.assert_allclose(metrics.frechet_distance(a, b, method).value, 55, rtol=1e-9)


@pytest.mark.parametrize("n", [5, 40, 41, 400])
@methods
def test_frechet_distance_of_a_set_to_itself_is_exactly_0(n, method):
    same = metrics.gaussian(normal(1, n, 40, shift=3))
    copy = same._replace(mu=same.mu.copy(), sigma=same.sigma.copy())
    assert metrics.frechet_distance(same, copy, method) == (0.0, method, "")


@pytest.mark.parametrize("n", [5, 40, 41, 400])
@methods
def test_frechet_distance_of_nearly_equal_statistics_is_0_up_to_the_rounding_of_the_method(n, method):
    """A root of a singular product: an eigenvalue of 0 is computed as one of about eps |AB|, and its
    root as (eps |AB|)^(1/2), where the symmetric form has eps |A|. So many are missing from the rank."""
    features = normal(1, n, 40, shift=3)
    same = metrics.gaussian(features)
    again = metrics.merge(metrics.gaussian(features[: n // 2]), metrics.gaussian(features[n // 2 :]))
    scale, missing = np.linalg.norm(same.sigma, 2), max(0, 40 - (n - 1))
    bound = 1e-9 * np.trace(same.sigma)  # the symmetric form keeps nine digits
    if method == "sqrtm":
        bound += 2 * missing * np.sqrt(100 * np.finfo(float).eps) * scale  # 100: products of 40 terms
    value = metrics.frechet_distance(same, again, method).value
    np.testing.assert_allclose(value, 0, rtol=0, atol=bound)


@methods
def test_frechet_distance_is_that_of_the_eigenvalues_of_the_product(method):
    a, b = metrics.gaussian(normal(2, 90, 12)), metrics.gaussian(normal(3, 70, 12, shift=1))
    roots = np.sqrt(np.linalg.eigvals(a.sigma @ b.sigma).real).sum()
    expected = np.sum((a.mu - b.mu) ** 2) + np.trace(a.sigma + b.sigma) - 2 * roots
    distance = metrics.frechet_distance(a, b, method)
    np.testing.assert_allclose(distance.value, expected, rtol=1e-10)
    assert distance[1:] == (method, "") and isinstance(distance.value, float)


@pytest.mark.parametrize("power", [0, 1, 3, 6])
def test_trace_of_a_root_has_all_its_digits_whatever_the_spectrum(power):
    rng = np.random.default_rng(power)
    a, b = (rng.standard_normal((80, 60)) * np.arange(1, 61.0) ** -power for _ in range(2))
    exact = linalg.svdvals(a.T @ b).sum()
    assert metrics._trace_of_root(a, b) == pytest.approx(exact, rel=1e-12)


@methods
def test_frechet_distance_from_a_single_point_is_mean_distance_and_trace(method):
    point = metrics.gaussian(np.ones((4, 2)))
    other = metrics.Gaussian(np.array([1.0, 4]), np.diag([2.0, 3]), 9)
    assert metrics.frechet_distance(point, other, method).value == pytest.approx(9 + 5)
    assert metrics.frechet_distance(point, point, method).value == 0


def test_fewer_samples_than_d_give_the_symmetric_value_and_say_why(capfd):
    x, y = normal(6, 20, 60), normal(7, 25, 60, shift=1)
    a, b = metrics.gaussian(x), metrics.gaussian(y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, method, note = metrics.frechet_distance(a, b)
    assert method == "symmetric" and note.startswith("sqrtm has an imaginary part of up to ")
    np.testing.assert_allclose(value, metrics.frechet_distance(a, b, "symmetric").value, rtol=1e-12)
    assert capfd.readouterr() == ("", "")


def test_covariances_rounded_to_single_precision_still_have_a_distance():
    a, b = (metrics.gaussian(normal(seed, 30, 60)) for seed in (6, 7))
    rounded = [g._replace(sigma=g.sigma.astype(np.float32).astype(np.float64)) for g in (a, b)]
    assert np.linalg.eigvalsh(rounded[0].sigma)[0] < 0
    exact = metrics.frechet_distance(a, b, "symmetric").value
    np.testing.assert_allclose(metrics.frechet_distance(*rounded).value, exact, rtol=1e-3)


@pytest.mark.parametrize(
    "factor, note",
    [
        (1 + 1e-8, ""),
        (1 + 1e-4, r"sqrtm gives \S+"),
        (np.nan, "sqrtm is not finite"),
        (np.inf, "sqrtm is not finite"),
        (1 + 1e-9j, r"sqrtm has an imaginary part of up to \S+e-\d\d"),
    ],
)
def test_a_root_that_cannot_be_right_is_replaced_and_named(monkeypatch, capfd, factor, note):
    """Called with the product alone: SciPy 1.18 has no `disp`. What SciPy says does not leak."""
    a, b = metrics.gaussian(normal(8, 90, 4)), metrics.gaussian(normal(9, 70, 4, shift=1))
    root = metrics.scipy.linalg.sqrtm(a.sigma @ b.sigma)

    def sqrtm(product):
        print("Failed to find a square root.")
        warnings.warn("Matrix is singular.")
        return root * factor

    monkeypatch.setattr(metrics.scipy.linalg, "sqrtm", sqrtm)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        distance = metrics.frechet_distance(a, b)
    exact = metrics.frechet_distance(a, b, "symmetric").value
    assert pytest.approx(exact, rel=1e-6) == distance.value
    assert distance.method == ("symmetric" if note else "sqrtm")
    assert re.fullmatch(note, distance.note) and (distance.value == exact) == bool(note)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"mu": np.zeros(3)}, r"same d. Received: \(1, 2\) and \(1, 3\)"),
        ({"sigma": np.eye(3)}, r"same d. Received: \(2, 2\) and \(3, 3\)"),
        ({"sigma": np.diag([1.0, -0.1])}, "eigenvalues of 0 and up. Received: -0.1..1"),
        ({"sigma": -np.eye(2)}, "eigenvalues of 0 and up. Received: -1..-1"),
        ({"sigma": np.diag([1.0, np.nan])}, "finite"),
        ({"mu": np.array([0.0, np.inf])}, "finite"),
    ],
)
def test_frechet_distance_refuses_what_is_no_pair_of_gaussians(changed, message):
    a = metrics.Gaussian(np.zeros(2), np.eye(2), 9)
    with pytest.raises(ValueError, match=message):
        metrics.frechet_distance(a, a._replace(**changed))


def test_frechet_distance_refuses_other_methods():
    a = metrics.Gaussian(np.zeros(2), np.eye(2), 9)
    with pytest.raises(ValueError, match="one of sqrtm, symmetric. Received: method='exact'"):
        metrics.frechet_distance(a, a, "exact")


# Kernel distance


@pytest.mark.parametrize("d", [1, 3])
def test_kernel_distance_of_two_pairs_by_hand(d):
    """x = 0, 1 and y = 2, 3, in every column: 1 + 7^3 - 2 (1 + 1 + 3^3 + 4^3) / 4."""
    x, y = line(0, 1).repeat(d, axis=1), line(2, 3).repeat(d, axis=1)
    mean, std = metrics.kernel_distance(x, y, subsets=4, subset_size=2)
    np.testing.assert_allclose([mean, std], [297.5, 0], rtol=1e-12, atol=1e-12)


def squared_mmd(x, y):
    """Returns the unbiased estimate, one pair at a time."""
    m, d = x.shape
    total = 0.0
    for i in range(m):
        for j in range(m):
            if i != j:
                within = (x[i] @ x[j] / d + 1) ** 3 + (y[i] @ y[j] / d + 1) ** 3
                total += within / (m * (m - 1))
            total -= 2 * (x[i] @ y[j] / d + 1) ** 3 / m**2
    return total


def test_kernel_distance_is_that_of_subsets_drawn_x_first_from_seed_2020():
    x, y = normal(0, 40, 3), normal(1, 30, 3)
    rng, expected = np.random.RandomState(2020), []
    for _ in range(5):
        x_subset = x[rng.choice(40, 12, replace=False)]
        expected.append(squared_mmd(x_subset, y[rng.choice(30, 12, replace=False)]))
    got = metrics.kernel_distance(x, y, subsets=5, subset_size=12)
    np.testing.assert_allclose(got, (np.mean(expected), np.std(expected)), rtol=1e-10)


def test_kernel_distance_of_small_features_has_all_its_digits():
    """Scaled by s, where k - 1 is 3 u but for a part of s^2, the distance is scaled by s^2."""
    x, y = normal(0, 40, 3), normal(1, 30, 3, shift=1)
    small, smaller = (metrics.kernel_distance(s * x, s * y, 5, 12)[0] / s**2 for s in (1e-5, 1e-7))
    np.testing.assert_allclose(small, smaller, rtol=1e-7)


def test_kernel_distance_draws_from_the_rng_given():
    x, y = normal(0, 40, 3), normal(1, 30, 3)
    first, again, other = (
        metrics.kernel_distance(x, y, 5, 12, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_kernel_distance_of_one_distribution_is_about_0_and_shift_shows():
    x, y = np.split(np.random.default_rng(0).normal(size=(4000, 8)), 2)
    mean, std = metrics.kernel_distance(x, y, subsets=100, subset_size=100)
    assert abs(mean) < 0.4 * std  # of a mean of 100 such subsets, which overlap
    assert metrics.kernel_distance(x, y + 0.5, subsets=100, subset_size=100)[0] > 10 * std


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"subset_size": 11}, r"in 2\.\.10. Received: subset_size=11"),
        ({"subset_size": 1}, r"in 2\.\.10. Received: subset_size=1"),
        ({"subset_size": 5, "subsets": 0}, "at least 1. Received: subsets=0"),
    ],
)
def test_kernel_distance_refuses_subsets_that_cannot_be_drawn(settings, message):
    with pytest.raises(ValueError, match=message):
        metrics.kernel_distance(normal(0, 20, 3), normal(1, 10, 3), **settings)


# Inception Score


def test_inception_score_of_sure_and_even_predictions_is_the_number_of_classes():
    np.testing.assert_allclose(metrics.inception_score(np.eye(5).repeat(4, 0), splits=1), (5, 0))


def test_inception_score_of_equal_predictions_is_1():
    np.testing.assert_allclose(metrics.inception_score(np.full((30, 4), 0.25)), (1, 0), atol=1e-12)


def test_inception_score_of_two_predictions_by_hand():
    """p(y) = (3/4, 1/4): KL is (log 2/3 + log 2) / 2 = log(4/3) / 2, and log(4/3)."""
    score, spread = metrics.inception_score(np.array([[0.5, 0.5], [1, 0]]), splits=1)
    np.testing.assert_allclose([score, spread], [(4 / 3) ** 0.75, 0], rtol=1e-12, atol=1e-12)


def test_inception_score_is_that_of_uneven_splits_shuffled_by_seed_2020():
    p = np.random.default_rng(0).dirichlet(np.ones(4), 23)
    shuffled = p[np.random.RandomState(2020).permutation(23)]
    ends = [0, 4, 9, 13, 18, 23]  # i * 23 // 5
    parts = [shuffled[low:high] for low, high in zip(ends, ends[1:])]
    expected = [np.exp((q * np.log(q / q.mean(0))).sum() / len(q)) for q in parts]
    got = metrics.inception_score(p, splits=5)
    np.testing.assert_allclose(got, (np.mean(expected), np.std(expected)), rtol=1e-12)
    assert got != metrics.inception_score(p, splits=5, rng=np.random.default_rng(1))


@pytest.mark.parametrize(
    "p, splits, message",
    [
        (np.eye(4), 5, r"n at least 5. Received: shape \(4, 4\)"),
        (np.eye(4), 0, "at least 1. Received: splits=0"),
        (np.eye(4) * 0.99, 2, "Rows must be probabilities. Received: 0.0 and up, sums 0.99 to"),
        (np.eye(4) * 3 - 0.5, 2, "Rows must be probabilities. Received: -0.5 and up"),
    ],
)
def test_inception_score_refuses_what_are_not_probabilities(p, splits, message):
    with pytest.raises(ValueError, match=message):
        metrics.inception_score(p, splits=splits)


# Precision and recall


def test_precision_and_recall_by_hand_with_samples_on_the_border_near():
    """Real balls have radius 1, 1, 9, 10, and hold -1; fake ones have 1, and hold 0."""
    real, fake = line(0, 1, 10, 20), line(-1, -2, 100, 101)
    assert metrics.precision_recall(real, fake, k=1) == (0.25, 0.25)


def test_precision_and_recall_by_hand_with_the_second_neighbour():
    """Real balls have radius 10, 9, 10, 19, and hold -1 and -2; fake ones hold all."""
    real, fake = line(0, 1, 10, 20), line(-1, -2, 100, 101)
    assert metrics.precision_recall(real, fake, k=2) == (0.5, 1)


@pytest.mark.parametrize("copies", [1, 6])
def test_precision_and_recall_of_equal_sets_are_1_also_with_copies_in_them(copies):
    features = np.tile(normal(0, 50, 30, shift=20), (copies, 1))
    shuffled = np.random.default_rng(0).permutation(features)
    assert metrics.precision_recall(features, shuffled) == (1, 1)


@pytest.mark.parametrize("far", [0, 1e9])
def test_precision_and_recall_of_disjoint_sets_are_0_whatever_lies_far_off(far):
    """Two outliers in each set, of which each holds the other: they must not blur the near ones."""
    real, fake = np.random.default_rng(0).normal(size=(2, 30, 4)) + [[[0]], [[50]]]
    real[:2] += [[far], [far * 1.0001]]
    fake[:2] -= [[far], [far * 1.0001]]
    assert metrics.precision_recall(real, fake, k=1) == (0, 0)


@pytest.mark.parametrize("offset", [0, 1e6])
def test_precision_and_recall_do_not_depend_on_where_the_features_lie(offset):
    """Distances of about 1, from products of about 1e12 that float64 rounds to 1e-4."""
    real, fake = np.random.default_rng(0).normal(size=(2, 80, 4))
    near = cdist(fake, real)
    real_radii, fake_radii = (np.sort(cdist(f, f))[:, 3] for f in (real, fake))
    expected = (near <= real_radii).any(1).mean(), (near <= fake_radii[:, None]).any(0).mean()
    assert metrics.precision_recall(real + offset, fake + offset) == expected


@pytest.fixture
def small_batches(monkeypatch):
    """Cuts distances after a few rows, and counts the parts."""
    whole, rows = sklearn.metrics.pairwise_distances_chunked, []

    def parts(x, y, working_memory):
        for part in whole(x, y, working_memory=0.01):
            rows.append(len(part))
            yield part

    monkeypatch.setattr(sklearn.metrics, "pairwise_distances_chunked", parts)
    return rows


def test_precision_and_recall_are_those_of_all_distances_at_once(small_batches):
    real, fake = normal(0, 80, 5), normal(1, 60, 5)
    near = cdist(fake, real)
    real_radii, fake_radii = (np.sort(cdist(f, f))[:, 3] for f in (real, fake))
    expected = (near <= real_radii).any(1).mean(), (near <= fake_radii[:, None]).any(0).mean()
    assert 0 < expected[0] != expected[1] < 1
    assert metrics.precision_recall(real, fake) == expected
    assert len(small_batches) > 8 and max(small_batches) < 60


@pytest.mark.parametrize("k", [0, 4, 5])
def test_precision_and_recall_refuse_k_without_so_many_neighbours(k):
    with pytest.raises(ValueError, match="k must be at least 1|n at least"):
        metrics.precision_recall(normal(0, 9, 2), normal(1, 4, 2), k=k)
