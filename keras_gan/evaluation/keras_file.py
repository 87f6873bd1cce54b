"""Features of a network that a user saved with Keras."""

from pathlib import Path

import keras

from keras_gan.device import check_precision
from keras_gan.evaluation.extractor import FeatureExtractor, make_extractor
from keras_gan.files.keras_archive import load_network
from keras_gan.streams import format_error


def load_file(path: str | Path) -> FeatureExtractor:
    """Returns the extractor of a network that Keras saved: features are what its last layer gets.

    It is shown images in [-1, 1]. Its outputs are probabilities where its last layer is a softmax.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no network of images whose last layer gets one vector for each, or computes in
            bfloat16 where `check_precision` refuses that.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"Expected a network saved by Keras. Received: {path}, no file.")
    try:
        whole = load_network(path)
        last, [image], [output] = whole.layers[-1], whole.inputs, whole.outputs
        softmax, features = _is_softmax(last), last.input
        network = keras.Model(image, [features, output] if softmax else features)
        shapes = image.shape[1:], features.shape[1:]
    except Exception as error:  # whatever a file can hold, in Keras's many words
        raise _refuse(path, format_error(error).split(". ")[0]) from None
    if [len(shape) for shape in shapes] != [3, 1] or shapes[0][2] not in (1, 3):
        raise _refuse(path, "from {} to {}".format(*shapes))
    if any(layer.compute_dtype == "bfloat16" for layer in whole._flatten_layers()):
        check_precision("mixed_bfloat16")
    description = f"the network in {path}" + ("" if softmax else ", without probabilities")
    return make_extractor(path.name, description, network, batch_size=32)


def _refuse(path: Path, reason: str) -> ValueError:
    return ValueError(
        "Expected a network of images (h, w, 1 or 3) whose last layer gets one vector for each. "
        f"Received: {path} ({reason})."
    )


def _is_softmax(layer: keras.Layer) -> bool:
    activation = getattr(layer, "activation", None)
    return isinstance(layer, keras.layers.Softmax) or activation is keras.activations.softmax
