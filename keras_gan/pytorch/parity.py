"""Keras against PyTorch, step by step, from the same weights, batches and noise.

Free-running float64 shows whether the two make the same updates, although rounding errors grow up to
1e6-fold in 100 steps. Float32, reset to Keras's state before every step, shows the error of a single
float32 step. Free-running float32 shows nothing after some 20 steps. The rounding noise is measured
beside each: PyTorch against PyTorch with the rows of every batch in another order, so that only the
rounding of its sums changes.
"""

import time
from typing import Any, NamedTuple

import numpy as np

from keras_gan.data.pixels import to_float
from keras_gan.device import keras_settings
from keras_gan.model import engines
from keras_gan.model.gan import GAN
from keras_gan.model.step import gan_step
from keras_gan.pytorch.gan import TorchGAN
from keras_gan.rng import Stream, make_rng

LOSS_TOLERANCE = {"float64": 1e-10, "resync": 1e-5, "free": float("inf")}
WEIGHT_TOLERANCE = {"float64": 1e-7, "resync": float("inf"), "free": float("inf")}
MODES = tuple(LOSS_TOLERANCE)
ROUNDING_FACTOR = 100  # allowed multiple of the rounding noise, where that is above a tolerance


class Trace(NamedTuple):
    """The differences between Keras and PyTorch over some steps.

    Attributes:
        mode: "float64", "resync" or "free".
        d_loss, g_loss, weights: float64 (steps,), the absolute differences after each step:
            of the reported losses, and the largest of any weight or moving statistic.
        rounding_noise: float64 (steps,), the larger difference of the two losses between PyTorch
            and PyTorch with the rows of every batch in another order.
        ms_per_step: {"keras": median, "torch": median}, in milliseconds.
        samples: pair of uint8 (25, h, w, c), Keras's and PyTorch's at the end, from the same noise.
    """

    mode: str
    d_loss: np.ndarray
    g_loss: np.ndarray
    weights: np.ndarray
    rounding_noise: np.ndarray
    ms_per_step: dict[str, float]
    samples: tuple[np.ndarray, np.ndarray]

    def max_abs_diff(self) -> dict[str, float]:
        """Returns the largest difference of each kind, over all steps."""
        return {name: float(getattr(self, name).max()) for name in ("d_loss", "g_loss", "weights")}

    def exceeded(
        self, loss_tolerance: float | None = None, weight_tolerance: float | None = None
    ) -> list[str]:
        """Returns a line for each difference above its tolerance (None: the mode's own).

        Where PyTorch has parted from itself by more than a hundredth of the mode's tolerance,
        `ROUNDING_FACTOR` times that distance so far takes its place: the updates amplify rounding
        noise, and no two computations of them can stay closer. A wrong constant shows long before.
        """
        noise = ROUNDING_FACTOR * np.maximum.accumulate(self.rounding_noise)
        lines = []
        for name, given, tolerances in (
            ("d_loss", loss_tolerance, LOSS_TOLERANCE),
            ("g_loss", loss_tolerance, LOSS_TOLERANCE),
            ("weights", weight_tolerance, WEIGHT_TOLERANCE),
        ):
            differences, tolerance = getattr(self, name), tolerances[self.mode] if given is None else given
            limit = np.maximum(tolerance, noise) if given is None else tolerance
            above = ~(differences <= limit)  # true for NaN, too
            if above.any():
                step = int(np.argmax(above))
                lines.append(
                    f"{self.mode}: {name} differs by {differences[step]:.1e} at step {step + 1}; "
                    f"the tolerance is {tolerance:.0e}"
                )
        return lines


