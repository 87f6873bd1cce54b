"""Tests of the run directory, by a GAN of one weight that takes no time."""

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
import types

import numpy as np
import pytest

from keras_gan.config import GanConfig, TrainConfig
from keras_gan.data import datasets
from keras_gan.files import npz
from keras_gan.presets import PRESETS
from keras_gan.run import history, metrics_log
from keras_gan.run.info import RunInfo
from keras_gan.training import lock, run_dir

CONFIG = TrainConfig(GanConfig("aioz")).resolved()
RULE = PRESETS["aioz"].rule


class OneWeight:
    """What `RunDir` uses of a GAN; its weight is as many times its step."""

    outdir = None

    def __init__(self, step=0, size=1, **settings):
        self.step, self.size = step, size
        self.settings = CONFIG.to_dict() | settings

    def save(self, path):
        content = {"config": self.settings, "image_shape": [8, 8, 1]}
        weight = np.full(self.size, self.step, np.float32)
        npz.save(path, {"step": self.step, "gan": json.dumps(content), "weight": weight})

    def restore(self, saved, path):
        assert (saved.arrays["weight"] == saved.step).all()
        self.step = saved.step

    def train(self, folder, steps):
        """Adds rows of so many steps, a call a step."""
        for _ in range(steps):
            self.step += 1
            folder.append(history.make_rows(RULE, self.step, 4, np.full((1, 5), 0.5)))


@pytest.fixture
def info(pixels):
    return RunInfo.create(CONFIG, datasets.Dataset.from_array(pixels), 0, "keras", "CPU", {})


@pytest.fixture
def folder(tmp_path):
    with run_dir.open_run_dir(tmp_path / "run", warn=pytest.fail) as folder:
        yield folder


def steps_of(folder):
    """Returns the steps of checkpoint.npz and checkpoint.previous.npz, None where there is none."""
    paths = [folder.path / name for name in ("checkpoint.npz", "checkpoint.previous.npz")]
    return [int(npz.load(path)["step"]) if path.exists() else None for path in paths]


def names(folder):
    return {path.name for path in folder.path.iterdir()} - {".lock"}


def run_of(folder, *saved_at, end):
    """Trains a run with checkpoints at some steps and returns its GAN."""
    gan = OneWeight()
    folder.begin(overwrite=False)
    folder.save(gan)
    for step in saved_at:
        gan.train(folder, step - gan.step)
        folder.save(gan)
    gan.train(folder, end - gan.step)
    return gan


# checkpoints


def test_checkpoint_before_the_newest_is_kept(folder):
    run_of(folder, end=0)
    assert steps_of(folder) == [0, None] and folder.saved == 0
    run_of_more = OneWeight(5)
    folder.save(run_of_more)
    assert steps_of(folder) == [5, 0] and folder.saved == 5
    assert names(folder) == {"history.csv", "checkpoint.npz", "checkpoint.previous.npz"}


def test_checkpoint_is_due_by_steps_or_else_by_time(folder, monkeypatch):
    assert [step for step in range(1, 13) if folder.is_due(step, 4)] == [4, 8, 12]
    assert not folder.is_due(4, 0)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 61)
    assert folder.is_due(5, 0) and not folder.is_due(5, 4)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_never_saved_over_finite_ones(folder, bad):
    gan = run_of(folder, 1, end=2)
    gan.restore, gan.save = None, lambda path: npz.save(path, {"a": [1.0], "b": np.array([0, bad])})
    with pytest.raises(
        ValueError, match="Weights must be finite. Received: nan or inf in b after step 2"
    ) as error:
        with folder.translate_errors():
            folder.save(gan)
    assert f"The checkpoint of step 1 is kept in {folder.path}" in str(error.value)
    assert steps_of(folder) == [1, 0] and "checkpoint.new.npz" not in names(folder)


