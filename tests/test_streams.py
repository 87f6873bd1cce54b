"""Streams whose failures end nothing."""

import contextlib
import io
import os
import sys

import click
import pytest

from keras_gan import streams


@contextlib.contextmanager
def stdout_is(stream):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        with streams.safe_output():
            yield


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp1251", "cp932", "utf-8"])
def test_what_the_encoding_lacks_is_a_question_mark(encoding):
    stream = io.TextIOWrapper(file := io.BytesIO(), encoding)
    with stdout_is(stream):
        print("Fréchet Σ 25 \udcff", flush=True)
        assert streams.output_error() is None
    text = file.getvalue().decode(encoding)
    assert text.startswith("Fr") and text.endswith("25 ?\n") and len(text) == len("Fréchet Σ 25 ?\n")


def test_bytes_are_written_as_utf_8():
    stream = io.TextIOWrapper(file := io.BytesIO(), "utf-8", newline="")
    with stdout_is(stream):
        click.echo("Fréchet\n".encode(), nl=False)
        sys.stdout.flush()
    assert file.getvalue().decode() == "Fréchet\n"


def test_full_device_drops_what_is_printed_and_is_told_of():
    with open("/dev/full", "w") as full, stdout_is(full):
        print("lost", flush=True)
        error = streams.output_error()
        print("lost too", flush=True)
        assert error.strerror == "No space left on device" and streams.output_error() is error


def test_closed_pipe_drops_what_is_printed_and_later_writes_past_the_stream_too():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe, stdout_is(pipe):
        print("lost", flush=True)
        assert isinstance(streams.output_error(), BrokenPipeError)
        assert os.write(write, b"of a C library") == 14


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_closed_stream_takes_anything(stream):
    if stream:
        stream.close()
    with stdout_is(stream):
        print("lost", flush=True)


def test_block_within_a_block_keeps_its_streams(capsys):
    with streams.safe_output():
        outer = sys.stdout
        with streams.safe_output():
            assert sys.stdout is outer
        print("seen")
    assert capsys.readouterr().out == "seen\n" and sys.stdout is not outer


def test_control_characters_are_written_out_and_letters_stay():
    assert streams.escape_controls("a\nb\x1b[2Jé ü 中\x9b") == r"a\nb\x1b[2Jé ü 中\x9b"