def conclude(traces: list[Trace], exceeded: list[str]) -> tuple[bool | None, str]:
    """Returns whether both frameworks make the same updates, and a sentence that says by how much.

    Args:
        traces: of the modes that were followed.
        exceeded: the lines of `Trace.exceeded` of all of them.

    Returns:
        None in place of the truth where only free-running float32 was followed, which cannot tell.
    """
    if exceeded:
        return False, f"Same updates: no. {exceeded[0]}."
    by_mode = {trace.mode: trace for trace in traces}
    largest = {mode: max(t.d_loss.max(), t.g_loss.max()) for mode, t in by_mode.items()}
    if "float64" in by_mode:
        noise = by_mode["float64"].rounding_noise.max()
        return True, (
            f"Same updates: yes. In float64 the losses differ by at most {largest['float64']:.1e}, which is "
            f"rounding: PyTorch differs from itself, with each batch in another order, by {noise:.1e}."
        )
    if "resync" in by_mode:
        return True, (
            f"Same updates: yes, as far as float32 tells. From the same state the losses of a step differ by "
            f"at most {largest['resync']:.1e}."
        )
    return None, "Same updates: not known. Float32 that runs freely cannot tell; float64 can."


def trace(preset: str, mode: str, images: np.ndarray, batch_size: int, steps: int, seed: int = 0) -> Trace:
    """Builds a preset in both frameworks and trains them side by side; returns the `Trace`.

    Args:
        mode: one of `MODES`.
        images: uint8 (n, h, w, c) to train on.
    """
    settings: dict[str, Any] = dict(
        image_shape=images.shape[1:],
        seed=seed,
        precision="float64" if mode == "float64" else "float32",
    )
    reference, twin = (TorchGAN(preset, **settings) for _ in range(2))
    gan = GAN(preset, jit_compile=False, **settings)
    with keras_settings(settings["precision"]):
        return follow(gan, reference, twin, mode, images, batch_size, steps)


def follow(
    gan: GAN,
    reference: TorchGAN,
    twin: TorchGAN,
    mode: str,
    images: np.ndarray,
    batch_size: int,
    steps: int,
) -> Trace:
    """Trains a `GAN` and two equal `TorchGAN`s side by side from the `GAN`'s weights.

    Args:
        twin: sees the rows of every batch in another order, which measures the rounding noise.

    Returns:
        The `Trace`.
    """
    our_batch, their_batch = (engines.batches(g, len(images), batch_size) for g in (gan, reference))
    differences, seconds = np.empty((4, steps)), np.empty((steps, 2))
    for step in range(steps):
        # PyTorch starts from Keras's state: once, or before every step.
        if mode == "resync" or step == 0:
            state = gan.arrays()
            reference.load(state)
            twin.load(state)
        # The same step in each framework, timed.
        start = time.perf_counter()
        rows, z = our_batch(step)
        ours = _losses(gan, images[rows], z)
        between = time.perf_counter()
        rows, z = their_batch(step)
        theirs = _losses(reference, images[rows], z)
        seconds[step] = between - start, time.perf_counter() - between
        # And once more in PyTorch with the rows in another order, which measures the rounding noise.
        order = make_rng(gan.seed, Stream.EVALUATION, step).permutation(len(rows))
        again = _losses(twin, images[rows[order]], [noise[order] for noise in z])
        differences[:2, step] = np.abs(ours - theirs)
        differences[2, step] = _largest(gan.arrays(), reference.arrays())
        differences[3, step] = np.abs(theirs - again).max()
    d_loss, g_loss, weights, rounding_noise = differences
    ms = 1000 * np.median(seconds[min(2, steps - 1) :], axis=0)  # the first steps compile
    ms_per_step = {"keras": round(float(ms[0]), 2), "torch": round(float(ms[1]), 2)}
    z = gan.grid_noise()
    samples = gan.sample(z), reference.sample(z)
    return Trace(mode, d_loss, g_loss, weights, rounding_noise, ms_per_step, samples)


def _losses(gan, images, z):
    """Makes a step; returns the discriminator's reported loss and the generator's."""
    d_loss_real, d_loss_fake, g_loss, *_ = map(float, gan_step(gan.rule, gan, to_float(images), z))
    return np.array([gan.rule.combine(d_loss_real, d_loss_fake), g_loss])


def _largest(ours, theirs):
    """Returns the largest absolute difference of any weight or moving statistic."""
    weights = [name for name in theirs if name.count("/") == 2]  # an Adam moment has one more
    return max(np.abs(ours[name].astype(np.float64) - theirs[name]).max() for name in weights)
