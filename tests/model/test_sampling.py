import keras
import numpy as np
import pytest

from keras_gan.evaluation.inputs import RunInput
from keras_gan.model.gan import GAN
from keras_gan.model.sampling import draw_batches
from tests.model.conftest import LATENT_DIM, SHAPE, forward


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, LATENT_DIM)).astype("float32")


def by_numpy(gan, z, size):
    """Returns samples (n, ...) in [0, 255]: of each batch, and at the end those left of the last rows."""
    whole, rest = divmod(len(z), size)
    batches = [forward(gan.generator, z[i * size : (i + 1) * size], training=True) for i in range(whole)]
    if rest:
        batches.append(forward(gan.generator, z[-size:], training=True)[-rest:])
    return (np.concatenate(batches) + 1) * 127.5


@pytest.mark.parametrize("n, size", [(12, 4), (13, 4), (9, 6), (3, 3)])
@pytest.mark.parametrize("name", ["keras", "pytorch-gan"])
def test_samples_in_training_mode_are_normalised_by_their_batch(build, name, n, size):
    gan, z = build(name), noise(n)
    images, expected = gan.sample(z, "training", size), by_numpy(gan, z, size)
    # A float32 sum in another order may turn a level where the value lies between two.
    assert abs(images - expected).max() <= 0.5 + 1e-3
    assert (images != gan.sample(z)).any()


def test_fewer_rows_than_a_batch_are_one_batch_of_the_preset(build):
    gan, z = build("pytorch-gan"), noise(5)
    assert abs(gan.sample(z, "training") - by_numpy(gan, z, 5)).max() <= 0.5 + 1e-3
    z = noise(70)
    assert abs(gan.sample(z, mode="training") - by_numpy(gan, z, 64)).max() <= 0.5 + 1e-3


def test_variables_stay_as_they_are(build):
    gan = build("pytorch-gan")
    before = gan.arrays()
    gan.sample(noise(9), "training", 4)
    for name, array in gan.arrays().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_random_states_stay_as_they_are_in_inference_mode():
    """Keras's recurrent layers draw masks of dropout without using them."""

    class Recurrent(GAN):
        def build_generator(self):
            layers = [keras.layers.Reshape((1, LATENT_DIM)), keras.layers.GRU(16, dropout=0.5)]
            return keras.Sequential([keras.Input((LATENT_DIM,)), *layers, keras.layers.Reshape(SHAPE)])

    gan = Recurrent("aioz", image_shape=SHAPE, latent_dim=LATENT_DIM, jit_compile=False)
    before = gan.arrays()
    assert any(name.endswith("seed_generator_state") for name in before)
    gan.sample(noise(3))
    for name, array in gan.arrays().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_dropout_draws_anew_for_each_batch_and_the_same_again():
    class Dropping(GAN):
        def build_generator(self):
            layers = [keras.layers.Dense(64), keras.layers.Dropout(0.5), keras.layers.Dense(16)]
            shaped = keras.layers.Reshape(SHAPE)
            return keras.Sequential(
                [keras.Input((LATENT_DIM,)), *layers, keras.layers.Activation("tanh"), shaped]
            )

    gan = Dropping("aioz", image_shape=SHAPE, latent_dim=LATENT_DIM, jit_compile=False)
    z = np.tile(noise(4), (2, 1))
    first = gan.sample(z, "training", 4)
    assert (first[:4] != first[4:]).any()
    np.testing.assert_array_equal(gan.sample(z, "training", 4), first)


def test_one_image_and_another_mode_are_refused(build):
    gan = build("aioz")
    for z, size in ((noise(1), None), (noise(4), 1)):
        with pytest.raises(ValueError, match="at least 2"):
            gan.sample(z, "training", size)
    with pytest.raises(ValueError, match="mode must be one of inference, training. Received: 'eval'"):
        gan.sample(noise(4), "eval")
    assert gan.sample(noise(1)).shape == (1, *SHAPE)


def test_source_draws_in_its_mode_at_once_and_in_batches(build):
    gan = build("pytorch-gan")
    source = RunInput("a", None, gan, "training")
    np.testing.assert_array_equal(np.concatenate([*source.draw_batches(0, 150, 100)]), source.draw(0, 150))
    assert (source.draw(0, 150) != RunInput("a", None, gan).draw(0, 150)).any()
    assert source.describe_samples() == {"mode": "training", "sample_batch_size": 64}


def test_chunks_that_batches_divide_make_what_one_makes(build):
    gan, z = build("pytorch-gan"), noise(11)
    parts = [*draw_batches(gan, [z[:4], z[4:]], "training", 4)]
    np.testing.assert_array_equal(np.concatenate(parts), gan.sample(z, "training", 4))


@pytest.mark.parametrize("z", [np.zeros((3, 6)), np.zeros(7), np.zeros((0, 7)), 3.0])
def test_noise_of_another_shape_is_refused_in_one_line(build, z):
    with pytest.raises(
        ValueError, match=r"z must be an array of shape \(n, 7\), n at least 1. Received: \(.*\)\.$"
    ):
        build("aioz").sample(z)


@pytest.mark.parametrize("seeds", [0, -1, 2.5, [-1], [], "3", [2**63], True, None])
def test_seeds_that_are_none_are_refused(build, seeds):
    with pytest.raises(ValueError, match="seeds must be a number of samples of at least 1, or seeds in"):
        build("aioz").noise(seeds)


def test_seeds_may_be_numpys_integers(build):
    gan = build("aioz")
    np.testing.assert_array_equal(gan.noise(np.int64(3)), gan.noise(3))
    np.testing.assert_array_equal(gan.noise(np.arange(3)), gan.noise(range(3)))
