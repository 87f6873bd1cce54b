"""What is printed: how far a training run is, tables that fit the terminal, and streams that never fail."""

import contextlib
import io
import os
import shutil
import sys
import textwrap
import time

import click


def print_warning(line):
    """Prints a line on stderr: what is done with a warning unless told otherwise."""
    print(line, file=sys.stderr, flush=True)


def get_program():
    """Returns how the commands are called: as the one that runs was, or what always works."""
    ctx = click.get_current_context(silent=True)
    return ctx.find_root().info_name if ctx else "python -m keras_gan"


SECONDS_BETWEEN_LINES = 10


def log_line(row):
    """Returns the line the original printed for a step: D's loss and accuracy, G's loss.

    Args:
        row: a row of history.csv.
    """
    step, _, d_loss, _, _, acc_real, acc_fake, g_loss = row
    accuracy = 50 * (acc_real + acc_fake)
    return f"{step} [D loss: {d_loss:f}, acc.: {accuracy:.2f}%] [G loss: {g_loss:f}]"


class _Speed:
    """Steps a second since the first update, which compiles the steps and is left out."""

    def __init__(self):
        self.start = None

    def update(self, step):
        """Returns the speed at a step, 0 while it is unknown."""
        now = time.monotonic()
        if self.start is None:
            self.start = step, now
        return (step - self.start[0]) / max(now - self.start[1], 1e-9)


class Lines:
    """Prints the log line of the first step, then one at most every ten seconds, and the last."""

    def __init__(self, total):
        self.total, self.speed, self.last_line = total, _Speed(), None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def update(self, row, note=""):
        """Takes the newest row of the history, and what is said beside it."""
        step, now, speed = row[0], time.monotonic(), self.speed.update(row[0])
        if self.last_line is None or step == self.total or now - self.last_line >= SECONDS_BETWEEN_LINES:
            self.last_line = now
            left = f" {speed:.1f} steps/s, {duration((self.total - step) / speed)} left" if speed else ""
            print(f"{log_line(row)}{note}{left}", flush=True)


class Bar:
    """A progress bar on the terminal, with the log line, steps a second and the time left."""

    def __init__(self, first, total):
        from rich import progress

        self.bar = progress.Progress(
            progress.BarColumn(bar_width=6),
            progress.TextColumn("{task.description}", markup=False),
            progress.TextColumn("{task.fields[speed]}"),
            progress.TimeRemainingColumn(),
        )
        self.speed = _Speed()
        self.task = self.bar.add_task("compiling the steps", total=total, completed=first, speed="")

    def __enter__(self):
        self.bar.start()
        return self

    def __exit__(self, *error):
        self.bar.stop()

    def update(self, row, note=""):
        """Takes the newest row of the history, and what is said beside it."""
        speed = self.speed.update(row[0])
        self.bar.update(
            self.task, completed=row[0], description=f"{log_line(row)}{note}", speed=f"{speed:.3g}/s"
        )


class Quiet:
    """Says nothing."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def update(self, row, note=""):
        """Takes the newest row of the history."""


def reporter(first, total, quiet):
    """Returns the reporter, a context manager, that fits where the output goes."""
    if quiet:
        return Quiet()
    return Bar(first, total) if sys.stdout.isatty() else Lines(total)


def duration(seconds):
    """Returns a time in words: "42 s", "3 min 05 s", "2 h 07 min"."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"


def counted(batches, total, what):
    """Yields the arrays of an iterable; on a terminal a bar on stderr counts their rows up to `total`."""
    if not sys.stderr.isatty():
        yield from batches
        return
    from rich import console, progress

    columns = progress.Progress.get_default_columns()
    with progress.Progress(*columns, console=console.Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        for batch in batches:
            yield batch
            bar.advance(task, len(batch))


def fold(text, indent=0):
    """Returns a line folded to the terminal's width, or 80; `indent` spaces begin all lines but the first."""
    width = shutil.get_terminal_size().columns
    return textwrap.fill(text, width, subsequent_indent=" " * indent, break_on_hyphens=False)


def format_table(header, rows, align):
    """Returns a table as text, no wider than the terminal, or than 80 columns where there is none.

    Args:
        header: name of each column.
        rows: lists of strings, one a column; None is written as "-".
        align: a letter for each column: "l" for words, which fold where they do not fit, "r" for
            numbers, which stay whole.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [["-" if cell is None else cell for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    least = 0  # columns of the terminal with which no number is cut
    for name, letter, *cells in zip(header, align, *rows, strict=True):
        width = max(len(cell) for cell in (name, *cells)) if letter == "r" else 8
        least += width + 2
        if letter == "r":
            table.add_column(Text(name), justify="right", no_wrap=True, min_width=width)
        else:
            table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    width = max(least - 2, shutil.get_terminal_size().columns)
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


class SafeStream:
    """A text stream whose failures end nothing, in the place of stdout or stderr.

    A character that its encoding lacks is written as "?". Once it cannot be written (a full disk, a
    closed pipe, a terminal that is gone) its descriptor leads to the null device.

    Attributes:
        error: the first OSError or ValueError of writing, None before it.
    """

    def __init__(self, stream):
        self._stream, self.error = stream, None

    def __getattr__(self, name):
        if name == "buffer":  # through which click would write past this object
            raise AttributeError(name)
        return getattr(self._stream, name)

    def write(self, text):
        """Writes a string, or drops it; returns its length."""
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self.write(text.encode(encoding, "replace").decode(encoding))
        except BlockingIOError:
            pass  # a pipe that is full for now
        except (OSError, ValueError) as error:
            self._drop(error)
        return len(text)

    def flush(self):
        """Flushes the stream, or drops what it holds."""
        try:
            self._stream.flush()
        except BlockingIOError:
            pass
        except (OSError, ValueError) as error:
            self._drop(error)

    def _drop(self, error):
        self.error = self.error or error
        with contextlib.suppress(OSError, ValueError, AttributeError):  # a stream without a descriptor
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)


@contextlib.contextmanager
def safe_output():
    """Makes stdout and stderr `SafeStream`s until the block ends; a block within another changes nothing."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(_make_safe, before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _make_safe(stream):
    if stream is None:  # it was closed when the process started
        stream = open(os.devnull, "w")
    return stream if hasattr(stream, "error") else SafeStream(stream)


def output_error():
    """Returns the first error of stdout, else of stderr, in the block of `safe_output`; None without one."""
    return getattr(sys.stdout, "error", None) or getattr(sys.stderr, "error", None)
