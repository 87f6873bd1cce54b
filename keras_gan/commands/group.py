"""The command group: how the commands fail, and what they are called in their own help."""

import copy
import os
import sys
import warnings

import click

from keras_gan import progress, streams
from keras_gan.commands.options import WrongValue

_EXPECTED = (ValueError, OSError, ImportError, MemoryError, OverflowError)
_OUT_OF_MEMORY = "ResourceExhaustedError"  # of TensorFlow, which is not imported here


class Commands(click.Group):
    """A group whose expected failures end in one line on stderr.

    Exit code 2 is for a command line that is wrong in itself, whatever lies on disk; 1 for all else.
    """

    def main(self, args=None, **extra):
        """Runs the command line, keeping its words for messages that repeat them.

        A command whose output cannot be printed still ends its work; its exit code is then 1.
        """
        words = list(sys.argv[1:] if args is None else args)
        _open_closed_descriptors()
        if any(option.startswith("error") for option in sys.warnoptions):  # -W error, PYTHONWARNINGS=error
            _restore_warning_filters()
        with streams.safe_output():
            try:
                return super().main(words, obj=words, **extra)
            except SystemExit as end:
                sys.stdout.flush()
                error = streams.output_error()
                if not error or end.code:
                    raise
                if not isinstance(error, BrokenPipeError):  # of `| head`, which is no fault
                    print(f"Error: The output is incomplete: {_one_line(error)}.", file=sys.stderr)
                raise SystemExit(1) from None

    def get_command(self, ctx, name):
        """Returns a command whose examples name the program as it was called."""
        command = copy.copy(super().get_command(ctx, name))
        if command:
            command.help = _name_program(command.help)
        return command

    def format_help_text(self, ctx, formatter):
        """Writes the group's own text, as `get_command`."""
        named = copy.copy(self)
        named.help = _name_program(self.help)
        super(Commands, named).format_help_text(ctx, formatter)

    def invoke(self, ctx):
        """Runs the command."""
        _check_current_folder()
        try:
            return super().invoke(ctx)
        except click.MissingParameter:
            raise
        except click.BadParameter as error:
            raise WrongValue(error.format_message()) from None
        except Exception as error:
            if not isinstance(error, _EXPECTED) and type(error).__name__ != _OUT_OF_MEMORY:
                raise
            raise click.ClickException(_one_line(error)) from None


def _restore_warning_filters():
    """Sets Python's own filters again: a dependency's warning ends no command."""
    warnings.simplefilter("default")
    for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)


def _check_current_folder():
    try:
        os.getcwd()
    except FileNotFoundError:
        raise click.ClickException(
            "Commands must be called in a folder. Received: the current one was removed; change to another."
        ) from None


def _name_program(text):
    return (text or "").replace("python cli.py", progress.get_program())  # python -OO drops the texts


def _open_closed_descriptors():
    """Opens the null device where stdin, stdout or stderr is closed: a file would take its number."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def _one_line(error):
    if isinstance(error, OSError) and error.strerror:
        name = error.filename2 or error.filename  # the second is where a file was to be moved
        where = f": {os.fsdecode(name)}" if isinstance(name, (str, bytes)) else ""
        return streams.escape_controls(error.strerror + where)
    if type(error).__name__ == _OUT_OF_MEMORY:
        return f"Out of memory, where a smaller --batch-size may help: {str(error).splitlines()[0]}"
    return streams.escape_controls(streams.format_error(error))