def test_history_is_on_the_disk_before_the_checkpoint_that_needs_it(folder, monkeypatch):
    gan, synced, fsync = run_of(folder, end=3), [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda d: (synced.append(os.fstat(d).st_ino), fsync(d)))
    folder.save(gan)
    rows, saved = (os.stat(folder.path / name).st_ino for name in ("history.csv", "checkpoint.npz"))
    assert synced.index(rows) < synced.index(saved)


class Killed(BaseException):
    pass


def snapshots(folder, action):
    """Returns copies of the folder as a kill at each operation on files in `action` would leave it."""
    copies = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("replace", "link", "fsync", "unlink", "truncate"):
            real = getattr(os, name)

            def watched(*args, real=real, **kwargs):
                copy = folder.path.with_name(f"copy-{len(copies)}")
                copies.append(shutil.copytree(folder.path, copy))
                return real(*args, **kwargs)

            patch.setattr(os, name, watched)
        action()
    return copies


def resumed(path, info, lines=None):
    """Returns the GAN and the `RunDir` of a run that is resumed."""
    with run_dir.open_run_dir(path, warn=pytest.fail) as folder:
        gan = OneWeight()
        folder.resume(gan, info, pytest.fail if lines is None else lines.append)
        return gan, folder


def test_kill_anywhere_in_a_save_leaves_a_run_that_resumes_without_a_word(folder, info):
    gan = run_of(folder, 2, 4, end=7)
    copies = snapshots(folder, lambda: folder.save(gan))
    steps = [resumed(copy, info)[0].step for copy in copies]
    assert len(copies) >= 8 and steps == sorted(steps) and set(steps) == {4, 7}
    for copy in copies:
        assert not [p.name for p in copy.iterdir() if "part" in p.name or "new" in p.name]


def test_kill_anywhere_in_resuming_leaves_a_run_that_resumes(folder, info):
    run_of(folder, 2, 4, end=7)
    (folder.path / "6.png").write_text("")
    (folder.path / "checkpoint.npz").write_bytes(b"PK")
    inside = types.SimpleNamespace(path=folder.path)
    copies = snapshots(inside, lambda: folder.resume(OneWeight(), info, lambda line: None))
    assert len(copies) >= 3
    for copy in copies:
        assert resumed(copy, info, lines=[])[0].step == 2


def test_run_that_was_resumed_after_a_damage_keeps_a_whole_checkpoint(folder, info):
    """The damaged one must never become the previous one while there is no other."""
    run_of(folder, 2, end=3)
    (folder.path / "checkpoint.npz").write_bytes(b"PK")
    gan = OneWeight()
    folder.resume(gan, info, lambda line: None)
    gan.train(folder, 5)
    for copy in snapshots(folder, lambda: folder.save(gan)):
        assert resumed(copy, info, lines=[])[0].step in (0, 5)
    assert steps_of(folder) == [5, 0]


# resuming


def test_rows_and_grids_after_the_checkpoint_are_dropped(folder, info):
    run_of(folder, 3, end=7)
    for name in ("0.png", "3.png", "4.png", "12.png", "cat.png", ".4.77.part.png", "checkpoint.new.npz",
                 ".report.77.part.html"):  # fmt: skip
        (folder.path / name).write_text(name)
    gan, _ = resumed_in(folder, info)
    kept = {"0.png", "3.png", "cat.png", "history.csv", "checkpoint.npz", "checkpoint.previous.npz"}
    assert gan.step == 3 and names(folder) == kept
    assert history.read(folder.path / "history.csv")["step"].tolist() == [1, 2, 3]


def score(step, value, **others):
    return {"step": step, "metric": "frechet_distance", "value": value, "n": 9, **others}


def saved_and_scored(folder, gan, value):
    """Does what the training loop does after a step that is scored."""
    gan.train(folder, 1)
    best = folder.add_score(score(gan.step, value))
    if best:
        folder.save(gan)
        folder.keep_best()
    return best


def weight_in(path):
    return int(npz.load(path)["weight"][0])


