import importlib.util

import numpy as np
import pytest

from keras_gan.model import engines
from tests.conftest import REPOSITORY


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(28, 28, 1), (64, 64, 3)])
def test_dcgan_trains_both_networks_on_grey_and_colour(shape):
    spec = importlib.util.spec_from_file_location("dcgan", REPOSITORY / "examples/dcgan.py")
    dcgan = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(dcgan)
    gan = dcgan.DCGAN("aioz", image_shape=shape, latent_dim=7)
    before = gan.generator.get_weights()[0], gan.discriminator.get_weights()[0]
    images = np.random.default_rng(0).integers(0, 256, (8, *shape), dtype=np.uint8)
    values = engines.train_on_batch(gan, images, 4)(0, 2)
    assert np.isfinite(values).all() and gan.sample(gan.noise(3)).shape == (3, *shape)
    for was, network in zip(before, (gan.generator, gan.discriminator)):
        assert not np.array_equal(was, network.get_weights()[0])
