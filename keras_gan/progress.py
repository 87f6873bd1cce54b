"""What is printed: how far a training run is, warnings, and tables that fit the terminal."""

import contextlib
import io
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import click

from keras_gan.streams import escape_controls


def print_warning(line: str) -> None:
    """Prints a line on stderr: where warnings go unless a caller takes them."""
    print(escape_controls(line), file=sys.stderr, flush=True)


def get_program() -> str:
    """Returns how the commands are called: as the one that runs was, or what always works."""
    ctx = click.get_current_context(silent=True)
    return ctx.find_root().info_name if ctx else "python -m keras_gan"


SECONDS_BETWEEN_LINES = 10
_SECONDS_BETWEEN_READS = 1.0  # of the histories of runs


def format_log_line(row) -> str:
    """Returns the line the original printed for a step: D's loss and accuracy, G's loss.

    Args:
        row: a row of history.csv.
    """
    step, _, d_loss, _, _, acc_real, acc_fake, g_loss = row
    accuracy = 50 * (acc_real + acc_fake)
    return f"{step} [D loss: {d_loss:f}, acc.: {accuracy:.2f}%] [G loss: {g_loss:f}]"


def _format_short_log_line(row) -> str:
    """Returns what `format_log_line` tells in half the width."""
    step, _, d_loss, _, _, acc_real, acc_fake, g_loss = row
    return f"{step} [D {d_loss:.3f}, {50 * (acc_real + acc_fake):.0f}%] [G {g_loss:.3f}]"


class Speed:
    """Steps a second since the first update, which compiles the steps and is left out."""

    def __init__(self):
        self._start = None

    def update(self, step: int) -> float:
        """Returns the speed at a step, 0 while it is unknown."""
        now = time.monotonic()
        if self._start is None:
            self._start = step, now
        return (step - self._start[0]) / max(now - self._start[1], 1e-9)


class Lines:
    """Prints the log line of the first step, then one at most every ten seconds, and the last."""

    def __init__(self, total: int):
        self._total, self._speed = total, Speed()
        self._printed_at: float | None = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def update(self, row, note: str = "") -> None:
        """Takes the newest row of the history, and a note to print beside it."""
        step, now, speed = row[0], time.monotonic(), self._speed.update(row[0])
        due = self._printed_at is None or now - self._printed_at >= SECONDS_BETWEEN_LINES
        if due or step == self._total:
            self._printed_at = now
            left = format_duration((self._total - step) / speed) if speed else ""
            pace = f" {speed:.1f} steps/s, {left} left" if speed else ""
            print(f"{format_log_line(row)}{note}{pace}", flush=True)


class Bar:
    """A progress bar on the terminal, with the log line, steps a second and the time left.

    Where the terminal is narrow, the log line is shortened; speed and time left stay.
    """

    def __init__(self, first: int, total: int, disable: bool = False):
        from rich import progress

        self._bar = progress.Progress(
            progress.BarColumn(bar_width=6),
            progress.TextColumn("{task.description}", markup=False),
            progress.TextColumn("{task.fields[speed]}"),
            progress.TimeRemainingColumn(),
            disable=disable,
        )
        self._speed = Speed()
        self._task = self._bar.add_task("compiling the steps", total=total, completed=first, speed="")

    def __enter__(self):
        self._bar.start()
        return self

    def __exit__(self, *error):
        self._bar.stop()

    def update(self, row, note: str = "") -> None:
        """Takes the newest row of the history, and a note to print beside it."""
        speed = f"{self._speed.update(row[0]):.3g}/s"
        room = self._bar.console.width - len("------ ") - len(f" {speed} 0:00:00")
        long, short = format_log_line(row), _format_short_log_line(row)
        texts = long + note, short + note, long, short
        text = next((text for text in texts if len(text) <= room), str(row[0]))
        self._bar.update(self._task, completed=row[0], description=text, speed=speed)


