"""Pictures of samples beside what they are to be seen with."""

import math

import numpy as np

from keras_gan import images, latent


def interpolation(gan, a, b, columns):
    """Returns samples from the noise of seed a to that of seed b, as a captioned picture (h, w, c).

    Both rows have `columns` images, the first along a straight line, the second along an arc.
    """
    t = np.linspace(0, 1, columns)
    rows = []
    for path in (latent.linear, latent.spherical):
        strip = images.grid(gan.sample(path(*gan.noise([a, b]), t)), 1, columns)
        rows.append(images.captioned(strip, f"{path.__name__}, seed {a} to seed {b}"))
    return images.joined(rows, axis=0, gap=8)


def with_nearest(samples, neighbours):
    """Returns samples, each apart from its neighbours to its right, as a captioned picture (h, w, c).

    Args:
        samples: uint8 (n, h, w, c).
        neighbours: uint8 (n, k, h, w, c), images of the training set.
    """
    n, k = neighbours.shape[:2]
    height = math.ceil(n / max(1, round(math.sqrt(n / 3))))  # of columns that fill a broad page
    columns = []
    for some in (slice(first, first + height) for first in range(0, n, height)):
        left = images.grid(samples[some], height, 1)
        right = images.grid(neighbours[some].reshape(-1, *samples.shape[1:]), height, k)
        both = [images.captioned(left, "sample"), images.captioned(right, "nearest training images")]
        columns.append(images.joined(both, axis=1, gap=8))
    return images.joined(columns, axis=1, gap=32)


def with_real(samples, real, rows, columns, step):
    """Returns two grids of rows x columns images as a captioned picture (h, w, c), samples left.

    Args:
        samples, real: uint8 (n, h, w, c), n at most rows * columns.
        step: of the samples.
    """
    named = {f"samples, step {step}": samples, "real images": real}
    grids = [images.captioned(images.grid(p, rows, columns), name) for name, p in named.items()]
    return images.joined(grids, axis=1, gap=32)
