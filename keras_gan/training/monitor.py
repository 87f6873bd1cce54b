"""Whether a run goes wrong: a loss that is no number, samples all alike, a discriminator that has won.

What it cannot see is a generator that makes a few kinds of images only, each in many variants; the
recall of `metrics` sees that.
"""

import numpy as np

from keras_gan.evaluation import diagnosis, diversity


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


class Monitor:
    """Follows a run from the step where this process took it up; warns of either trouble once.

    Args:
        real: uint8 (n, h, w, c), the images trained on.
        warn: is called with a line.
    """

    def __init__(self, real, warn):
        self._real_std = diversity.pixel_std(real[:: -(-len(real) // 100)])  # of 100 at most: milliseconds
        self._warn, self._said, self._was_diverse = warn, set(), False
        self._alike_since = self._won_since = None

    def see_losses(self, rows):
        """Takes the next rows of the history."""
        for step, *_, acc_real, acc_fake, g_loss in rows:
            if min(acc_real, acc_fake) < diagnosis.WON_ACCURACY or g_loss < diagnosis.WON_G_LOSS:
                self._won_since = None
            elif self._won_since is None:
                self._won_since = step
            elif step - self._won_since >= diagnosis.WON_STEPS - 1:
                self._say_once(
                    "The discriminator has won",
                    f"since step {self._won_since} it classifies nearly every image correctly, so the "
                    "generator can hardly learn",
                )

    def see_samples(self, step, samples):
        """Takes the samples of a grid, uint8 (n, h, w, c), of the generator after a step.

        None is passed over: a subclass of `GAN` may write grids of its own and return nothing.
        """
        if samples is None:
            return
        ratio = diversity.pixel_std(samples) / max(self._real_std, 1e-9)
        self._was_diverse |= ratio >= diagnosis.DIVERSE
        if ratio >= diagnosis.ALIKE:
            self._alike_since = None
        elif self._alike_since is None:
            self._alike_since = step
        elif step - self._alike_since >= diagnosis.ALIKE_STEPS and (
            self._was_diverse or step >= diagnosis.LATE
        ):
            at_the_latest = "" if self._was_diverse else " at the latest"
            self._say_once(
                "The generator has collapsed",
                f"since step {self._alike_since}{at_the_latest} its samples all look "
                "alike; more training rarely helps",
            )

    def _say_once(self, what, how):
        if what not in self._said:
            self._said.add(what)
            self._warn(f"{what}: {how}; another seed or a smaller lr may help.")
