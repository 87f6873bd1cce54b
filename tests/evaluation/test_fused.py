import keras
import numpy as np
import pytest

from keras_gan.evaluation.fused import fuse
from keras_gan.evaluation.torch_inception import PaddedAveragePooling

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(-1, 1, (3, 12, 12, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    """A small network of all kinds of layers that InceptionV3 has, with random weights."""
    layers = keras.layers

    def convolve(inputs, filters, size, strides=1, padding="same"):
        convolved = layers.Conv2D(filters, size, strides, padding, use_bias=False)(inputs)
        return layers.Activation("relu")(layers.BatchNormalization(scale=False)(convolved))

    inputs = keras.Input((12, 12, 3))
    stem = layers.MaxPooling2D(2, 1)(convolve(inputs, 8, 3, 2, "valid"))
    pools = layers.AveragePooling2D(3, 1, "same")(stem), PaddedAveragePooling(3, 1, "valid")(stem)
    branches = convolve(stem, 4, (1, 3)), *(convolve(pool, 4, 1) for pool in pools)
    features = layers.GlobalAveragePooling2D()(layers.Concatenate()(branches))
    network = keras.Model(inputs, [features, layers.Dense(5, "softmax")(features)])
    network.set_weights(
        [RNG.uniform(0.1, 1, w.shape) * RNG.choice([-1, 1]) ** (w.ndim > 1) for w in network.get_weights()]
    )
    return network


def test_fused_network_computes_what_the_layers_compute(network):
    expected = network(IMAGES, training=False)
    for found, array in zip(fuse(network)(IMAGES), expected, strict=True):
        np.testing.assert_allclose(found, array, rtol=1e-5, atol=1e-6)  # rounding of sums in another order
