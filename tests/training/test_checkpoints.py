"""Tests of saving and resuming, by a GAN of one weight that takes no time."""

import os
import time
import types

import numpy as np
import pytest

from keras_gan.files import npz
from keras_gan.run import history, metrics_log
from keras_gan.run.times import read_times
from keras_gan.training import run_dir
from tests.training.conftest import (
    CONFIG,
    INFO,
    OneWeight,
    make_run,
    names_in,
    resume,
    resume_at,
    saved_steps,
    snapshots,
)

FILES = {"config.json", "history.csv", "checkpoint.npz", "checkpoint.previous.npz"}

# saving


def test_checkpoint_before_the_newest_is_kept(folder):
    make_run(folder, end=0)
    assert saved_steps(folder) == [0, None] and folder.saved == 0
    folder.save(OneWeight(5))
    assert saved_steps(folder) == [5, 0] and folder.saved == 5
    assert names_in(folder) == FILES


def test_checkpoint_is_due_by_steps_or_else_by_time(folder, monkeypatch):
    assert [step for step in range(1, 13) if folder.is_due(step, 4)] == [4, 8, 12]
    assert not folder.is_due(4, 0)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    assert folder.is_due(5, 0) and not folder.is_due(5, 4)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_never_saved_over_finite_ones(folder, bad):
    gan = make_run(folder, 1, end=2)
    gan.save = lambda path: npz.save(path, {"a": [1.0], "b": np.array([0, bad])})
    expected = "Weights must be finite. Received: nan or inf in b after step 2"
    with pytest.raises(ValueError, match=expected) as error, folder.translate_errors():
        folder.save(gan)
    assert f"The checkpoint of step 1 is kept in {folder.path}" in str(error.value)
    assert saved_steps(folder) == [1, 0] and "checkpoint.new.npz" not in names_in(folder)


def test_history_is_on_the_disk_before_the_checkpoint_that_needs_it(folder, monkeypatch):
    gan, synced, fsync = make_run(folder, end=3), [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda d: (synced.append(os.fstat(d).st_ino), fsync(d)))
    folder.save(gan)
    rows, saved = (os.stat(folder.path / name).st_ino for name in ("history.csv", "checkpoint.npz"))
    assert synced.index(rows) < synced.index(saved)


def test_seconds_that_were_trained_are_added_up_at_each_checkpoint(folder, monkeypatch):
    start = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: start)
    folder.begin(INFO)
    for seconds in (10, 35):
        monkeypatch.setattr(time, "monotonic", lambda seconds=seconds: start + seconds)
        folder.save(OneWeight())
    began = read_times(folder.path).started
    assert read_times(folder.path).seconds == 35
    resume(folder)
    folder.write_info(INFO)
    monkeypatch.setattr(time, "monotonic", lambda: start + 40)
    folder.save(OneWeight())
    assert read_times(folder.path) == (began, 40)


# kills


def test_kill_anywhere_in_a_save_leaves_a_run_that_resumes_without_a_word(folder):
    gan = make_run(folder, 2, 4, end=7)
    copies = snapshots(folder, lambda: folder.save(gan))
    steps = [resume_at(copy).step for copy in copies]
    assert len(copies) >= 8 and steps == sorted(steps) and set(steps) == {4, 7}
    for copy in copies:
        assert not [p.name for p in copy.iterdir() if "part" in p.name or "new" in p.name]


def test_kill_anywhere_in_resuming_leaves_a_run_that_resumes(folder):
    make_run(folder, 2, 4, end=7)
    (folder.path / "6.png").write_text("")
    (folder.path / "checkpoint.npz").write_bytes(b"PK")
    copies = snapshots(types.SimpleNamespace(path=folder.path), lambda: resume(folder))
    assert len(copies) >= 3
    for copy in copies:
        assert resume_at(copy, lines=[]).step == 2
        assert not (copy / "6.png").exists()


def test_run_that_was_resumed_after_a_damage_keeps_a_whole_checkpoint(folder):
    """The damaged one must never become the previous one while there is no other."""
    make_run(folder, 2, end=3)
    (folder.path / "checkpoint.npz").write_bytes(b"PK")
    gan, _ = resume(folder)
    gan.train(folder, 5)
    for copy in snapshots(folder, lambda: folder.save(gan)):
        assert resume_at(copy, lines=[]).step in (0, 5)
    assert saved_steps(folder) == [5, 0]


