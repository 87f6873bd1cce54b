"""Tests of files that are written beside and moved into place."""

import os

import numpy as np
import pytest

from keras_gan.files import npz
from keras_gan.files.atomic import atomic_write, check_utf8, rotate


def test_failed_save_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    npz.save(tmp_path / "x.npz", {"x": np.arange(3)})
    with pytest.raises(KeyboardInterrupt):
        with atomic_write(tmp_path / "x.npz") as beside:
            beside.write_bytes(b"half")
            raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["x.npz"]
    assert npz.load(tmp_path / "x.npz")["x"].tolist() == [0, 1, 2]


def test_the_old_bytes_stay_until_the_block_ends(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    (tmp_path / "link.txt").hardlink_to(path)
    with atomic_write(path) as beside:
        beside.write_text("new")
        assert path.read_text() == "old" and beside.suffix == ".txt"
    assert path.read_text() == "new"
    assert (tmp_path / "link.txt").read_text() == "old"  # moved over, not written into
    assert len(list(tmp_path.iterdir())) == 2


def three(folder, **contents):
    """Returns the paths new, current and previous, each written where it has a content."""
    for name, content in contents.items():
        (folder / name).write_text(content)
    return [folder / name for name in ("new", "current", "previous")]


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_new_file_replaces_the_current_which_becomes_the_previous(tmp_path):
    rotate(*three(tmp_path, new="3", current="2", previous="1"))
    assert contents(tmp_path) == {"current": "3", "previous": "2"}


def test_first_file_has_no_previous_and_a_previous_without_a_current_stays(tmp_path):
    rotate(*three(tmp_path, new="1"))
    assert contents(tmp_path) == {"current": "1"}
    (tmp_path / "current").rename(tmp_path / "previous")
    rotate(*three(tmp_path, new="2"))
    assert contents(tmp_path) == {"current": "2", "previous": "1"}


def test_previous_that_is_the_current_already_stays_it(tmp_path):
    """So it is after a process was killed between the two moves."""
    paths = three(tmp_path, new="3", current="2")
    paths[2].hardlink_to(paths[1])
    (tmp_path / ".previous.link").hardlink_to(paths[1])
    rotate(*paths)
    assert contents(tmp_path) == {"current": "3", "previous": "2"}


@pytest.mark.parametrize("links", [True, False])
def test_one_of_current_and_previous_is_whole_before_every_move(tmp_path, monkeypatch, links):
    seen, replace = [], os.replace

    def watched(source, target):
        seen.append(contents(tmp_path))
        replace(source, target)

    def link(source, target):
        raise OSError("no links")

    monkeypatch.setattr(os, "replace", watched)
    if not links:
        monkeypatch.setattr(os, "link", link)
    rotate(*three(tmp_path, new="3", current="2", previous="1"))
    assert [c["previous"] for c in seen] == ["1", "2"]
    assert [c.get("current") for c in seen] == ["2", "2" if links else None]
    assert contents(tmp_path) == {"current": "3", "previous": "2"}


def test_what_is_saved_is_put_on_the_disk_before_and_after_it_is_moved(tmp_path, monkeypatch):
    """So that neither file is lost with the power."""
    calls, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda d: (calls.append(os.fstat(d).st_ino), fsync(d)))
    monkeypatch.setattr(os, "replace", lambda a, b: (calls.append("move"), replace(a, b)))
    npz.save(tmp_path / "x.npz", {"x": np.arange(3)})
    assert calls == [(tmp_path / "x.npz").stat().st_ino, "move", tmp_path.stat().st_ino]


def test_name_that_tensorflow_cannot_write_is_refused():
    check_utf8("Fréchet")
    with pytest.raises(ValueError, match=r"names in UTF-8 alone. Received: b'x.xff'; name another folder"):
        check_utf8("x\udcff")
