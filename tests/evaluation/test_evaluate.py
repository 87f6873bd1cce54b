import json
import types

import numpy as np
import pytest
import tensorflow as tf

from keras_gan.data import datasets
from keras_gan.evaluation import diagnosis, evaluate, metrics
from keras_gan.evaluation.inputs import RunInput
from keras_gan.evaluation.table import METRICS, format_evaluation
from keras_gan.rng import choose_rows
from tests.conftest import forbidden

DIGITS = [datasets.load_dataset("digits", split=split) for split in ("train", "test")]


@pytest.fixture(scope="session")
def extractor(kept):
    """The classifier of the bundled digits."""
    return kept[1]


class Made:
    """What `evaluate` uses of a GAN whose samples are known, and a discriminator that sees how light."""

    step, seed = 12, 0

    @staticmethod
    def discriminator(unit, training):
        assert training is False
        return tf.reduce_mean(tf.constant(unit), axis=(1, 2, 3))[:, None] + 1.2  # black is -1


def run_of(images, table=None):
    made = Made()
    made.sample = lambda z, mode: images[: len(z)]
    made.latent_dim = 3
    run = types.SimpleNamespace(info=None, steps_per_epoch=1, read_history=lambda step: table)
    return RunInput("run", run, made)


def rows_of(extractor, images, count=300, table=None):
    train, test = DIGITS
    found = evaluate.evaluate(run_of(images, table), extractor, train, test, count, 0, forbidden)
    return {row["metric"]: row for row in found}


def distance(extractor, images):
    """Returns the Fréchet distance of images to the training digits."""
    pools = [extractor(pictures)[0] for pictures in (images, DIGITS[0].images)]
    return metrics.frechet_distance(*map(metrics.gaussian, pools), "symmetric").value


def blurred(images, times):
    x = images.astype(float)
    for _ in range(times):
        x = (x + sum(np.roll(x, s, axis) for s in (1, -1) for axis in (1, 2))) / 5
    return np.rint(x).astype(np.uint8)


def noisy(images, level):
    noise = np.random.default_rng(0).normal(0, level, images.shape)
    return np.clip(np.rint(images + noise), 0, 255).astype(np.uint8)


def test_rising_noise_raises_the_distance_strictly(extractor):
    found = [distance(extractor, noisy(DIGITS[1].images, level)) for level in (0, 20, 40, 80, 160)]
    assert (np.diff(found) > 0).all() and found[-1] > 3 * found[0]


def test_rising_blur_raises_the_distance_strictly(extractor):
    found = [distance(extractor, blurred(DIGITS[1].images, times)) for times in (0, 2, 4, 8, 16)]
    assert (np.diff(found) > 0).all() and found[-1] > 3 * found[0]


def test_every_class_that_is_dropped_raises_the_distance_strictly(extractor):
    test = DIGITS[1]
    found = [distance(extractor, test.images[test.labels < classes]) for classes in (10, 8, 6, 4, 2)]
    assert (np.diff(found) > 0).all() and found[-1] > 3 * found[0]


@pytest.mark.slow
def test_test_images_as_samples_are_as_good_as_test_images(extractor):
    rows = rows_of(extractor, DIGITS[1].images[choose_rows(360, 0, 300)])
    for metric in ("frechet_distance", "precision", "recall", "ssim", "psnr", "classes", "inception_score"):
        assert rows[metric]["value"] == pytest.approx(rows[metric]["real"], rel=1e-6), metric
    assert rows["copying"]["value"] == pytest.approx(0.5, abs=1e-9)
    assert diagnosis.diagnose(list(rows.values())).startswith(
        "Healthy: Fréchet distance 1 times that of test images"
    )


@pytest.mark.slow
def test_copied_training_images_are_called_so(extractor):
    rows = rows_of(extractor, DIGITS[0].images[500:800])
    assert rows["copying"]["value"] > 0.99 and rows["ssim"]["value"] == pytest.approx(1, abs=1e-6)
    assert rows["psnr"]["value"] == pytest.approx(99)
    assert diagnosis.diagnose(list(rows.values())).startswith("Copying: ")


def test_one_class_and_one_image_are_called_collapsed(extractor):
    ones = DIGITS[1].images[DIGITS[1].labels == 1]
    for images in (ones, np.repeat(ones[:1], 30, axis=0)):
        rows = rows_of(extractor, images, count=30)
        assert diagnosis.diagnose(list(rows.values())).startswith("Collapsed: ")
    assert rows["distinct"]["value"] == pytest.approx(1 / 30) and rows["pixel_std"]["value"] == 0
    assert rows["pairwise_ssim"]["value"] == pytest.approx(1, abs=1e-6) and rows["classes"]["value"] == 1


