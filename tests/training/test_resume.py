"""Tests that a run which was stopped ends as the run that was not: bit for bit."""

import contextlib
import json
import os
import shlex
import shutil
import signal
import types

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import soak
from keras_gan.commands import main
from keras_gan.evaluation import features
from keras_gan.files import npz
from keras_gan.model import engines
from keras_gan.model.gan import GAN
from keras_gan.presets import PRESETS
from keras_gan.training import interrupt, run_dir
from tests.conftest import Corner

SMALL = "train --preset aioz --batch-size 16 --latent-dim 7 --seed 3 --sample-interval 3 --epochs 3".split()
STEPS = 12  # 3 epochs of 4 batches


@pytest.fixture(autouse=True)
def without_xla(monkeypatch, tmp_path):
    monkeypatch.setattr(features, "load_extractor", lambda *args, **others: Corner())
    monkeypatch.chdir(tmp_path)


def small(preset="aioz", **settings):
    settings = dict(image_shape=(8, 8, 1), latent_dim=7, seed=3) | settings
    return GAN(preset, **settings)


def assert_same_run(one, other):
    """Compares history, grids, settings and all arrays of two run directories."""
    assert soak.differences(one, other) == []
    ours, theirs = (json.loads((path / "config.json").read_text()) for path in (one, other))
    assert {**ours, "data": 0, "config": 0} == {**theirs, "data": 0, "config": 0}
    assert ours["config"]["epochs"] == theirs["config"]["epochs"]


# every preset, both engines


CASES = [(preset, "train_on_batch") for preset in PRESETS] + [("keras", "compiled")]
KILLS = {"aioz": (1, 4, 9, 11, 12)}  # after which steps, when their rows were just written


def numbers(preset):
    per_epoch = 1 if PRESETS[preset].rule.epoch_is_one_batch else 4
    return dict(epochs=STEPS // per_epoch, batch_size=16, sample_interval=3)


@pytest.mark.parametrize(("preset", "engine"), CASES)
def test_run_that_was_killed_ends_as_the_one_that_was_not(preset, engine, tmp_path, pixels):
    """A copy of the directory is what a kill at that moment leaves."""
    append, whole, kills = run_dir.RunDir.append, tmp_path / "whole", KILLS.get(preset, (6,))

    def watched(self, rows):
        append(self, rows)
        if rows[-1][0] in kills:
            shutil.copytree(whole, tmp_path / f"killed-{rows[-1][0]}")

    every = 4 // (STEPS // numbers(preset)["epochs"])
    settings = dict(engine=engine, data=pixels, quiet=True, checkpoint_interval=every)
    settings |= dict(fid_interval=every, fid_samples=9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_dir.RunDir, "append", watched)
        patch.setattr("keras_gan.training.loop.SECONDS_PER_CALL", 1e-9)  # a call a step
        small(preset).train(**numbers(preset), outdir=whole, **settings)
    gan = small(preset)
    for step in kills:
        gan.train(outdir=tmp_path / f"killed-{step}", resume=True, data=pixels, quiet=True)
        assert gan.step == STEPS
        assert_same_run(whole, tmp_path / f"killed-{step}")


# the command line


def run(*words):
    return CliRunner().invoke(main.main, [str(word) for word in words], prog_name="python cli.py")


def refused(*words):
    """Runs a command that must fail in one line on stderr, and returns the line."""
    result = run(*words)
    lines = result.stderr.splitlines()
    assert (result.exit_code, result.stdout, len(lines)) == (1, "", 1), result.output
    return lines[0]


@contextlib.contextmanager
def at_step(step, action):
    """Has `action` called while the engine is at a step; it may return values to hand on."""
    make = engines.ENGINES["train_on_batch"]

    def watched(*args):
        call = make(*args)

        def engine(first, k):
            values = call(first, k)
            changed = action() if first < step <= first + k else None
            return values if changed is None else changed

        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(engines.ENGINES, "train_on_batch", watched)
        patch.setattr("keras_gan.training.loop.SECONDS_PER_CALL", 1e-9)
        yield


def send(*signums):
    for signum in signums:
        os.kill(os.getpid(), signum)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, pixels):
    """A run that ended, and the run stopped by Ctrl-C at step 7."""
    folder = tmp_path_factory.mktemp("runs")
    np.savez(folder / "images.npz", images=pixels)
    words = *SMALL, "--data", folder / "images.npz", "--outdir"
    assert run(*words, folder / "whole").exit_code == 0
    with at_step(7, lambda: send(signal.SIGINT)):
        result = run(*words, folder / "stopped")
    return types.SimpleNamespace(
        folder=folder, whole=folder / "whole", stopped=folder / "stopped", result=result
    )


