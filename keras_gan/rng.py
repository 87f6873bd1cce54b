"""Every random number of a run, as a function of (seed, stream, step).

It is the same for every engine, every device and PyTorch, and no random state needs to be saved.
"""

import contextlib
import enum
import functools
import random
from collections.abc import Iterable, Iterator

import numpy as np


class Stream(enum.IntEnum):
    """What random numbers are used for; the streams are independent of each other."""

    ROWS = 0  # which images make a batch
    NOISE_D = 1  # for the discriminator's fakes
    NOISE_G = 2  # for the generator's update
    WEIGHTS = 3  # initial weights
    GRID = 4  # noise of the sample grids
    EVALUATION = 5


def make_rng(seed: int, stream: int, step: int = 0) -> np.random.Generator:
    """Returns the NumPy generator for one step of one stream; equal arguments give equal numbers."""
    return np.random.Generator(np.random.Philox(key=[seed, stream], counter=[0, 0, 0, step]))


def draw_noise(seed: int, stream: int, step: int, n: int, latent_dim: int) -> np.ndarray:
    """Returns standard normal noise, float32 (n, latent_dim)."""
    return make_rng(seed, stream, step).standard_normal((n, latent_dim), dtype=np.float32)


def draw_grid_noise(seed: int, latent_dim: int) -> np.ndarray:
    """Returns the noise float32 (25, latent_dim) that every sample grid of a run is made from."""
    return draw_noise(seed, Stream.GRID, 0, 25, latent_dim)


def draw_seeds_noise(seeds: Iterable[int], latent_dim: int) -> np.ndarray:
    """Returns noise float32 (n, latent_dim): one row per seed, always the same for that seed."""
    return np.concatenate([draw_noise(seed, Stream.GRID, 0, 1, latent_dim) for seed in seeds])


def draw_batch_rows(
    n_images: int, batch_size: int, seed: int, step: int, with_replacement: bool
) -> np.ndarray:
    """Returns the rows of a step's batch, int64 (batch_size,) in [0, n_images).

    Without replacement each pass is a permutation of the images, cut into batches; the last batch of a
    pass is shorter if the batch size does not divide the number of images.
    """
    if with_replacement:
        return make_rng(seed, Stream.ROWS, step).integers(0, n_images, batch_size)
    steps_per_pass = -(-n_images // batch_size)
    start = step % steps_per_pass * batch_size
    return _permutation(n_images, seed, step // steps_per_pass)[start : start + batch_size]


def choose_rows(n_images: int, seed: int, count: int) -> np.ndarray:
    """Returns `count` different rows, int64 in [0, n_images) and sorted, or all if there are fewer."""
    if n_images <= count:
        return np.arange(n_images)
    return np.sort(make_rng(seed, Stream.EVALUATION).choice(n_images, count, replace=False))


@functools.lru_cache(maxsize=2)
def _permutation(n_images, seed, number):
    rows = make_rng(seed, Stream.ROWS, number).permutation(n_images)
    rows.flags.writeable = False  # the cache returns the same array again
    return rows


@contextlib.contextmanager
def seed_globals(seed: int) -> Iterator[None]:
    """Seeds Python's and NumPy's global generators in the block, and restores them after it.

    Keras's initializers, Dropout and other layers without a seed of their own draw one from Python's.
    """
    before, numpy_before = random.getstate(), np.random.get_state()
    number = int(make_rng(seed, Stream.WEIGHTS, 2).integers(2**32))
    random.seed(number)
    np.random.seed(number)
    try:
        yield
    finally:
        random.setstate(before)
        np.random.set_state(numpy_before)
