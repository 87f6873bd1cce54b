import keras
import numpy as np
import pytest

from keras_gan.device import keras_settings
from keras_gan.model import networks
from keras_gan.preset_diff import get_preset
from keras_gan.presets import PRESETS
from keras_gan.rng import make_rng


def test_initial_dense_of_keras_is_glorot_uniform_with_zero_bias():
    kernel, bias = networks.draw_dense_weights("keras", 30, 24, np.random.default_rng(0))
    limit = (6 / 54) ** 0.5
    assert kernel.shape == (30, 24) and kernel.dtype == bias.dtype == np.float32
    assert 0.98 * limit < abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / 3**0.5, rel=0.05)
    assert bias.tolist() == [0] * 24


def test_initial_dense_of_torch_is_uniform_in_1_over_sqrt_fan_in():
    kernel, bias = networks.draw_dense_weights("torch", 16, 500, np.random.default_rng(0))
    assert kernel.shape == (16, 500) and bias.shape == (500,)
    for values in (kernel, bias):
        assert 0.24 < abs(values).max() <= 0.25
        assert values.std() == pytest.approx(0.25 / 3**0.5, rel=0.1)


def test_initial_dense_has_the_spread_of_nn_linear(torch):
    layer = torch.nn.Linear(16, 500)
    ours = networks.draw_dense_weights("torch", 16, 500, np.random.default_rng(0))
    theirs = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    np.testing.assert_allclose([x.std() for x in ours], [x.std() for x in theirs], rtol=0.1)


def test_initial_dense_has_the_spread_of_a_keras_layer():
    layer = keras.layers.Dense(500)
    layer.build((None, 16))
    kernel, _ = networks.draw_dense_weights("keras", 16, 500, np.random.default_rng(0))
    np.testing.assert_allclose(kernel.std(), layer.get_weights()[0].std(), rtol=0.05)


@pytest.mark.parametrize("semantics", ["keras", "torch"])
def test_same_generator_of_numbers_draws_the_same_weights(semantics):
    draw = [networks.draw_dense_weights(semantics, 5, 4, make_rng(seed, 3)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(draw[0][0], draw[1][0])
    np.testing.assert_array_equal(draw[0][1], draw[1][1])
    assert not np.array_equal(draw[0][0], draw[2][0])


@pytest.mark.parametrize("name", ["keras", "aioz"])
def test_weights_of_the_generator_come_from_stream_3_step_0(name):
    preset = get_preset(name)
    model = networks.build_generator(preset, 5, (2, 2, 1), seed=7)
    numbers = np.random.Generator(np.random.Philox(key=[7, 3], counter=[0, 0, 0, 0]))
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            expected = networks.draw_dense_weights(preset.semantics, *layer.kernel.shape, numbers)
            np.testing.assert_array_equal(layer.kernel, expected[0])
            np.testing.assert_array_equal(layer.bias, expected[1])


def test_networks_map_noise_to_images_to_probabilities():
    preset = get_preset("kmnist")
    fake = networks.build_generator(preset, 5, (4, 3, 1), 0)(np.ones((6, 5)))
    p = networks.build_discriminator(preset, (4, 3, 1), 0)(fake).numpy()
    assert fake.shape == (6, 4, 3, 1) and abs(fake.numpy()).max() <= 1
    assert p.shape == (6, 1) and 0 < p.min() and p.max() < 1


def test_mixed_bfloat16_keeps_weights_images_and_probability_in_float32():
    with keras_settings("mixed_bfloat16"):
        for preset in PRESETS.values():
            g = networks.build_generator(preset, 7, (4, 4, 1), 0)
            d = networks.build_discriminator(preset, (4, 4, 1), 0)
            assert g.layers[0].compute_dtype == "bfloat16" and g.layers[-1].compute_dtype == "float32"
            logit = next(x for x in d.layers if getattr(x, "units", None) == 1)
            assert logit.compute_dtype == d.layers[-1].compute_dtype == "float32"
            assert {v.dtype for v in g.weights + d.weights} == {"float32"}