def test_run_that_was_killed_before_its_first_checkpoint_begins_again(folder):
    copies = snapshots(folder, lambda: make_run(folder, end=0))
    begun = [copy for copy in copies if (copy / "config.json").exists()]
    assert len(begun) >= 5
    for copy in begun:
        assert resume_at(copy).step == 0
        assert history.find_last_step(copy / "history.csv") == 0


def test_loaded_gan_whose_run_was_killed_before_its_first_checkpoint_is_refused(folder):
    folder.begin(INFO._replace(first_step=5))
    with pytest.raises(ValueError, match="must hold a checkpoint"):
        resume(folder, INFO._replace(first_step=5))


# resuming


def test_rows_grids_and_scores_after_the_checkpoint_are_removed(folder):
    make_run(folder, 3, end=7)
    ours = {"0.png", "3.png"}
    later = {"6.png", ".6.77.part.png", "checkpoint.new.npz", ".report.77.part.html", ".config.8.part.json"}
    others = {"4.png", "cat.png", "06.png", "6.PNG", "20240612.png", ".9.77.part.png", ".cat.7.part.png"}
    for name in ours | later | others:
        (folder.path / name).write_text(name)
    metrics_log.add(folder.path / "metrics.jsonl", [score(1, 9.0), score(7, 2.0)])
    gan, _ = resume(folder)
    assert gan.step == 3 and names_in(folder) == ours | others | FILES | {"metrics.jsonl"}
    assert history.read(folder.path / "history.csv")["step"].tolist() == [1, 2, 3]
    assert [row["step"] for row in metrics_log.read(folder.path / "metrics.jsonl")] == [1]


def test_half_a_last_row_is_removed(folder):
    make_run(folder, 3, end=5)
    rows = folder.path / "history.csv"
    rows.write_bytes(rows.read_bytes()[:-4])
    gan, _ = resume(folder)
    gan.train(folder, 2)
    assert history.read(rows)["step"].tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("content", [None, b"", b"PK cut", b"hello"])
def test_missing_or_damaged_checkpoint_falls_back_to_the_one_before_in_one_line(folder, content):
    make_run(folder, 2, 4, end=5)
    path = folder.path / "checkpoint.npz"
    path.unlink() if content is None else path.write_bytes(content)
    gan, lines = resume(folder)
    assert gan.step == 2 and len(lines) == 1 and "\n" not in lines[0]
    assert str(path) in lines[0]
    assert lines[0].endswith(f"from {folder.path}/checkpoint.previous.npz, of step 2.")
    assert history.read(folder.path / "history.csv")["step"].tolist() == [1, 2]


DEEP = '{"config": ' + "[" * 100_000


@pytest.mark.parametrize(
    "content",
    [
        {"images": np.zeros(3)},
        {"step": np.inf, "gan": "{}"},
        {"step": np.zeros(2), "gan": "{}"},
        {"step": 4, "gan": DEEP},
        {"step": 4, "gan": "[]"},
        {"step": 4, "gan": '{"config": 5, "image_shape": []}'},
        {"step": 4, "gan": '{"config": {"preset": 5}, "image_shape": [8, 8, 1]}'},
    ],
    ids=["images", "inf", "two", "deep", "list", "number", "preset"],
)
def test_whole_archive_that_is_no_checkpoint_falls_back_too(folder, content):
    make_run(folder, 2, 4, end=5)
    npz.save(folder.path / "checkpoint.npz", content)
    gan, lines = resume(folder)
    assert gan.step == 2 and "Expected a checkpoint of a GAN" in lines[0] and len(lines[0]) < 1000


@pytest.mark.parametrize("step", [-1, 2.5, 10.0**300, np.nan])
def test_checkpoint_whose_step_no_run_has_falls_back_too(folder, step):
    gan = make_run(folder, 2, 4, end=5)
    arrays = npz.load(folder.path / "checkpoint.npz")
    npz.save(folder.path / "checkpoint.npz", arrays | {"step": step})
    gan, lines = resume(folder)
    assert gan.step == 2 and len(lines) == 1


def test_checkpoint_that_the_history_does_not_reach_falls_back(folder):
    make_run(folder, 2, 4, end=4)
    rows = folder.path / "history.csv"
    os.truncate(rows, history.find_end(rows, 3))
    gan, lines = resume(folder)
    assert gan.step == 2 and "history.csv does not reach step 4" in lines[0]


