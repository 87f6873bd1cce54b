import json
import signal

import numpy as np
import pytest
from click.testing import CliRunner

from keras_gan.commands import main
from keras_gan.data import datasets
from keras_gan.evaluation import features
from keras_gan.model import engines
from keras_gan.model.gan import GAN
from keras_gan.run import history, info
from keras_gan.training import interrupt, sweep
from tests.conftest import train_here

pytest.importorskip("torch", reason="needs PyTorch: pip install torch==2.13.0")
from keras_gan.pytorch import seeds
from keras_gan.pytorch.seeds import (
    FRAMEWORKS,
    MEASURES,
    compare_means,
    format_summary,
    summarise,
    time_steps,
)

pytestmark = pytest.mark.slow


class Extractor:
    """Ten pixels for features, the brightest of which names the class."""

    name, description, sha256, preprocessing = "pixels", "for tests", "0" * 64, "none"
    cpu, batch_size = "", 50

    def __call__(self, images):
        flat = images.reshape(len(images), -1)[:, 50:60].astype(np.float32) + 1
        return flat, flat / flat.sum(axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def stub(monkeypatch):
    monkeypatch.setattr(features, "load_classifier", lambda *args: Extractor())


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """Path of a Keras-style file of 100 digits of 14x14 pixels, 20 of them for testing."""
    digits, path = datasets.load_dataset("digits"), tmp_path_factory.mktemp("digits") / "digits.npz"
    images, labels = digits.images[:100, 7:21, 7:21, 0], digits.labels[:100]
    parts = {"x_train": images[:80], "y_train": labels[:80]}
    np.savez(path, **parts, x_test=images[80:], y_test=labels[80:])
    return path


def command(digits, outdir, *words):
    where = ["--dataset", digits] if digits == "digits" else ["--data", digits]
    words = ["--preset", "aioz", "--epochs", 2, "--batch-size", 20, *where, *words]
    words += ["--outdir", outdir, "--count", 30]
    return CliRunner().invoke(main.main, ["compare", *map(str, words)])


@pytest.fixture(scope="module")
def compared(digits, tmp_path_factory):
    """The command's result for two seeds, its folder, and [(framework, ms a step)] of each timing."""
    folder, timed = tmp_path_factory.mktemp("compared"), []
    time_steps = seeds.time_steps

    def noted(pairs, images):
        times = time_steps(pairs, images)
        timed.append(
            [(getattr(gan, "framework", "keras"), ms) for (gan, _), ms in zip(pairs, times, strict=True)]
        )
        return times

    with pytest.MonkeyPatch.context() as patch:
        train_here(patch)
        patch.setattr(seeds, "time_steps", noted)
        patch.setattr(features, "load_classifier", lambda *args: Extractor())
        return command(digits, folder, "--seeds", "4,6", "--json"), folder, timed


def test_both_frameworks_train_the_same_steps_from_the_same_weights(compared):
    _, folder, _ = compared
    g_losses = []
    for seed in (4, 6):
        folders = [folder / f"{framework}-{seed}" for framework in ("keras", "torch")]
        read = [info.read_info(run) for run in folders]
        assert [r.framework for r in read] == ["keras", "torch"] and {r.config.gan.seed for r in read} == {
            seed
        }
        ours, theirs = (history.read(run / "history.csv") for run in folders)
        for name, values in ours.items():
            np.testing.assert_allclose(values, theirs[name], atol=1e-4)
        assert len(ours["step"]) == 8
        g_losses.append(theirs["g_loss"])
    assert np.abs(np.subtract(*g_losses)).max() > 1e-3  # each seed has weights and batches of its own


def test_checkpoints_are_of_the_end_of_the_training_and_not_of_the_timed_steps(compared):
    _, folder, _ = compared
    assert [GAN.load(folder / f"{f}-4/checkpoint.npz").step for f in ("keras", "torch")] == [8, 8]


def test_the_frameworks_take_turns_at_going_first(compared):
    assert [[name for name, _ in calls] for calls in compared[2]] == [["keras", "torch"], ["torch", "keras"]]


def test_command_prints_json_alone(compared):
    result, folder, timed = compared
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["preset"], found["epochs"], found["seeds"]) == ("aioz", 2, [4, 6])
    names = ["keras-4", "torch-4", "keras-6", "torch-6"]
    assert [row["name"] for row in found["rows"]] == [*names, "real test images"]
    for framework in FRAMEWORKS:
        own = [row for row in found["rows"] if row["framework"] == framework]
        for measure, summed in found["frameworks"][framework].items():
            values = [row[measure] for row in own]
            assert summed["mean"] == pytest.approx(np.mean(values))
            assert summed["std"] == pytest.approx(np.std(values, ddof=1))
        assert set(found["frameworks"][framework]) == set(MEASURES) == set(found["differences"])
        assert [row["ms_per_step"] for row in own] == [dict(calls)[framework] for calls in timed]
    assert {"samples.png", "losses.png", *names} == {path.name for path in folder.iterdir()}


def test_its_runs_compare_to_the_same_numbers(compared, tmp_path):
    result, folder, _ = compared
    rows = json.loads(result.stdout)["rows"]
    folders = [str(folder / row["name"]) for row in rows[:-1]]
    words = ["compare", *folders, "--count", "30", "--json", "--outdir", str(tmp_path)]
    again = CliRunner().invoke(main.main, words)
    assert json.loads(again.stdout)["rows"] == [
        {name: value for name, value in row.items() if name != "ms_per_step"} for row in rows
    ]


