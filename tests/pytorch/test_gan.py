"""`TorchGAN` as a GAN that trains and is saved; `test_parity` checks its updates."""

import numpy as np
import pytest

from keras_gan.model import engines
from keras_gan.model.gan import GAN
from keras_gan.presets import PRESETS
from keras_gan.rng import Stream, draw_noise

pytest.importorskip("torch", reason="needs PyTorch: pip install torch==2.13.0")

from keras_gan.pytorch.gan import TorchGAN

pytestmark = pytest.mark.usefixtures("narrow_presets")
SETTINGS = dict(image_shape=(8, 8, 1), latent_dim=7)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_arrays_before_the_first_step_are_those_of_a_new_GAN(preset, precision):
    gan = GAN(preset, precision=precision, **SETTINGS)
    reference = TorchGAN(preset, precision=precision, **SETTINGS)
    ours, theirs = ({n: (a.shape, a.dtype) for n, a in g.arrays().items()} for g in (gan, reference))
    assert ours == theirs
    moments = [a for n, a in reference.arrays().items() if n.endswith(("momentum", "velocity", "iteration"))]
    assert not np.concatenate([np.ravel(a) for a in moments]).any()


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("preset", ["keras", "kmnist"])
def test_keras_loads_its_checkpoint_and_draws_the_same_samples(preset, steps, pixels, tmp_path):
    reference = TorchGAN(preset, seed=3, **SETTINGS)
    reference.load(GAN(preset, **SETTINGS).arrays())
    engines.train_on_batch(reference, pixels, 20)(0, steps)
    reference.save(tmp_path / "checkpoint.npz")
    gan = GAN.load(tmp_path / "checkpoint.npz")
    assert (gan.step, gan.seed, gan.preset, gan.config) == (steps, 3, reference.preset, reference.config)
    for name, array in gan.arrays().items():
        np.testing.assert_array_equal(array, reference.arrays()[name])
    z = draw_noise(0, Stream.EVALUATION, 0, 50, 7)
    np.testing.assert_allclose(gan.sample(z).astype(int), reference.sample(z), atol=1)


def test_noise_and_grids_are_those_of_a_GAN_of_its_seed(tmp_path):
    gan, reference = GAN("aioz", seed=5, **SETTINGS), TorchGAN("aioz", seed=5, **SETTINGS)
    reference.load(gan.arrays())
    np.testing.assert_array_equal(gan.grid_noise(), reference.grid_noise())
    for g, name in ((gan, "keras"), (reference, "torch")):
        g.outdir = tmp_path / name
        g.sample_images(0)
    assert (tmp_path / "keras/0.png").read_bytes() == (tmp_path / "torch/0.png").read_bytes()
    assert reference.framework == "torch"
