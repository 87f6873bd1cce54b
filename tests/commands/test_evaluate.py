import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_gan.evaluation import features
from keras_gan.run import metrics_log
from keras_gan.training import run_dir
from tests.conftest import TenClasses, run

TRAIN = "train --preset aioz --epochs 1 --batch-size 50 --latent-dim 7 --quiet --outdir run".split()


@pytest.fixture(autouse=True)
def prepared(tmp_path, monkeypatch):
    """A folder of the test's own, GANs that XLA does not compile, and an extractor that takes no time."""
    monkeypatch.chdir(tmp_path)

    def load(train, test, warn):
        assert (test is None or len(test.labels)) and callable(warn)
        return TenClasses()

    monkeypatch.setattr(features, "load_classifier", load)


@pytest.fixture
def images(tmp_path, pixels):
    labels = np.arange(50) % 10
    parts = {"x_train": pixels[:40], "y_train": labels[:40]}
    np.savez(tmp_path / "images.npz", **parts, x_test=pixels[40:], y_test=labels[40:])
    return "images.npz"


@pytest.fixture
def trained(images):
    """Result of a training run in "run", of one step."""
    result = run(*TRAIN, "--data", images, "--batch-size", 40, "--fid-interval", 1, "--fid-samples", 9)
    assert result.exit_code == 0, result.output
    return result


def refused(*words):
    result = run(*words)
    lines = result.stderr.splitlines()
    assert result.exit_code == 1 and [line[:7] for line in lines].count("Error: ") == 1, result.output
    return lines[-1]


def test_fid_of_a_run_to_test_images_with_its_real_baseline(trained, images):
    result = run("fid", "run", f"{images}:test", "--count", 30)
    assert result.exit_code == 0, result.output
    first, of, baseline, extractor = result.stdout.splitlines()
    assert first.startswith("Fréchet distance (classifier features): ")
    assert of == "  of 30 images of run to 10 of images.npz:test, seed 0"
    assert (
        baseline.endswith("of 30 real images to 10 others")
        and extractor == "feature extractor: an extractor for tests"
    )
    assert "classifier features stand in for InceptionV3's: " in result.stderr
    assert "70 images go through an extractor for tests: less than a minute on this CPU." in result.stderr
    assert "With 10 images, fewer than 2048" in result.stderr


def test_fid_as_json_is_that_of_the_images_themselves(images):
    same = run("fid", images, images, "--json", "--features", "digits")
    found = json.loads(same.stdout)
    assert found["frechet_distance"] == pytest.approx(0, abs=1e-3) and found["n_a"] == 40
    assert found["real_baseline"]["n"] == 10 and found["feature_spec"]["features"] == "classifier"


def test_statistics_are_saved_and_stand_in_for_the_images(images):
    assert run("fid", images, "--save-stats", "stats.npz").exit_code == 0
    values = [
        json.loads(run("fid", f"{images}:test", b, "--json").stdout)["frechet_distance"]
        for b in (images, "stats.npz")
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-9)
    alone = run("fid", "stats.npz", "stats.npz")
    assert (
        alone.exit_code == 0 and "feature extractor: the network that the statistics are of" in alone.stdout
    )


def test_file_of_images_is_not_replaced_by_statistics(images):
    line = refused("fid", images, "--save-stats", images)
    assert "images.npz must be new, or an .npz file of mu and sigma" in line
    assert run("fid", images, "--save-stats", "stats.npz").exit_code == 0  # they are still images


def test_statistics_of_another_network_are_refused_and_unknown_ones_need_a_word(images, monkeypatch):
    run("fid", images, "--save-stats", "stats.npz")
    monkeypatch.setattr(TenClasses, "sha256", "1" * 64)
    line = refused("fid", f"{images}:test", "stats.npz")
    assert "Both must have the same feature spec. Received: weights 1111" in line
    np.savez("bare.npz", mu=np.zeros(3), sigma=np.eye(3))
    assert "--stats-features NAME says which" in refused("fid", images, "bare.npz")
    result = run("fid", images, "bare.npz", "--stats-features", "digits", "--json")
    assert json.loads(result.stdout)["n_b"] is None and json.loads(result.stdout)["assumed_spec"]
    said = ("--features", "digits", "--protocol", "inception")
    assert "Received: classifier and inception" in refused("fid", images, "bare.npz", *said)
    unknown = refused("fid", images, "bare.npz", "--protocol", "other")  # before any features are computed
    assert "features must be one of FILE.keras, classifier, clean-fid, inception" in unknown


