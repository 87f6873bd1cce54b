import pytest
from click.testing import CliRunner

from keras_gan import preset_diff
from keras_gan.commands import main
from keras_gan.model.gan import GAN
from keras_gan.presets import PRESETS
from keras_gan.pytorch import weight_names


def test_weight_names_of_the_published_pytorch_gan_generator():
    keys = [key for _, key in weight_names.list_weight_names(PRESETS["pytorch-gan"], "generator")]
    dense, normalised = (0, 2, 5, 8, 11), (3, 6, 9)
    expected = {f"model.{i}.{w}" for i in dense + normalised for w in ("weight", "bias")}
    expected |= {f"model.{i}.running_{w}" for i in normalised for w in ("mean", "var")}
    assert len(keys) == len(expected) and set(keys) == expected


@pytest.mark.parametrize("name", PRESETS)
def test_weight_names_are_those_of_the_variables_of_the_networks(name, narrow_presets):
    weights = [n for n in GAN(name, jit_compile=False).variables() if n.count("/") == 2]
    both = [weight_names.list_weight_names(PRESETS[name], net) for net in ("generator", "discriminator")]
    ours = [ours for pairs in both for ours, _ in pairs]
    assert len(ours) == len(weights) and set(ours) == set(weights)


def test_preset_does_not_differ_from_itself():
    assert list(preset_diff.list_differences(PRESETS["keras"], PRESETS["keras"])) == []


def test_momentum_is_given_in_both_notations():
    facts = {
        what: (a, b) for what, a, b in preset_diff.list_differences(PRESETS["keras"], PRESETS["pytorch-gan"])
    }
    expected = "0.8 (Keras) = 0.2 (PyTorch)", "0.9 (Keras) = 0.1 (PyTorch)"
    assert facts["BatchNorm's momentum"] == expected
    assert facts["BatchNorm's epsilon"] == ("0.001", "0.8")
    assert facts["order"] == ("discriminator, generator", "generator, discriminator")
    assert not {"learning rate", "Adam's betas"} & facts.keys()  # which are alike


@pytest.mark.parametrize("field", PRESETS["keras"].rule._fields)
def test_every_field_of_the_rule_shows(field):
    keras_preset = PRESETS["keras"]
    value = getattr(keras_preset.rule, field)
    other = ("sum" if value == "mean" else "mean") if field == "d_loss" else not value
    changed = keras_preset._replace(rule=keras_preset.rule._replace(**{field: other}))
    assert len(list(preset_diff.list_differences(keras_preset, changed))) == 1


def test_presets_command_prints_both_sides():
    result = CliRunner().invoke(main.main, ["presets", "aioz", "tutorial"])
    assert result.exit_code == 0
    assert ["batch", "size", "100", "64"] in [line.split() for line in result.stdout.splitlines()]


def test_presets_command_takes_two_or_none():
    assert CliRunner().invoke(main.main, ["presets", "aioz"]).exit_code == 2
