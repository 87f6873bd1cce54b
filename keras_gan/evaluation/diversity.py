"""How varied samples are and how many are copies: numbers that need no features."""

import numpy as np
import scipy  # whose parts are imported when they are first used
from numpy.typing import ArrayLike


def measure_copying(fakes: np.ndarray, tests: np.ndarray) -> float:
    """Returns how often a fake is nearer to the training set than a test image is: 1 for copies.

    The share of pairs whose fake is nearer, equal distances counting half: 0.5 for samples of the
    distribution itself, less for those far from it. The Mann-Whitney form of Meehan et al. 2020
    (arXiv:2004.05675). Blurred samples are near too, in pixels more than in features.

    Args:
        fakes, tests: float (n,) and (m,), distances of each to its nearest training image.
    """
    pairs_won = scipy.stats.mannwhitneyu(tests, fakes, method="asymptotic").statistic
    return float(pairs_won / (len(fakes) * len(tests)))


def pixel_std(images: np.ndarray) -> float:
    """Returns the standard deviation at a pixel of uint8 images (n, h, w, c), averaged over pixels.

    In grey levels; 0 where all images are the same.
    """
    return float(images.std(axis=0, dtype=np.float32).mean())


def count_distinct(images: np.ndarray) -> int:
    """Returns the number of distinct images of uint8 (n, h, w, c), those that differ in a byte."""
    return len({image.tobytes() for image in images})


def count_classes(labels: ArrayLike, classes: int) -> tuple[int, float]:
    """Returns how many classes occur in integers (n,), and the entropy of their shares in nats."""
    counts = np.bincount(labels, minlength=classes)
    if not (counts.sum() and len(counts) == classes):
        raise ValueError(f"Labels must be in 0..{classes - 1}. Received: counts {counts}.")
    return int(np.count_nonzero(counts)), float(scipy.stats.entropy(counts))