def test_saved_statistics_are_not_made_twice(trained, images, monkeypatch):
    seen = []
    compute = TenClasses.__call__
    monkeypatch.setattr(TenClasses, "__call__", lambda self, x: seen.append(len(x)) or compute(self, x))
    timed = 2 * 2 * TenClasses.batch_size  # images that tell how long the others take, twice
    result = run("fid", "run", images, "--count", 20, "--save-stats", "stats.npz", "--features", "digits")
    assert result.exit_code == 0 and sum(seen) == 20 + 20 + 10 + timed, (
        result.output
    )  # the run, B, the baseline


def test_fid_needs_two_sides_or_a_file_to_write(images):
    assert run("fid", images).exit_code == 2
    assert "no file nothing" in refused("fid", "nothing", images)


@pytest.mark.slow
def test_evaluate_prints_every_metric_and_keeps_it(trained):
    result = run("evaluate", "run", "--count", 20)
    assert result.exit_code == 0, result.output
    assert "Fréchet distance" in result.stdout and "samples that fool D" in result.stdout
    rows = metrics_log.read("run/metrics.jsonl")
    assert [row["n"] for row in rows] == [9] + [20] * (len(rows) - 1) and len(rows) > 15
    again = json.loads(run("evaluate", "run", "--count", 20, "--json").stdout)
    assert metrics_log.read("run/metrics.jsonl") == rows == [rows[0], *again["rows"]]
    assert again["diagnosis"] in " ".join(result.stdout.split())  # which is folded
    assert again["features"] == TenClasses.description


@pytest.mark.slow
def test_numbers_of_the_two_modes_stand_side_by_side(images):
    words = ["--preset", "pytorch-gan", "--data", images, "--fid-interval", 1, "--fid-samples", 9]
    assert run(*TRAIN, *words, "--batch-size", 40).exit_code == 0
    assert run("evaluate", "run", "--count", 20).exit_code == 0
    inference = metrics_log.read("run/metrics.jsonl")
    result = run("evaluate", "run", "--count", 20, "--mode", "training")
    assert result.exit_code == 0, result.output
    assert "samples drawn in training mode, in batches of 64" in result.stdout
    rows = metrics_log.read("run/metrics.jsonl")
    assert rows[: len(inference)] == inference and not any("mode" in row for row in inference)
    for row in rows[len(inference) :]:
        assert (row["mode"], row["sample_batch_size"]) == ("training", 64)
    [one], [other] = (metrics_log.select_training_scores(some) for some in (inference, rows))
    assert one == other  # what plots and the best checkpoint are chosen by
    assert "samples drawn in training mode" in Path("run/report.html").read_text()
    distances = []
    for mode in ("inference", "training"):
        found = run("fid", "run", images, "--count", 20, "--mode", mode, "--json", "--features", "pca")
        distances.append(json.loads(found.stdout))
    assert distances[0]["frechet_distance"] != distances[1]["frechet_distance"]
    assert "mode" not in distances[0] and distances[1]["sample_batch_size"] == 64
    said = run("fid", "run", images, "--count", 20, "--mode", "training", "--features", "pca").stdout
    assert "\n  samples drawn in training mode, in batches of 64\n" in said
    assert "--mode is of the samples of a run" in refused("fid", images, images, "--mode", "training")
    for option, value in (("--image-size", "9"), ("--fit", "crop"), ("--background", "red")):
        line = f"{option} is of images. Received: run and run."
        assert line in refused("fid", "run", "run", option, value)
    line = f"--stats-features is of files of statistics. Received: run and {images}."
    assert line in refused("fid", "run", images, "--stats-features", "pca")


@pytest.mark.slow
def test_evaluate_of_a_run_that_is_being_trained_leaves_its_file_alone(trained):
    before = metrics_log.read("run/metrics.jsonl")
    with run_dir.open_run_dir("run", pytest.fail):
        result = run("evaluate", "run", "--count", 20)
    assert result.exit_code == 0 and "metrics.jsonl is left as it is." in result.stderr
    assert metrics_log.read("run/metrics.jsonl") == before


