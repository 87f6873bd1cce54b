"""The loops that run k steps. An engine is any `run(step, k) -> float64 array (k, 5)`:
d_loss_real, d_loss_fake, g_loss, d_acc_real, d_acc_fake of steps step .. step + k - 1.

How steps are cut into calls never changes a bit.
"""

import numpy as np

from keras_gan import data, images
from keras_gan.rule import gan_step


def batches(gan, pictures, batch_size):
    """Returns a function: step -> (real uint8 (batch, h, w, c), pair of noises float32)."""
    with_replacement = gan.rule.batches_with_replacement

    def batch(step):
        rows = data.batch_rows(len(pictures), batch_size, gan.seed, step, with_replacement)
        shape = len(rows), gan.latent_dim
        streams = (data.NOISE_D, data.NOISE_G) if gan.rule.fresh_noise else (data.NOISE_D,)
        return pictures[rows], [data.noise(gan.seed, stream, step, *shape) for stream in streams]

    return batch


def train_on_batch(gan, pictures, batch_size):
    """Returns the engine that makes the classic calls of Keras, a step at a time."""
    batch = batches(gan, pictures, batch_size)

    def run(step, k):
        values = np.empty((k, 5))
        for i in range(k):
            real, z = batch(step + i)
            values[i] = gan_step(gan.rule, gan, images.to_unit(real), z)
            gan.step += 1
        return values

    return run


ENGINES = {"train_on_batch": train_on_batch}
