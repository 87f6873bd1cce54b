"""A run in numbers: quality, diversity, copying, stability, interplay, and a verdict in a sentence.

The same numbers of real images that were not trained on stand beside those of the samples: what
is to be expected of samples that are as good as real ones, at that number of images.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_gan import data, health, images, metrics, nearest, progress, statistics

PAIRS = 1000  # images, or pairs of them, that are compared pixel by pixel
LINES = {  # metric: (group, what it is called, how it is written, what is better)
    "frechet_distance": ("quality", "Fréchet distance", ".2f", "lower"),
    "kernel_distance": ("quality", "kernel distance (KID)", ".4f", "lower"),
    "inception_score": ("quality", "Inception Score", ".2f", "higher"),
    "precision": ("quality", "precision", ".3f", "higher"),
    "recall": ("quality", "recall", ".3f", "higher"),
    "ssim": ("quality", "SSIM to the nearest real image", ".3f", "higher"),
    "psnr": ("quality", "PSNR to the nearest real image, dB", ".2f", "higher"),
    "distinct": ("diversity", "distinct images, share", ".3f", "higher"),
    "pairwise_ssim": ("diversity", "SSIM of two samples", ".3f", "lower"),
    "classes": ("diversity", "classes that occur", "d", "higher"),
    "class_entropy": ("diversity", "entropy of the classes, nats", ".3f", "higher"),
    "spread": ("diversity", "spread of the pixels, share of the real images'", ".3f", "higher"),
    "copying": ("copying", "nearer to a training image than a test image is", ".3f", ""),
    "d_loss_trend": ("stability", "d_loss, change in 1000 steps", "+.4f", ""),
    "d_loss_spread": ("stability", "d_loss, spread", ".4f", ""),
    "g_loss_trend": ("stability", "g_loss, change in 1000 steps", "+.4f", ""),
    "g_loss_spread": ("stability", "g_loss, spread", ".4f", ""),
    "d_acc_real": ("interplay", "real images that D takes for real", ".3f", ""),
    "d_acc_fake": ("interplay", "samples that D takes for fake", ".3f", ""),
    "fooled": ("interplay", "samples that fool D", ".3f", ""),
}


class Judged(NamedTuple):
    """Images and what the judge's network makes of them."""

    images: np.ndarray  # uint8 (n, h, w, c)
    features: np.ndarray  # float32 (n, d)
    probabilities: np.ndarray | None  # float32 (n, k)


def judged(extractor, pictures, what):
    """Returns the `Judged` of uint8 (n, h, w, c)."""
    size = max(statistics.PIECE, extractor.batch_size)
    batches = (pictures[i : i + size] for i in range(0, len(pictures), size))
    features, probabilities = zip(*map(extractor, progress.counted(batches, len(pictures), what)))
    return Judged(
        pictures,
        np.concatenate(features),
        None if probabilities[0] is None else np.concatenate(probabilities),
    )


