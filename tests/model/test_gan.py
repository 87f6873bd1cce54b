import copy
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gan.model.gan import GAN
from keras_gan.model.step import gan_step
from tests.model.conftest import LATENT_DIM, SHAPE, assert_equal_variables, batch, forward, moved, weights

# a subclass with networks of its own


class Ours(GAN):
    """A GAN of another generator and discriminator."""

    def build_generator(self):
        z = keras.Input((self.latent_dim,))
        x = keras.layers.Dense(16, activation="tanh")(keras.layers.Dense(8, activation="relu")(z))
        return keras.Model(z, keras.layers.Reshape(SHAPE)(x))

    def build_discriminator(self):
        image = keras.Input(SHAPE)
        x = keras.layers.Conv2D(3, 3, activation="relu")(image)
        p = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Flatten()(x))
        return keras.Model(image, p)


@pytest.mark.parametrize("name", ["keras", "kmnist"])
def test_subclass_trains_both_of_its_own_networks(name):
    gan = Ours(name, image_shape=SHAPE, latent_dim=LATENT_DIM)
    real, z = batch(16)
    assert moved(gan.discriminator, gan.update_discriminator, real, gan.generate(z[0]))
    before = weights(gan.discriminator)
    assert moved(gan.generator, gan.update_generator, z[1])
    np.testing.assert_array_equal(weights(gan.discriminator), before)
    assert gan.sample(z[0]).shape == (16, *SHAPE)


def test_subclass_is_loaded_from_its_own_checkpoint(tmp_path):
    gan = Ours("aioz", image_shape=SHAPE, latent_dim=LATENT_DIM)
    gan_step(gan.rule, gan, *batch(4))
    gan.save(tmp_path / "gan.npz")
    assert_equal_variables(Ours.load(tmp_path / "gan.npz"), gan)


# samples


def test_sample_is_uint8_of_the_generator_in_inference_mode(build):
    gan, z = build("keras"), batch(6)[1][0]
    expected = np.rint((forward(gan.generator, z) + 1) * 127.5)
    images = gan.sample(z)
    assert images.dtype == np.uint8 and images.shape == (6, *SHAPE)
    assert abs(images.astype(float) - expected).max() <= 1  # a rounding tie may fall either way
    assert (images == expected).mean() > 0.99


def test_sample_of_many_is_the_same_as_of_each(build):
    z = np.random.default_rng(0).normal(size=(1003, LATENT_DIM)).astype("float32")
    many = build("aioz").sample(z)
    assert many.shape == (1003, *SHAPE)
    np.testing.assert_array_equal(many[999:1002], build("aioz").sample(z[999:1002]))


def test_noise_of_a_seed_is_the_same_row_whatever_its_neighbours(build):
    noise = build("aioz").noise([3, 0, 7])
    assert noise.shape == (3, LATENT_DIM) and noise.dtype == np.float32
    np.testing.assert_array_equal(noise[1:], build("aioz").noise([0, 7]))
    numbers = np.random.Generator(np.random.Philox(key=[7, 4], counter=[0, 0, 0, 0]))
    np.testing.assert_array_equal(noise[2], numbers.standard_normal(LATENT_DIM, dtype=np.float32))


def test_noise_of_a_number_is_that_many_different_rows(build):
    noise = build("aioz").noise(5)
    assert len({row.tobytes() for row in noise}) == 5
    np.testing.assert_array_equal(noise, build("aioz").noise(5))


