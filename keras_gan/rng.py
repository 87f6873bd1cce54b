"""Every random number of a run, as a function of (seed, stream, step).

The same for every engine, every device and PyTorch, so that no random state needs to be saved.
"""

import enum
import functools

import numpy as np


class Stream(enum.IntEnum):
    """What random numbers are for; each stream is independent of the others."""

    ROWS = 0  # of the batches
    NOISE_D = 1  # for the discriminator's fakes
    NOISE_G = 2  # for the generator's update
    WEIGHTS = 3  # initial
    GRID = 4  # noise of the sample grids
    EVALUATION = 5


def make_rng(seed, stream, step=0):
    """Returns the NumPy generator of one step of one stream: the same whoever asks, and when."""
    return np.random.Generator(np.random.Philox(key=[seed, stream], counter=[0, 0, 0, step]))


def draw_noise(seed, stream, step, n, latent_dim):
    """Returns standard normal noise, float32 (n, latent_dim)."""
    return make_rng(seed, stream, step).standard_normal((n, latent_dim), dtype=np.float32)


def draw_grid_noise(seed, latent_dim):
    """Returns the noise float32 (25, latent_dim) of the sample grids of a run: the same every time."""
    return draw_noise(seed, Stream.GRID, 0, 25, latent_dim)


def draw_seeds_noise(seeds, latent_dim):
    """Returns noise float32 (n, latent_dim): a row a seed, always the same for that seed."""
    return np.concatenate([draw_noise(seed, Stream.GRID, 0, 1, latent_dim) for seed in seeds])


def draw_batch_rows(n_images, batch_size, seed, step, with_replacement):
    """Returns the rows of a step's batch, int64 (batch_size,) in [0, n_images).

    Without replacement each pass is a permutation of the images, cut into batches; the last one
    of a pass is shorter where they do not divide.
    """
    if with_replacement:
        return make_rng(seed, Stream.ROWS, step).integers(0, n_images, batch_size)
    steps_per_pass = -(-n_images // batch_size)
    start = step % steps_per_pass * batch_size
    return _permutation(n_images, seed, step // steps_per_pass)[start : start + batch_size]


def choose_rows(n_images, seed, count):
    """Returns `count` different rows, int64 in [0, n_images) and sorted; all where there are no more."""
    if n_images <= count:
        return np.arange(n_images)
    return np.sort(make_rng(seed, Stream.EVALUATION).choice(n_images, count, replace=False))


@functools.lru_cache(maxsize=2)
def _permutation(n_images, seed, number):
    rows = make_rng(seed, Stream.ROWS, number).permutation(n_images)
    rows.flags.writeable = False  # it is handed out again
    return rows
