"""Whether a run goes wrong: a loss that is no number, samples all alike, a discriminator that has won.

What it cannot see is a generator that makes a few kinds of images only, each in many variants; the
recall of `metrics` sees that.
"""

import numpy as np

# From runs of each preset on MNIST, seed 0 (aioz: 1 as well, 600 steps). Spread of the samples over
# that of the images, 49 grey levels; and steps in a row with the three WON_ numbers below passed:
#   keras        6,000 steps   0.53 or more from step 200       none
#   kmnist       9,380 steps   0.61 or more from step 938       none
#   pytorch-gan  9,380 steps   0.49 or more from step 400       none
#   tutorial     1,876 steps   0.01-0.17 to step 1200, 0.38 at most    38
#   aioz         9,700 steps   0.03-0.17 to step 9200, 0.23 at most     6
# So a young generator is alike for long and is not judged. With lr=0.01 keras fell from 0.54 to 0.14
# in 50 steps, then to 0.00, and lost 500 steps in a row; with lr=0.005 aioz lost 2,187.
DIVERSE, ALIKE = 0.4, 0.15  # spread of the samples / spread of the images trained on
ALIKE_STEPS = 200
LATE = 20_000
WON_ACCURACY, WON_G_LOSS, WON_STEPS = 0.98, 5.0, 500


def check_finite(step, values):
    """Raises FloatingPointError that names the first value that is not finite.

    Args:
        step: number of steps before these.
        values: float64 (k, 5) of an engine.
    """
    for i, column in np.argwhere(~np.isfinite(values)):
        name = ("d_loss_real", "d_loss_fake", "g_loss", "d_acc_real", "d_acc_fake")[column]
        raise FloatingPointError(
            f"Losses must be finite. Received: {name}={values[i, column]} at step {step + i + 1}; "
            "a smaller lr may help."
        )


def spread(images):
    """Returns how much images differ: their standard deviation at a pixel, averaged over pixels.

    Args:
        images: uint8 (n, h, w, c).

    Returns:
        A float in grey levels, 0 where all are the same.
    """
    return float(images.std(axis=0, dtype=np.float32).mean())


class Watch:
    """Follows a run from the step where this process took it up; warns of either trouble once.

    Args:
        real: uint8 (n, h, w, c), the images trained on.
        warn: is called with a line.
    """

    def __init__(self, real, warn):
        self._real_spread = spread(real[:: -(-len(real) // 100)])  # of 100 at most: milliseconds
        self._warn, self._said, self._was_diverse = warn, set(), False
        self._alike_since = self._won_since = None

    def see_losses(self, rows):
        """Takes the next rows of the history."""
        for step, *_, acc_real, acc_fake, g_loss in rows:
            if min(acc_real, acc_fake) < WON_ACCURACY or g_loss < WON_G_LOSS:
                self._won_since = None
            elif self._won_since is None:
                self._won_since = step
            elif step - self._won_since >= WON_STEPS - 1:
                self._say_once(
                    "The discriminator has won",
                    f"since step {self._won_since} it tells nearly every image right, and the "
                    "generator can hardly learn from it",
                )

    def see_samples(self, step, samples):
        """Takes the samples of a grid, uint8 (n, h, w, c), of the generator after a step.

        None is passed over: a subclass of `GAN` may write grids of its own and return nothing.
        """
        if samples is None:
            return
        ratio = spread(samples) / max(self._real_spread, 1e-9)
        self._was_diverse |= ratio >= DIVERSE
        if ratio >= ALIKE:
            self._alike_since = None
        elif self._alike_since is None:
            self._alike_since = step
        elif step - self._alike_since >= ALIKE_STEPS and (self._was_diverse or step >= LATE):
            at_the_latest = "" if self._was_diverse else " at the latest"
            self._say_once(
                "The generator has collapsed",
                f"since step {self._alike_since}{at_the_latest} its samples are all alike, which "
                "more training rarely mends",
            )

    def see_score(self, row):
        """Takes a row of metrics.jsonl, which tells of neither trouble."""

    def _say_once(self, what, how):
        if what not in self._said:
            self._said.add(what)
            self._warn(f"{what}: {how}; another seed or a smaller lr may help.")
