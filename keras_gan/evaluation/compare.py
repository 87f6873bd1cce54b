"""Runs and sets of images compared with real images: a table, sample grids and a chart of the losses."""

from typing import NamedTuple

import numpy as np

from keras_gan import progress
from keras_gan.data import datasets
from keras_gan.evaluation import feature_stats, features, metrics
from keras_gan.evaluation.evaluate import compute_features
from keras_gan.evaluation.inputs import ImageSet, RunInput
from keras_gan.figures.curves import collect_losses, save_curves
from keras_gan.figures.montage import save_titled_grids
from keras_gan.rng import Stream, make_rng

CONFIDENT = 0.95  # probability from which on an image counts as classified with confidence
LOSSES = ("d_loss", "g_loss", "d_acc_real", "d_acc_fake")


class Reference(NamedTuple):
    """What samples are compared with: real images in two parts, as a feature extractor sees them.

    Attributes:
        extractor: `features.FeatureExtractor`.
        real: `metrics.Gaussian` of the features of the training part.
        test: `ImageSet` of the other part.
    """

    extractor: features.FeatureExtractor
    real: metrics.Gaussian
    test: ImageSet


def build_reference(train, test, warn, name=None, given=None, offline=False):
    """Returns the `Reference` of two parts of a data set; without the second, a sixth is held out.

    Args:
        name: of the features; None is a classifier, or "pca" of images in colour without labels.
        given, offline: as in `features.load_extractor`.
    """
    train, test = train_test_split(train, test, warn)
    if name is None and train.labels is None and train.image_shape[2] == 3:
        name = "pca"
    if given and name is None:
        name = "inception"
    extractor = features.load_extractor(name or "classifier", train, test, given, offline, warn)
    rows = np.arange(len(train.images))
    real = feature_stats.load_or_compute_stats(extractor, train, rows, warn).gaussian
    return Reference(extractor, real, ImageSet("real test images", test.images))