def test_numbers_are_printed_even_where_they_cannot_be_kept(trained, tmp_path):
    shutil.copy("run/checkpoint.npz", "alone.npz")
    lone = run("evaluate", "alone.npz", "--data", "images.npz", "--count", 20)
    assert lone.exit_code == 0 and "not recorded, as alone.npz is not in a run directory" in lone.stderr
    assert "samples that fool D" in lone.stdout and not (tmp_path / "metrics.jsonl").exists()
    (tmp_path / "run" / "metrics.jsonl").write_text("damaged\n")
    result = run("evaluate", "run", "--count", 20)
    assert result.exit_code == 1 and "samples that fool D" in result.stdout
    assert "Expected a line of JSON for each metric" in result.stderr


def test_best_checkpoint_is_evaluated_too_and_other_things_are_refused(trained, images):
    result = run("evaluate", "run/checkpoint.best.npz", "--count", 20)
    assert result.exit_code == 0 and result.stdout.startswith("step 1, epoch 1: 20 samples")
    assert "RUN must be a run directory or a checkpoint. Received: images.npz." in refused("evaluate", images)


def test_plot_writes_the_chart_of_a_run(trained):
    result = run("plot", "run")
    assert result.exit_code == 0 and result.stdout.startswith("run/curves.png: loss of the discriminator, ")
    assert "Fréchet distance, classifier features, 9 samples of run" in result.stdout
    assert "Received: nothing, which has none" in refused("plot", "nothing")


def test_features_that_are_unknown_are_refused_before_anything_is_written(images, tmp_path):
    line = refused(*TRAIN, "--data", images, "--batch-size", 40, "--fid-interval", 1, "--features", "vgg")
    assert (
        "features must be one of FILE.keras, classifier, clean-fid, inception" in line
        and not (tmp_path / "run").exists()
    )


@pytest.fixture
def own_losses(tmp_path):
    """A csv of losses as a PyTorch program writes it."""
    lines = ["step,loss_D,loss_G", *(f"{i},{i / 10},{i / 5}" for i in range(1, 21))]
    (tmp_path / "losses.csv").write_text("\n".join(lines) + "\n")
    return "losses.csv"


@pytest.mark.slow
def test_plot_draws_losses_of_another_program_beside_a_run(trained, own_losses, tmp_path):
    result = run("plot", "run", own_losses, "--label", "Keras", "--label", "PyTorch", "--out", "a.png")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith(" of Keras, PyTorch\n") and (tmp_path / "a.png").is_file()
    assert run("plot", own_losses).stdout.startswith("curves.png: loss of the discriminator, loss of the gen")
    assert run("plot", "run", own_losses, "--label", "one").exit_code == 2


@pytest.mark.slow
def test_compare_joins_samples_and_losses_of_one_label(trained, images, own_losses, pixels, tmp_path):
    np.savez(tmp_path / "samples.npz", images=pixels[:20])
    labels = [word for label in ("Keras", "PyTorch", "PyTorch") for word in ("--label", label)]
    words = ["compare", "run", "samples.npz", own_losses, *labels, "--data", images, "--count", 20]
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    keras, torch, real = json.loads(result.stdout)["rows"]
    assert (keras["name"], torch["name"], torch["n"]) == ("Keras", "PyTorch", 20)
    assert (torch["d_loss"], torch["g_loss"], torch["d_acc_real"]) == (1.95, 3.9, None)
    assert real["d_loss"] is None and (tmp_path / "compare/losses.png").is_file()


@pytest.mark.slow
def test_compare_of_losses_without_samples_and_in_80_columns(trained, images, own_losses, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = run("compare", "run", own_losses, "--data", images, "--count", 20)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert re.search(r"^losses.csv +- +- +- +1.950 +3.900 +- +-$", result.stdout, re.M)
    assert "losses only, which `plot` draws" in refused("compare", own_losses, "./losses.csv")


@pytest.mark.slow
def test_evaluate_writes_the_report_of_a_run_again(trained, images, tmp_path):
    report = tmp_path / "run/report.html"
    assert re.search(r"Not evaluated yet: python .+ evaluate \S*run measures it", report.read_text())
    assert run("evaluate", "run", "--count", 30).exit_code == 0
    assert "Evaluation at step 1" in report.read_text() and "Not evaluated yet" not in report.read_text()
    report.unlink()
    report.symlink_to(tmp_path / "elsewhere.html")
    assert run("evaluate", "run", "--count", 30).exit_code == 0
    assert report.is_symlink() and not (tmp_path / "elsewhere.html").exists()
