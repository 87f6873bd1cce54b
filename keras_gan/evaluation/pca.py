"""Features without labels and without a download: the principal components of the real images' pixels."""

import keras
import numpy as np

from keras_gan.data.datasets import Dataset
from keras_gan.data.pixels import resize, to_float
from keras_gan.device import keras_settings
from keras_gan.evaluation.extractor import FeatureExtractor, hash_arrays, make_extractor
from keras_gan.rng import choose_rows

COMPONENTS = 64
_MAX_SIDE = 32  # pixels: finer detail is not seen
_MAX_IMAGES = 10_000  # that the components are computed from


def load_pca(real: Dataset) -> FeatureExtractor:
    """Returns the extractor of the first 64 principal components of real images' pixels, in [-1, 1].

    Images are resized to at most 32 pixels a side. The distance sees means and covariances of
    brightness and colour over the image, as blurred eyes would, and nothing of what is shown.

    Raises:
        ValueError: there are fewer than two images.
    """
    height, width, channels = real.image_shape
    rows = choose_rows(len(real.images), 0, _MAX_IMAGES)
    if len(rows) < 2:
        raise ValueError(f"pca features need at least two real images. Received: {len(rows)}.")
    size = min(height, _MAX_SIDE), min(width, _MAX_SIDE)
    pixels = to_float(resize(real.images[rows], size)).reshape(len(rows), -1)
    from sklearn.decomposition import PCA  # half a second, which no training needs

    fitted = PCA(min(COMPONENTS, *pixels.shape), svd_solver="full").fit(pixels)
    kernel = fitted.components_.T
    with keras_settings("float32"):
        inputs = keras.Input((*size, channels))
        projection = keras.layers.Dense(kernel.shape[1])
        outputs = projection(keras.layers.Flatten(data_format="channels_last")(inputs))
        projection.set_weights([kernel, -fitted.mean_ @ kernel])
        network = keras.Model(inputs, outputs)
    description = f"the first {kernel.shape[1]} principal components of the pixels of {real.name}"
    extractor = make_extractor("pca", description, network, batch_size=500)
    # The components' last bits depend on the machine; what they are computed from does not.
    extractor.sha256 = hash_arrays([np.array([real.sha256, str(size), str(kernel.shape[1])])])
    return extractor
