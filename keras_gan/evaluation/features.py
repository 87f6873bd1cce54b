"""Which feature extractor: by its name, or the best one at hand."""

from pathlib import Path

from keras_gan import progress
from keras_gan.data.datasets import Dataset
from keras_gan.evaluation import weights
from keras_gan.evaluation.classifier import load_classifier
from keras_gan.evaluation.extractor import FeatureExtractor
from keras_gan.evaluation.inception import load_inception
from keras_gan.evaluation.keras_file import load_file
from keras_gan.evaluation.package_inception import PACKAGES, load_package_extractor
from keras_gan.evaluation.pca import load_pca
from keras_gan.setting_checks import check_choice
from keras_gan.streams import Warn

NAMES = ("inception", *PACKAGES, "classifier", "pca")
EARLIER_NAMES = {"digits": "classifier"}


def load_extractor(
    name: str | Path | None,
    real: Dataset,
    test: Dataset | None = None,
    given: str | Path | None = None,
    offline: bool = False,
    warn: Warn = progress.print_warning,
) -> FeatureExtractor:
    """Returns the extractor of a name.

    Args:
        name: one of NAMES (or "digits", the earlier name of "classifier"), the path of a .keras file, or
            None: "inception" where its weights are at hand, else `load_stand_in`.
        real: images that "classifier" is trained on and "pca" computed from.
        test: on which "classifier" states its accuracy.
        given: path of the weights of an extractor that has InceptionV3.
        offline: refuses to download.
        warn: called with each line that the user should see.

    Raises:
        FileNotFoundError, ImportError, OSError, ValueError: the name is unknown, or what the
            extractor's own function raises.
    """
    name = EARLIER_NAMES.get(str(name), name)
    if name is None and not weights.find_weights("inception", given):
        return load_stand_in(real, test, warn)
    name = name or "inception"
    if given and name not in weights.FILES:
        raise ValueError(f"Weights are of InceptionV3 alone. Received: {name} features and {given}.")
    if name == "inception":
        return load_inception(given, offline, warn)
    if name in PACKAGES:
        return load_package_extractor(str(name), given, offline, warn)
    if str(name).endswith(".keras"):
        return load_file(name)
    check_choice("features", str(name), (*NAMES, "FILE.keras"))
    return load_pca(real) if name == "pca" else load_classifier(real, test, warn)


def load_inception_or_stand_in(
    real: Dataset, test: Dataset | None = None, offline: bool = False, warn: Warn = progress.print_warning
) -> FeatureExtractor:
    """Returns the extractor "inception", downloaded if need be; if it cannot be, says so in a line and
    returns `load_stand_in`.

    Raises:
        OSError, ValueError: weights are named or at hand and cannot be read.
    """
    path = weights.find_weights("inception")
    try:
        path = path or weights.download_weights("inception", offline, warn)
    except OSError as error:
        extractor = load_stand_in(real, test, warn)
        warn(f"{extractor.name} features stand in for InceptionV3's: {error}")
        return extractor
    return load_inception(path, offline, warn)


def load_stand_in(real: Dataset, test: Dataset | None, warn: Warn) -> FeatureExtractor:
    """Returns the extractor that needs no download: "classifier" of labelled images, "pca" of others."""
    if real.labels is not None:
        return load_classifier(real, test, warn)
    warn(f"{real.name} has no labels to train a classifier on: the features are pca, of the pixels.")
    return load_pca(real)
