"""The generator as a web page: one HTML file that makes images wherever it is opened, without a network.

What the page computes is in web_worker.js; what it shows is in the other files whose names begin with web.
"""

import base64
import json
import re
import string
from pathlib import Path

import numpy as np

import keras_gan

N_DIRECTIONS = 6
KNOWN_LAYERS = "Dense, BatchNormalization, LeakyReLU, ReLU, Activation, Dropout, Flatten and Reshape"
_ACTIVATIONS = {  # name in Keras: what the page computes
    "linear": None,
    "relu": {"kind": "leaky_relu", "slope": 0.0},
    "leaky_relu": {"kind": "leaky_relu", "slope": 0.2},
    "tanh": {"kind": "tanh"},
    "sigmoid": {"kind": "sigmoid"},
}
_DATA = r'<script type="application/json" id="data">(.*?)</script>'
_HERE = Path(__file__).parent


def save_page(model, path, gan):
    """Writes a float32 model of z (n, latent_dim) as a page that needs nothing else.

    Args:
        model: Keras model, a chain of the layers that the page knows.
        gan: whose preset and step the page names.

    Raises:
        ValueError: the page does not know a layer, which the message names, or the layers are not a chain
            that Keras knows, or a weight is not finite.
    """
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise ValueError("A web page needs finite weights, in float32. Received: nan or inf.")
    layers = [entry for layer in _flatten(model) for entry in _describe_layer(layer)]
    directions, shares = find_directions(_first_kernel(model))
    data = {
        "latent_dim": gan.latent_dim,
        "image_shape": gan.image_shape,
        "layers": layers,
        "directions": _encode(directions),
        "shares": shares.round(4).tolist(),
    }
    page = string.Template(_read("web.html")).substitute(
        version=keras_gan.__version__,
        preset=gan.preset.name,
        step=f"{gan.step:,}",
        latent_dim=gan.latent_dim,
        data=json.dumps(data),
        style=_read("web.css"),
        worker=_read("web_worker.js"),
        script=_read("web_images.js") + _read("web.js"),
    )
    Path(path).write_text(page, encoding="utf-8", newline="\n")


def load_page(path):
    """Returns the function z -> images of the numbers in a page, computed by NumPy as the page does."""
    data = json.loads(re.search(_DATA, Path(path).read_text(encoding="utf-8")).group(1))

    def generate(z):
        x = np.asarray(z, np.float64)
        for layer in data["layers"]:
            x = _apply(layer, x)
        return x.astype(np.float32).reshape(-1, *data["image_shape"])

    return generate


def find_directions(kernel):
    """Returns the directions of the latent space that change the first layer's output most.

    They are the principal components of that output for standard normal noise: the eigenvectors
    of W W^T for the kernel W, along which Shen and Zhou 2021 (arXiv:2007.06600) edit images.

    Args:
        kernel: float (latent_dim, units).

    Returns:
        Orthonormal rows, float64 (k, latent_dim), k at most 6, and their shares of the variance,
        float64 (k,), the largest first; all 0 for a kernel of zeros.
    """
    u, s, _ = np.linalg.svd(np.asarray(kernel, np.float64), full_matrices=False)
    return u.T[:N_DIRECTIONS], (s**2 / (np.sum(s**2) or 1))[:N_DIRECTIONS]


def _flatten(model):
    """Yields the layers of a model, and of models inside it, in their order."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _flatten(layer)
        else:
            yield layer


def _first_kernel(model):
    for layer in _flatten(model):
        if type(layer).__name__ == "Dense":
            return layer.kernel
    raise ValueError("A web page needs a generator with a Dense layer. Received: none.")


def _describe_layer(layer):
    """Returns what the page computes for a Keras layer in inference mode, as a list of dicts."""
    if not hasattr(layer, "output"):  # of a subclass of keras.Model, whose `call` alone knows the order
        raise ValueError(
            "A web page needs a generator that is a keras.Sequential or a functional model. Received: a "
            f"subclass of keras.Model that calls its layers itself, such as {layer.name}."
        )
    kind, on_vectors, activation = type(layer).__name__, len(layer.output.shape) == 2, _name_activation(layer)
    if kind == "Dense" and on_vectors and activation in _ACTIVATIONS:
        return [_describe_dense(layer), *_describe_activation(activation)]
    if kind == "BatchNormalization" and on_vectors:
        return [_describe_normalization(layer)]
    if kind == "Activation" and activation in _ACTIVATIONS:
        return _describe_activation(activation)
    if kind == "LeakyReLU" or kind == "ReLU" and layer.max_value is None and layer.threshold == 0:
        return [{"kind": "leaky_relu", "slope": float(layer.negative_slope)}]
    if kind in ("InputLayer", "Dropout", "Flatten", "Reshape"):  # which keep the values and their order
        return []
    raise ValueError(
        f"A web page knows the layers {KNOWN_LAYERS}, the first two of vectors, with the activations "
        f"{', '.join(_ACTIVATIONS)}. Received: {kind} ({layer.name})"
        f"{f' with {activation}' if activation else ''}."
    )


def _name_activation(layer):
    """Returns the name of a layer's activation, None where it has none."""
    activation = getattr(layer, "activation", None)
    return activation and getattr(activation, "__name__", type(activation).__name__)


def _describe_activation(name):
    return [_ACTIVATIONS[name]] if _ACTIVATIONS[name] else []


def _describe_dense(layer):
    """Returns the kernel as 16-bit integers times a scale for each input.

    That takes the room of float16 and is four to eight times as exact on trained networks: of
    1,000 images of 200 epochs of `pytorch-gan`, float16 puts pixels off by up to 2.3 grey levels.
    """
    kernel = np.asarray(layer.kernel, np.float64)
    scale = (np.abs(kernel).max(axis=1) / 32767).astype(np.float32)
    integers = np.rint(kernel / np.where(scale, scale, 1)[:, None])
    bias = layer.bias if layer.use_bias else np.zeros(layer.units)
    return {
        "kind": "dense",
        "kernel": _encode(integers, "<i2"),
        "scale": _encode(scale),
        "bias": _encode(bias),
    }


def _describe_normalization(layer):
    """Returns batch normalisation by the moving statistics as one factor and one offset a unit."""
    gamma = np.asarray(layer.gamma) if layer.scale else 1.0
    beta = np.asarray(layer.beta) if layer.center else 0.0
    factor = gamma / np.sqrt(np.asarray(layer.moving_variance, np.float64) + layer.epsilon)
    offset = beta - layer.moving_mean * factor
    return {"kind": "normalize", "factor": _encode(factor), "offset": _encode(offset)}


def _apply(layer, x):
    """Returns what a layer of the page makes of float64 (n, units)."""
    kind = layer["kind"]
    if kind == "dense":
        scale, bias = _decode(layer["scale"]), _decode(layer["bias"])
        return (x * scale) @ _decode(layer["kernel"], "<i2").reshape(-1, len(bias)) + bias
    if kind == "normalize":
        return x * _decode(layer["factor"]) + _decode(layer["offset"])
    if kind == "leaky_relu":
        return np.where(x > 0, x, layer["slope"] * x)
    return np.tanh(x) if kind == "tanh" else 1 / (1 + np.exp(-x))


def _encode(array, dtype="<f4"):
    """Returns an array's values in their order, little-endian, as base64."""
    return base64.b64encode(np.asarray(array).astype(dtype).tobytes()).decode()


def _decode(text, dtype="<f4"):
    return np.frombuffer(base64.b64decode(text), dtype).astype(np.float64)


def _read(name):
    return (_HERE / name).read_text(encoding="utf-8")
