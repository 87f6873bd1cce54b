"""Tests that one process at a time writes a run directory, and only the one that it has locked."""

import os
import shutil
import subprocess
import sys
import threading

import pytest

from keras_gan.training import lock, run_dir
from tests.training.conftest import INFO, make_run

HOLDER = """
import sys, time
from pathlib import Path
from keras_gan.training import lock
with lock.hold_lock(Path(sys.argv[1]), print):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_second_process_is_refused_while_the_first_lives_and_not_after_it_was_killed(tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "run")]
    (tmp_path / "run").mkdir()
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
        folder.begin(INFO)
    assert len(lines) == 1 and "cannot be locked (Function not implemented)" in lines[0]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("elsewhere")])
def test_lock_that_is_no_file_is_refused_in_one_line_and_left(tmp_path, make):
    path = tmp_path / ".lock"
    make(path)
    with pytest.raises(FileExistsError, match=".lock must be a file. Received: a link, a pipe or a folder"):
        with run_dir.open_run_dir(tmp_path, pytest.fail):
            pass
    assert os.path.lexists(path) and not (tmp_path / "elsewhere").exists()


def test_one_of_two_that_start_at_once_may_write(tmp_path):
    outcomes, barrier = [], threading.Barrier(2)

    def start():
        barrier.wait()
        try:
            with run_dir.open_run_dir(tmp_path / "run", pytest.fail) as folder:
                folder.check_free(INFO, overwrite=False)
                folder.begin(INFO)
                outcomes.append("begun")
                barrier.wait()
        except (lock.Busy, run_dir.RunExistsError) as error:
            outcomes.append(type(error).__name__)
            barrier.wait()

    threads = [threading.Thread(target=start) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(outcomes) == ["Busy", "begun"]


# a folder that is not the one any more


def failing(folder, action):
    """Returns the one line that an action on the folder fails with."""
    with pytest.raises(OSError) as error, folder.translate_errors():
        action()
    assert "\n" not in str(error.value)
    return str(error.value)


ACTIONS = {
    "append": lambda folder, gan: gan.train(folder, 1),
    "save": lambda folder, gan: folder.save(gan),
    "add_score": lambda folder, gan: folder.add_score({"step": 4, "metric": "x", "value": 1.0}),
    "write_info": lambda folder, gan: folder.write_info(INFO),
    "sync_history": lambda folder, gan: folder.sync_history(),
}


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("move", [shutil.rmtree, lambda path: path.rename(path.with_name("moved"))])
def test_folder_that_is_removed_or_renamed_is_not_written_to_any_more(folder, name, move):
    gan = make_run(folder, 2, end=4)
    move(folder.path)
    go_on = lambda: ACTIONS[name](folder, gan)  # noqa: E731
    line = failing(folder, go_on)
    assert "it was removed or renamed during the run. If it was renamed, its checkpoint of step 2" in line
    assert not folder.path.exists()
    with run_dir.open_run_dir(folder.path, pytest.fail) as other:  # the user begins again in its place
        make_run(other, 1, end=1)
        before = {path.name: path.read_bytes() for path in other.path.iterdir()}
        assert "it was removed" in failing(folder, go_on)
        assert {path.name: path.read_bytes() for path in other.path.iterdir()} == before


def test_lock_that_is_removed_stops_the_run(folder):
    gan = make_run(folder, end=1)
    (folder.path / ".lock").unlink()
    assert "it was removed or renamed" in failing(folder, lambda: gan.train(folder, 1))


def test_folder_in_which_no_run_begins_gets_no_lock_file(tmp_path):
    with pytest.raises(FileExistsError), run_dir.open_run_dir(tmp_path, pytest.fail):
        raise FileExistsError("outdir must not hold files that the run would replace")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".lock").touch()  # of an earlier run, or of the user's
    with pytest.raises(FileExistsError), run_dir.open_run_dir(tmp_path, pytest.fail):
        raise FileExistsError
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_lock_that_its_holder_removes_meanwhile_is_no_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "_lock", lambda file: (tmp_path / ".lock").unlink())
    with pytest.raises(lock.Busy):
        with run_dir.open_run_dir(tmp_path, pytest.fail):
            pass