def test_two_bad_checkpoints_are_refused_in_one_line_and_nothing_is_removed(folder):
    make_run(folder, 2, 4, end=5)
    (folder.path / "checkpoint.npz").unlink()
    (folder.path / "checkpoint.previous.npz").write_bytes(b"PK")
    before = names_in(folder), (folder.path / "history.csv").read_bytes()
    expected = "Expected a readable checkpoint in .*no file.*as if cut short"
    with pytest.raises(ValueError, match=expected) as error:
        resume(folder)
    assert "\n" not in str(error.value)
    assert before == (names_in(folder), (folder.path / "history.csv").read_bytes())


def test_history_that_is_gone_is_refused(folder):
    make_run(folder, 2, 4, end=5)
    (folder.path / "history.csv").unlink()
    with pytest.raises(ValueError, match="does not reach step 4 .*does not reach step 2"):
        resume(folder)


@pytest.mark.parametrize(
    "change", [{"preset": "tutorial"}, {"seed": 5}, {"lr": 0.5}, {"precision": "float64"}]
)
def test_checkpoint_of_another_run_is_refused_even_with_a_good_one_before_it(folder, change):
    gan = make_run(folder, 2, end=4)
    gan.settings |= change
    folder.save(gan)
    name, value = next(iter(change.items()))
    with pytest.raises(ValueError, match=f"{name}={value!r}, .* in the run"):
        resume(folder)


def test_checkpoint_of_another_shape_is_refused(folder):
    make_run(folder, 2, end=2)
    with pytest.raises(ValueError, match=r"image_shape=\[8, 8, 1\], \[9, 9, 1\] in the run"):
        resume(folder, INFO._replace(config=CONFIG.of_shape((9, 9, 1))))


def test_run_of_pytorch_is_not_resumed_in_keras(folder):
    make_run(folder, 2, end=2)
    with pytest.raises(ValueError, match="framework='keras', 'torch' in the run"):
        resume(folder, INFO._replace(framework="torch"))


def test_run_that_began_at_a_later_step_is_resumed(folder):
    gan, info = OneWeight(100), INFO._replace(first_step=100)
    folder.begin(info)
    folder.save(gan)
    gan.train(folder, 5)
    again, _ = resume(folder, info)
    assert again.step == 100
    again.train(folder, 1)
    assert history.read(folder.path / "history.csv")["step"].tolist() == [101]


def test_gan_that_is_not_where_the_history_ends_may_not_go_on(folder):
    gan = make_run(folder, 2, end=4)
    folder.continue_from(gan, INFO, INFO)
    for step in (3, 5):
        with pytest.raises(ValueError, match=f"must end at the step of this GAN, {step}. .*resume=True"):
            folder.continue_from(OneWeight(step), INFO, INFO)


# the best


def score(step, value, **others):
    return {"step": step, "metric": "frechet_distance", "value": value, "n": 9, **others}


def train_and_score(folder, gan, value):
    """Does what the training loop does after a step that is scored."""
    gan.train(folder, 1)
    best = folder.add_score(score(gan.step, value))
    if best:
        folder.save(gan)
    return best


def best_weight(folder):
    return int(npz.load(folder.path / "checkpoint.best.npz")["weight"][0])


def test_checkpoint_of_the_lowest_score_is_kept(folder):
    gan = make_run(folder, end=0)
    told = [train_and_score(folder, gan, value) for value in (5.0, 3.0, 4.0, 3.0)]
    assert told == [True, True, False, False] and best_weight(folder) == 2
    folder.save(gan)
    assert best_weight(folder) == 2


def test_scores_of_another_feature_spec_do_not_compete(folder):
    folder.begin(INFO)
    others = [score(1, 1.0, features="other"), score(2, 2.0) | {"metric": "psnr"}]
    metrics_log.add(folder.path / "metrics.jsonl", others)
    assert folder.add_score(score(3, 7.0)) and not folder.add_score(score(4, 8.0))


def test_best_checkpoint_is_made_up_for_on_resuming(tmp_path):
    with run_dir.open_run_dir(tmp_path / "run", warn=pytest.fail) as folder:
        make_run(folder, 3, end=4)
        metrics_log.add(folder.path / "metrics.jsonl", [score(1, 9.0), score(3, 5.0), score(4, 2.0)])
        resume(folder)  # killed between the checkpoint and its copy
        assert best_weight(folder) == 3


def test_evaluation_of_a_later_step_is_no_rival_of_the_best_checkpoint(folder):
    gan = make_run(folder, end=0)
    for value in (3.0, 5.0):
        train_and_score(folder, gan, value)
    metrics_log.add(folder.path / "metrics.jsonl", [score(gan.step, 1.0) | {"n_test": 9}])
    folder.save(gan)
    assert best_weight(folder) == 1