@pytest.fixture
def stopped(runs, tmp_path):
    """A copy of the run that was stopped at step 7 of 12."""
    return shutil.copytree(runs.stopped, tmp_path / "stopped")


def content_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


def test_ctrl_c_saves_and_says_in_one_line_how_to_go_on(runs):
    assert runs.result.exit_code == 130
    assert runs.result.stderr == (
        f"Stopped at step 7 of 12 by SIGINT; the checkpoint is in {runs.stopped}. "
        f"To go on: python cli.py train --resume {runs.stopped}\n"
    )
    assert npz.load(runs.stopped / "checkpoint.npz")["step"] == 7


def test_command_that_ctrl_c_prints_ends_the_run_bit_for_bit(runs, stopped):
    command = runs.result.stderr.strip().split("To go on: ")[1]
    words = shlex.split(command.replace(str(runs.stopped), str(stopped)))
    result = run(*words[2:])
    assert (result.exit_code, result.stderr) == (0, "")
    assert "from step 7 on" in result.stdout and "Trained 5 steps in" in result.stdout
    assert_same_run(runs.whole, stopped)


def test_sigterm_saves_too_and_a_quiet_run_says_it_as_well(runs, tmp_path):
    with at_step(5, lambda: send(signal.SIGTERM)):
        result = run(*SMALL, "--data", runs.folder / "images.npz", "--quiet")
    assert (result.exit_code, result.stdout) == (143, "")
    assert "Stopped at step 5 of 12 by SIGTERM" in result.stderr
    assert result.stderr.endswith("To go on: python cli.py train --resume images\n")
    assert run("train", "--resume", "--quiet").exit_code == 0
    assert_same_run(runs.whole, tmp_path / "images")


def test_second_ctrl_c_stops_at_once_and_saves_nothing(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(interrupt, "_SECONDS", 0)
    with at_step(5, lambda: send(signal.SIGINT, signal.SIGINT)):
        result = run(*SMALL, "--data", runs.folder / "images.npz")
    assert result.exit_code == 130 and "without a new checkpoint" in result.stderr
    assert npz.load(tmp_path / "images/checkpoint.npz")["step"] == 0
    assert run("train", "--resume", "images").exit_code == 0
    assert_same_run(runs.whole, tmp_path / "images")


def test_damaged_checkpoint_is_said_and_the_run_ends_bit_for_bit_all_the_same(runs, stopped):
    path = stopped / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-1000])
    result = run("train", "--resume", stopped)
    assert result.exit_code == 0 and len(result.stderr.splitlines()) == 1
    assert f"{path} cannot be read" in result.stderr and "of step 0" in result.stderr
    assert_same_run(runs.whole, stopped)


def test_run_past_its_end_is_left_as_it_is_with_exit_code_0(runs, tmp_path):
    folder = shutil.copytree(runs.whole, tmp_path / "run")
    before = content_of(folder)
    for more in [], ["--epochs", 2]:
        result = run("train", "--resume", folder, *more)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.startswith(f"Nothing to train: the run in {folder} is at step 12 of ")
    for made_again in ("generator.keras", "report.html"):  # which names the folder
        before.pop(made_again), (folder / made_again).unlink()
    assert content_of(folder) == before


def test_run_that_was_killed_before_its_last_files_gets_them(runs, tmp_path):
    folder = shutil.copytree(runs.whole, tmp_path / "run")
    for name in ("generator.keras", "report.html"):
        (folder / name).unlink()
    assert run("train", "--resume", folder, "--quiet").exit_code == 0
    assert (folder / "generator.keras").is_file() and (folder / "report.html").is_file()


