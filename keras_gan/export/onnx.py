"""The generator as an ONNX file."""

import warnings
from collections.abc import Callable
from pathlib import Path

import keras

from keras_gan.export.savedmodel import get_input_signature


def save_onnx(model: keras.Model, path: Path, latent_dim: int) -> None:
    """Writes a model of z (n, latent_dim) as an ONNX file with the input "z" and the output "images"."""
    onnx, _ = _import_packages()
    with warnings.catch_warnings(action="ignore"):  # Keras's, about how it patches tf2onnx
        model.export(path, format="onnx", verbose=False, input_signature=get_input_signature(latent_dim))
    content = onnx.load(path)
    _name_output(content.graph)
    onnx.save(content, path)


def _name_output(graph) -> None:
    """Calls the output "images" instead of "Identity:0", and the number of rows "n"."""
    [output] = graph.output
    [node] = [node for node in graph.node if output.name in node.output]
    node.output[:] = ["images"]
    output.name = "images"
    for value in (*graph.input, output):
        value.type.tensor_type.shape.dim[0].dim_param = "n"


def load_onnx(path: Path) -> Callable:
    """Returns the function z -> images that onnxruntime makes of the file."""
    _, onnxruntime = _import_packages()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda z: session.run(["images"], {"z": z})[0]


def _import_packages() -> tuple:
    """Returns the modules onnx and onnxruntime, once all that ONNX needs is there."""
    try:
        import onnx
        import onnxruntime
        import tf2onnx  # noqa: F401, which Keras exports through
    except ImportError as error:
        raise ImportError(
            f"ONNX needs tf2onnx and onnxruntime. Received: {error}; install them with "
            "`pip install tf2onnx onnxruntime`."
        ) from None
    return onnx, onnxruntime
