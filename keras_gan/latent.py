"""Paths from one noise to another."""

import numpy as np


def linear(a, b, t):
    """Returns the points (1 - t) a + t b as float32 (n, latent_dim).

    In many dimensions noise lies near a sphere of radius sqrt(latent_dim), and the middle of a
    straight line well inside it, at 0.7 of the radius where a and b are independent.

    Args:
        a, b: float (latent_dim,), neither all zeros.
        t: float (n,) in [0, 1].
    """
    t = np.asarray(t)[:, None]
    return ((1 - t) * a + t * b).astype(np.float32)


def spherical(a, b, t):
    """Returns points on the arc from a to b, float32 (n, latent_dim), from what `linear` takes.

    slerp(a, b; t) = (sin((1 - t) w) a + sin(t w) b) / sin w, with w the angle between a and b:
    Shoemake 1985, Animating rotation with quaternion curves; for the noise of generative networks
    White 2016 (arXiv:1609.04468). Between vectors of one length it keeps the length. Parallel
    vectors have no angle, opposite ones no shortest arc: between them the line is straight.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    angle = np.arccos(np.clip(cosine, -1, 1))
    if np.sin(angle) < 1e-6:
        return linear(a, b, t)
    t = np.asarray(t)[:, None]
    arc = np.sin((1 - t) * angle) * a + np.sin(t * angle) * b
    return (arc / np.sin(angle)).astype(np.float32)
