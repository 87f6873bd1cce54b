"""A run in numbers: quality, diversity, copying, stability, discriminator; `diagnosis` puts them in words.

The same numbers of real images that were not trained on stand beside those of the samples: what
is to be expected of samples that are as good as real ones, at that number of images.
"""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from keras_gan import progress
from keras_gan.data.pixels import to_float
from keras_gan.evaluation import diversity, feature_stats, metrics, nearest
from keras_gan.evaluation.table import METRICS
from keras_gan.rng import Stream, choose_rows, make_rng

PAIRS = 1000  # images, or pairs of them, that are compared pixel by pixel


class ImageFeatures(NamedTuple):
    """Images, their features and class probabilities."""

    images: np.ndarray  # uint8 (n, h, w, c)
    features: np.ndarray  # float32 (n, d)
    probabilities: np.ndarray | None  # float32 (n, k)


def compute_features(extractor, images, what):
    """Returns the `ImageFeatures` of uint8 (n, h, w, c)."""
    size = max(feature_stats.CHUNK, extractor.batch_size)
    batches = (images[i : i + size] for i in range(0, len(images), size))
    features, probabilities = zip(*map(extractor, progress.show_progress(batches, len(images), what)))
    return ImageFeatures(
        images,
        np.concatenate(features),
        None if probabilities[0] is None else np.concatenate(probabilities),
    )


