import shutil

import numpy as np
import pytest
from matplotlib.figure import Figure

from keras_gan.config import GanConfig, TrainConfig
from keras_gan.data import datasets
from keras_gan.figures import curves
from keras_gan.figures.curves import draw_curves
from keras_gan.presets import PRESETS
from keras_gan.run import history, info, metrics_log


@pytest.fixture
def run_a(tmp_path, pixels):
    """A run directory of 8 steps, four an epoch, with two scores."""
    folder = tmp_path / "a"
    folder.mkdir()
    config = TrainConfig(GanConfig("aioz"), batch_size=16).resolved()
    info.RunInfo.create(config, datasets.Dataset.from_array(pixels), 0, "keras", "CPU", {}).write(folder)
    history.begin(folder / "history.csv")
    values = np.linspace(0.1, 0.8, 40).reshape(8, 5)
    history.append(folder / "history.csv", history.make_rows(PRESETS["aioz"].rule, 1, 4, values))
    about = {"metric": "frechet_distance", "features": "classifier", "n": 9}
    rows = [{"step": step, "value": value, **about} for step, value in ((4, 5.0), (8, 3.0))]
    others = [rows[0] | {"metric": "recall"}, rows[1] | {"value": 9.0, "n_test": 7}]  # by evaluate
    metrics_log.add(folder / "metrics.jsonl", [*rows, *others])
    return folder


@pytest.fixture
def drawn(monkeypatch):
    """What is given to `plots.save_curves`."""
    given = []
    monkeypatch.setattr(curves, "save_curves", lambda *args: given.append(args))
    return given


def test_losses_accuracy_and_scores_are_drawn_over_the_epochs(run_a, drawn, tmp_path):
    line = draw_curves(tmp_path / "x.png", [run_a])
    [(path, found, dashed, unit)] = drawn
    table = history.read(run_a / "history.csv")
    assert (path, dashed, unit) == (tmp_path / "x.png", set(), "epoch")
    score = "Fréchet distance, classifier features, 9 samples"
    assert list(found) == [*(f"loss of the {n}" for n in ("discriminator", "generator")),
                           "accuracy of the discriminator", score]  # fmt: skip
    x, y = found["loss of the generator"]["a"]
    np.testing.assert_array_equal(x, np.arange(1, 9) / 4)
    np.testing.assert_array_equal(y, table["g_loss"])
    x, y = found["accuracy of the discriminator"]["a"]
    np.testing.assert_array_equal(y, (table["d_acc_real"] + table["d_acc_fake"]) / 2)
    np.testing.assert_array_equal(found[score]["a"], [[1, 2], [5, 3]])
    assert line.endswith(" of a") and score in line


def test_runs_whose_epochs_are_not_alike_are_drawn_over_the_steps(run_a, drawn, tmp_path):
    shutil.copytree(run_a, tmp_path / "b")
    (tmp_path / "b" / "config.json").unlink()
    draw_curves(tmp_path / "x.png", [run_a, tmp_path / "b"])
    [(_, found, _, unit)] = drawn
    assert unit == "step"
    for lines in found.values():
        assert list(lines) == ["a", "b"] and max(x.max() for x, _ in lines.values()) == 8


def test_pytorch_runs_are_dashed_and_equal_names_told_apart(run_a, drawn, tmp_path):
    shutil.copytree(run_a, tmp_path / "other" / "a")
    text = (run_a / "config.json").read_text()
    (run_a / "config.json").write_text(text.replace('"framework": "keras"', '"framework": "torch"'))
    draw_curves(tmp_path / "x.png", [run_a, tmp_path / "other" / "a"])
    assert drawn[0][2] == {str(run_a)}


def test_run_without_rows_or_history_is_refused(run_a, tmp_path):
    history.begin(run_a / "history.csv")
    with pytest.raises(ValueError, match="at least one step. Received: .*a, whose history.csv has no row"):
        draw_curves(tmp_path / "x.png", [run_a])
    (run_a / "history.csv").unlink()
    with pytest.raises(FileNotFoundError, match="with a history.csv. Received: .*a, which has none"):
        draw_curves(tmp_path / "x.png", [run_a])


def test_chart_is_a_picture(run_a, tmp_path):
    draw_curves(tmp_path / "x.png", [run_a])
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_equal_losses_of_runs_of_two_lengths_are_drawn_equal(tmp_path, monkeypatch):
    drawn, y = [], np.sin(np.arange(1000.0))
    monkeypatch.setattr(curves, "smooth_curve", lambda y, window: drawn.append(window) or y)
    lines = {"a": (np.arange(1000), y), "b": (np.arange(200), y[:200])}
    curves.save_curves(tmp_path / "x.png", {"loss": lines})
    assert drawn == [20, 20]


def test_scores_by_two_weights_are_not_drawn_in_one_panel():
    row = {"step": 1, "metric": "frechet_distance", "value": 2.0, "n": 9, "features": "classifier"}
    scores = {"a": [row | {"weights": "1" * 64}], "b": [row | {"weights": "2" * 64}]}
    found = curves.collect_scores(scores, {"a": 1, "b": 1})
    assert [sorted(lines) for lines in found.values()] == [["a"], ["b"]]
    assert all("classifier features of weights" in name for name in found)
    scores["b"] = scores["a"]
    assert len(curves.collect_scores(scores, {"a": 1, "b": 1})) == 1


def test_names_stand_in_the_legend_as_they_are(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, path, **how: (figures.append(figure), path.touch()))
    names = ["_one", "$x$", "$broken", "a_b", "run"]
    lines = {name: (np.arange(1, 4), np.arange(3)) for name in names}
    curves.save_curves(tmp_path / "x.png", {"loss of $y$": lines})
    [figure], [legend] = figures, figures[0].legends
    assert [text.get_text() for text in legend.get_texts()] == names
    assert not any(text.get_parse_math() for text in (*legend.get_texts(), figure.axes[0].yaxis.label))


def test_thin_curve_keeps_both_ends_and_every_extreme():
    y = np.random.default_rng(0).normal(size=100_001)
    y[[7_000, 93_000]] = 50.0, -50.0
    y[500] = np.nan
    x, thin = curves.thin_curve(np.arange(len(y)), y)
    assert len(x) <= 2 * curves._PARTS + 2 and (np.diff(x) > 0).all()
    np.testing.assert_array_equal(thin, y[x])
    assert {0, 7_000, 93_000, 100_000} <= set(x) and 500 not in x
    size = -(-len(y) // curves._PARTS)
    for start in range(0, len(y), size):
        part, kept = y[start : start + size], thin[(x >= start) & (x < start + size)]
        assert kept.min() == np.nanmin(part) and kept.max() == np.nanmax(part)


def test_thin_curve_leaves_few_points_as_they_are():
    x, y = curves.thin_curve(np.arange(4000), np.arange(4000) % 7)
    assert len(x) == len(y) == 4000
