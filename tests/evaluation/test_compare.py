import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from keras_gan.commands import main
from keras_gan.config import GanConfig, TrainConfig
from keras_gan.data import datasets
from keras_gan.evaluation import compare, features, metrics
from keras_gan.model.gan import GAN
from keras_gan.training import loop


class FirstPixel:
    """An extractor that reads the class from the first pixel and how sure it is from the second."""

    name, description, sha256, preprocessing = "first pixel", "for tests", "0" * 64, "none"
    cpu, batch_size = "", 50

    def __call__(self, images):
        flat = images.reshape(len(images), -1).astype(np.float32)
        probabilities = np.full((len(images), 10), 0.0, np.float32)
        sure = flat[:, 1] / 100
        probabilities[:] = (1 - sure[:, None]) / 9
        probabilities[np.arange(len(images)), flat[:, 0].astype(int) % 10] = sure
        return flat[:, 2:5], probabilities


def images_of(classes, sure, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (len(classes), 4, 4, 1), dtype=np.uint8)
    pixels[:, 0, 0, 0], pixels[:, 0, 1, 0] = classes, sure
    return pixels


def scored(images, real):
    return compare.score_images(FirstPixel(), metrics.gaussian(FirstPixel()(real)[0]), images)


def test_scores_of_images_known_by_hand():
    images = images_of([0, 1, 2, 3, 4, 5, 6, 7, 7, 7], [99] * 4 + [94] * 6)
    found = scored(images, images)
    assert found["frechet_distance"] == pytest.approx(0, abs=1e-8)
    del found["frechet_distance"]
    assert found == {"n": 10, "confident": 0.4, "classes": 8, "rarest": 0}
    assert scored(images_of([*range(10), 3, 3], [99] * 12), images)["rarest"] == pytest.approx(1 / 12)


def test_frechet_distance_of_a_shift_is_its_square():
    images = images_of([0] * 20, [99] * 20) // 2
    shifted = images.copy()
    shifted[:, 0, 2] += 3
    assert scored(shifted, images)["frechet_distance"] == pytest.approx(9, abs=1e-6)


def test_last_tenth_is_the_mean_of_that_many_steps():
    table = {name: np.arange(25.0) for name in ("step", *compare.LOSSES)}
    assert compare.average_last_tenth(table) == dict.fromkeys(compare.LOSSES, 23)  # of 22, 23, 24
    assert compare.average_last_tenth({name: a[:1] for name, a in table.items()})["g_loss"] == 0
    nothing = dict.fromkeys(compare.LOSSES)
    assert compare.average_last_tenth(None) == nothing == compare.average_last_tenth({"step": []})


def labelled(n, seed=0):
    images = images_of(np.arange(n) % 10, [99] * n, seed)
    return datasets.Dataset.from_array(images)._replace(labels=np.arange(n) % 10)


def test_reference_takes_the_test_part_or_holds_out_a_sixth_and_says_so(monkeypatch):
    given = []

    def digits(train, test, warn):
        given.append((train, test))
        return FirstPixel()

    monkeypatch.setattr(features, "load_classifier", digits)
    train, test = labelled(60), labelled(20, 1)
    reference = compare.build_reference(train, test, None)
    assert given[0] == (train, test) and reference.real.n == 60 and reference.test.images is test.images
    lines = []
    reference = compare.build_reference(train, None, lines.append)
    [line] = lines
    assert line.startswith("A sixth of array is held out to test with, as it has no test part; a run on all")
    kept, held_out = given[1]
    assert (
        (reference.real.n, len(reference.test.images)) == (50, 10) == (len(kept.images), len(held_out.images))
    )
    np.testing.assert_array_equal(kept.images[:, 0, 0, 0], kept.labels)  # still of each other
    both = np.concatenate([kept.images, held_out.images])
    assert {i.tobytes() for i in both} == {i.tobytes() for i in train.images}


def test_images_without_labels_are_cut_in_two_as_well(monkeypatch):
    given = []
    monkeypatch.setattr(features, "load_classifier", lambda *parts: given.extend(parts) or FirstPixel())
    reference = compare.build_reference(
        datasets.Dataset.from_array(images_of([1] * 12, [9] * 12)), None, [].append
    )
    assert (reference.real.n, len(reference.test.images), given[0].labels, given[1].labels) == (
        10,
        2,
        None,
        None,
    )


