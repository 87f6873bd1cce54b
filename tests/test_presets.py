"""Every number here was written down from the published code, not from presets.py."""

import functools
import itertools

import pytest

from keras_gan.preset_diff import get_preset
from keras_gan.presets import PRESETS, BatchNormalization, Dense, LeakyReLU

# widths from noise to image, widths that are normalised, widths from image to probability
WIDTHS = {
    "keras": ([100, 256, 512, 1024, 784], [256, 512, 1024], [784, 512, 256, 1]),
    "kmnist": ([100, 128, 256, 512, 784], [128, 256, 512], [784, 512, 256, 1]),
    "aioz": ([100, 128, 256, 784], [], [784, 256, 128, 1]),
    "tutorial": ([100, 256, 512, 1024, 784], [], [784, 1024, 512, 256, 1]),
    "pytorch-gan": ([100, 128, 256, 512, 1024, 784], [256, 512, 1024], [784, 512, 256, 1]),
}
# of the generator, of them moving statistics, of the discriminator
COUNTS = {
    "keras": (1_493_520, 3_584, 533_505),
    "kmnist": (583_312, 1_792, 533_505),
    "aioz": (247_440, 0, 233_985),
    "tutorial": (1_486_352, 0, 1_460_225),
    "pytorch-gan": (1_513_616, 3_584, 533_505),
}
# D dense, L leaky, R relu, B batch normalisation, T tanh, S sigmoid
BLOCKS = {
    "keras": ("DLB DLB DLB DT", "DL DL DS"),
    "kmnist": ("DLB DBL DBL DT", "DL DL DS"),
    "aioz": ("DR DR DT", "DR DR DS"),
    "tutorial": ("DR DR DR DT", "DL DL DL DS"),
    "pytorch-gan": ("DL DBL DBL DBL DT", "DL DL DS"),
}
# generator first, fresh noise, joint update, loss, training mode, shared counter, replacement, batch
RULES = {
    "keras": (False, True, False, "mean", False, True, True, True),
    "kmnist": (False, False, True, "mean", True, False, False, False),
    "aioz": (False, True, True, "sum", True, False, False, False),
    "tutorial": (False, True, True, "sum", True, False, False, False),
    "pytorch-gan": (True, False, True, "mean", True, False, False, False),
}
# semantics, data set, lr, b1, b2, epsilon, batch size, epochs, sample interval
NUMBERS = {
    "keras": ("keras", "mnist", 2e-4, 0.5, 0.999, 1e-7, 256, 30000, 200),
    "kmnist": ("torch", "kmnist", 2e-4, 0.5, 0.999, 1e-8, 64, 50, 938),
    "aioz": ("torch", "mnist", 2e-4, 0.9, 0.999, 1e-8, 100, 100, 600),
    "tutorial": ("torch", "mnist", 2e-4, 0.9, 0.999, 1e-8, 64, 50, 938),
    "pytorch-gan": ("torch", "mnist", 2e-4, 0.5, 0.999, 1e-8, 64, 200, 400),
}
each_preset = pytest.mark.parametrize("name", list(COUNTS))


@functools.cache
def built(name):
    """Returns the GAN of a preset for 28x28x1, built once; nothing here changes it."""
    from keras_gan.model.gan import GAN

    return GAN(name)


def dense_parameters(widths):
    return sum((n_in + 1) * n_out for n_in, n_out in itertools.pairwise(widths))


def letters(layers):
    text = ""
    for layer in layers:
        kind = type(layer).__name__
        text += {"Dense": "D", "LeakyReLU": "L", "BatchNormalization": "B", "Activation": ""}[kind]
        name = getattr(layer, "activation", None) or getattr(layer, "name", None)
        text += {None: "", "relu": "R", "tanh": "T", "sigmoid": "S"}[name]
    return text


def test_there_are_five_presets_each_under_its_name():
    assert list(PRESETS) == list(COUNTS)
    assert [p.name for p in PRESETS.values()] == list(COUNTS)


