import numpy as np
import pytest

from keras_gan.evaluation import nearest

POOL = np.random.default_rng(0).integers(0, 256, (40, 5, 4, 3), dtype=np.uint8)
QUERIES = np.random.default_rng(1).integers(0, 256, (7, 5, 4, 3), dtype=np.uint8)


def test_known_distances_of_single_pixels():
    pool = np.array([255, 0, 51, 102], np.uint8).reshape(4, 1, 1, 1)
    distances, rows = nearest.find_nearest(np.array([60, 255], np.uint8).reshape(2, 1, 1, 1), pool, 3)
    assert rows.tolist() == [[2, 3, 1], [0, 3, 2]]
    np.testing.assert_allclose(distances * 255, [[9, 42, 60], [0, 153, 204]], atol=1e-12)


def test_distance_is_the_root_of_the_squares_of_all_pixels():
    pool = np.array([[3, 0], [255, 255]], np.uint8).reshape(2, 1, 2, 1)
    distances, rows = nearest.find_nearest(np.array([0, 4], np.uint8).reshape(1, 1, 2, 1), pool, 1)
    assert rows.tolist() == [[0]] and distances[0, 0] == 5 / 255


@pytest.mark.slow
@pytest.mark.parametrize("images_at_a_time", [1, 3, 40])
def test_pool_in_parts_gives_what_all_pairs_give(images_at_a_time, monkeypatch):
    monkeypatch.setattr(nearest, "_BYTES", images_at_a_time * 60 * 8)
    distances, rows = nearest.find_nearest(QUERIES, POOL, 4)
    squares = (QUERIES[:, None].astype(int) - POOL[None]) ** 2
    everything = np.sqrt(squares.sum(axis=(2, 3, 4)))
    np.testing.assert_array_equal(rows, np.argsort(everything, axis=1)[:, :4])
    np.testing.assert_allclose(distances * 255, np.sort(everything, axis=1)[:, :4], rtol=1e-15)
    assert rows.dtype == np.int64


def test_a_copy_is_at_distance_0_however_large_its_pixels():
    pool = np.random.default_rng(2).integers(200, 256, (30, 64, 64, 3), dtype=np.uint8)
    distances, rows = nearest.find_nearest(pool[[7, 20]], pool, 2)
    assert rows[:, 0].tolist() == [7, 20] and distances[:, 0].tolist() == [0, 0]
    assert distances[:, 1].min() > 5


def test_images_of_another_shape_and_too_few_of_them_are_refused():
    with pytest.raises(ValueError, match=r"queries' shape, \(5, 4, 3\). Received: 40 of \(5, 4, 1\)"):
        nearest.find_nearest(QUERIES, POOL[..., :1], 3)
    with pytest.raises(ValueError, match="at least 3 images of .* Received: 2 of"):
        nearest.find_nearest(QUERIES, POOL[:2], 3)


def grey(*values):
    return np.array(values, np.uint8).reshape(-1, 1, 1, 1)


def test_words_tell_medians_and_smallest_of_samples_and_of_test_images():
    lines = nearest.format_distances(np.array([0.5, 0.25, 3]), grey(0, 255), grey(0, 51, 102)).splitlines()
    assert lines[0] == "Distance to the nearest of 2 training images, pixels from 0 to 1:"
    assert lines[1:] == [
        "3 samples: median 0.50, smallest 0.25",
        "3 test images: median 0.20, smallest 0.00",
    ]
    assert len(nearest.format_distances(np.array([0.5]), grey(0, 255), None).splitlines()) == 3


@pytest.mark.parametrize(("n", "taken"), [(1, 1), (7, 7), (8, 4), (15, 5)])
def test_of_many_test_images_some_are_taken_from_end_to_end(n, taken, monkeypatch):
    monkeypatch.setattr(nearest, "_TESTED", 7)
    seen = []
    monkeypatch.setattr(
        nearest, "find_nearest", lambda some, *rest: seen.extend(some) or [np.ones(len(some))]
    )
    line = nearest.format_distances(np.ones(1), grey(0), grey(*range(n))).splitlines()[-1]
    assert line.startswith(f"{taken} test images:") and len(seen) == taken
    assert np.ptp(seen) > (n - 1) * 0.7 or n == 1