def test_tables_fit_80_columns_and_say_what_is_missing(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    reference = SimpleNamespace(extractor=SimpleNamespace(description="a network"), real=SimpleNamespace(n=9))
    row = dict.fromkeys(name for columns in compare._TABLES for name in columns)
    rows = [row | {"name": "a", "steps": 30000, "confident": 0.5}, row | {"name": "bcd"}]
    training, quality, about = compare.format_comparison(rows, reference).split("\n\n")
    assert max(map(len, (training + "\n" + quality).splitlines())) <= 80
    assert "30000" in training and "50.0%" in quality
    assert training.splitlines()[2].split() == ["bcd", *"-" * 7]
    assert about == "Features: a network; Fréchet distances are to 9 real images."


@pytest.mark.slow
def test_the_digit_classifier_tells_digits_from_noise(bundled, cached):
    test = bundled[1]
    reference = compare.build_reference(*bundled, lambda line: None)
    noise = np.random.default_rng(0).integers(0, 256, test.images.shape, dtype=np.uint8)
    on_digits, on_noise = (
        compare.score_images(reference.extractor, reference.real, x) for x in (test.images, noise)
    )
    assert 5 * on_digits["frechet_distance"] < on_noise["frechet_distance"]
    assert on_digits["classes"] == 10 and on_digits["rarest"] > 0.04 and on_digits["confident"] > 0.5


# the command


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with real digits of 14x14, two runs of 3 steps, a copy of one, and pictures."""
    folder = tmp_path_factory.mktemp("compare")
    digits = datasets.load_dataset("digits")
    images = digits.images[:, 7:21, 7:21, 0]
    parts = {"x_train": images[:200], "y_train": digits.labels[:200]}
    np.savez(folder / "digits.npz", **parts, x_test=images[200:300], y_test=digits.labels[200:300])
    dataset = datasets.load_dataset(path=folder / "digits.npz")
    for name, seed in (("a", 0), ("b", 1)):
        config = TrainConfig(
            GanConfig(seed=seed), data=str(folder / "digits.npz"), epochs=3, batch_size=20
        ).resolved()
        gan = GAN(image_shape=(14, 14, 1), seed=seed, jit_compile=False)
        loop.train(gan, dataset, config, folder / name, quiet=True)
    shutil.copytree(folder / "a", folder / "copy")
    np.savez(folder / "fakes.npz", images=images[300:340, ..., None])
    np.savez(folder / "other.npz", images=np.tile(np.arange(64, dtype=np.uint8), (9, 1)).reshape(9, 8, 8))
    (folder / "empty").mkdir()
    return folder


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setattr(features, "load_classifier", lambda *args: FirstPixel())


def run(*words):
    return CliRunner().invoke(main.main, ["compare", *map(str, words)], prog_name="python cli.py")


@pytest.mark.slow
def test_command_compares_runs_and_images(folder, stub, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    result = run("a", "copy", "b", "fakes.npz", "--count", 50, "--json", "--outdir", tmp_path)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    a, copy, b, fakes, real = found["rows"]
    assert a | {"name": None} == copy | {"name": None} != b | {"name": None}
    assert (a["framework"], a["preset"], a["steps"], a["n"]) == ("keras", "keras", 3, 50)
    assert (fakes["steps"], fakes["d_loss"], fakes["n"]) == (None, None, 40)
    assert (real["name"], real["n"]) == ("real test images", 50)
    assert found["features"]["name"] == "first pixel" and found["real"]["n"] == 200
    last = (folder / "a/history.csv").read_text().splitlines()[-1].split(",")
    assert a["d_loss"] == float(last[2]) and a["g_loss"] == float(last[7])
    assert {path.name for path in tmp_path.iterdir()} == {"samples.png", "losses.png"}


def test_command_prints_a_table(folder, stub, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    result = run("fakes.npz", "a", "--count", 50, "--outdir", tmp_path)
    assert result.exit_code == 0, result.output
    training, quality, end = (text.splitlines() for text in result.stdout.split("\n\n"))
    for heading, *lines in (training, quality):
        assert heading.startswith("source ")
        assert [line.split()[0] for line in lines] == ["fakes.npz", "a", "real"]
    about, written = end
    assert about == "Features: for tests; Fréchet distances are to 200 real images."
    assert written == f"In {tmp_path}: samples.png, losses.png."


def test_without_a_history_there_is_no_chart_and_it_is_said(folder, stub, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    words = ("fakes.npz", "digits.npz", "--data", "digits.npz", "--outdir", tmp_path)
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1].endswith("samples.png; no source has a history of losses to draw.")
    assert [path.name for path in tmp_path.iterdir()] == ["samples.png"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("", 2, "give two RUNs or more, or --preset. Received: none."),
        ("a", 2, "give two RUNs or more, or --preset. Received: a."),
        ("a b --preset aioz", 2, "give RUNs or --preset with its options, not both."),
        ("a b --epochs 3", 2, "not both"),
        ("a b --seeds 0", 2, "not both"),
        ("a b --overwrite", 2, "not both"),
        ("a nowhere", 1, "RUN must be a run directory, images or losses. Received: no nowhere."),
        ("a empty", 1, "Expected image files"),
        ("a a", 1, "Each source must be given once"),
        ("a other.npz", 1, "the shape of the real ones, 14x14x1. Received: other.npz of 8x8x1."),
        ("a b --data nowhere.npz", 1, "no file nowhere.npz"),
        ("a b --count 1", 2, "expected an integer from 2"),
        ("--preset none", 2, "preset must be one of"),
    ],
)
def test_wrong_use_ends_in_one_line(words, code, message, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    result = run(*words.split(), "--outdir", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr.splitlines()[-1]
    assert len(result.stderr.splitlines()) in (1, 4), result.stderr  # 4 with the usage
    assert not (tmp_path / "out").exists()


def test_colour_images_without_labels_are_compared_by_their_pixels_and_no_classes_are_counted():
    images = np.random.default_rng(0).integers(0, 256, (30, 6, 6, 3), np.uint8)
    train, test = (datasets.Dataset.from_array(part) for part in (images[:20], images[20:]))
    reference = compare.build_reference(train, test, None)
    row = compare.score_images(reference.extractor, reference.real, images)
    assert reference.extractor.name == "pca" and row["frechet_distance"] > 0
    assert (row["confident"], row["classes"], row["rarest"]) == (None, None, None)


def test_features_are_those_that_are_asked_for(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    words = ("fakes.npz", "digits.npz", "--data", "digits.npz", "--features", "pca", "--outdir", tmp_path)
    found = json.loads(run(*words, "--json").stdout)
    assert found["features"]["name"] == "pca" and found["rows"][0]["classes"] is None
    assert "pixels of digits" in run(*words).stdout
