import numpy as np
import pytest

from keras_gan.data.datasets import Dataset
from keras_gan.evaluation import metrics
from keras_gan.evaluation.pca import COMPONENTS, load_pca

RNG = np.random.default_rng(0)
PHOTOS = Dataset.from_array(RNG.integers(0, 256, (90, 6, 5, 3), np.uint8), "photos")


def test_features_of_all_components_are_as_far_apart_as_the_pixels():
    few = Dataset.from_array(RNG.integers(0, 256, (90, 3, 3, 3), np.uint8), "few")  # 27 pixels
    features, probabilities = load_pca(few)(few.images)
    pixels = few.images.reshape(90, -1) / 127.5 - 1
    assert features.shape == (90, 27) and probabilities is None
    distances = [np.linalg.norm(x[:, None] - x, axis=2) for x in (features, pixels)]
    np.testing.assert_allclose(*distances, atol=1e-4)  # of float32 sums of 27 terms up to 2


def test_components_are_those_of_the_largest_variances_in_order():
    features, _ = load_pca(PHOTOS)(PHOTOS.images)
    covariance = np.cov(features, rowvar=False)
    values = np.linalg.eigvalsh(np.cov(PHOTOS.images.reshape(90, -1) / 127.5 - 1, rowvar=False))[::-1]
    assert features.shape == (90, COMPONENTS)
    np.testing.assert_allclose(np.diag(covariance), values[:COMPONENTS], rtol=1e-3)
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-4)


def test_pictures_and_their_grey_copies_are_far_apart():
    grey = PHOTOS.images.mean(axis=3, keepdims=True).repeat(3, axis=3).astype(np.uint8)
    extractor = load_pca(PHOTOS)
    a, b, c = (metrics.gaussian(extractor(x)[0]) for x in (PHOTOS.images, grey, PHOTOS.images[::2]))
    far, near = (metrics.frechet_distance(a, other, "symmetric").value for other in (b, c))
    assert far > 2 * near  # 18 and 9: not the same, as a network for grey images would say


def test_hash_is_of_the_images_and_not_of_the_last_bits_of_the_components():
    other = Dataset.from_array(PHOTOS.images ^ 1, "photos")
    assert load_pca(PHOTOS).sha256 == load_pca(PHOTOS).sha256 != load_pca(other).sha256


def test_one_image_has_no_components():
    with pytest.raises(ValueError, match="at least two real images. Received: 1."):
        load_pca(Dataset.from_array(PHOTOS.images[:1]))
