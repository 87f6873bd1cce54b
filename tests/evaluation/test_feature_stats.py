import json

import numpy as np
import pytest

from keras_gan.data import datasets
from keras_gan.evaluation import feature_stats, metrics
from keras_gan.files import npz
from tests.conftest import Corner, forbidden

RNG = np.random.default_rng(0)
DATASET = datasets.Dataset.from_array(RNG.integers(0, 256, (90, 4, 4, 1), np.uint8), "set")
ALL = np.arange(90)


def assert_of(found, pixels):
    features = pixels.reshape(len(pixels), -1)[:, :3].astype(float)
    np.testing.assert_allclose(found.gaussian.mu, features.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.gaussian.sigma, np.cov(features, rowvar=False), rtol=1e-12)
    assert found.gaussian.n == len(pixels)


def test_statistics_of_rows_are_mean_and_covariance_and_are_made_once(keras_home):
    corner = Corner()
    for _ in range(2):
        assert_of(feature_stats.load_or_compute_stats(corner, DATASET, ALL, forbidden), DATASET.images)
    assert corner.seen == 90 and len(list((keras_home / "keras_gan").iterdir())) == 1


def test_cache_tells_apart_images_rows_and_feature_specs(keras_home):
    corner = Corner()
    other = datasets.Dataset.from_array(DATASET.images ^ 1, "set")
    for dataset, rows in ((DATASET, ALL), (DATASET, ALL[:50]), (other, ALL)):
        assert_of(feature_stats.load_or_compute_stats(corner, dataset, rows, forbidden), dataset.images[rows])
    for name in ("name", "sha256", "preprocessing"):
        corner = Corner()
        setattr(corner, name, "another")
        feature_stats.load_or_compute_stats(corner, DATASET, ALL, forbidden)
        assert corner.seen == 90
    assert len(list((keras_home / "keras_gan").iterdir())) == 6


def test_damaged_cache_is_made_again_and_it_is_said(keras_home):
    feature_stats.load_or_compute_stats(Corner(), DATASET, ALL, forbidden)
    [path] = (keras_home / "keras_gan").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    lines = []
    assert_of(feature_stats.load_or_compute_stats(Corner(), DATASET, ALL, lines.append), DATASET.images)
    assert len(lines) == 1 and lines[0].startswith("Cached statistics are computed again: ")
    feature_stats.load_or_compute_stats(Corner(), DATASET, ALL, forbidden)


def test_cache_that_cannot_be_written_is_said_and_no_more(keras_home):
    (keras_home / "keras_gan").write_text("a file in the folder's place")
    lines = []
    assert_of(feature_stats.load_or_compute_stats(Corner(), DATASET, ALL, lines.append), DATASET.images)
    [line] = lines
    assert "cannot be written (File exists), so it will be computed again next time; KERAS_HOME names" in line


def test_file_holds_what_pytorch_fid_reads_and_is_read_again(tmp_path):
    made = feature_stats.compute_stats(Corner(), [DATASET.images[:40], DATASET.images[40:]])
    feature_stats.save_stats(tmp_path / "a.npz", made)
    with np.load(tmp_path / "a.npz") as file:
        np.testing.assert_array_equal(file["mu"], made.gaussian.mu)
        np.testing.assert_array_equal(file["sigma"], made.gaussian.sigma)
        assert file["n"] == 90 and json.loads(str(file["protocol"])) == made.spec
    found = feature_stats.load_stats(tmp_path / "a.npz")
    np.testing.assert_array_equal(found.gaussian.sigma, made.gaussian.sigma)
    assert (found.gaussian.n, found.spec) == (90, made.spec)
    assert made.spec == {"features": "corner", "weights": "0" * 64, "preprocessing": "none"}


def test_file_without_a_feature_spec_needs_one_that_is_assumed(tmp_path):
    np.savez(tmp_path / "a.npz", mu=np.zeros(3), sigma=np.eye(3))
    with pytest.raises(ValueError, match="a.npz, which does not; --stats-features NAME says"):
        feature_stats.load_stats(tmp_path / "a.npz")
    found = feature_stats.load_stats(tmp_path / "a.npz", "corner")
    assert (found.gaussian.n, found.spec) == (None, {"assumed": "corner"})


@pytest.mark.parametrize(
    "earlier, today",
    [({"stated": "digits"}, {"assumed": "classifier"}), ({"features": "digits"}, {"features": "classifier"})],
)
def test_words_of_earlier_versions_are_read(tmp_path, earlier, today):
    npz.save(tmp_path / "a.npz", GOOD | {"protocol": np.array(json.dumps(earlier))})
    assert feature_stats.load_stats(tmp_path / "a.npz").spec == today


GOOD = {"mu": np.zeros(3), "sigma": np.eye(3), "n": np.array(9), "protocol": np.array("{}")}
BAD = [
    {"mu": None},
    {"sigma": None},
    {"mu": np.zeros(2)},
    {"mu": np.zeros((3, 1))},
    {"mu": np.zeros(3, int)},
    {"mu": np.array([0, 1, np.nan])},
    {"mu": np.zeros(0), "sigma": np.zeros((0, 0))},
    {"sigma": np.eye(3) + np.eye(3, k=1)},
    {"sigma": np.full((3, 3), np.inf)},
    {"n": np.array(1)},
    {"n": np.array([9])},
    {"n": np.array(9.0)},
    {"protocol": np.array("x")},
    {"protocol": np.array("[]")},
    {"protocol": np.array('{"features": 1}')},
]


@pytest.mark.parametrize("change", BAD)
def test_anything_that_is_no_statistics_is_refused_in_one_line(tmp_path, change):
    arrays = {name: array for name, array in (GOOD | change).items() if array is not None}
    npz.save(tmp_path / "a.npz", arrays)
    with pytest.raises(ValueError, match="^Expected statistics of features. Received: .*a.npz") as error:
        feature_stats.load_stats(tmp_path / "a.npz", "corner")
    assert "\n" not in str(error.value)


def test_files_of_statistics_are_told_from_images(tmp_path):
    npz.save(tmp_path / "a.npz", GOOD)
    np.savez(tmp_path / "b.npz", images=DATASET.images)
    (tmp_path / "c.npz").write_text("PK, but no archive")
    told = [feature_stats.is_stats_file(tmp_path / name) for name in ("a.npz", "b.npz", "c.npz", "d.npz")]
    assert told == [True, False, False, False]


def of(spec, d=3):
    return feature_stats.FeatureStats(metrics.Gaussian(np.zeros(d), np.eye(d), 9), spec)


def test_feature_specs_that_differ_are_refused_and_every_difference_is_named():
    one = {"features": "a", "weights": "0", "preprocessing": "p"}
    feature_stats.check_same_spec(of(one), of(dict(one)))
    with pytest.raises(ValueError, match="Received: weights 0 and 1; preprocessing p and q."):
        feature_stats.check_same_spec(of(one), of(one | {"weights": "1", "preprocessing": "q"}))


def test_assumed_feature_spec_is_that_of_the_features_of_that_name():
    one = {"features": "a", "weights": "0", "preprocessing": "p"}
    feature_stats.check_same_spec(of(one), of({"assumed": "a"}))
    feature_stats.check_same_spec(of({"assumed": "b"}), of({"assumed": "b"}))
    with pytest.raises(ValueError, match="of the same features. Received: a and b."):
        feature_stats.check_same_spec(of(one), of({"assumed": "b"}))
    with pytest.raises(ValueError, match="as many features. Received: 3 and 4."):
        feature_stats.check_same_spec(of(one), of({"assumed": "a"}, 4))
