"""The order of a GAN's updates, in one place for every framework and engine."""

from collections.abc import Sequence
from typing import Any

from keras_gan.presets import UpdateRule


def gan_step(rule: UpdateRule, nets: Any, real: Any, z: Sequence[Any]) -> tuple[Any, Any, Any, Any, Any]:
    """Updates both networks once: Algorithm 1 of Goodfellow et al. 2014 with k = 1.

    The discriminator ascends log D(x) + log(1 - D(G(z))); the generator ascends log D(G(z)),
    which the paper recommends in place of descending log(1 - D(G(z))).
    The fakes shown to the discriminator are made first, by the generator as the step finds it.

    Args:
        nets: offers `generate(z) -> fake`, `update_discriminator(real, fake) ->
            (d_loss_real, d_loss_fake, d_acc_real, d_acc_fake)`, `update_generator(z) -> g_loss` and
            `step`, the number of steps made, which is counted up here.
        real: images in [-1, 1], (batch, h, w, c), in the framework's own type.
        z: pair of noises (batch, latent_dim), the first for the discriminator's fakes, the
            second for the generator's update; where the rule reuses noise the second is ignored.

    Returns:
        (d_loss_real, d_loss_fake, g_loss, d_acc_real, d_acc_fake) of this batch.
    """
    # The fakes that the discriminator sees; a forward pass of the generator.
    z_d, z_g = z if rule.fresh_noise else (z[0], z[0])
    fake = nets.generate(z_d)
    # One update of the generator, one (or two: real, then fake) of the discriminator. Each costs a
    # forward and a backward pass of its network; the generator's passes through the discriminator, too.
    if rule.generator_first:
        g_loss = nets.update_generator(z_g)
        losses_and_accuracies = nets.update_discriminator(real, fake)
    else:
        losses_and_accuracies = nets.update_discriminator(real, fake)
        g_loss = nets.update_generator(z_g)
    nets.step += 1  # here and nowhere else: Adam's shared count follows from it
    d_loss_real, d_loss_fake, d_acc_real, d_acc_fake = losses_and_accuracies
    return d_loss_real, d_loss_fake, g_loss, d_acc_real, d_acc_fake