def test_longer_run_is_the_one_that_was_longer_from_the_start(runs, stopped, tmp_path):
    free = "--epochs 4 --sample-interval 3 --checkpoint-interval 1 --device cpu --quiet --offline"
    result = run("train", "--resume", stopped, *free.split())
    assert (result.exit_code, result.output) == (0, "")
    longer = SMALL[:-1] + ["4", "--data", runs.folder / "images.npz", "--outdir", "longer", "--quiet"]
    assert run(*longer).exit_code == 0
    assert_same_run(tmp_path / "longer", stopped)
    config = json.loads((stopped / "config.json").read_text())["config"]
    assert (config["epochs"], config["checkpoint_interval"], config["device"]) == (4, 1, "cpu")


def test_options_that_differ_are_refused_and_each_listed_with_both_values(stopped):
    before = content_of(stopped)
    words = "--batch-size 8 --seed 3 --lr 0.5 --preset keras --latent-dim 7 --epochs 9".split()
    line = refused("train", "--resume", stopped, *words)
    for told in ("preset='keras' given, 'aioz'", "batch_size=8 given, 16", "lr=0.5 given, 0.0002"):
        assert f"{told} in the run" in line
    assert "seed" not in line and "latent_dim" not in line and "epochs" not in line
    assert content_of(stopped) == before


def test_images_are_compared_by_their_hash_and_not_by_their_path(runs, stopped, pixels, tmp_path):
    np.savez(tmp_path / "moved.npz", images=pixels)
    np.savez(tmp_path / "other.npz", images=pixels[::-1])
    before = content_of(stopped)
    assert "The images must be those of the run" in refused(
        "train", "--resume", stopped, "--data", tmp_path / "other.npz"
    )
    assert content_of(stopped) == before
    assert run("train", "--resume", stopped, "--data", "moved.npz").exit_code == 0
    assert_same_run(runs.whole, stopped)
    assert json.loads((stopped / "config.json").read_text())["config"]["data"] == "moved.npz"


def test_images_that_are_gone_are_named(stopped):
    content = json.loads((stopped / "config.json").read_text())
    content["config"]["data"] = "gone.npz"
    (stopped / "config.json").write_text(json.dumps(content))
    assert "gone.npz" in refused("train", "--resume", stopped)


def test_dry_run_prints_what_the_resumed_run_would_be(stopped):
    before = content_of(stopped)
    settings = json.loads(run("train", "--resume", stopped, "--epochs", 5, "-n").stdout)
    assert (settings["preset"], settings["batch_size"], settings["epochs"]) == ("aioz", 16, 5)
    assert content_of(stopped) == before


@pytest.mark.parametrize("words", [["--resume"], ["--resume", "images"], ["--outdir", "images", "--resume"]])
def test_folder_without_a_run_is_refused_with_the_command_that_starts_one(words, tmp_path):
    line = refused("train", *words)
    assert "Expected a run in images." in line
    assert line.endswith(" To start one: python cli.py train --outdir images")
    assert not list(tmp_path.iterdir())


def test_flag_alone_means_the_outdir(stopped, tmp_path):
    assert run("train", "--resume", "--outdir", stopped, "--quiet").exit_code == 0
    assert npz.load(stopped / "checkpoint.npz")["step"] == 12


@pytest.mark.parametrize("other", ["--overwrite", "--outdir elsewhere"])
def test_resume_with_what_contradicts_it_is_wrong_use(stopped, other):
    before = content_of(stopped)
    result = run("train", "--resume", stopped, *other.split())
    assert (result.exit_code, result.stdout) == (2, "") and "not both" in result.stderr
    assert content_of(stopped) == before


def test_damaged_config_json_is_refused_in_one_line(stopped):
    (stopped / "config.json").write_text("{")
    assert f"{stopped}/config.json must be as `train` wrote it" in refused("train", "--resume", stopped)


def test_run_of_another_process_is_refused_and_named(stopped):
    before = content_of(stopped)
    with run_dir.open_run_dir(stopped, pytest.fail):
        line = refused("train", "--resume", stopped)
    assert f"Received: {stopped}, in which another one is training." in line
    assert content_of(stopped) == before


def test_run_that_stands_there_is_refused_with_the_command_that_goes_on(runs, stopped):
    line = refused(*SMALL, "--data", runs.folder / "images.npz", "--outdir", stopped)
    command = line.split("To go on with it: ")[1].split(" To replace it: ")[0]
    assert shlex.split(command) == ["python", "cli.py", "train", "--resume", str(stopped)]


