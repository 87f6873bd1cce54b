"""What `benchmarks.scaling` counts and works out."""

import pytest

from benchmarks.scaling import count_step, find_batch, seconds_per_step
from keras_gan.model.gan import GAN
from keras_gan.presets import PRESETS


def test_step_of_small_images_is_counted_as_by_hand():
    # Generator 100-128-256-4, discriminator 4-256-128-1, one update of each
    generator, discriminator = 12800 + 32768 + 1024, 1024 + 32768 + 128
    biases = 128 + 256 + 4 + 256 + 128 + 1
    counted = count_step(PRESETS["aioz"], (2, 2, 1))
    operations = 2 * (4 * generator + 8 * discriminator)
    assert counted == (4 * (generator + discriminator + biases), 0, 2, operations)


@pytest.mark.parametrize("preset", ["keras", "kmnist"])
def test_gradients_are_as_large_as_the_trainable_weights(preset):
    gan, chosen = GAN(preset, image_shape=(4, 4, 1)), PRESETS[preset]
    sizes = [
        sum(v.shape.num_elements() for v in net.trainable_variables)
        for net in (gan.generator, gan.discriminator)
    ]
    gradients, sums, *_ = count_step(chosen, (4, 4, 1))
    assert gradients == 4 * (sizes[0] + (1 if chosen.rule.joint_d_update else 2) * sizes[1])
    moving = sum(v.shape.num_elements() for v in gan.generator.non_trainable_variables)
    assert sums == 4 * moving * (3 if chosen.rule.fakes_in_training_mode else 2)


def test_devices_pay_from_the_batch_whose_products_outweigh_the_exchanges():
    counted, link = (1e9, 0, 1, 1e9), (1e9, 0)  # a second of exchange over two devices, 1 ms an image
    assert seconds_per_step(counted, 512, 1, None, 1, 9) == pytest.approx(0.512)
    assert seconds_per_step(counted, 512, 2, link, 1, 0) == pytest.approx(0.256 + 1)
    assert seconds_per_step(counted, 512, 2, (1e9, 0.25), 1, 1) == pytest.approx(0.256 + 1 + 0.5 + 1)
    assert find_batch(counted, 2, link, 1, 0) == 2048  # 2.05 s against 1.02 + 1; 1024: 1.02 against 1.51
    assert find_batch(counted, 2, link, 1, 0, gain=2) is None
