"""InceptionV3 as PyTorch's packages for FID have it, built in Keras from the arrays of their weights files.

The network of 2015, which TensorFlow published and pytorch-fid, torch-fidelity, torchmetrics and clean-fid
use, and torchvision's, which torcheval uses. Both have the layers of `keras.applications.InceptionV3`;
they differ from it in their pools and in having a scale in every batch normalization.
"""

from collections.abc import Mapping

import keras
import numpy as np

from keras_gan.device import keras_settings
from keras_gan.evaluation.inception import build_inception

FEATURES = 2048


def _list_convolutions() -> list[str]:
    """Returns torchvision's names of the 94 convolutions, in the order in which Keras builds them."""
    double = ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"]
    sevens = [f"branch7x7_{i}" for i in (1, 2, 3)] + [f"branch7x7dbl_{i}" for i in (1, 2, 3, 4, 5)]
    threes = ["branch3x3_1", "branch3x3_2a", "branch3x3_2b"]
    doubles = ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3a", "branch3x3dbl_3b"]
    blocks = {
        **dict.fromkeys(
            ("5b", "5c", "5d"), ["branch1x1", "branch5x5_1", "branch5x5_2", *double, "branch_pool"]
        ),
        "6a": ["branch3x3", *double],
        **dict.fromkeys(("6b", "6c", "6d", "6e"), ["branch1x1", *sevens, "branch_pool"]),
        "7a": ["branch3x3_1", "branch3x3_2", *(f"branch7x7x3_{i}" for i in (1, 2, 3, 4))],
        **dict.fromkeys(("7b", "7c"), ["branch1x1", *threes, *doubles, "branch_pool"]),
    }
    stem = [f"Conv2d_{name}" for name in ("1a_3x3", "2a_3x3", "2b_3x3", "3b_1x1", "4a_3x3")]
    return stem + [f"Mixed_{block}.{branch}" for block, branches in blocks.items() for branch in branches]


CONVOLUTIONS = _list_convolutions()
_NORM = ("weight", "bias", "running_mean", "running_var")  # gamma, beta, and what is normalized by
NAMES = [
    name
    for convolution in CONVOLUTIONS
    for name in (f"{convolution}.conv.weight", *(f"{convolution}.bn.{part}" for part in _NORM))
]


class PaddedAveragePooling(keras.layers.AveragePooling2D):
    """The 3x3 average pool of torchvision, which counts the zeros of its padding."""

    def call(self, inputs):
        """Returns the means over 3x3 values of inputs (n, h, w, c), in the same shape."""
        return super().call(keras.ops.pad(inputs, [[0, 0], [1, 1], [1, 1], [0, 0]]))

    def compute_output_shape(self, input_shape):
        """Returns the shape of the inputs."""
        return input_shape


@keras_settings("float32")
def build_network(arrays: Mapping[str, np.ndarray], of_2015: bool, with_logits: bool) -> keras.Model:
    """Returns the network: float32 (n, 299, 299, 3) to features (n, 2048), and probabilities if asked for.

    Args:
        arrays: of the state_dict, by name; those of other layers are left out.
        of_2015: whether it is the network of 2015, and not torchvision's.
        with_logits: whether to give probabilities of the 1008 classes as well, from the logits without
            their bias, as torch-fidelity's Inception Score takes them.

    Raises:
        ValueError: an array is missing, or has another shape than the network's.
    """
    whole = build_inception(classes=1008)
    pools = [layer for layer in whole.layers if isinstance(layer, keras.layers.AveragePooling2D)]

    def clone(layer):
        if of_2015 and layer is pools[-1]:  # of the last block, as the graph of 2015 has it
            return keras.layers.MaxPooling2D(3, 1, "same", "channels_last", name=layer.name)
        if not of_2015 and layer in pools:
            return PaddedAveragePooling(3, 1, "valid", "channels_last", name=layer.name)
        return layer.__class__.from_config(layer.get_config())

    whole = keras.models.clone_model(whole, clone_function=clone)
    body = keras.Model(whole.inputs, whole.get_layer("avg_pool").output)
    _assign(body, arrays)
    if not with_logits:
        return body
    logits = keras.layers.Dense(1008, "softmax", use_bias=False)
    network = keras.Model(body.inputs, [body.output, logits(body.output)])
    logits.set_weights([_take(arrays, "fc.weight", (1008, FEATURES)).T])
    return network


def _assign(body: keras.Model, arrays: Mapping[str, np.ndarray]) -> None:
    """Gives the layers of a network their weights, the scales gamma folded into the convolutions.

    gamma (w * x - mean) / std + beta = ((gamma w) * x - gamma mean) / std + beta
    """
    kinds = keras.layers.Conv2D, keras.layers.BatchNormalization
    convolutions, norms = (
        sorted((x for x in body.layers if type(x) is kind), key=_get_number) for kind in kinds
    )
    for name, convolution, norm in zip(CONVOLUTIONS, convolutions, norms, strict=True):
        height, width, n_in, n_out = convolution.kernel.shape
        kernel = _take(arrays, f"{name}.conv.weight", (n_out, n_in, height, width)).transpose(2, 3, 1, 0)
        gamma, beta, mean, variance = (_take(arrays, f"{name}.bn.{part}", (n_out,)) for part in _NORM)
        convolution.set_weights([kernel * gamma])
        norm.set_weights([beta, mean * gamma, variance])


def _get_number(layer: keras.Layer) -> int:
    """Returns the number in a layer's name, which counts in the order of building: conv2d_12 has 12."""
    last = layer.name.rpartition("_")[2]
    return int(last) if last.isdigit() else 0


def _take(arrays: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Returns the array of a name as float32, once its shape has been checked."""
    array = arrays.get(name)
    if array is None or array.shape != shape or array.dtype.kind not in "fV":
        found = "none" if array is None else f"{array.dtype} {array.shape}"
        raise ValueError(f"Weights of InceptionV3 must have {name} of shape {shape}. Received: {found}.")
    array = np.asarray(array, np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"Weights of InceptionV3 must be finite. Received: NaN or infinity in {name}.")
    return array
