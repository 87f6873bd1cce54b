import importlib.util

import numpy as np
import pytest

from keras_gan.model import engines
from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def dcgan():
    """The module examples/dcgan.py."""
    spec = importlib.util.spec_from_file_location("dcgan", REPOSITORY / "examples/dcgan.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(28, 28, 1), (64, 64, 3)])
def test_dcgan_trains_both_networks_on_grey_and_colour(dcgan, shape):
    gan = dcgan.DCGAN("aioz", image_shape=shape, latent_dim=7)
    before = gan.generator.get_weights()[0], gan.discriminator.get_weights()[0]
    images = np.random.default_rng(0).integers(0, 256, (8, *shape), dtype=np.uint8)
    values = engines.train_on_batch(gan, images, 4)(0, 2)
    assert np.isfinite(values).all() and gan.sample(gan.noise(3)).shape == (3, *shape)
    for was, network in zip(before, (gan.generator, gan.discriminator)):
        assert not np.array_equal(was, network.get_weights()[0])


@pytest.mark.slow
def test_dcgan_is_trained_on_images_of_ones_own(dcgan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("own.npz", images=np.random.default_rng(0).integers(0, 256, (100, 12, 12, 3), dtype=np.uint8))
    dcgan.main("own.npz", "8", "1")
    assert (tmp_path / "dcgan/1.png").is_file() and (tmp_path / "dcgan/generator.keras").is_file()
