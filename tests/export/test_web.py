"""The generator as a web page: the numbers in it, read back by NumPy."""

import re

import keras
import numpy as np
import pytest
from keras import layers

from keras_gan.export import generator, web
from keras_gan.model.gan import GAN
from keras_gan.rng import Stream, draw_noise
from tests.export.conftest import lived_in

SMALL = dict(image_shape=(6, 4, 3), latent_dim=5)


def with_generator(*chain, latent_dim=5, image_shape=(6, 4, 3)):
    """Returns a GAN whose generator is a chain of layers."""

    class Custom(GAN):
        def build_generator(self):
            return keras.Sequential([keras.Input((latent_dim,)), *chain])

    return Custom("aioz", image_shape=image_shape, latent_dim=latent_dim)


# its numbers, without a browser


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["keras", "kmnist", "aioz"])
def test_numbers_of_the_page_make_the_images_of_the_generator(preset, tmp_path):
    gan = lived_in(preset, **SMALL)
    path, apart = generator.export_generator(gan, "html", tmp_path)
    z = draw_noise(7, Stream.EVALUATION, 0, 1000, 5)
    images = web.load_page(path)(z)
    assert (images.dtype, images.shape) == (np.float32, (1000, 6, 4, 3)) and images.std() > 0.05
    # 16-bit kernels: each product is off by up to 1 / 65534 of the largest in its row
    np.testing.assert_allclose(images, gan.generator(z, training=False), rtol=0, atol=1e-3)
    assert 0 < apart <= 1e-3


def test_models_inside_models_and_layers_that_do_nothing_are_taken(tmp_path):
    class Published(GAN):  # as the original builds it
        def build_generator(self):
            inner = [layers.Dense(8), layers.ReLU(), layers.Dropout(0.5), layers.Dense(72, use_bias=False)]
            inner += [layers.BatchNormalization(scale=False, center=False), layers.Activation("sigmoid")]
            z = keras.Input((5,))
            return keras.Model(z, keras.Sequential([*inner, layers.Reshape((6, 4, 3))])(z))

    gan = Published("aioz", **SMALL)
    path, apart = generator.export_generator(gan, "html", tmp_path)
    assert apart < 1e-4 and path.name == "generator.html"


def test_kernel_is_integers_times_a_scale_for_each_input():
    dense = layers.Dense(3)
    dense.build((None, 2))
    dense.set_weights([np.array([[1.0, -0.5, 0.25], [0, 0, 0]]), np.array([1.0, 2, 3])])
    entry = web._describe_dense(dense)
    np.testing.assert_array_equal(web._decode(entry["kernel"], "<i2"), [32767, -16384, 8192, 0, 0, 0])
    np.testing.assert_allclose(web._decode(entry["scale"]), [1 / 32767, 0], rtol=1e-7)
    np.testing.assert_array_equal(web._decode(entry["bias"]), [1, 2, 3])


def test_directions_of_a_diagonal_kernel_are_its_axes_in_the_order_of_their_size():
    directions, shares = web.find_directions(np.diag([1.0, 3, 2]))
    np.testing.assert_allclose(np.abs(directions), [[0, 1, 0], [0, 0, 1], [1, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(shares, np.array([9, 4, 1]) / 14)


@pytest.mark.parametrize(
    ("chain", "named"),
    [
        ((layers.Dense(72, "gelu", name="wide"),), r"Dense \(wide\) with gelu"),
        ((layers.Dense(72, layers.LeakyReLU(0.1), name="wide"),), r"Dense \(wide\) with LeakyReLU"),
        ((layers.Dense(72), layers.LayerNormalization(name="norm")), r"LayerNormalization \(norm\)"),
        ((layers.Dense(72), layers.ReLU(6, name="six")), r"ReLU \(six\)"),
        ((layers.Dense(72), layers.Reshape((6, 4, 3)), layers.Conv2D(3, 1, name="c")), r"Conv2D \(c\)"),
        ((layers.Dense(72), layers.Reshape((24, 3)), layers.Dense(3, name="late")), r"Dense \(late\)"),
    ],
)
def test_layers_that_the_page_does_not_know_are_refused_by_name(chain, named, tmp_path):
    gan = with_generator(*chain, layers.Reshape((6, 4, 3)))
    with pytest.raises(ValueError, match=f"A web page knows the layers .* Received: {named}") as error:
        generator.export_generator(gan, "html", tmp_path)
    assert "\n" not in str(error.value) and not list(tmp_path.iterdir())


def test_subclass_of_keras_model_is_refused(tmp_path):
    class Connected(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.shaped = layers.Dense(72, "tanh"), layers.Reshape((6, 4, 3))

        def call(self, z):
            return self.shaped(self.dense(z))

    class Custom(GAN):
        def build_generator(self):
            return Connected()

    with pytest.raises(ValueError, match="Received: a subclass of keras.Model .* such as dense"):
        generator.export_generator(Custom("aioz", **SMALL), "html", tmp_path)
    assert not list(tmp_path.iterdir())


def test_kernel_of_zeros_has_directions_without_variance():
    directions, shares = web.find_directions(np.zeros((3, 4)))
    assert np.isfinite(directions).all() and shares.tolist() == [0, 0, 0]


def test_generator_without_a_dense_layer_is_refused(tmp_path):
    gan = with_generator(
        layers.Activation("tanh"), layers.Reshape((2, 2, 1)), latent_dim=4, image_shape=(2, 2, 1)
    )
    with pytest.raises(ValueError, match="needs a generator with a Dense layer. Received: none."):
        generator.export_generator(gan, "html", tmp_path)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    gan = with_generator(
        layers.Dense(72, bias_initializer=lambda *_, **__: [np.inf] * 72), layers.Reshape((6, 4, 3))
    )
    with pytest.raises(ValueError, match="needs finite weights, in float32. Received: nan or inf."):
        generator.export_generator(gan, "html", tmp_path)


def test_page_loads_nothing_and_is_whole(tmp_path):
    path, _ = generator.export_generator(lived_in("aioz", **SMALL), "html", tmp_path)
    page = path.read_text()
    assert "default-src 'none'" in page and not re.search(r"https?:|//www|@import|url\(", page)
    assert re.findall(r"(?:src|href)=\"([^\"]*)", page) == ["data:,"]
    assert not re.search(r"\$[a-z]", page) and "aioz preset · step 0" in page
