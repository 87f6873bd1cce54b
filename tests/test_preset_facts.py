import itertools

import pytest

from keras_gan.preset_diff import get_preset, list_changes, list_differences, mix
from keras_gan.preset_facts import FACTS
from keras_gan.presets import PRESETS, Activation

PAIRS = list(itertools.permutations(PRESETS.values(), 2))
KEYS = [fact.key for fact in FACTS if fact.take]
pairs = pytest.mark.parametrize(("a", "b"), PAIRS, ids=[f"{a.name}-{b.name}" for a, b in PAIRS])


def apart(layers):
    """Returns layers, an activation that a Dense has as a layer of its own."""
    return [
        part
        for layer in layers
        for part in (
            (layer._replace(activation=None), Activation(layer.activation))
            if getattr(layer, "activation", None)
            else (layer,)
        )
    ]


@pairs
def test_preset_with_all_facts_of_another_differs_in_none_that_changes_an_update(a, b):
    mixed = mix(a, b, KEYS)
    assert {name for name, *_ in list_differences(mixed, b)} <= {"data set", "epochs"}
    assert (apart(mixed.generator), mixed.rule, mixed.parts) == (apart(b.generator), b.rule, b.parts)


@pairs
def test_taking_one_fact_changes_its_row_and_no_other(a, b):
    names = {fact.key: fact.name for fact in FACTS}
    for key in list_changes(a, b):
        changed = [name for name, *_ in list_differences(a, mix(a, b, [key]))]
        if key == "block-order":  # brings batch normalisation, or takes it away
            changed = [name for name in changed if not name.startswith("BatchNorm's")]
        assert changed == [names[key]]


def test_facts_in_which_the_two_of_one_author_differ():
    assert list_changes(PRESETS["keras"], PRESETS["pytorch-gan"]) == [
        *("generator-layers", "block-order", "batch-norm-epsilon", "batch-norm-momentum", "moving-variance"),
        *("initial-weights", "adam-epsilon", "adam-count", "loss", "order", "noise", "d-updates", "fakes"),
        *("batches", "batch-size"),
    ]


def test_generator_with_the_blocks_of_another_keeps_its_units_and_numbers():
    layers = get_preset("keras,block-order=pytorch-gan").generator
    assert [type(layer).__name__ for layer in layers] == [
        *("Dense", "LeakyReLU"),
        *("Dense", "BatchNormalization", "LeakyReLU") * 2,
        "Dense",
    ]
    assert [layer.units for layer in layers if hasattr(layer, "units")] == [256, 512, 1024, None]
    assert {(layer.momentum, layer.epsilon) for layer in layers if hasattr(layer, "epsilon")} == {(0.8, 1e-3)}


def test_name_of_a_mixed_preset_is_read_back_as_the_preset():
    mixed = mix(PRESETS["keras"], PRESETS["aioz"], ["betas", "loss"])
    assert mixed.name == "keras,betas=aioz,loss=aioz" and get_preset(mixed.name) == mixed
    assert get_preset("keras,d_updates=pytorch_gan").name == "keras,d-updates=pytorch-gan"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("keras,ordr=pytorch-gan", "did you mean order"),
        ("keras,order=pytorch", "did you mean pytorch-gan"),
        ("keras,order", "preset must be one of"),
        ("keras,", "fact must be one of"),
        ("keras,epochs=aioz", "fact must be one of"),
    ],
)
def test_unknown_fact_or_preset_is_refused_by_name(name, told):
    with pytest.raises(ValueError, match=told):
        get_preset(name)
