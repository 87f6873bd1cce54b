"""Tests of whose files a run directory holds: nothing that the run did not write is replaced or deleted."""

import contextlib
import json
import os
import resource

import pytest

from keras_gan.run import history, metrics_log, own_files
from keras_gan.training import run_dir
from tests.training.conftest import (
    INFO,
    make_run,
    names_in,
    resume,
    resume_at,
    saved_steps,
    snapshots,
)

FIXED = [
    *("config.json", "history.csv", "checkpoint.npz", "checkpoint.previous.npz", "checkpoint.best.npz"),
    *("generator.keras", "report.html", "metrics.jsonl"),
]
NAMES = [*FIXED, "checkpoint.new.npz", "0.png", "3.png", "12.png"]  # that a run of INFO writes


def content_of(path):
    """Returns what is in a folder, links as where they lead."""
    return {
        p.name: os.readlink(p) if p.is_symlink() else p.is_file() and p.read_bytes() for p in path.iterdir()
    }


def refusal(folder, overwrite=True):
    """Returns the line that a new run is refused with, which leaves everything as it was."""
    before = content_of(folder.path)
    with pytest.raises(FileExistsError) as error:
        folder.check_free(INFO, overwrite)
    assert content_of(folder.path) == before and "\n" not in str(error.value)
    return error.value


# folders without a run


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_file_that_no_run_wrote_is_refused_even_to_overwrite(folder, name, overwrite):
    (folder.path / name).write_bytes(b"mine")
    error = refusal(folder, overwrite)
    assert not isinstance(error, run_dir.RunExistsError)
    assert f"{folder.path}, which holds {name}; choose another outdir" in str(error)


def test_300_pictures_with_numbers_for_names_are_refused_and_kept(folder):
    for i in range(1, 301):
        (folder.path / f"{i}.png").write_bytes(b"mine")
    assert "which holds 12.png and 3 more" in str(refusal(folder))


@pytest.mark.parametrize(
    "content", ["", "{", "{}", "[]", "null", '{"name": "a web page", "version": 2}', "\x00" * 9, "[" * 10**5]
)
def test_config_json_of_something_else_makes_no_run(folder, content):
    (folder.path / "config.json").write_text(content)
    for name in ("history.csv", "3.png"):
        (folder.path / name).write_text("mine")
    assert not isinstance(refusal(folder), run_dir.RunExistsError)


def test_config_json_that_is_a_link_to_that_of_a_run_makes_no_run(folder, tmp_path):
    INFO.write(tmp_path)
    (folder.path / "config.json").symlink_to(tmp_path / "config.json")
    for overwrite in (False, True):
        error = refusal(folder, overwrite)
        assert "which holds config.json" in str(error) and not isinstance(error, run_dir.RunExistsError)


@pytest.mark.parametrize("kind", [os.mkdir, os.mkfifo, lambda path: path.symlink_to("nothing")])
@pytest.mark.parametrize("name", ["history.csv", "3.png", "config.json"])
def test_folder_pipe_or_link_of_a_name_that_a_run_needs_is_refused(folder, name, kind):
    kind(folder.path / name)
    assert f"which holds {name}" in str(refusal(folder))


def test_run_begins_beside_files_that_it_will_not_write(folder):
    others = {"5.png", "15.png", "03.png", "3.jpg", "\u0663.png", "-3.png", "1e1.png", "samples.png",
              "savedmodel", "curves.png", "generator.onnx", ".9.1.part.png"}  # fmt: skip
    for name in others:
        (folder.path / name).write_bytes(b"mine")
    folder.check_free(INFO, overwrite=False)
    folder.begin(INFO)
    assert names_in(folder) == others | {"config.json", "history.csv"}


def test_events_for_tensorboard_of_no_run_are_not_mixed_with_those_of_another(folder):
    (folder.path / "tensorboard").mkdir()
    (folder.path / "tensorboard/events.out.tfevents.1.host").write_text("mine")
    assert "which holds tensorboard" in str(refusal(folder))


# runs


def test_run_is_refused_unless_it_may_be_overwritten(folder):
    make_run(folder, end=4)
    error = refusal(folder, overwrite=False)
    assert isinstance(error, run_dir.RunExistsError)
    assert f"Received: {folder.path}, which holds one of preset aioz at step 4." in str(error)
    folder.check_free(INFO, overwrite=True)