def test_checkpoint_of_the_lowest_score_is_kept(folder):
    gan = OneWeight()
    folder.begin(overwrite=False)
    folder.save(gan)
    told = [saved_and_scored(folder, gan, value) for value in (5.0, 3.0, 4.0, 3.0)]
    assert told == [True, True, False, False]
    assert weight_in(folder.path / "checkpoint.best.npz") == 2
    folder.save(gan)
    folder.keep_best()
    assert weight_in(folder.path / "checkpoint.best.npz") == 2


def test_scores_of_another_protocol_do_not_compete(folder):
    folder.begin(overwrite=False)
    others = [score(1, 1.0, features="other"), score(2, 2.0) | {"metric": "psnr"}]
    metrics_log.add(folder.path / "metrics.jsonl", others)
    assert folder.add_score(score(3, 7.0)) and not folder.add_score(score(4, 8.0))


def test_rows_of_scores_after_the_checkpoint_are_dropped_and_the_best_is_made_up_for(tmp_path, info):
    with run_dir.open_run_dir(tmp_path / "run", warn=pytest.fail) as folder:
        gan = run_of(folder, 3, end=3)
        info.write(folder.path)
        metrics_log.add(folder.path / "metrics.jsonl", [score(1, 9.0), score(3, 5.0), score(4, 2.0)])
        folder.resume(gan, info, pytest.fail)  # killed between the checkpoint and its copy
        assert [row["step"] for row in metrics_log.read(folder.path / "metrics.jsonl")] == [1, 3]
        assert weight_in(folder.path / "checkpoint.best.npz") == 3


def test_evaluation_of_a_later_step_is_no_rival_of_the_best_checkpoint(folder):
    gan = OneWeight()
    folder.begin(overwrite=False)
    for value in (3.0, 5.0):
        saved_and_scored(folder, gan, value)
    folder.save(gan)
    metrics_log.add(folder.path / "metrics.jsonl", [score(gan.step, 1.0) | {"n_test": 9}])
    folder.keep_best()
    assert weight_in(folder.path / "checkpoint.best.npz") == 1


def test_overwriting_removes_scores_and_the_best_checkpoint(folder):
    gan = OneWeight()
    folder.begin(overwrite=False)
    saved_and_scored(folder, gan, 5.0)
    folder.begin(overwrite=True)
    assert names(folder) == {"history.csv"}


def test_overwriting_removes_what_was_made_of_the_run_and_beginning_beside_such_files_does_not(folder):
    derived = {"samples.png", "nearest.png", "training.gif", "generator.onnx", "savedmodel"}
    for name in derived - {"savedmodel"}:
        (folder.path / name).write_text("")
    (folder.path / "savedmodel").mkdir()
    folder.begin(overwrite=False)
    assert names(folder) == {"history.csv"} | derived
    folder.begin(overwrite=True)
    assert names(folder) == {"history.csv", "savedmodel"}  # a folder of somebody else's
    (folder.path / "savedmodel" / "saved_model.pb").write_text("")
    folder.begin(overwrite=True)
    assert names(folder) == {"history.csv"}


def resumed_in(folder, info):
    """Resumes a run in its open folder; returns the GAN and the warnings."""
    gan, lines = OneWeight(), []
    folder.resume(gan, info, lines.append)
    return gan, lines


def test_half_a_last_row_is_dropped(folder, info):
    run_of(folder, 3, end=5)
    rows = folder.path / "history.csv"
    rows.write_bytes(rows.read_bytes()[:-4])
    gan, _ = resumed_in(folder, info)
    gan.train(folder, 2)
    assert history.read(rows)["step"].tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("content", [None, b"", b"PK cut", b"hello"])
def test_missing_or_damaged_checkpoint_falls_back_to_the_one_before_in_one_line(folder, info, content):
    run_of(folder, 2, 4, end=5)
    path = folder.path / "checkpoint.npz"
    path.unlink() if content is None else path.write_bytes(content)
    gan, lines = resumed_in(folder, info)
    assert gan.step == 2 and len(lines) == 1 and "\n" not in lines[0]
    assert str(path) in lines[0] and lines[0].endswith(
        f"from {folder.path}/checkpoint.previous.npz, of step 2."
    )
    assert history.read(folder.path / "history.csv")["step"].tolist() == [1, 2]