def _draws_bars(stream) -> bool:
    """Returns whether rich draws bars on a stream: on a terminal that can, which TERM=dumb cannot."""
    if not stream.isatty():
        return False
    from rich.console import Console

    return Console(file=stream).is_interactive


def reporter(first: int, total: int, quiet: bool) -> Bar | Lines:
    """Returns what shows the progress of a run where the output goes; used as a context manager."""
    if quiet or _draws_bars(sys.stdout):
        return Bar(first, total, disable=quiet)
    return Lines(total)


def format_duration(seconds: float) -> str:
    """Returns a time as text: "42 s", "3 min 05 s", "2 h 07 min"."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def show_progress(batches: Iterable, total: int, what: str) -> Iterator:
    """Yields the arrays of an iterable; on a terminal a bar on stderr counts their rows up to `total`."""
    if not _draws_bars(sys.stderr):
        yield from batches
        return
    from rich import console, progress

    columns = progress.Progress.get_default_columns()
    with progress.Progress(*columns, console=console.Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        for batch in batches:
            yield batch
            bar.advance(task, len(batch))


@contextlib.contextmanager
def show_runs(totals: dict[str, int], find_step: Callable[[str], int]) -> Iterator[None]:
    """Shows on a terminal, on stderr, a table of runs in folders while the block trains them.

    Args:
        totals: number of steps in all, by folder.
        find_step: returns how many steps the run in a folder has made.
    """
    if not _draws_bars(sys.stderr):
        yield
        return
    from rich import console, progress

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    ended = threading.Event()
    with progress.Progress(*columns, console=console.Console(stderr=True), transient=True) as table:
        runs = {f: table.add_task(Path(f).name, total=n, visible=False) for f, n in totals.items()}
        finished = table.add_task("finished runs", total=len(totals))

        def update():
            while not ended.wait(_SECONDS_BETWEEN_READS):
                steps = {folder: find_step(folder) for folder in totals}
                for folder, n in steps.items():
                    table.update(runs[folder], completed=n, visible=0 < n < totals[folder])
                table.update(finished, completed=sum(n >= totals[f] for f, n in steps.items()))

        thread = threading.Thread(target=update, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def fold(text: str, indent: int = 0) -> str:
    """Returns a line folded to the terminal's width, or 80; `indent` spaces begin all lines but the first.

    An address or a path that is longer stays whole, so that it can be copied.
    """
    return textwrap.fill(
        text,
        shutil.get_terminal_size().columns,
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        break_long_words=False,
    )


def format_table(header: Sequence[str], rows: Iterable[Sequence[str | None]], align: str) -> str:
    """Returns a table as text, no wider than the terminal, or than 80 columns where there is none.

    Args:
        header: name of each column.
        rows: lists of strings, one a column; None is written as "-".
        align: a letter for each column: "l" for words, which fold where they do not fit (inside a word
            only where the whole words do not fit either), "r" for numbers, which stay whole.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [["-" if cell is None else cell for cell in row] for row in rows]
    columns = [[name, *cells] for name, *cells in zip(header, *rows, strict=True)]
    words = [cells if letter == "r" else " ".join(cells).split() for cells, letter in zip(columns, align)]
    whole = [max(map(len, cells), default=0) for cells in words]  # width with which nothing is cut
    least = [width if letter == "r" else min(width, 8) for width, letter in zip(whole, align)]
    width = max(shutil.get_terminal_size().columns, sum(least) + 2 * len(least) - 2)
    if sum(whole) + 2 * len(whole) - 2 <= width:
        least = whole
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name, letter, n in zip(header, align, least, strict=True):
        numbers = letter == "r"
        table.add_column(
            Text(name), justify="right" if numbers else "left", no_wrap=numbers, overflow="fold", min_width=n
        )
    for row in rows:
        table.add_row(*map(Text, row))
    text = io.StringIO()
    Console(file=text, width=width, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())