def test_sample_images_writes_25_samples_of_the_same_noise_every_time(build, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gan = build("aioz", (8, 8, 1))
    gan.sample_images(7)
    first = (tmp_path / "images/7.png").read_bytes()
    gan.sample_images(7)
    assert (tmp_path / "images/7.png").read_bytes() == first
    numbers = np.random.Generator(np.random.Philox(key=[0, 4], counter=[0, 0, 0, 0]))
    expected = gan.sample(numbers.standard_normal((25, LATENT_DIM), dtype=np.float32))
    picture = np.asarray(Image.open(tmp_path / "images/7.png").convert("L"))
    cells = [picture[4 + r * 68 :: 8, 4 + c * 68 :: 8][:8, :8] for r in range(5) for c in range(5)]
    np.testing.assert_array_equal(cells, expected[..., 0])


def test_show_is_a_grid_of_the_samples_of_seeds(build):
    gan = build("aioz", (8, 8, 1))
    picture = np.asarray(gan.show([3, 0, 7]).convert("L"))
    assert picture.shape == (140, 140) and (picture[72:136, 72:136] == 255).all()
    cells = [picture[4 + r * 68 :: 8, 4 + c * 68 :: 8][:8, :8] for r, c in ((0, 0), (0, 1), (1, 0))]
    np.testing.assert_array_equal(cells, gan.sample(gan.noise([3, 0, 7]))[..., 0])
    assert gan.show().size == (344, 344)


@pytest.mark.slow
def test_plot_and_history_are_of_the_run_that_this_object_has_trained(build, tmp_path):
    gan = build("aioz", (8, 8, 1))
    assert gan.history is None
    with pytest.raises(ValueError, match="plot shows the run of a GAN that has trained"):
        gan.plot()
    images = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), dtype=np.uint8)
    table = gan.train(2, 8, data=images, outdir=tmp_path / "run", quiet=True)
    for name, column in gan.history.items():
        np.testing.assert_array_equal(column, table[name])
    drawn = np.asarray(gan.plot())
    np.testing.assert_array_equal(drawn, np.asarray(Image.open(tmp_path / "run/curves.png")))
    assert drawn.std() > 10


# seeds, settings, precision


def test_same_seed_same_weights_other_seed_other_weights():
    first, second, third = (GAN("aioz", image_shape=SHAPE, seed=seed) for seed in (1, 1, 2))
    assert_equal_variables(first, second)
    for network in ("generator", "discriminator"):
        assert not np.array_equal(weights(getattr(first, network)), weights(getattr(third, network)))


@pytest.mark.slow
def test_global_seed_and_earlier_layers_have_no_say_in_the_weights():
    keras.utils.set_random_seed(5)
    first = GAN("aioz", image_shape=SHAPE)
    keras.layers.Dense(3).build((None, 2))
    assert_equal_variables(first, GAN("aioz", image_shape=SHAPE))


def test_given_numbers_reach_networks_and_optimizers():
    gan = GAN("keras", image_shape=SHAPE, latent_dim=3, lr=0.5, b1=0.25, b2=0.125)
    assert gan.generator.input_shape == (None, 3)
    for optimizer in (gan.discriminator.optimizer, gan.combined.optimizer):
        assert (float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2) == (0.5, 0.25, 0.125)
        assert optimizer.epsilon == 1e-7


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 2), (0, 8, 1), (8, -8, 3), (1, 8, 8, 1)])
def test_bad_image_shape_is_refused(shape):
    with pytest.raises(ValueError, match="^image_shape must be"):
        GAN(image_shape=shape)


def test_bad_number_is_refused():
    with pytest.raises(ValueError, match="^lr must be"):
        GAN(lr=0)


def test_float64_gives_float64_weights_slots_and_fakes(build):
    gan = build("kmnist", precision="float64")  # float64 losses: see test_updates
    floats = {v.dtype for n, v in gan.variables().items() if not n.endswith("iteration")}
    assert floats == {"float64"} and keras.config.floatx() == "float32"
    assert gan.generate(batch(8)[1][0]).dtype == tf.float64


def test_repr_says_what_it_is_and_copies_are_refused_with_the_way_out(build):
    gan = build("aioz")
    assert repr(gan) == "GAN('aioz', image_shape=(4, 4, 1), seed=0, step=0)"
    for copied in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"gan.save\(path\) and GAN.load\(path\)"):
            copied(gan)