@pytest.mark.slow
def test_discriminator_is_measured_on_test_images_and_samples(extractor):
    black = np.zeros((30, 28, 28, 1), np.uint8)
    light = black + np.uint8(200)
    for images, fooled in ((black, 0), (light, 1)):
        rows = rows_of(extractor, images, count=30)
        assert (rows["fooled"]["value"], rows["d_acc_fake"]["value"]) == (fooled, 1 - fooled)
    unit = DIGITS[1].images[choose_rows(360, 0, 30)] / 127.5 - 1
    expected = (unit.mean(axis=(1, 2, 3)) > -0.7).mean()
    assert rows["d_acc_real"]["value"] == pytest.approx(expected) and 0 < expected


def test_stability_is_of_the_last_tenth_and_missing_without_a_history(extractor):
    steps = np.arange(1.0, 101)
    table = {"step": steps, "d_loss": steps / 1000, "g_loss": np.ones(100)}
    rows = rows_of(extractor, DIGITS[1].images, 30, table)
    assert rows["d_loss_trend"]["value"] == pytest.approx(1) and rows["g_loss_std"]["value"] == 0
    assert not {"d_loss_trend", "g_loss_std"} & set(rows_of(extractor, DIGITS[1].images, 30))


def test_rows_say_all_they_depend_on_and_fit_in_json(extractor):
    rows = rows_of(extractor, DIGITS[1].images, 30)
    assert set(rows) == {m for m in METRICS if "loss" not in m}
    about = {"step": 12, "epoch": 12, "n": 30, "n_test": 30, "n_real": 1437, "seed": 0}
    about |= {"features": "classifier", "weights": extractor.sha256, "data": DIGITS[0].sha256}
    for row in json.loads(json.dumps(list(rows.values()))):
        assert row.items() >= about.items() and np.isfinite(row["value"])


def test_table_has_a_line_for_every_row_and_ends_with_the_verdict(extractor, monkeypatch):
    rows = list(rows_of(extractor, DIGITS[1].images, 30).values())
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, "\n".join(format_evaluation(rows, "a classifier")).splitlines())) <= 80
    monkeypatch.setenv("COLUMNS", "1000")
    lines = "\n".join(format_evaluation(rows, "a classifier")).splitlines()
    for row in rows:
        [line] = [line for line in lines if line.startswith(f"  {METRICS[row['metric']][1]}  ")]
        assert f"{row['value']:{METRICS[row['metric']][2]}}" in line
    assert lines[-1] == diagnosis.diagnose(rows) and "a classifier" in lines[2]


def test_classes_of_an_extractor_without_probabilities_are_left_out(extractor):
    class Blind:
        name, description, sha256, preprocessing, batch_size = "blind", "", "0" * 64, "", 64
        cpu = ""

        def __call__(self, images):
            return extractor(images)[0], None

    rows = rows_of(Blind(), DIGITS[1].images, 30)
    assert not {"classes", "class_entropy", "inception_score"} & set(rows)
    assert "classes" not in diagnosis.diagnose(list(rows.values()))


def test_classes_of_images_without_labels_are_left_out(extractor):
    parts = [dataset._replace(labels=None) for dataset in DIGITS]
    rows = evaluate.evaluate(run_of(DIGITS[1].images), extractor, *parts, 30, 0, forbidden)
    assert not {"classes", "class_entropy"} & {row["metric"] for row in rows}
    assert "classes" not in diagnosis.diagnose(rows)


def test_trend_and_std_are_those_of_the_last_tenth():
    """The last 4 of 40 are 1, 3, 5, 7: a slope of 2 a step, and a deviation of 5^(1/2)."""
    losses = [100, -100] * 18 + [1, 3, 5, 7]
    np.testing.assert_allclose(evaluate.fit_trend(losses), (2000, np.sqrt(5)), rtol=1e-9)
    np.testing.assert_allclose(evaluate.fit_trend([9, 1, 2]), (1000, 0.5), rtol=1e-9)


@pytest.mark.parametrize("losses", [[], [1.0], [1.0, np.nan], [np.inf] + [1.0] * 20])
def test_trend_refuses_short_and_broken_curves(losses):
    with pytest.raises(ValueError, match="two or more, and finite"):
        evaluate.fit_trend(losses)
