"""The images of a set that are nearest to others, pixel for pixel."""

import numpy as np

_BYTES = 64 * 2**20  # of a part of the pool
_TESTED = 1000  # test images at most: five seconds against those of MNIST


def find_nearest(queries, pool, k):
    """Returns the distances to the k nearest images of a pool, and their rows, nearest first.

    The distance is Euclidean, of pixels from 0 to 1. It is exact: pixels are whole numbers up to
    255, whose products float64 sums without rounding. The pool is taken a part at a time.

    Args:
        queries, pool: uint8 (n, h, w, c) and (m, h, w, c), m at least k.

    Returns:
        float64 (n, k) and int64 (n, k).

    Raises:
        ValueError: the images are of two shapes, or the pool is smaller than k.
    """
    if queries.shape[1:] != pool.shape[1:] or len(pool) < k:
        raise ValueError(
            f"The pool must hold at least {k} images of the queries' shape, {queries.shape[1:]}. "
            f"Received: {len(pool)} of {pool.shape[1:]}."
        )
    from sklearn.neighbors import NearestNeighbors
    from sklearn.utils import gen_batches

    queries = _flat(queries)
    found = []
    for rows in gen_batches(len(pool), max(1, _BYTES // queries[:1].nbytes)):
        part = NearestNeighbors(algorithm="brute").fit(_flat(pool[rows]))
        distances, places = part.kneighbors(queries, min(k, part.n_samples_fit_))
        found.append((distances, places + rows.start))
    distances, rows = map(np.hstack, zip(*found, strict=True))
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distances, nearest, axis=1) / 255, np.take_along_axis(rows, nearest, axis=1)


def _flat(images):
    return images.reshape(len(images), -1).astype(np.float64)


def format_distances(distances, train, test):
    """Returns the lines that say how near samples are to the training images, and test images are.

    Copies would be much nearer than test images, which no generator has seen. Blurred or faint
    samples are near as well.

    Args:
        distances: float (n,), of samples to their nearest training images.
        train, test: uint8 (m, h, w, c); `test` is None where there is none, and of more than a
            thousand some are taken, evenly spread.
    """
    lines = [f"Distance to the nearest of {len(train)} training images, pixels from 0 to 1:"]
    lines.append(_median("samples", distances))
    if test is None:
        lines.append("test images: none, as the real images have no test part")
    else:
        some = test[:: -(-len(test) // _TESTED)]
        lines.append(_median("test images", find_nearest(some, train, 1)[0]))
    return "\n".join(lines)


def _median(name, distances):
    return f"{len(distances)} {name}: median {np.median(distances):.2f}, smallest {distances.min():.2f}"