@each_preset
def test_counts_follow_from_the_published_widths(name):
    generator, normalised, discriminator = WIDTHS[name]
    moving = 2 * sum(normalised)
    counts = dense_parameters(generator) + 2 * moving, moving, dense_parameters(discriminator)
    assert counts == COUNTS[name]


@each_preset
def test_networks_have_the_published_number_of_parameters(name):
    gan = built(name)
    moving = sum(v.shape[0] for v in gan.generator.non_trainable_variables)
    assert (gan.generator.count_params(), moving, gan.discriminator.count_params()) == COUNTS[name]


@each_preset
def test_layers_have_the_published_widths(name):
    generator, _, discriminator = WIDTHS[name]
    units = [x.units for x in PRESETS[name].generator if isinstance(x, Dense)]
    assert units == [*generator[1:-1], None]
    units = [x.units for x in PRESETS[name].discriminator if isinstance(x, Dense)]
    assert units == discriminator[1:]


@each_preset
def test_layers_stand_in_the_published_order(name):
    generator, discriminator = (text.replace(" ", "") for text in BLOCKS[name])
    assert letters(PRESETS[name].generator) == generator
    assert letters(PRESETS[name].discriminator) == discriminator


@each_preset
def test_every_leaky_relu_has_the_slope_0_2(name):
    both = PRESETS[name].generator + PRESETS[name].discriminator
    assert {x.negative_slope for x in both if isinstance(x, LeakyReLU)} <= {0.2}


@pytest.mark.parametrize(
    ("name", "momentum", "epsilon"),
    [("keras", 0.8, 1e-3), ("kmnist", 0.9, 1e-5), ("pytorch-gan", 0.9, 0.8)],
)
def test_batch_normalisation_has_the_published_numbers(name, momentum, epsilon):
    found = {x for x in PRESETS[name].generator if isinstance(x, BatchNormalization)}
    assert found == {(momentum, epsilon)}


@each_preset
def test_rule_is_the_published_one(name):
    assert tuple(PRESETS[name].rule) == RULES[name]
    assert PRESETS[name].rule._fields == (
        "generator_first",
        "fresh_noise",
        "joint_d_update",
        "d_loss",
        "fakes_in_training_mode",
        "shared_step_counter",
        "batches_with_replacement",
        "epoch_is_one_batch",
    )


@each_preset
def test_numbers_are_the_published_ones(name):
    p = PRESETS[name]
    received = p.semantics, p.dataset, p.lr, p.b1, p.b2, p.epsilon
    assert received + (p.batch_size, p.epochs, p.sample_interval) == NUMBERS[name]
    assert p.latent_dim == 100


def test_an_epoch_of_keras_is_one_batch_whatever_the_images():
    rule = PRESETS["keras"].rule
    assert [rule.steps_per_epoch(n, 256) for n in (256, 60000)] == [1, 1]


def test_an_epoch_of_the_others_is_a_pass_with_a_short_last_batch():
    rule = PRESETS["kmnist"].rule
    assert [rule.steps_per_epoch(n, 64) for n in (63, 64, 65, 60000)] == [1, 1, 2, 938]
    assert PRESETS["aioz"].rule.steps_per_epoch(60000, 100) == 600


def test_d_loss_is_the_mean_or_the_sum_of_its_parts():
    assert PRESETS["keras"].rule.combine(0.5, 0.25) == 0.375
    assert PRESETS["aioz"].rule.combine(0.5, 0.25) == 0.75


def test_underscore_and_hyphen_are_the_same_in_a_name():
    assert get_preset("pytorch_gan") is get_preset("pytorch-gan") is PRESETS["pytorch-gan"]


def test_unknown_preset_names_the_near_one_and_all_known():
    with pytest.raises(ValueError, match="did you mean kmnist") as error:
        get_preset("kmnits")
    assert all(name in str(error.value) for name in COUNTS) and "'kmnits'" in str(error.value)


def test_unknown_preset_that_is_like_none_gets_no_hint():
    with pytest.raises(ValueError, match="Received: 'xyz'") as error:
        get_preset("xyz")
    assert "did you mean" not in str(error.value)
