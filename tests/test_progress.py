import contextlib
import io
import re
import sys
import threading

import pytest

from keras_gan import progress

ROW = [200, 3, 0.7, 0.5, 0.9, 0.25, 0.5, 1.25]
LOG = "200 [D loss: 0.700000, acc.: 37.50%] [G loss: 1.250000]"


def row(step):
    return [step, *ROW[1:]]


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", clock)
    return clock


@contextlib.contextmanager
def terminal(columns=100, term="xterm"):
    """Stands for stdout as a terminal; yields what is written to it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", str(columns))
        patch.setenv("TERM", term)
        patch.setattr("rich._console", None)  # one made by an earlier test keeps its own width
        patch.setattr(sys, "stdout", out := io.StringIO())
        out.isatty = lambda: True
        yield out


def test_log_line_is_the_one_of_the_original():
    assert progress.format_log_line(ROW) == LOG


def test_lines_come_at_the_first_step_every_ten_seconds_and_at_the_last(clock, capsys):
    with progress.reporter(0, 35, quiet=False) as reporter:
        for step in range(1, 36):
            clock.now = float(step)
            reporter.update(row(step))
    steps = [int(line.split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert steps == [1, 11, 21, 31, 35]


def test_a_line_tells_speed_since_the_first_call_and_time_left(clock, capsys):
    with progress.reporter(90, 1000, quiet=False) as reporter:
        clock.now = 30.0  # the first call compiles, and is left out
        reporter.update(row(100))
        clock.now = 70.0
        reporter.update(row(200))
    first, second = capsys.readouterr().out.splitlines()
    assert first == LOG.replace("200", "100", 1)
    assert second == LOG + " 2.5 steps/s, 5 min 20 s left"


def test_lines_are_flushed_at_once(clock, monkeypatch):
    flushed, out = [], io.StringIO()
    out.flush = lambda: flushed.append(out.getvalue())
    monkeypatch.setattr(sys, "stdout", out)
    with progress.reporter(0, 5, quiet=False) as reporter:
        reporter.update(row(1))
    assert flushed and flushed[-1].startswith("1 [D loss")


def test_quiet_says_nothing(capsys):
    with progress.reporter(0, 2, quiet=True) as reporter:
        reporter.update(row(1))
        reporter.update(row(2))
    assert capsys.readouterr() == ("", "")


def test_quiet_says_nothing_on_a_terminal():
    with terminal() as out, progress.reporter(0, 2, quiet=True) as reporter:
        reporter.update(row(2))
    assert out.getvalue() == ""


def test_bar_on_a_terminal_shows_the_log_line_in_one_piece():
    with terminal() as out, progress.reporter(0, 1000, quiet=False) as reporter:
        assert isinstance(reporter, progress.Bar)
        reporter.update(row(200))
    assert LOG in out.getvalue()


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_terminal_that_cannot_move_its_cursor_gets_lines(term):
    with terminal(term=term) as out, progress.reporter(0, 200, quiet=False) as reporter:
        reporter.update(row(200))
    assert out.getvalue() == LOG + "\n"


def test_bar_fits_on_a_terminal_of_80_columns(clock):
    with terminal(80) as out, progress.reporter(0, 30000, quiet=False) as reporter:
        reporter.update(row(5000))
        clock.now = 800.0
        reporter.update(row(25000))
    assert "25000" + LOG[3:] in out.getvalue() and " 25/s" in out.getvalue()
    assert "…" not in out.getvalue()  # nothing is cut off


@pytest.mark.parametrize("columns", [60, 70, 80, 100])
def test_bar_keeps_speed_and_time_left_where_the_terminal_is_narrow(columns, clock):
    with terminal(columns) as out, progress.reporter(0, 30000, quiet=False) as reporter:
        reporter.update(row(5000))
        clock.now = 800.0
        reporter.update(row(25000), note=" [Fréchet 123.45, inception]")
    assert "25000 [D" in out.getvalue() and " 25/s" in out.getvalue() and "…" not in out.getvalue()
    assert re.search(r"\d:\d\d:\d\d|-:--:--", out.getvalue())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (42, "42 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7625, "2 h 07 min"),
        (100 * 3600, "100 h 00 min"),
    ],
)
def test_duration_in_words(seconds, words):
    assert progress.format_duration(seconds) == words


HEADER, ROWS = ["source", "framework", "steps"], [["runs/a", "Keras", "30000"], ["b", None, "7"]]


def test_table_aligns_words_left_and_numbers_right():
    lines = progress.format_table(HEADER, ROWS, "llr").splitlines()
    assert lines == ["source  framework  steps", "runs/a  Keras      30000", "b       -              7"]


def test_table_folds_words_at_the_width_of_the_terminal_and_keeps_numbers_whole(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    rows = [["one/long/path/of/a/run", "[Keras] and others", "30000"], ["b", "c", "123456789"]]
    text = progress.format_table(HEADER, rows, "llr")
    assert max(map(len, text.splitlines())) <= 30 and "30000" in text and "123456789" in text
    words = "".join(text.split())
    assert all(part in words for part in ("one/long", "[Keras]"))


def test_table_folds_between_words_where_they_fit(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    rows = [["batch-norm-momentum", "within 2 std of it"]]
    lines = progress.format_table(["changed", "effect"], rows, "ll").splitlines()
    assert len(lines) == 3 and lines[1].split() == ["batch-norm-momentum", "within", "2"]


def test_line_is_folded_at_words_and_an_address_stays_whole(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    address = "https://example.com/a-long/path/of/weights.h5"
    lines = progress.fold(f"inception: missing; put {address} into the cache", indent=2).splitlines()
    assert lines == ["inception: missing; put", f"  {address}", "  into the cache"]


def test_table_never_cuts_a_number_where_the_terminal_is_too_narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "12")
    text = progress.format_table(["a", "b", "c"], [["1234567", "7654321", "1111111"]], "rrr")
    assert text.splitlines()[1] == "1234567  7654321  1111111"


def test_runs_that_train_are_in_the_table_with_the_number_of_those_that_are_finished(monkeypatch):
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_READS", 0.001)
    steps, has_read = {"x/a": 40, "x/b": 7, "x/c": 0}, threading.Semaphore(0)

    def find_step(folder):
        has_read.release()
        return steps[folder]

    with terminal() as out:
        monkeypatch.setattr(sys, "stderr", out)
        with progress.show_runs(dict.fromkeys(steps, 40), find_step):
            for _ in range(7):  # of three runs: the third time that the first is read
                has_read.acquire()
    plain = re.sub(r"\x1b\[[0-9;?]*\w", "", out.getvalue())
    shown = [line.split() for line in re.split("[\r\n]", plain)]
    last = {words[0]: words for words in shown if words and words[0] in ("a", "b", "c", "finished")}
    assert last.keys() == {"b", "finished"} and "7/40" in last["b"] and "1/3" in last["finished"]


def test_runs_are_not_read_where_there_is_no_terminal(capsys):
    with progress.show_runs({"x/a": 40}, lambda folder: pytest.fail("read")):
        pass
    assert capsys.readouterr() == ("", "")
