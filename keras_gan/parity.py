"""Keras against PyTorch, step by step, from the same weights, batches and noise.

Free-running float64 shows whether the two make the same updates: a difference of one rounding
grows about 1e6-fold in 100 steps. Float32, set back to Keras's state before every step, shows
what one step of float32 is off by. Free-running float32 shows nothing after some 20 steps: two
runs of one framework that differ in one rounding drift apart as far.
"""

import time
from typing import NamedTuple

import numpy as np

from keras_gan import engines
from keras_gan.gan import GAN
from keras_gan.torch_reference import TorchGAN

LOSS_TOLERANCE = {"float64": 1e-10, "resync": 1e-5, "free": float("inf")}
WEIGHT_TOLERANCE = {"float64": 1e-7, "resync": float("inf"), "free": float("inf")}
MODES = tuple(LOSS_TOLERANCE)


class Trace(NamedTuple):
    """What following two frameworks for some steps gave.

    Attributes:
        mode: "float64", "resync" or "free".
        d_loss, g_loss, weights: float64 (steps,), the absolute differences after each step:
            of the reported losses, and the largest of any weight or moving statistic.
        ms_per_step: {"keras": median, "torch": median} in milliseconds.
        samples: pair of uint8 (25, h, w, c), Keras's and PyTorch's at the end, of the same noise.
    """

    mode: str
    d_loss: np.ndarray
    g_loss: np.ndarray
    weights: np.ndarray
    ms_per_step: dict
    samples: tuple

    def max_abs_diff(self):
        """Returns the largest difference of each kind, over all steps."""
        return {name: float(getattr(self, name).max()) for name in ("d_loss", "g_loss", "weights")}

    def exceeded(self, loss_tolerance=None, weight_tolerance=None):
        """Returns what is above its tolerance (None: the mode's own), a line for each."""
        loss = LOSS_TOLERANCE[self.mode] if loss_tolerance is None else loss_tolerance
        weight = WEIGHT_TOLERANCE[self.mode] if weight_tolerance is None else weight_tolerance
        limits = {"d_loss": loss, "g_loss": loss, "weights": weight}
        return [
            f"{self.mode}: {name} differs by {value:.1e} at most; the tolerance is {limits[name]:.0e}"
            for name, value in self.max_abs_diff().items()
            if not value <= limits[name]  # true for NaN, too
        ]


def trace(preset, mode, pictures, batch_size, steps, seed=0):
    """Builds both frameworks' GAN of a preset and follows them in a mode; returns the `Trace`.

    Args:
        pictures: uint8 (n, h, w, c) to train on.
    """
    settings = dict(
        image_shape=pictures.shape[1:],
        seed=seed,
        precision="float64" if mode == "float64" else "float32",
    )
    return follow(GAN(preset, **settings), TorchGAN(preset, **settings), mode, pictures, batch_size, steps)


def follow(gan, reference, mode, pictures, batch_size, steps):
    """Trains a `GAN` and a `TorchGAN` side by side from the first's weights; returns the `Trace`."""
    ours, theirs = (engines.train_on_batch(g, pictures, batch_size) for g in (gan, reference))
    reference.load(gan.arrays())
    differences, seconds = np.empty((steps, 3)), np.empty((steps, 2))
    for step in range(steps):
        if mode == "resync":
            reference.load(gan.arrays())
        start = time.perf_counter()
        keras_row = ours(step, 1)[0]
        between = time.perf_counter()
        torch_row = theirs(step, 1)[0]
        seconds[step] = between - start, time.perf_counter() - between
        differences[step, :2] = np.abs(_losses(gan.rule, keras_row) - _losses(gan.rule, torch_row))
        differences[step, 2] = _largest(gan.arrays(), reference.arrays())
    ms = 1000 * np.median(seconds[min(2, steps - 1) :], axis=0)  # the first steps compile
    z = gan.grid_noise()
    return Trace(
        mode,
        *differences.T,
        {"keras": round(float(ms[0]), 2), "torch": round(float(ms[1]), 2)},
        (gan.sample(z), reference.sample(z)),
    )


def _losses(rule, row):
    """Returns the discriminator's reported loss and the generator's of an engine's row."""
    d_loss_real, d_loss_fake, g_loss = row[:3]
    return np.array([rule.combine(d_loss_real, d_loss_fake), g_loss])


def _largest(ours, theirs):
    """Returns the largest absolute difference of any weight or moving statistic."""
    weights = [name for name in theirs if name.count("/") == 2]  # an Adam moment has one more
    return max(np.abs(ours[name].astype(np.float64) - theirs[name]).max() for name in weights)