def test_whole_archive_that_is_no_checkpoint_falls_back_too(folder, info):
    run_of(folder, 2, 4, end=5)
    npz.save(folder.path / "checkpoint.npz", {"images": np.zeros(3)})
    gan, lines = resumed_in(folder, info)
    assert gan.step == 2 and "Expected a checkpoint of a GAN" in lines[0]


def test_checkpoint_that_the_history_does_not_reach_falls_back(folder, info):
    run_of(folder, 2, 4, end=4)
    rows = folder.path / "history.csv"
    os.truncate(rows, history.find_end(rows, 3))
    gan, lines = resumed_in(folder, info)
    assert gan.step == 2 and "history.csv does not reach step 4" in lines[0]


def test_two_bad_checkpoints_are_refused_in_one_line_and_nothing_is_dropped(folder, info):
    run_of(folder, 2, 4, end=5)
    (folder.path / "checkpoint.npz").unlink()
    (folder.path / "checkpoint.previous.npz").write_bytes(b"PK")
    before = names(folder), (folder.path / "history.csv").read_bytes()
    with pytest.raises(
        ValueError, match="Expected a readable checkpoint in .*no file.*as if cut short"
    ) as error:
        resumed_in(folder, info)
    assert "\n" not in str(error.value)
    assert before == (names(folder), (folder.path / "history.csv").read_bytes())


def test_history_that_is_gone_is_refused(folder, info):
    run_of(folder, 2, 4, end=5)
    (folder.path / "history.csv").unlink()
    with pytest.raises(ValueError, match="does not reach step 4 .*does not reach step 2"):
        resumed_in(folder, info)


@pytest.mark.parametrize(
    "change", [{"preset": "tutorial"}, {"seed": 5}, {"lr": 0.5}, {"precision": "float64"}]
)
def test_checkpoint_of_another_run_is_refused_even_with_a_good_one_before_it(folder, info, change):
    gan = run_of(folder, 2, end=4)
    gan.settings |= change
    folder.save(gan)
    name, value = next(iter(change.items()))
    with pytest.raises(ValueError, match=f"{name}={value!r}, .* in the run"):
        resumed_in(folder, info)


def test_checkpoint_of_another_shape_is_refused(folder, info):
    run_of(folder, 2, end=2)
    with pytest.raises(ValueError, match=r"image_shape=\[8, 8, 1\], \[9, 9, 1\] in the run"):
        resumed_in(folder, info._replace(config=CONFIG.of_shape((9, 9, 1))))


def test_run_of_pytorch_is_not_resumed_in_keras(folder, info):
    run_of(folder, 2, end=2)
    with pytest.raises(ValueError, match="framework='keras', 'torch' in the run"):
        resumed_in(folder, info._replace(framework="torch"))


def test_run_that_began_at_a_later_step_is_resumed(folder, info):
    gan = OneWeight(100)
    folder.begin(overwrite=False)
    folder.save(gan)
    gan.train(folder, 5)
    again, _ = resumed_in(folder, info._replace(first_step=100))
    assert again.step == 100
    again.train(folder, 1)
    assert history.read(folder.path / "history.csv")["step"].tolist() == [101]


# beginning


def test_run_is_no_run_any_more_before_its_first_file_is_removed(folder, info):
    run_of(folder, 2, end=3)
    info.write(folder.path)
    for copy in snapshots(folder, lambda: folder.begin(overwrite=True))[1:]:
        assert not (copy / "config.json").exists()


def test_gan_that_stands_elsewhere_than_the_history_ends_may_not_go_on(folder):
    gan = run_of(folder, 2, end=4)
    folder.continue_from(gan, 0)
    for step in (3, 5):
        with pytest.raises(ValueError, match=f"must end at the step of this GAN, {step}. .*resume=True"):
            folder.continue_from(OneWeight(step), 0)


# one writer