def test_finished_runs_are_kept_unless_they_are_to_be_replaced(compared, digits, in_process):
    _, folder, _ = compared
    kept = command(digits, folder, "--seeds", 6)
    assert (kept.exit_code, in_process) == (0, []), kept.output
    told = " ".join(kept.stdout.split())
    assert all(word in told for word in ("source", "keras-6", "torch-6", "real", "one seed has no std"))
    assert kept.stderr.splitlines()[-1] == "2 of 2 runs finished: torch-6"
    assert command(digits, folder, "--seeds", 6, "--overwrite").exit_code == 0
    assert [words[-2:] for words in in_process] == [["--overwrite", "--quiet"]] * 2


def test_unfinished_run_of_pytorch_goes_on_to_the_same_numbers(compared, digits, tmp_path, in_process):
    _, folder, _ = compared
    assert command(digits, tmp_path, "--seeds", 4, "--epochs", 1).exit_code == 0
    assert command(digits, tmp_path, "--seeds", 4).exit_code == 0
    assert [words[-3] for words in in_process] == ["--outdir"] * 2 + ["--resume"] * 2
    for run in ("keras-4", "torch-4"):
        assert (tmp_path / run / "history.csv").read_bytes() == (folder / run / "history.csv").read_bytes()


def test_run_of_other_images_and_seeds_given_twice_are_refused(compared, digits, tmp_path):
    _, folder, _ = compared
    twice = command(digits, tmp_path, "--seeds", "1,1")
    assert "Seeds must differ. Received: 1, 1" in twice.stderr
    other = command("digits", folder, "--seeds", 6)
    assert other.exit_code == 1 and "The images must be those of the run" in other.stderr.splitlines()[-1]


def test_both_frameworks_are_scored_in_the_features_that_are_asked_for(compared, digits):
    words = (digits, compared[1], "--seeds", "4,6", "--features", "pca")
    found = json.loads(command(*words, "--json").stdout)
    assert found["features"]["name"] == "pca"
    assert set(found["frameworks"]["keras"]) == {"frechet_distance", "ms_per_step"}  # no classes in pixels
    assert "Fréchet distance, pca features" in command(*words).stdout


def test_interrupted_comparison_says_that_the_command_goes_on(digits, tmp_path, monkeypatch):
    def train(command, environment):
        raise interrupt.Interrupted("Stopped by SIGTERM.", signal.SIGTERM)

    monkeypatch.setattr(sweep, "_run", train)
    result = command(digits, tmp_path)
    assert (result.exit_code, result.stdout) == (128 + signal.SIGTERM, "")
    assert result.stderr == "Stopped by SIGTERM. The runs are kept; the same command goes on with them.\n"


def test_ms_a_step_is_the_median_call_after_the_first(monkeypatch):
    now, steps = [0.0], []

    def engine(seconds):
        def of(gan, images, batch_size):
            def call(step, k):
                now[0] += seconds.pop(0)
                steps.append(k)

            return call

        return of

    fast, slow = [99, 2, 1, 3, 2, 4], [99, 4, 4, 9, 4, 0]
    monkeypatch.setattr(seeds.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(engines, "ENGINES", {"a": engine(fast), "b": engine(slow)})

    class At:
        step = 205
        batch_size = 1

        def __init__(self, engine):
            self.engine = engine

    pairs = [(At("a"), At("a")), (At("b"), At("b"))]
    assert time_steps(pairs, None) == [100, 200] and set(steps) == {20}


def row(framework, **values):
    return dict.fromkeys(MEASURES, 1.0) | {"framework": framework} | values


def test_summary_and_comparison_of_means_by_hand(monkeypatch):
    values = {"keras": ([1, 2, 3], [1, 1, 1]), "torch": ([2, 3, 4], [1.1, 1.1, 1.1])}
    rows = [
        row(f, frechet_distance=distance, confident=share)
        for f, columns in values.items()
        for distance, share in zip(*columns, strict=True)
    ]
    summed = summarise(rows)
    assert summed["keras"]["frechet_distance"] == {"mean": 2, "std": 1}  # with n - 1
    found = compare_means(summed)
    assert found["frechet_distance"] == {"difference": 1, "within_std": True}  # 1 <= max(1, 1)
    assert found["confident"]["within_std"] is False
    monkeypatch.setenv("COLUMNS", "200")
    words = format_summary(summed, "pca").splitlines()
    assert words[1].startswith("Fréchet distance, pca features ") and "2.00 +- 1.00" in words[1]
    assert words[1].endswith("within one std")
    assert words[2].endswith("more than one std")


def test_difference_is_held_against_the_larger_std():
    for keras, torch in (([0, 2], [2.2, 2.2]), ([2.2, 2.2], [0, 2])):
        rows = [row("keras", classes=x) for x in keras] + [row("torch", classes=x) for x in torch]
        assert compare_means(summarise(rows))["classes"]["within_std"] is True


def test_one_seed_has_no_std():
    summed = summarise([row("keras", classes=9), row("torch", classes=9)])
    assert compare_means(summed)["classes"] == {"difference": 0, "within_std": None}
    assert format_summary(summed, "pca").splitlines()[3].endswith(" 9.0  one seed has no std")
