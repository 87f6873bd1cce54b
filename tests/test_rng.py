"""Tests of random numbers as a function of seed, stream and step."""

import numpy as np
import pytest

from keras_gan.rng import Stream, _permutation, draw_batch_rows, draw_noise, make_rng


def test_random_numbers_are_philox_of_seed_stream_and_step():
    expected = np.random.Generator(np.random.Philox(key=[5, 2], counter=[0, 0, 0, 7]))
    assert make_rng(5, Stream.NOISE_G, 7).integers(0, 2**62) == expected.integers(0, 2**62)
    streams = Stream.ROWS, Stream.NOISE_D, Stream.NOISE_G, Stream.WEIGHTS, Stream.GRID, Stream.EVALUATION
    assert streams == (0, 1, 2, 3, 4, 5)


def test_random_numbers_keep_their_pinned_values():
    """They are part of every saved run: a NumPy that drew others would have to be noticed."""
    assert draw_batch_rows(60000, 4, 0, 0, True).tolist() == [2084, 692, 36717, 14492]
    assert draw_batch_rows(60000, 4, 0, 0, False).tolist() == [49806, 25494, 16864, 40736]
    z = draw_noise(0, Stream.NOISE_D, 1, 1, 4)
    np.testing.assert_allclose(z, [[-1.299805, -0.286237, -2.271020, 0.278494]], atol=1e-6)


def test_neighbouring_keys_share_no_numbers():
    keys = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (2**63 - 1, 0, 0), (0, 0, 2**40)]
    draws = np.stack([draw_noise(*key, 100, 10) for key in keys]).reshape(len(keys), -1)
    assert len(np.unique(draws)) > 0.999 * draws.size
    np.testing.assert_allclose(np.corrcoef(draws), np.eye(len(keys)), atol=5 / np.sqrt(1000))


def test_noise_is_standard_normal_float32():
    z = draw_noise(0, Stream.NOISE_D, 0, 1000, 100)
    assert z.shape == (1000, 100) and z.dtype == np.float32
    np.testing.assert_allclose([z.mean(), z.std()], [0, 1], atol=5 / np.sqrt(z.size))


def test_rows_with_replacement_are_uniform_and_repeat():
    rows = draw_batch_rows(10, 10000, 0, 3, with_replacement=True)
    assert rows.dtype == np.int64 and rows.shape == (10000,)
    np.testing.assert_allclose(np.bincount(rows), 1000, atol=5 * np.sqrt(900))


def test_a_pass_holds_every_image_once_and_ends_with_the_short_batch():
    batches = [draw_batch_rows(10, 4, 0, step, with_replacement=False) for step in range(6)]
    assert [len(rows) for rows in batches] == [4, 4, 2, 4, 4, 2]
    first, second = np.concatenate(batches[:3]), np.concatenate(batches[3:])
    assert sorted(first) == sorted(second) == list(range(10))
    assert first.tolist() != second.tolist() and first.dtype == np.int64


def test_rows_do_not_depend_on_the_steps_before():
    _permutation.cache_clear()
    late = draw_batch_rows(1000, 64, 1, 100, with_replacement=False).tolist()
    order = make_rng(1, Stream.ROWS, 100 // 16).permutation(1000)
    assert late == order[100 % 16 * 64 :][:64].tolist()


def test_rows_of_a_pass_cannot_be_overwritten():
    with pytest.raises(ValueError, match="read-only"):
        draw_batch_rows(10, 4, 0, 0, with_replacement=False)[:] = 0
