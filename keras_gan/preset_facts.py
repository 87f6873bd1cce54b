"""The facts that make a preset: what each is called, and how a preset takes one over from another.

Facts that have no meaning alone are one fact: where batch normalisation stands says also whether there is
any, and Adam's epsilon goes with its place in the formula. Where the frameworks write a number differently,
its text has both notations: BatchNormalization's momentum 0.8 in Keras is 0.2 in PyTorch.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from keras_gan.presets import Activation, BatchNormalization, Dense, LeakyReLU, Preset


class Fact(NamedTuple):
    """A fact about a preset.

    Attributes:
        key: its name on the command line.
        name: its name in a table.
        format: returns a preset's own as text.
        take: returns the first preset with the second one's; None where it changes no update.
    """

    key: str
    name: str
    format: Callable[[Preset], str]
    take: Callable[[Preset, Preset], Preset] | None = None


class _Generator(NamedTuple):
    """A generator as its facts: hidden units, the order in the first and in later blocks, and layers."""

    units: tuple
    orders: tuple  # of the first and of the later blocks: tuples of "activation" and "norm"
    activation: Any
    norm: BatchNormalization | None
    output: tuple

    @classmethod
    def of(cls, preset):
        """Returns the facts of a preset's generator."""
        blocks: list = []
        for layer in preset.generator:
            if isinstance(layer, Dense):
                blocks.append([layer])
            else:
                blocks[-1].append(layer)
        *hidden, output = blocks
        layers = [layer for block in hidden for layer in block[1:]]
        orders = tuple(tuple(map(_kind, hidden[i][1:])) for i in (0, -1))
        activation = next(layer for layer in layers if _kind(layer) == "activation")
        norm = next((layer for layer in layers if _kind(layer) == "norm"), None)
        return cls(tuple(block[0].units for block in hidden), orders, activation, norm, tuple(output))

    def layers(self):
        """Returns the layer list."""
        made: list = []
        for i, units in enumerate(self.units):
            order = self.orders[min(i, 1)]
            made += [
                Dense(units),
                *({"activation": self.activation, "norm": self.norm}[kind] for kind in order),
            ]
        return (*made, *self.output)


def _kind(layer):
    return "norm" if isinstance(layer, BatchNormalization) else "activation"


def _take_of_generator(change):
    """Returns a `take` that makes another generator by `change(a's facts, b's facts)`."""

    def take(a, b):
        return a._replace(generator=change(_Generator.of(a), _Generator.of(b)).layers())

    return take


def _take_norm(*names):
    """Returns a `take` of numbers of batch normalisation, which both presets must have."""

    def change(a, b):
        if a.norm is None or b.norm is None:
            return a
        return a._replace(norm=a.norm._replace(**{name: getattr(b.norm, name) for name in names}))

    return _take_of_generator(change)


def _take_field(*names):
    return lambda a, b: a._replace(**{name: getattr(b, name) for name in names})


def _take_rule(name):
    return lambda a, b: a._replace(rule=a.rule._replace(**{name: getattr(b.rule, name)}))


def _take_semantics(part, *fields):
    """Returns a `take` of the arithmetic of one part, with the fields of a preset that go with it."""

    def take(a, b):
        parts = a.parts | {part: b.semantics_of(part)}
        own = {name: semantics for name, semantics in parts.items() if semantics != a.semantics}
        return _take_field(*fields)(a, b)._replace(other_semantics=tuple(sorted(own.items())))

    return take


def _format_semantics(part, keras, torch):
    return lambda preset: torch if preset.semantics_of(part) == "torch" else keras


def _format_rule(name, yes, no):
    return lambda preset: yes if getattr(preset.rule, name) else no


def _format_norm(name):
    def text(preset):
        norm = _Generator.of(preset).norm
        if norm is None:
            return "none"
        if name == "epsilon":
            return f"{norm.epsilon:g}"
        return f"{norm.momentum:g} (Keras) = {1 - norm.momentum:.1g} (PyTorch)"

    return text


def _format_orders(preset):
    kinds = _Generator.of(preset)
    words = {"activation": _format_layer(kinds.activation), "norm": "BatchNorm"}
    first, others = (" ".join(["Dense", *(words[kind] for kind in order)]) for order in kinds.orders)
    return first if first == others else f"first {first}, then {others}"