def evaluate(source, extractor, train, test, count, seed, warn):
    """Returns the rows of metrics.jsonl of a run: a list of dicts, a metric each.

    `value` is of samples, `real` of as many test images, where there are so many; `std` is a
    standard deviation. What a run does not have, it has no row of.

    Args:
        source: `inputs.RunInput`.
        extractor: `features.FeatureExtractor`.
        train, test: `Dataset`s of the images trained on and of others.
        count: number of samples, and of real images at most, for all but the Fréchet distance,
            whose real side is the whole training set.
        seed: of the noise and of which images are taken.
    """
    rows = choose_rows(len(train.images), seed, count)
    gaussian = feature_stats.load_or_compute_stats(
        extractor, train, np.arange(len(train.images)), warn
    ).gaussian
    real = compute_features(extractor, train.images[rows], "real images")
    fakes = compute_features(extractor, source.draw(seed, count), "samples")
    others = compute_features(
        extractor, test.images[choose_rows(len(test.images), seed, count)], "test images"
    )
    near = [nearest.find_nearest(each.images[:PAIRS], train.images, 1) for each in (fakes, others)]
    classes = 0 if train.labels is None else len(np.unique(train.labels))
    values, stds = _measure(fakes, real, gaussian, train.images[near[0][1][:, 0]], classes, seed)
    baseline, _ = _measure(others, real, gaussian, train.images[near[1][1][:, 0]], classes, seed)
    values["copying"] = diversity.measure_copying(*(distances[:, 0] for distances, _ in near))
    std = diversity.pixel_std(fakes.images) / max(diversity.pixel_std(others.images), 1e-9)
    values["pixel_std"], baseline["pixel_std"] = std, 1.0
    values |= _stability(source.read_history())
    if source.gan.discriminator:  # which a generator.keras lacks
        values |= _measure_discriminator(source.gan, others.images, fakes.images)
    measured_on = {
        "step": source.gan.step,
        "epoch": -(-source.gan.step // source.run.steps_per_epoch),
        "n": len(fakes.images),
        "n_test": len(others.images),
        "n_real": len(train.images),
        "data": train.sha256,
        "seed": seed,
        **source.describe_samples(),
        **feature_stats.get_feature_spec(extractor),
    }
    return [
        measured_on | {"metric": m, "value": values[m], "std": stds.get(m), "real": baseline.get(m)}
        for m in METRICS
        if m in values
    ]


def _measure(one, real, gaussian, neighbours, classes, seed):
    """Returns what holds for any images, samples or real ones: {metric: value} and {metric: std}.

    Args:
        one, real: `ImageFeatures`; of the real images as many as of samples.
        gaussian: `metrics.Gaussian` of all training images.
        neighbours: uint8, the training image nearest to each of the first images.
        classes: number of the images' own classes, 0 without labels.
    """
    values, stds = {}, {}
    own = metrics.gaussian(one.features)
    values["frechet_distance"] = metrics.frechet_distance(own, gaussian, "symmetric").value
    size = min(1000, len(one.features), len(real.features))
    kid = metrics.kernel_distance(one.features, real.features, subset_size=size)
    values["kernel_distance"], stds["kernel_distance"] = kid
    if one.probabilities is not None:
        score = metrics.inception_score(one.probabilities, splits=min(10, len(one.images)))
        values["inception_score"], stds["inception_score"] = score
    if one.probabilities is not None and one.probabilities.shape[1] == classes:  # not of ImageNet's 1000
        labels = one.probabilities.argmax(axis=1)
        values["classes"], values["class_entropy"] = diversity.count_classes(labels, classes)
    values["precision"], values["recall"] = metrics.precision_recall(real.features, one.features)
    for name, function in (("ssim", _ssim), ("psnr", _psnr)):
        of_pairs = function(one.images[:PAIRS], neighbours)
        values[name], stds[name] = float(of_pairs.mean()), float(of_pairs.std())
    values["distinct"] = diversity.count_distinct(one.images) / len(one.images)
    values["pairwise_ssim"] = float(_ssim(*_draw_pairs(one.images, seed)).mean())
    return values, stds


def _draw_pairs(images, seed):
    """Returns two sets of images, those of a pair never the same row."""
    rng = make_rng(seed, Stream.EVALUATION, 2)
    first = rng.integers(0, len(images), PAIRS)
    second = (first + rng.integers(1, len(images), PAIRS)) % len(images)
    return images[first], images[second]


def _ssim(a, b):
    """Returns the structural similarity of pairs of images, Wang et al. 2004, by TensorFlow."""
    side = min(11, *a.shape[1:3])
    return tf.image.ssim(tf.constant(a), tf.constant(b), 255, filter_size=side).numpy()


def _psnr(a, b):
    """Returns the peak signal-to-noise ratio of pairs in dB, at most 99: of equal images it is infinite."""
    return np.minimum(tf.image.psnr(tf.constant(a), tf.constant(b), 255).numpy(), 99)


def _stability(table):
    """Returns `fit_trend` of both losses; {} without a history."""
    if table is None or len(table["step"]) < 2:
        return {}
    values = {}
    for loss in ("d_loss", "g_loss"):
        values[f"{loss}_trend"], values[f"{loss}_std"] = fit_trend(table[loss])
    return values


def fit_trend(losses):
    """Returns slope (least squares, in 1000 steps) and standard deviation of the last tenth of (steps,).

    Raises:
        ValueError: there are fewer than two losses, or one is not finite.
    """
    losses = np.asarray(losses, np.float64)
    if len(losses) < 2 or not np.isfinite(losses).all():
        raise ValueError(f"Losses must be two or more, and finite. Received: {losses}.")
    tail = losses[-max(2, len(losses) // 10) :]
    return float(1000 * np.polyfit(np.arange(len(tail)), tail, 1)[0]), float(tail.std())


def _measure_discriminator(gan, real, fakes):
    """Returns how often the discriminator, in inference mode, is right, and how often it is fooled."""
    on_real, on_fake = (_takes_for_real(gan, images) for images in (real, fakes))
    return {"d_acc_real": on_real, "d_acc_fake": 1 - on_fake, "fooled": on_fake}


def _takes_for_real(gan, images):
    parts = [
        np.asarray(gan.discriminator(to_float(images[i : i + 1000]), training=False)) > 0.5
        for i in range(0, len(images), 1000)
    ]
    return float(np.concatenate(parts).mean())
