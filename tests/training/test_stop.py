"""Tests of what stops a run, in this process: each leaves a checkpoint and says how to go on."""

import io
import os
import resource
import signal
import sys

import numpy as np
import pytest

from keras_gan.files import npz
from keras_gan.training import interrupt
from tests.conftest import run
from tests.training.conftest import assert_same_run, at_step, send


def resume_and_compare(whole, folder):
    assert run("train", "--resume", "--quiet").exit_code == 0
    assert_same_run(whole, folder)


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_saves_and_says_in_one_line_how_to_go_on(train_small, whole, tmp_path, signum):
    with at_step(5, lambda: send(signum)):
        result = train_small("--quiet")
    assert (result.exit_code, result.stdout) == (128 + signum, "")
    assert result.stderr == (
        f"Stopped at step 5 of 12 by {signum.name}; the checkpoint is in images. "
        "To continue: python cli.py train --resume images\n"
    )
    resume_and_compare(whole, tmp_path / "images")


def test_second_ctrl_c_stops_at_once_and_saves_nothing(train_small, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(interrupt, "_SECONDS", 0)
    with at_step(5, lambda: send(signal.SIGINT, signal.SIGINT)):
        result = train_small()
    assert result.exit_code == 130 and "without a new checkpoint" in result.stderr
    assert npz.load(tmp_path / "images/checkpoint.npz")["step"] == 0
    resume_and_compare(whole, tmp_path / "images")


def test_loss_that_is_not_finite_keeps_the_last_finite_checkpoint(train_small, whole, tmp_path):
    with at_step(7, lambda: np.array([[0.5, 0.5, np.nan, 0.5, 0.5]])):
        result = train_small("--checkpoint-interval", 1, "--quiet")
    assert "Losses must be finite. Received: g_loss=nan at step 7" in result.stderr
    assert result.stderr.endswith("The checkpoint of step 4 is kept in images, to resume from.\n")
    resume_and_compare(whole, tmp_path / "images")


@pytest.mark.slow
def test_full_disk_is_one_line_and_the_run_goes_on_once_there_is_room(train_small, whole, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with at_step(6, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10000, before[1]))):
            result = train_small("--checkpoint-interval", 1, "--quiet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert result.stderr.startswith("Error: The run in images stopped: File too large")
    assert result.stderr.endswith("The checkpoint of step 4 is kept in images, to resume from.\n")
    resume_and_compare(whole, tmp_path / "images")


@pytest.mark.slow
def test_run_that_is_renamed_and_begun_anew_stops_and_leaves_the_new_one(train_small, whole, tmp_path):
    def rename():
        (tmp_path / "images").rename(tmp_path / "moved")
        (tmp_path / "images").mkdir()
        (tmp_path / "images/.lock").touch()

    with at_step(7, rename):
        result = train_small("--quiet")
    assert "it was removed or renamed during the run. If it was renamed" in result.stderr
    assert os.listdir(tmp_path / "images") == [".lock"]
    assert run("train", "--resume", "moved", "--quiet").exit_code == 0
    assert_same_run(whole, tmp_path / "moved")


# output that fails


class Broken(io.StringIO):
    """A stream that fails after some lines as a pipe without a reader or a terminal that is gone does."""

    def __init__(self, error, lines):
        super().__init__()
        self.error_to_raise, self.lines = error, lines

    def write(self, text):
        if self.getvalue().count("\n") >= self.lines:
            raise self.error_to_raise
        return super().write(text)


def train_into(stream, gan, pixels, folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        with at_step(99, None):  # a call a step
            gan.train(3, 16, 3, data=pixels, outdir=folder)


@pytest.mark.slow
def test_broken_pipe_stops_the_run_after_a_checkpoint(whole, build, pixels, tmp_path):
    gan = build("aioz", image_shape=(8, 8, 1), latent_dim=7, seed=3)
    expected = "Stopped at step 1 of 12 because its output is no longer read; the checkpoint"
    with pytest.raises(KeyboardInterrupt, match=expected) as stop:
        train_into(Broken(BrokenPipeError(32, "Broken pipe"), 1), gan, pixels, tmp_path)
    assert stop.value.exit_code == 141
    gan.train(outdir=tmp_path, resume=True, data=pixels, quiet=True)
    assert_same_run(whole, tmp_path)


@pytest.mark.parametrize("lines", [0, 5])
def test_terminal_that_is_gone_stops_nothing(whole, build, pixels, tmp_path, lines):
    gan = build("aioz", image_shape=(8, 8, 1), latent_dim=7, seed=3)
    train_into(Broken(OSError(5, "Input/output error"), lines), gan, pixels, tmp_path)
    assert_same_run(whole, tmp_path)


def test_warning_that_cannot_be_written_stops_nothing(whole, build, pixels, tmp_path, monkeypatch):
    gan = build("aioz", image_shape=(8, 8, 1), latent_dim=7, seed=3)
    monkeypatch.setattr(sys, "stderr", Broken(OSError(28, "No space left on device"), 0))
    monkeypatch.setattr("keras_gan.report.page.write", lambda folder: 1 / 0)
    gan.train(3, 16, 3, data=pixels, outdir=tmp_path, quiet=True)
    assert_same_run(whole, tmp_path)


def test_ascii_output_stops_nothing(build, pixels, tmp_path):
    stream = io.TextIOWrapper(io.BytesIO(), "ascii")
    gan = build("aioz", image_shape=(8, 8, 1), latent_dim=7, seed=3)
    folder = tmp_path / os.fsdecode(b"run-\xff-\xc3\xa9")
    train_into(stream, gan, pixels, folder)
    stream.seek(0)
    assert "writes to" in stream.read() and (folder / "report.html").exists()


# the library


def test_library_raises_keyboard_interrupt_and_a_second_call_goes_on(whole, build, tmp_path, pixels):
    gan = build("aioz", image_shape=(8, 8, 1), latent_dim=7, seed=3)
    with at_step(4, lambda: send(signal.SIGINT)):
        with pytest.raises(KeyboardInterrupt, match="Stopped at step 4 of 12 by SIGINT.* With resume=True"):
            gan.train(3, 16, 3, data=pixels, outdir=tmp_path / "run", quiet=True)
    assert gan.history["step"].tolist() == [1, 2, 3, 4]
    gan.train(2, data=pixels, outdir=tmp_path / "run", quiet=True, batch_size=16, sample_interval=3)
    assert_same_run(whole, tmp_path / "run")