def evaluate(source, extractor, train, test, count, seed, warn):
    """Returns the rows of metrics.jsonl of a run: a list of dicts, a metric each.

    `value` is of samples, `real` of as many test images, where there are so many; `spread` is a
    standard deviation. What a run does not have, it has no row of.

    Args:
        source: `sources.Source` of a run.
        extractor: `features.Extractor`.
        train, test: `data.Dataset`s of the images trained on and of others.
        count: number of samples, and of real images at most, for all but the Fréchet distance,
            whose real side is the whole training set.
        seed: of the noise and of which images are taken.
    """
    rows = data.some_rows(len(train.images), seed, count)
    gaussian = statistics.of_rows(extractor, train, np.arange(len(train.images)), warn).gaussian
    real = judged(extractor, train.images[rows], "real images")
    fakes = judged(extractor, source.drawn(seed, count), "samples")
    others = judged(extractor, test.images[data.some_rows(len(test.images), seed, count)], "test images")
    near = [nearest.nearest(each.images[:PAIRS], train.images, 1) for each in (fakes, others)]
    values, spreads = _scores(fakes, real, gaussian, train.images[near[0][1][:, 0]], seed)
    floors, _ = _scores(others, real, gaussian, train.images[near[1][1][:, 0]], seed)
    values["copying"] = metrics.nearer_share(*(distances[:, 0] for distances, _ in near))
    values["spread"] = health.spread(fakes.images) / max(health.spread(others.images), 1e-9)
    floors["spread"] = 1.0
    values |= _stability(source.history) | _interplay(source.gan, others.images, fakes.images)
    about = {
        "step": source.gan.step,
        "epoch": -(-source.gan.step // source.steps_per_epoch),
        "n": len(fakes.images),
        "n_test": len(others.images),
        "n_real": len(train.images),
        "data": train.sha256,
        "seed": seed,
        **statistics.protocol(extractor),
    }
    return [
        about | {"metric": m, "value": values[m], "spread": spreads.get(m), "real": floors.get(m)}
        for m in LINES
        if m in values
    ]


def _scores(one, real, gaussian, neighbours, seed):
    """Returns what holds for any images, samples or real ones: {metric: value} and {metric: spread}.

    Args:
        one, real: `Judged`; of the real images as many as of samples.
        gaussian: `metrics.Gaussian` of all training images.
        neighbours: uint8, the training image nearest to each of the first images.
    """
    values, spreads = {}, {}
    own = metrics.gaussian(one.features)
    values["frechet_distance"] = metrics.frechet_distance(own, gaussian, "symmetric").value
    size = min(1000, len(one.features), len(real.features))
    kid = metrics.kernel_distance(one.features, real.features, subset_size=size)
    values["kernel_distance"], spreads["kernel_distance"] = kid
    if one.probabilities is not None:
        score = metrics.inception_score(one.probabilities, splits=min(10, len(one.images)))
        values["inception_score"], spreads["inception_score"] = score
        labels, classes = one.probabilities.argmax(axis=1), one.probabilities.shape[1]
        values["classes"], values["class_entropy"] = metrics.class_coverage(labels, classes)
    values["precision"], values["recall"] = metrics.precision_recall(real.features, one.features)
    for name, function in (("ssim", _ssim), ("psnr", _psnr)):
        found = function(one.images[:PAIRS], neighbours)
        values[name], spreads[name] = float(found.mean()), float(found.std())
    values["distinct"] = metrics.distinct(one.images) / len(one.images)
    values["pairwise_ssim"] = float(_ssim(*_pairs(one.images, seed)).mean())
    return values, spreads


def _pairs(pictures, seed):
    """Returns two sets of images, those of a pair never the same row."""
    rng = data.rng(seed, data.EVALUATION, 2)
    first = rng.integers(0, len(pictures), PAIRS)
    second = (first + rng.integers(1, len(pictures), PAIRS)) % len(pictures)
    return pictures[first], pictures[second]


def _ssim(a, b):
    """Returns the structural similarity of pairs of images, Wang et al. 2004, by TensorFlow."""
    side = min(11, *a.shape[1:3])
    return tf.image.ssim(tf.constant(a), tf.constant(b), 255, filter_size=side).numpy()


def _psnr(a, b):
    """Returns 10 log10(255^2 / mean squared error) of pairs, equal ones at the 99 dB of one level in 4."""
    mse = np.mean((a.astype(np.float32) - b) ** 2, axis=(1, 2, 3))
    return 10 * np.log10(255**2 / np.maximum(mse, 255**2 / 10**9.9))


def _stability(table):
    """Returns trend and spread of both losses over the last tenth of a history; {} without one."""
    if table is None or len(table["step"]) < 2:
        return {}
    found = {}
    for loss in ("d_loss", "g_loss"):
        found[f"{loss}_trend"], found[f"{loss}_spread"] = metrics.trend_and_spread(table[loss])
    return found


def _interplay(gan, real, fakes):
    """Returns how often the discriminator, in inference mode, is right, and how often it is fooled."""
    on_real, on_fake = (_takes_for_real(gan, pictures) for pictures in (real, fakes))
    return {"d_acc_real": on_real, "d_acc_fake": 1 - on_fake, "fooled": on_fake}


def _takes_for_real(gan, pictures):
    parts = [
        np.asarray(gan.discriminator(images.to_unit(pictures[i : i + 1000]), training=False)) > 0.5
        for i in range(0, len(pictures), 1000)
    ]
    return float(np.concatenate(parts).mean())


# What the verdict calls by a name; the five presets' runs of the README are called as their pictures look.
COPIES = 0.9  # of the samples and test images; 0.37 at most in those runs, 1 of a copied training set
RECALLS = 0.05  # of the real images: 0.44 and 0.60 in those that look like digits, 0.00 in the others
WON = 0.98  # accuracies of the discriminator, as in `health`


def verdict(rows):
    """Returns one plain sentence on the rows of an evaluation, its first words the verdict itself."""
    value = {row["metric"]: row["value"] for row in rows}
    real = {row["metric"]: row["real"] for row in rows}
    classes = value.get("classes")
    ratio = value["frechet_distance"] / max(real["frechet_distance"], 1e-9)
    said = [
        f"its samples are {ratio:.3g} times as far from the training images as test images are",
        f"{classes} of {real['classes']} classes occur" if classes else "",
        f"copying is {value['copying']:.2f} where copies have 1",
        _losses_in_words(value),
        f"{value['fooled']:.0%} of the samples fool the discriminator",
    ]
    return f"{_name(value, real)}: {', '.join(part for part in said if part)}."


def _name(value, real):
    if value["copying"] >= COPIES:
        return "Copying"
    few = "classes" in value and 2 * value["classes"] <= real["classes"]
    if few or value["spread"] < health.ALIKE or value["distinct"] < 0.5:
        return "Collapsed"
    if min(value["d_acc_real"], value["d_acc_fake"]) >= WON:
        return "The discriminator has won"
    if value["recall"] < RECALLS:
        return "Unfinished"
    return "Healthy"


def _losses_in_words(value):
    if "d_loss_trend" not in value:
        return ""
    moving = [n for n in ("d_loss", "g_loss") if abs(value[f"{n}_trend"]) > value[f"{n}_spread"]]
    return f"{' and '.join(moving)} still moving" if moving else "both losses steady"


def in_words(rows, about):
    """Returns the lines of the table of an evaluation, by group, with its verdict."""
    first = rows[0]
    yield f"step {first['step']}, epoch {first['epoch']}: {first['n']} samples, seed {first['seed']}"
    yield f"real images: {first['n_real']} trained on, {first['n_test']} others; judge: {about}"
    group = None
    for row in rows:
        of, what, form, better = LINES[row["metric"]]
        if of != group:
            yield f"{of:54} {'samples':>16} {'test images':>16}"
            group = of
        cells = [_cell(row, form), "-" if row["real"] is None else f"{row['real']:{form}}"]
        yield f"  {what:52} {cells[0]:>16} {cells[1]:>16}  {better and better + ' is better'}".rstrip()
    yield verdict(rows)


def _cell(row, form):
    spread = "" if row["spread"] is None else f" +- {row['spread']:{form}}"
    return f"{row['value']:{form}}{spread}"