def _format_layer(layer):
    if isinstance(layer, Dense):
        return f"{layer.units or 'image'}" + (f" {layer.activation}" if layer.activation else "")
    if isinstance(layer, LeakyReLU):
        return f"LeakyReLU({layer.negative_slope:g})"
    return layer.name if isinstance(layer, Activation) else "BatchNorm"


def _format_epsilon(preset):
    after = preset.semantics_of("adam") == "torch"
    place = "after the bias correction (PyTorch's place)" if after else "before it (Keras's place)"
    return f"{preset.epsilon:g}, {place}"


FACTS = (
    Fact("data-set", "data set", lambda p: p.dataset),
    Fact("noise-length", "noise", lambda p: f"{p.latent_dim} values", _take_field("latent_dim")),
    Fact(
        "generator-layers",
        "generator's units",
        lambda p: " ".join(map(str, _Generator.of(p).units)),
        _take_of_generator(lambda a, b: a._replace(units=b.units)),
    ),
    Fact(
        "block-order",
        "generator's blocks",
        _format_orders,
        _take_of_generator(
            lambda a, b: a._replace(orders=b.orders, norm=a.norm or b.norm, activation=b.activation)
        ),
    ),
    Fact("batch-norm-epsilon", "BatchNorm's epsilon", _format_norm("epsilon"), _take_norm("epsilon")),
    Fact("batch-norm-momentum", "BatchNorm's momentum", _format_norm("momentum"), _take_norm("momentum")),
    Fact(
        "moving-variance",
        "moving variance",
        _format_semantics("variance", "averages the batch's", "averages N/(N-1) times the batch's"),
        _take_semantics("variance"),
    ),
    Fact(
        "discriminator",
        "discriminator",
        lambda p: " ".join(map(_format_layer, p.discriminator)),
        _take_field("discriminator"),
    ),
    Fact(
        "initial-weights",
        "initial weights",
        _format_semantics(
            "weights", "Glorot uniform, biases 0", "weights and biases uniform in +-1/sqrt(fan in)"
        ),
        _take_semantics("weights"),
    ),
    Fact("learning-rate", "learning rate", lambda p: f"{p.lr:g}", _take_field("lr")),
    Fact("betas", "Adam's betas", lambda p: f"{p.b1:g} and {p.b2:g}", _take_field("b1", "b2")),
    Fact("adam-epsilon", "Adam's epsilon", _format_epsilon, _take_semantics("adam", "epsilon")),
    Fact(
        "adam-count",
        "Adam's count",
        _format_rule("shared_step_counter", "shared by both networks", "one per network"),
        _take_rule("shared_step_counter"),
    ),
    Fact(
        "loss",
        "loss saturates",
        _format_semantics("loss", "never, from logits", "at 100, logarithms clamped at -100"),
        _take_semantics("loss"),
    ),
    Fact(
        "order",
        "order",
        _format_rule("generator_first", "generator, discriminator", "discriminator, generator"),
        _take_rule("generator_first"),
    ),
    Fact(
        "noise",
        "noise for G",
        _format_rule("fresh_noise", "fresh", "the discriminator's fakes again"),
        _take_rule("fresh_noise"),
    ),
    Fact(
        "d-updates",
        "D's updates",
        _format_rule("joint_d_update", "one, on both", "two, on real and then on fake"),
        _take_rule("joint_d_update"),
    ),
    Fact("d-loss", "D's loss", lambda p: f"{p.rule.d_loss} of real and fake", _take_rule("d_loss")),
    Fact(
        "fakes",
        "fakes for D",
        _format_rule("fakes_in_training_mode", "training mode", "inference mode"),
        _take_rule("fakes_in_training_mode"),
    ),
    Fact(
        "batches",
        "batches",
        _format_rule("batches_with_replacement", "drawn with replacement", "shuffled passes, short last one"),
        _take_rule("batches_with_replacement"),
    ),
    Fact(
        "epoch",
        "an epoch",
        _format_rule("epoch_is_one_batch", "one batch", "one pass"),
        _take_rule("epoch_is_one_batch"),
    ),
    Fact("batch-size", "batch size", lambda p: str(p.batch_size), _take_field("batch_size")),
    Fact("epochs", "epochs", lambda p: str(p.epochs)),
)
