"""What two presets do differently, in the notation of Keras and of PyTorch."""

from collections.abc import Iterator

from keras_gan.presets import Activation, BatchNormalization, Dense, LeakyReLU, Preset


def list_differences(a: Preset, b: Preset) -> Iterator[tuple[str, str, str]]:
    """Yields (name of a fact, its text for a, its text for b) for all that two presets do differently.

    A number that the frameworks write differently is given in both notations: BatchNormalization's
    momentum 0.8 in Keras is 0.2 in PyTorch.
    """
    for (name, text_a), (_, text_b) in zip(_facts(a), _facts(b), strict=True):
        if text_a != text_b:
            yield name, text_a, text_b


def _facts(preset):
    """Yields (name, text) of each fact about a preset."""
    rule, torch = preset.rule, preset.semantics == "torch"
    yield "data set", preset.dataset
    yield "noise", f"{preset.latent_dim} values"
    for network in ("generator", "discriminator"):
        yield network, " ".join(map(_format_layer, getattr(preset, network)))
    norms = [x for x in preset.generator if isinstance(x, BatchNormalization)]
    yield "batch norm", _format_norm(norms[0]) if norms else "none"
    yield "moving variance", "averages N/(N-1) times the batch's" if torch else "averages the batch's"
    yield (
        "initial weights",
        ("weights and biases uniform in +-1/sqrt(fan in)" if torch else "Glorot uniform, biases 0"),
    )
    yield "Adam", f"lr {preset.lr:g}, betas {preset.b1:g} and {preset.b2:g}"
    yield (
        "Adam's epsilon",
        (
            f"{preset.epsilon:g}, after the bias correction (PyTorch's place)"
            if torch
            else f"{preset.epsilon:g}, before the bias correction (Keras's place)"
        ),
    )
    yield "Adam's count", "shared by both networks" if rule.shared_step_counter else "one per network"
    yield "loss saturates", "at 100, logarithms clamped at -100" if torch else "never, from logits"
    yield "order", "generator, discriminator" if rule.generator_first else "discriminator, generator"
    yield "noise for G", "fresh" if rule.fresh_noise else "the discriminator's fakes again"
    yield "D's updates", "one, on both" if rule.joint_d_update else "two, on real and then on fake"
    yield "D's loss", f"{rule.d_loss} of real and fake"
    yield "fakes for D", f"{'training' if rule.fakes_in_training_mode else 'inference'} mode"
    yield (
        "batches",
        ("drawn with replacement" if rule.batches_with_replacement else "shuffled passes, short last one"),
    )
    yield "an epoch", "one batch" if rule.epoch_is_one_batch else "one pass"
    yield "batch size", str(preset.batch_size)
    yield "epochs", str(preset.epochs)


def _format_layer(layer):
    if isinstance(layer, Dense):
        return f"{layer.units or 'image'}" + (f" {layer.activation}" if layer.activation else "")
    if isinstance(layer, LeakyReLU):
        return f"LeakyReLU({layer.negative_slope:g})"
    return layer.name if isinstance(layer, Activation) else "BatchNorm"


def _format_norm(norm):
    return f"momentum {norm.momentum:g} (Keras) = {1 - norm.momentum:.1g} (PyTorch), epsilon {norm.epsilon:g}"