HOLDER = """
import sys, time
from keras_gan.training import run_dir
with run_dir.open_run_dir(sys.argv[1], print):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_second_process_is_refused_while_the_first_lives_and_not_after_it_was_killed(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(ValueError, match=f"{tmp_path}/run, in which another one is") as error:
            with run_dir.open_run_dir(tmp_path / "run", pytest.fail):
                pass
        holder.kill()
    assert "\n" not in str(error.value)
    with run_dir.open_run_dir(tmp_path / "run", pytest.fail):
        pass


def test_second_gan_of_the_same_process_is_refused_too(folder):
    with pytest.raises(ValueError, match="in which another one is training"):
        with run_dir.open_run_dir(folder.path, pytest.fail):
            pass


@pytest.mark.skipif(lock.fcntl is None, reason="Windows locks by other means")
def test_folder_that_cannot_be_locked_is_written_with_a_warning(tmp_path, monkeypatch):
    def flock(file, how):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(lock.fcntl, "flock", flock)
    lines = []
    with run_dir.open_run_dir(tmp_path, lines.append) as folder:
        folder.begin(overwrite=False)
    assert len(lines) == 1 and "cannot be locked (Function not implemented)" in lines[0]


# disks


def failing(folder, action):
    """Returns the one line that an action on the folder fails with."""
    with pytest.raises(OSError) as error, folder.translate_errors():
        action()
    assert "\n" not in str(error.value)
    return str(error.value)


@contextlib.contextmanager
def small_disk(size):
    """Limits every file to so many bytes, which stands for a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk_in_a_save_leaves_both_checkpoints_and_is_said(folder, info):
    gan = run_of(folder, 2, 4, end=7)
    gan.size = 10**6
    with small_disk(10**5):
        line = failing(folder, lambda: folder.save(gan))
    assert line.startswith(
        f"The run in {folder.path} stopped: File too large. The checkpoint of step 4 is kept"
    )
    assert steps_of(folder) == [4, 2]
    assert names(folder) == {"history.csv", "checkpoint.npz", "checkpoint.previous.npz"}


def test_history_cut_by_a_full_disk_is_mended(folder, info):
    gan = run_of(folder, 2, end=4)
    size = (folder.path / "history.csv").stat().st_size
    with small_disk(size + 100):
        line = failing(folder, lambda: gan.train(folder, 50))
    assert "File too large" in line and "of step 2 is kept" in line
    assert not (folder.path / "history.csv").read_bytes().endswith(b"\n")
    again, _ = resumed_in(folder, info)
    again.train(folder, 1)
    assert history.read(folder.path / "history.csv")["step"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("action", ["append", "save"])
def test_folder_that_is_removed_or_replaced_is_not_written_to_any_more(folder, info, action):
    gan = run_of(folder, 2, end=4)
    shutil.rmtree(folder.path)
    go_on = {"append": lambda: gan.train(folder, 1), "save": lambda: folder.save(gan)}[action]
    assert "it was removed during the run. No checkpoint is kept." in failing(folder, go_on)
    with run_dir.open_run_dir(folder.path, pytest.fail) as other:  # the user begins again in its place
        run_of(other, 1, end=1)
        before = (other.path / "history.csv").read_bytes()
        assert "it was removed" in failing(folder, go_on)
        assert (other.path / "history.csv").read_bytes() == before and steps_of(other) == [1, 0]


def test_history_that_is_removed_stops_the_run_and_is_not_begun_anew(folder):
    gan = run_of(folder, 2, end=4)
    (folder.path / "history.csv").unlink()
    assert "history.csv. The checkpoint of step 2 is kept" in failing(folder, lambda: gan.train(folder, 1))
    assert "history.csv" not in names(folder)


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError, match="outdir must be a folder. Received: .*file"):
        with run_dir.open_run_dir(tmp_path / "file", pytest.fail):
            pass
    with pytest.raises(OSError, match="file"):
        with run_dir.open_run_dir(tmp_path / "file/run", pytest.fail):
            pass
