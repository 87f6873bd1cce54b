"""Keras against PyTorch, step by step, from the same weights, batches and noise.

Free-running float64 shows whether the two make the same updates: a rounding grows 1e6-fold in 100
steps. Float32, set back to Keras's state before every step, shows what one step of float32 is off
by. Free-running float32 shows nothing after some 20 steps. How far two computations of the same
updates part is measured beside each: PyTorch against PyTorch with the rows of every batch in
another order, so that its sums are rounded otherwise.
"""

import time
from typing import NamedTuple

import numpy as np

from keras_gan.data.pixels import to_float
from keras_gan.model import engines
from keras_gan.model.gan import GAN
from keras_gan.model.step import gan_step
from keras_gan.pytorch.gan import TorchGAN
from keras_gan.rng import Stream, make_rng

LOSS_TOLERANCE = {"float64": 1e-10, "resync": 1e-5, "free": float("inf")}
WEIGHT_TOLERANCE = {"float64": 1e-7, "resync": float("inf"), "free": float("inf")}
MODES = tuple(LOSS_TOLERANCE)
FLOORS = 100  # times PyTorch's distance from itself that Keras may be from it, where above a tolerance


class Trace(NamedTuple):
    """What following two frameworks for some steps gave.

    Attributes:
        mode: "float64", "resync" or "free".
        d_loss, g_loss, weights: float64 (steps,), the absolute differences after each step:
            of the reported losses, and the largest of any weight or moving statistic.
        floor: float64 (steps,), the larger difference of the two losses between PyTorch and
            PyTorch with the rows of every batch in another order.
        ms_per_step: {"keras": median, "torch": median} in milliseconds.
        samples: pair of uint8 (25, h, w, c), Keras's and PyTorch's at the end, of the same noise.
    """

    mode: str
    d_loss: np.ndarray
    g_loss: np.ndarray
    weights: np.ndarray
    floor: np.ndarray
    ms_per_step: dict
    samples: tuple

    def max_abs_diff(self):
        """Returns the largest difference of each kind, over all steps."""
        return {name: float(getattr(self, name).max()) for name in ("d_loss", "g_loss", "weights")}

    def exceeded(self, loss_tolerance=None, weight_tolerance=None):
        """Returns what is above its tolerance (None: the mode's own), a line for each.

        Where PyTorch has parted from itself by more than a hundredth of the mode's tolerance,
        `FLOORS` times that distance so far takes its place: the updates amplify roundings, and
        no two computations of them can stay closer. A wrong constant shows long before.
        """
        floor = FLOORS * np.maximum.accumulate(self.floor)
        lines = []
        for name, given, tolerances in (
            ("d_loss", loss_tolerance, LOSS_TOLERANCE),
            ("g_loss", loss_tolerance, LOSS_TOLERANCE),
            ("weights", weight_tolerance, WEIGHT_TOLERANCE),
        ):
            found, tolerance = getattr(self, name), tolerances[self.mode] if given is None else given
            limit = np.maximum(tolerance, floor) if given is None else tolerance
            above = ~(found <= limit)  # true for NaN, too
            if above.any():
                step = int(np.argmax(above))
                lines.append(
                    f"{self.mode}: {name} differs by {found[step]:.1e} at step {step + 1}; "
                    f"the tolerance is {tolerance:.0e}"
                )
        return lines


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
    gans = (
        GAN(preset, jit_compile=False, **settings),
        TorchGAN(preset, **settings),
        TorchGAN(preset, **settings),
    )
    return follow(*gans, mode, pictures, batch_size, steps)


def follow(gan, reference, twin, mode, pictures, batch_size, steps):
    """Trains a `GAN` and two equal `TorchGAN`s side by side from the first's weights.

    Args:
        twin: sees the rows of every batch in another order than the other two.

    Returns:
        The `Trace`.
    """
    ours_of, theirs_of = (engines.batches(g, len(pictures), batch_size) for g in (gan, reference))
    differences, seconds = np.empty((steps, 4)), np.empty((steps, 2))
    for step in range(steps):
        if mode == "resync" or step == 0:
            state = gan.arrays()
            reference.load(state)
            twin.load(state)
        start = time.perf_counter()
        rows, z = ours_of(step)
        ours = _losses(gan, pictures[rows], z)
        between = time.perf_counter()
        rows, z = theirs_of(step)
        theirs = _losses(reference, pictures[rows], z)
        seconds[step] = between - start, time.perf_counter() - between
        order = make_rng(gan.seed, Stream.EVALUATION, step).permutation(len(rows))
        again = _losses(twin, pictures[rows[order]], [noise[order] for noise in z])
        differences[step, :2] = np.abs(ours - theirs)
        differences[step, 2] = _largest(gan.arrays(), reference.arrays())
        differences[step, 3] = np.abs(theirs - again).max()
    ms = 1000 * np.median(seconds[min(2, steps - 1) :], axis=0)  # the first steps compile
    z = gan.grid_noise()
    return Trace(
        mode,
        *differences.T,
        {"keras": round(float(ms[0]), 2), "torch": round(float(ms[1]), 2)},
        (gan.sample(z), reference.sample(z)),
    )


def _losses(gan, pictures, z):
    """Makes a step; returns the discriminator's reported loss and the generator's."""
    d_loss_real, d_loss_fake, g_loss, *_ = map(float, gan_step(gan.rule, gan, to_float(pictures), z))
    return np.array([gan.rule.combine(d_loss_real, d_loss_fake), g_loss])


def _largest(ours, theirs):
    """Returns the largest absolute difference of any weight or moving statistic."""
    weights = [name for name in theirs if name.count("/") == 2]  # an Adam moment has one more
    return max(np.abs(ours[name].astype(np.float64) - theirs[name]).max() for name in weights)
