import numpy as np
import pytest

from keras_gan.evaluation import diversity


def normal(seed, n, d):
    """Returns features (n, d) of correlated normals, another covariance for each seed."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d))


def test_share_of_copies_by_hand():
    """Of the pairs 1 < 2, 1 < 4 and 3 < 4, but not 3 < 2."""
    assert diversity.measure_copying(np.array([3.0, 1.0]), np.array([2.0, 4.0])) == 0.75


def copying_share(fake, train, test):
    """Returns `measure_copying` of the distances of both to the nearest rows of train."""
    near = [np.linalg.norm(x[:, None] - train, axis=2).min(axis=1) for x in (fake, test)]
    return diversity.measure_copying(*near)


def test_copies_share_1_test_images_one_half_and_far_samples_0():
    train, test = normal(0, 200, 6), normal(0, 300, 6)[200:]
    assert copying_share(train[::2], train, test) == 1
    assert copying_share(test, train, test) == 0.5
    assert copying_share(train[::2], train, train[1::3]) == 0.5  # all at distance 0
    assert copying_share(test + 100, train, test) == 0


def test_copying_share_of_new_samples_is_about_one_half_and_of_half_copies_three_quarters():
    features = np.random.default_rng(0).normal(size=(1500, 4))
    train, test, new = np.split(features, 3)
    np.testing.assert_allclose(copying_share(new, train, test), 0.5, atol=0.05)
    mixed = np.concatenate([train[:250], new[:250]])
    np.testing.assert_allclose(copying_share(mixed, train, test), 0.75, atol=0.05)


def test_distinct_counts_images_that_differ_in_a_byte(pixels):
    changed = pixels[:1].copy()
    changed[0, -1, -1, 0] ^= 1
    assert diversity.count_distinct(np.concatenate([pixels, pixels[::2], changed])) == len(pixels) + 1


def test_count_classes_counts_classes_and_their_entropy():
    np.testing.assert_allclose(diversity.count_classes([0, 1, 2, 3] * 5, 4), (4, np.log(4)))
    assert diversity.count_classes([2, 2, 2], 10) == (1, 0)
    half = 0.5 * np.log(2) + 2 * 0.25 * np.log(4)
    np.testing.assert_allclose(diversity.count_classes([7, 0, 7, 9], 10), (3, half))


@pytest.mark.parametrize("labels", [[0, 10], [-1, 0], np.array([], int)])
def test_count_classes_refuses_labels_of_no_class(labels):
    with pytest.raises(ValueError, match="0..9|negative"):
        diversity.count_classes(labels, 10)