def fill(folder, last_step=7):
    """Makes a run with all its files, and files of others; returns the names of these."""
    make_run(folder, 2, end=last_step)
    metrics_log.add(folder.path / "metrics.jsonl", [])
    ours = ["generator.keras", "report.html", "checkpoint.best.npz", "0.png", "3.png", "6.png",
            ".6.12.part.png", ".history.1.part.csv", ".checkpoint.new.8.part.npz", "checkpoint.new.npz",
            ".checkpoint.previous.npz.link"]  # fmt: skip
    theirs = ["5.png", "20240612.png", "15.png", "06.png", "+3.png", "\uff13.png", "notes.txt",
              "samples.png", "generator.onnx", ".9.12.part.png", ".12.part.png", ".cat.1.part.png",
              "history.csv.bak"]  # fmt: skip
    for name in [*ours, *theirs]:
        (folder.path / name).write_bytes(b"")
    return set(theirs)


def test_overwriting_removes_the_files_of_the_run_and_no_others(folder):
    theirs = fill(folder)
    folder.check_free(INFO, overwrite=True)
    lines = []
    folder.begin(INFO, lines.append)
    assert names_in(folder) == theirs | {"config.json", "history.csv"}
    assert lines == [
        f"samples.png, generator.onnx in {folder.path}: made from the run that is replaced, and kept."
    ]
    assert history.find_last_step(folder.path / "history.csv") == 0


def test_file_at_a_later_step_than_the_run_reached_is_not_its_own(folder):
    make_run(folder, end=7)
    (folder.path / "9.png").write_text("mine")
    assert "which holds 9.png; choose another outdir" in str(refusal(folder))
    before = content_of(folder.path)
    with pytest.raises(FileExistsError, match="which holds 9.png; move it elsewhere"):
        resume(folder)
    assert content_of(folder.path) == before


@pytest.mark.parametrize("name", FIXED[1:] + ["3.png"])
def test_link_of_the_name_of_an_own_file_is_not_followed(folder, name, tmp_path):
    make_run(folder, end=4)
    elsewhere = tmp_path / "mine"
    elsewhere.write_bytes((folder.path / name).read_bytes() if (folder.path / name).exists() else b"mine")
    (folder.path / name).unlink(missing_ok=True)
    (folder.path / name).symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    assert f"which holds {name}" in str(refusal(folder))
    if name in FIXED:
        with pytest.raises((FileExistsError, ValueError)):
            resume(folder)
    assert elsewhere.read_bytes() == before and (folder.path / name).is_symlink()


def test_events_are_removed_with_their_run_and_nothing_else_in_their_folder(folder):
    make_run(folder, end=1)
    (folder.path / "tensorboard").mkdir()
    for name in ("events.out.tfevents.1.host", "notes.txt"):
        (folder.path / "tensorboard" / name).write_text("")
    folder.begin(INFO)
    assert os.listdir(folder.path / "tensorboard") == ["notes.txt"]


def test_events_in_a_folder_that_is_a_link_are_kept(folder, tmp_path):
    make_run(folder, end=1)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/events.out.tfevents.1.host").write_text("mine")
    (folder.path / "tensorboard").symlink_to(tmp_path / "logs")
    folder.check_free(INFO, overwrite=True)
    folder.begin(INFO)
    assert os.listdir(tmp_path / "logs") == ["events.out.tfevents.1.host"]


def test_grids_of_an_earlier_interval_and_of_an_earlier_end_are_the_runs_own(folder):
    info = INFO._replace(grids=((3, 8), (5, 12)))
    make_run(folder, end=12)
    info.write(folder.path)
    for step in range(14):
        (folder.path / f"{step}.png").touch()
    own = {path.name for path in own_files.list_own_files(folder.path, info)}
    assert {int(name[:-4]) for name in own if name.endswith("png")} == {0, 3, 5, 6, 8, 10, 12}


