"""What the commands share: how they fail, what their options take, how they start TensorFlow."""

import os
import sys
from pathlib import Path

import click

from keras_gan import progress

LARGEST_SEED = 2**63 - 1  # as in `config`
SEED = click.IntRange(0, LARGEST_SEED)
FEATURES = "Judge: inception, digits or FILE.keras. Default: inception if its weights are at hand."
_EXPECTED = (ValueError, OSError, ImportError, MemoryError)
_OUT_OF_MEMORY = "ResourceExhaustedError"  # of TensorFlow, which is not imported here


class Commands(click.Group):
    """A group whose expected failures end in one line on stderr and exit code 1."""

    def main(self, args=None, **extra):
        """Runs the command line, keeping its words for messages that repeat them.

        What cannot be printed ends no command before its end: exit code 1 then tells of it.
        """
        words = list(sys.argv[1:] if args is None else args)
        _open_closed_descriptors()
        with progress.safe_output():
            try:
                return super().main(words, obj=words, **extra)
            except SystemExit as end:
                sys.stdout.flush()
                error = progress.output_error()
                if not error or end.code:
                    raise
                if not isinstance(error, BrokenPipeError):  # of `| head`, which is no fault
                    print(f"Error: Not all could be printed: {_one_line(error)}.", file=sys.stderr)
                raise SystemExit(1) from None

    def invoke(self, ctx):
        """Runs the command."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if not isinstance(error, _EXPECTED) and type(error).__name__ != _OUT_OF_MEMORY:
                raise
            raise click.ClickException(_one_line(error)) from None


def _open_closed_descriptors():
    """Opens the null device where stdin, stdout or stderr is closed: a file would take its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _one_line(error):
    if isinstance(error, OSError) and error.strerror:
        return error.strerror + (f": {error.filename}" if error.filename else "")
    if type(error).__name__ == _OUT_OF_MEMORY:
        return f"Out of memory, where a smaller --batch-size may help: {str(error).splitlines()[0]}"
    return " ".join(str(error).split()) or type(error).__name__


class Sides(click.ParamType):
    """A size such as 64 or 64x48, as a pair (height, width)."""

    name = "HxW"

    def convert(self, value, param, ctx):
        """Returns the pair of integers."""
        if isinstance(value, tuple):
            return value
        sides = value.lower().split("x")
        if len(sides) > 2 or not all(side.isdigit() and int(side) for side in sides):
            self.fail(f"expected a size such as 64 or 64x48. Received: {value!r}.", param, ctx)
        return int(sides[0]), int(sides[-1])


class Seeds(click.ParamType):
    """A list of seeds such as 0-63 or 0,1,4-6."""

    name = "LIST"

    def convert(self, value, param, ctx):
        """Returns the list of integers."""
        if isinstance(value, list):
            return value
        seeds = []
        for part in value.split(","):
            first, _, last = part.partition("-")
            digits = first.isdigit() and (last or first).isdigit()
            if not (digits and int(first) <= int(last or first) <= LARGEST_SEED):
                self.fail(f"expected seeds such as 0-63 or 0,1,4-6. Received: {value!r}.", param, ctx)
            seeds.extend(range(int(first), int(last or first) + 1))
        return seeds


def get_checkpoint_file(run):
    """Returns the path of a run's checkpoint, or of the checkpoint that is given in a run's place."""
    from keras_gan.run.info import CHECKPOINT

    return Path(run, CHECKPOINT) if Path(run).is_dir() else Path(run)


def get_png_path(out, default):
    """Returns the path of a picture: what --out says, which must end in .png, or a default."""
    if out and Path(out).suffix.lower() != ".png":
        raise click.UsageError(f"--out must end in .png. Received: {out}.")
    return Path(out or default)


def warn(line):
    """Prints a line on stderr."""
    click.echo(line, err=True)


def start_tensorflow(device="auto", precision="float32"):
    """Imports TensorFlow quietly and chooses the device, which must be able to do the precision."""
    from keras_gan.commands import start_tensorflow
    from keras_gan.device import check_precision, use_device

    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        warn(f"KERAS_BACKEND={backend} is not followed: this computes through TensorFlow.")
    start_tensorflow.import_tensorflow()

    use_device(device)
    check_precision(precision)