def test_other_versions_are_said(stopped):
    content = json.loads((stopped / "config.json").read_text())
    content["versions"]["keras"] = "3.1"
    (stopped / "config.json").write_text(json.dumps(content))
    result = run("train", "--resume", stopped)
    assert result.exit_code == 0 and "after 3.1" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_loss_that_is_not_finite_keeps_the_last_finite_checkpoint(runs, tmp_path):
    words = *SMALL, "--data", runs.folder / "images.npz", "--checkpoint-interval", 1, "--quiet"
    with at_step(7, lambda: np.array([[0.5, 0.5, np.nan, 0.5, 0.5]])):
        line = refused(*words)
    assert "Losses must be finite. Received: g_loss=nan at step 7" in line
    assert line.endswith("The checkpoint of step 4 is kept in images, to resume from.")
    assert run("train", "--resume", "--quiet").exit_code == 0
    assert_same_run(runs.whole, tmp_path / "images")


def test_full_disk_is_one_line_and_the_run_goes_on_once_there_is_room(runs, tmp_path):
    resource = pytest.importorskip("resource", reason="needs RLIMIT_FSIZE")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    words = *SMALL, "--data", runs.folder / "images.npz", "--checkpoint-interval", 1, "--quiet"
    try:
        with at_step(6, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10000, before[1]))):
            line = refused(*words)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert line.startswith("Error: The run in images stopped: File too large")
    assert line.endswith("The checkpoint of step 4 is kept in images, to resume from.")
    assert run("train", "--resume", "--quiet").exit_code == 0
    assert_same_run(runs.whole, tmp_path / "images")


# the library


def test_library_raises_keyboard_interrupt_and_a_second_call_goes_on(runs, tmp_path, pixels):
    gan = small()
    with at_step(4, lambda: send(signal.SIGINT)):
        with pytest.raises(KeyboardInterrupt, match="Stopped at step 4 of 12 by SIGINT.* With resume=True"):
            gan.train(3, 16, 3, data=pixels, outdir=tmp_path / "run", quiet=True)
    assert gan.history["step"].tolist() == [1, 2, 3, 4]
    gan.train(2, data=pixels, outdir=tmp_path / "run", quiet=True, batch_size=16, sample_interval=3)
    assert_same_run(runs.whole, tmp_path / "run")


def test_resumed_gan_takes_over_what_is_not_given(runs, stopped, pixels):
    gan = small()
    history = gan.train(outdir=stopped, resume=True, quiet=True)
    assert gan.step == 12 and history["step"].tolist() == list(range(1, 13))
    assert_same_run(runs.whole, stopped)


@pytest.mark.parametrize("settings", [{"seed": 4}, {"lr": 0.5}, {"latent_dim": 9}])
def test_run_of_another_gan_is_not_resumed(stopped, settings):
    before = content_of(stopped)
    gan = small(**settings)
    with pytest.raises(ValueError, match=f"{next(iter(settings))}=.* given, .* in the run"):
        gan.train(outdir=stopped, resume=True)
    assert content_of(stopped) == before and gan.step == 0


def test_run_of_other_images_is_not_resumed(stopped, pixels):
    with pytest.raises(ValueError, match="The images must be those of the run"):
        small().train(outdir=stopped, resume=True, data=pixels[:40])


def test_resume_and_overwrite_exclude_each_other(stopped):
    with pytest.raises(ValueError, match="Give resume=True or overwrite=True, not both"):
        small().train(outdir=stopped, resume=True, overwrite=True)


def test_resume_of_nothing_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected a run in .*nowhere"):
        small().train(outdir=tmp_path / "nowhere", resume=True)
    assert not list(tmp_path.iterdir())


# real kills


def test_run_killed_for_good_ends_as_the_one_that_was_not(runs, tmp_path):
    """In processes of their own; the seed is one that kills at a step and then in a save."""
    words = "--preset aioz --batch-size 50 --latent-dim 7 --data".split()
    counts = soak.soak(tmp_path, steps=120, kills=2, seed=38, words=[*words, runs.folder / "images.npz"])
    assert counts["kills"] == 2 and counts["differences"] == []