def test_run_of_an_earlier_version_has_the_grids_of_its_settings(folder):
    make_run(folder, end=12)
    content = json.loads((folder.path / "config.json").read_text())
    del content["grids"]
    (folder.path / "config.json").write_text(json.dumps(content))
    for name in ("3.png", "12.png", "4.png"):
        (folder.path / name).touch()
    folder.begin(INFO)
    assert names_in(folder) == {"config.json", "history.csv", "4.png"}


def test_grids_are_known_by_the_checkpoint_where_the_history_is_gone(folder):
    make_run(folder, 7, end=7)
    (folder.path / "history.csv").unlink()
    for name in ("6.png", "9.png"):
        (folder.path / name).touch()
    own = {path.name for path in own_files.list_own_files(folder.path, INFO)}
    assert "6.png" in own and "9.png" not in own


def test_kill_anywhere_in_overwriting_leaves_a_run_that_can_be_overwritten_or_begun_again(folder):
    fill(folder)
    for copy in snapshots(folder, lambda: folder.begin(INFO)):
        with run_dir.open_run_dir(copy, pytest.fail) as again:
            again.check_free(INFO, overwrite=True)
            names = {path.name for path in own_files.list_own_files(copy, INFO)}
            assert {"3.png", "6.png"} & names_in(again) <= names
            again.begin(INFO)
            assert not {"3.png", "6.png", "checkpoint.npz"} & names_in(again)
        assert resume_at(copy).step == 0


# folders that cannot be


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: path.write_text("mine"), "which is no folder"),
        (lambda path: path.symlink_to("nothing"), "a link to nothing"),
        (lambda path: path.symlink_to(path.name), "a link to nothing"),
        (os.mkfifo, "which is no folder"),
    ],
)
def test_outdir_that_is_no_folder_is_refused_in_one_line(tmp_path, make, expected):
    make(tmp_path / "out")
    with pytest.raises(NotADirectoryError, match=f"outdir must be a folder. Received: .*out, {expected}"):
        with run_dir.open_run_dir(tmp_path / "out", pytest.fail):
            pass


def test_outdir_without_a_name_is_refused_and_a_home_is_found(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="outdir must be a folder. Received: ''"):
        with run_dir.open_run_dir("", pytest.fail):
            pass
    monkeypatch.setenv("HOME", str(tmp_path))
    with run_dir.open_run_dir("~/run", pytest.fail) as folder:
        assert folder.path == tmp_path / "run"


def test_outdir_below_a_file_or_with_a_null_byte_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    for name in ("file/run", "a\0b", "x" * 300):
        with pytest.raises((OSError, ValueError)):
            with run_dir.open_run_dir(tmp_path / name, pytest.fail):
                pass


# disks


@contextlib.contextmanager
def small_disk(size):
    """Limits every file to so many bytes, which stands for a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def failing(folder, action):
    """Returns the one line that an action on the folder fails with."""
    with pytest.raises(OSError) as error, folder.translate_errors():
        action()
    assert "\n" not in str(error.value)
    return str(error.value)


def test_full_disk_in_a_save_leaves_both_checkpoints_and_is_said(folder):
    gan = make_run(folder, 2, 4, end=7)
    gan.size = 10**6
    with small_disk(10**5):
        line = failing(folder, lambda: folder.save(gan))
    expected = f"The run in {folder.path} stopped: File too large. The checkpoint of step 4 is kept"
    assert line.startswith(expected)
    assert saved_steps(folder) == [4, 2] and "checkpoint.new.npz" not in names_in(folder)


def test_history_cut_by_a_full_disk_is_mended(folder):
    gan = make_run(folder, 2, end=4)
    size = (folder.path / "history.csv").stat().st_size
    with small_disk(size + 100):
        line = failing(folder, lambda: gan.train(folder, 50))
    assert "File too large" in line and "of step 2 is kept" in line
    assert not (folder.path / "history.csv").read_bytes().endswith(b"\n")
    again, _ = resume(folder)
    again.train(folder, 1)
    assert history.read(folder.path / "history.csv")["step"].tolist() == [1, 2, 3]


def test_history_that_is_removed_stops_the_run_and_is_not_begun_anew(folder):
    gan = make_run(folder, 2, end=4)
    (folder.path / "history.csv").unlink()
    assert "history.csv. The checkpoint of step 2 is kept" in failing(folder, lambda: gan.train(folder, 1))
    assert "history.csv" not in names_in(folder)
