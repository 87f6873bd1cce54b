"""The generator as an ONNX file."""

import warnings

from keras_gan.export import savedmodel


def save_onnx(model, path, gan=None):
    """Writes a model of z (n, latent_dim) as an ONNX file."""
    _onnxruntime()
    with warnings.catch_warnings(action="ignore"):  # Keras's, of how it patches tf2onnx
        model.export(path, format="onnx", verbose=False, input_signature=savedmodel.input_signature(model))


def load_onnx(path):
    """Returns the function z -> images that onnxruntime makes of the file."""
    session = _onnxruntime().InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda z: session.run(None, {"z": z})[0]


def _onnxruntime():
    """Returns the module, once all that ONNX needs is there."""
    try:
        import onnxruntime
        import tf2onnx  # noqa: F401, which Keras exports through
    except ImportError as error:
        raise ImportError(
            f"ONNX needs tf2onnx and onnxruntime. Received: {error}; install them with "
            "`pip install tf2onnx onnxruntime`."
        ) from None
    return onnxruntime
