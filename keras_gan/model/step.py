"""The order of a GAN's updates, in one place for every framework and engine."""

from collections.abc import Sequence
from typing import Any

from keras_gan.presets import UpdateRule


def gan_step(rule: UpdateRule, nets: Any, real: Any, z: Sequence[Any]) -> tuple[Any, Any, Any, Any, Any]:
    """Updates both networks: Algorithm 1 of Goodfellow et al. 2014.

    The discriminator ascends log D(x) + log(1 - D(G(z))); the generator ascends log D(G(z)),
    which the paper recommends in place of descending log(1 - D(G(z))).
    The first fakes are made before either update; further ones, of `d_steps` above 1, just before the
    update of the discriminator that sees them.

    Args:
        nets: offers `generate(z) -> fake`, `update_discriminator(real, fake) ->
            (d_loss_real, d_loss_fake, d_acc_real, d_acc_fake)`, `update_generator(z) -> g_loss` and
            `step`, the number of steps made, which is counted up here.
        real: images in [-1, 1], (batch, h, w, c), in the framework's own type.
        z: noises (batch, latent_dim): one for each update of the discriminator, which are `d_steps`,
            all on the same real images, and one for the generator's update if the rule has fresh noise.

    Returns:
        (d_loss_real, d_loss_fake, g_loss, d_acc_real, d_acc_fake) of this batch; of the discriminator's
        last update.
    """
    # Noises of the discriminator's updates and noise of the generator's, which without fresh noise is
    # that of the update next to it
    if rule.fresh_noise:
        z_d, z_g = z[:-1], z[-1]
    else:
        z_d, z_g = z, z[0] if rule.generator_first else z[-1]
    # The fakes that the discriminator sees; a forward pass of the generator.
    fake = nets.generate(z_d[0])
    # The updates. Each costs a forward and a backward pass of its network; the generator's passes
    # through the discriminator, too.
    if rule.generator_first:
        g_loss = nets.update_generator(z_g)
    losses_and_accuracies = nets.update_discriminator(real, fake)
    for z_more in z_d[1:]:
        losses_and_accuracies = nets.update_discriminator(real, nets.generate(z_more))
    if not rule.generator_first:
        g_loss = nets.update_generator(z_g)
    nets.step += 1  # here and nowhere else
    d_loss_real, d_loss_fake, d_acc_real, d_acc_fake = losses_and_accuracies
    return d_loss_real, d_loss_fake, g_loss, d_acc_real, d_acc_fake