def train_test_split(train, test, warn):
    """Returns both data sets; where the second is None a sixth of the first, always the same one."""
    if test is not None:
        return train, test
    warn(
        f"A sixth of {train.name} is held out to test with, as it has no test part; a run on all of it "
        "was trained on that sixth, too."
    )
    rows = make_rng(0, Stream.EVALUATION).permutation(len(train.images))
    cut = max(1, len(rows) // 6)
    return [_take_rows(train, np.sort(part)) for part in (rows[cut:], rows[:cut])]


def _take_rows(dataset, rows):
    labels = None if dataset.labels is None else dataset.labels[rows]
    return datasets.Dataset.from_array(dataset.images[rows], dataset.name)._replace(labels=labels)


def score_images(extractor, real, images, name="images"):
    """Returns numbers on one set of images, which has a name: a dict.

    `n` images; `frechet_distance` of their features to the real ones', biased in n; `confident`,
    the share that is classified with a probability of 0.95 or more; `classes`, how many are the
    most probable one of some image; and `rarest`, the share of the rarest class.

    Without probabilities the last three are None.

    Args:
        extractor: `features.FeatureExtractor`.
        real: `metrics.Gaussian` of the real images' features.
        images: uint8 (n, h, w, c), n at least 2.
    """
    _, pool, probabilities = compute_features(extractor, images, f"features of {name}")
    counts = (
        None
        if probabilities is None
        else np.bincount(probabilities.argmax(axis=1), minlength=probabilities.shape[1])
    )
    return {
        "n": len(images),
        "frechet_distance": metrics.frechet_distance(metrics.gaussian(pool), real, "symmetric").value,
        "confident": None if counts is None else float((probabilities.max(axis=1) >= CONFIDENT).mean()),
        "classes": None if counts is None else int(np.count_nonzero(counts)),
        "rarest": None if counts is None else float(counts.min() / len(images)),
    }


def compute_rows(sources, reference, seed, count, histories=None):
    """Returns the rows of the table, a dict a source; the last is of real images not trained on.

    A number that a source does not have is None.

    Args:
        histories: {name: losses}, as `run.losses.read_losses` returns them, of sources by that name or
            of sources that have no images.
    """
    histories = histories or {}
    rows = [
        {
            "name": source.name,
            "framework": source.framework,
            "preset": source.gan.preset.name if isinstance(source, RunInput) else None,
            "steps": source.gan.step if isinstance(source, RunInput) else None,
            **average_last_tenth(histories.get(source.name) or source.read_history()),
            **score_images(reference.extractor, reference.real, source.draw(seed, count), source.name),
        }
        for source in (*sources, reference.test)
    ]
    others = [name for name in histories if name not in {source.name for source in sources}]
    empty = dict.fromkeys(rows[-1])
    own = [empty | {"name": name} | average_last_tenth(histories[name]) for name in others]
    return [*rows[:-1], *own, rows[-1]]


def average_last_tenth(table):
    """Returns the means of losses and accuracies over the last tenth of a history's steps."""
    if table is None or not len(table["step"]):
        return dict.fromkeys(LOSSES)
    steps = -(-len(table["step"]) // 10)
    return {name: float(table[name][-steps:].mean()) if name in table else None for name in LOSSES}


def describe_reference(train, reference, seed):
    """Returns what the numbers of a table depend on beside the sources, as a dict."""
    real = {"name": train.name, "sha256": train.sha256, "n": reference.real.n}
    extractor = {name: getattr(reference.extractor, name) for name in ("name", "description", "sha256")}
    return {"seed": seed, "real": real, "features": extractor}


def save_figures(folder, sources, seed, histories=None):
    """Writes samples.png, and losses.png where there is a history; returns a line that says so."""
    folder.mkdir(parents=True, exist_ok=True)
    titles = [f"{source.name}{_origin(source)}" for source in sources]
    save_titled_grids(folder / "samples.png", titles, [source.draw_grid(seed) for source in sources])
    histories = {source.name: source.read_history() for source in sources} | (histories or {})
    histories = {name: table for name, table in histories.items() if table and len(table["step"])}
    if not histories:
        return f"In {folder}: samples.png; no source has a history of losses to draw."
    dashed = {source.name for source in sources if source.framework == "torch"}
    save_curves(folder / "losses.png", collect_losses(histories), dashed)
    return f"In {folder}: samples.png, losses.png."


def _origin(source):
    if isinstance(source, ImageSet):
        return ""
    framework = {"keras": "Keras, ", "torch": "PyTorch, ", None: ""}[source.framework]
    return f" ({framework}{source.gan.step} steps)"


_TABLES = (  # of the printed rows: {column: (heading, format)}, the words first
    {
        "name": ("source", ""),
        "framework": ("framework", ""),
        "preset": ("preset", ""),
        "steps": ("steps", "d"),
        "d_loss": ("d_loss", ".3f"),
        "g_loss": ("g_loss", ".3f"),
        "d_acc_real": ("D real", ".1%"),
        "d_acc_fake": ("D fake", ".1%"),
    },
    {
        "name": ("source", ""),
        "n": ("n", "d"),
        "frechet_distance": ("Fréchet", ".2f"),
        "confident": (">= 95 %", ".1%"),
        "classes": ("classes", "d"),
        "rarest": ("rarest", ".1%"),
    },
)


def format_comparison(rows, reference):
    """Returns two tables as text, of training and of quality, "-" where there is no number."""
    tables = []
    for columns in _TABLES:
        cells = [
            [None if row[name] is None else f"{row[name]:{form}}" for name, (_, form) in columns.items()]
            for row in rows
        ]
        align = "".join("r" if form else "l" for _, form in columns.values())
        tables.append(progress.format_table([heading for heading, _ in columns.values()], cells, align))
    real = f"Fréchet distances are to {reference.real.n} real images."
    return "\n\n".join([*tables, progress.fold(f"Features: {reference.extractor.description}; {real}")])
