"""The extractors of PyTorch's packages against the packages themselves, where they are installed.

`python -m benchmarks.package_agreement` does the same with more images, in processes apart.
"""

import numpy as np
import pytest

from benchmarks.packages import build_package
from keras_gan.evaluation import metrics
from keras_gan.evaluation.package_inception import PACKAGES, load_package_extractor

pytestmark = pytest.mark.slow  # InceptionV3 is built and run twice


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("packages")


@pytest.mark.parametrize("name", PACKAGES)
def test_features_and_distance_are_those_of_the_package(name, folder):
    """Features to 2e-6, the rounding of 94 layers in float32; the distance of 200 of them to 1e-5."""
    try:
        package = build_package(name, folder)
    except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision of another PyTorch
        pytest.skip(f"needs {name} (pip install {name}): {error}")
    files = (package.weights, *folder.glob("*.pt")) if name == "clean-fid" else (package.weights,)
    extractors = [load_package_extractor(name, file, True, lambda line: None) for file in files]
    rng = np.random.default_rng(0)
    for shape in ((4, 28, 28, 1), (4, 48, 64, 3)):
        dark, bright = (rng.integers(low, 256, shape, np.uint8) for low in (0, 100))
        theirs = [package.features(np.repeat(images, 3 // shape[3], axis=3)) for images in (dark, bright)]
        expected = package.distance(*(features[:, :200].astype(np.float64) for features in theirs))
        for extractor in extractors:
            ours = [extractor(images)[0] for images in (dark, bright)]
            assert np.linalg.norm(np.subtract(ours, theirs)) <= 2e-6 * np.linalg.norm(theirs)
            a, b = (metrics.gaussian(features[:, :200]) for features in ours)
            value = metrics.frechet_distance(a, b, "symmetric").value
            np.testing.assert_allclose(value, expected, rtol=1e-5)
