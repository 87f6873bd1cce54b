"""The names of a preset's weights in Keras and in PyTorch."""

from collections.abc import Iterator

from keras_gan.presets import BatchNormalization, Dense, Preset


def list_weight_names(preset: Preset, network: str) -> Iterator[tuple[str, str]]:
    """Yields (Keras name, PyTorch key) of every weight of "generator" or "discriminator".

    The Keras name is that of `GAN.variables`, the key that of the published module's state_dict.
    A dense kernel is (in, out) in Keras and its transpose in PyTorch; the rest are alike.
    """
    at = 0  # index in nn.Sequential, where an activation is always a module of its own
    for i, layer in enumerate(
        getattr(preset, network), int(network == "discriminator")
    ):  # its Flatten is layer 0
        for ours, theirs in _WEIGHTS.get(type(layer), {}).items():
            yield f"{network}/{i}/{ours}", f"{preset.torch_prefix}.{at}.{theirs}"
        at += 2 if isinstance(layer, Dense) and layer.activation else 1


_WEIGHTS = {
    Dense: {"kernel": "weight", "bias": "bias"},
    BatchNormalization: {
        "gamma": "weight",
        "beta": "bias",
        "moving_mean": "running_mean",
        "moving_variance": "running_var",
    },
}
