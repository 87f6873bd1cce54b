"""Tests that a run which was stopped ends as the run that was not: bit for bit."""

import json
import shlex
import shutil
import signal

import numpy as np
import pytest

from benchmarks import soak
from keras_gan.evaluation import features
from keras_gan.files import npz
from keras_gan.presets import PRESETS
from keras_gan.training import run_dir
from tests.conftest import WITHOUT_XLA, Corner, refused, run
from tests.training.conftest import SMALL, assert_same_run, at_step, send

STEPS = 12  # 3 epochs of 4 batches


@pytest.fixture
def small(build):
    """A function that returns the GAN of `whole`, or one with other settings."""
    return lambda preset="aioz", **other: build(
        preset, **dict(image_shape=(8, 8, 1), latent_dim=7, seed=3) | other
    )


# every preset, both engines


CASES = [*((preset, "train_on_batch") for preset in PRESETS), ("keras", "compiled")]
KILLS = {"aioz": (1, 4, 9, 11, 12)}  # after which steps, when their rows were just written


def numbers(preset):
    per_epoch = 1 if PRESETS[preset].rule.epoch_is_one_batch else 4
    return dict(epochs=STEPS // per_epoch, batch_size=16, sample_interval=3)


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "engine"), CASES)
def test_run_that_was_killed_ends_as_the_one_that_was_not(
    preset, engine, tmp_path, pixels, small, monkeypatch
):
    """A copy of the directory is what a kill at that moment leaves."""
    monkeypatch.setattr(features, "load_extractor", lambda *args, **others: Corner())
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
    for step in kills:
        gan = small(preset)
        gan.train(outdir=tmp_path / f"killed-{step}", resume=True, data=pixels, quiet=True)
        assert gan.step == STEPS
        assert_same_run(whole, tmp_path / f"killed-{step}")


# the command line


@pytest.fixture(scope="module")
def stopped_run(whole, build, tmp_path_factory):
    """The run of `whole`, stopped by Ctrl-C at step 7 of 12, and what the command printed."""
    folder = tmp_path_factory.mktemp("runs") / "stopped"
    words = *SMALL, "--data", whole.with_name("images.npz"), "--outdir", folder
    with pytest.MonkeyPatch.context() as patch, at_step(7, lambda: send(signal.SIGINT)):
        patch.setattr("keras_gan.model.gan.GAN", build)
        return folder, run(*words).stderr


@pytest.fixture
def stopped(stopped_run, tmp_path, share_gans, monkeypatch):
    """A copy of the run that was stopped."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(stopped_run[0], tmp_path / "stopped")


def content_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}


@pytest.mark.slow
def test_command_that_ctrl_c_prints_ends_the_run_bit_for_bit(whole, stopped, stopped_run):
    folder, line = stopped_run
    command = line.strip().split("To continue: ")[1]
    words = shlex.split(command.replace(str(folder), str(stopped)))
    result = run(*words[2:])
    assert (result.exit_code, result.stderr) == (0, "")
    assert "from step 7 on" in result.stdout and "Trained 5 steps in" in result.stdout
    assert_same_run(whole, stopped)


def test_damaged_checkpoint_is_said_and_the_run_ends_bit_for_bit_all_the_same(whole, stopped):
    path = stopped / "checkpoint.npz"
    path.write_bytes(path.read_bytes()[:-1000])
    result = run("train", "--resume", stopped)
    assert result.exit_code == 0 and len(result.stderr.splitlines()) == 1
    assert f"{path} cannot be read" in result.stderr and "of step 0" in result.stderr
    assert_same_run(whole, stopped)


def test_run_past_its_end_is_left_as_it_is_with_exit_code_0(whole, tmp_path, share_gans):
    folder = shutil.copytree(whole, tmp_path / "run")
    before = content_of(folder)
    for more in [], ["--epochs", 2]:
        result = run("train", "--resume", folder, *more)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout.startswith(f"Nothing to train: the run in {folder} is at step 12 of ")
    for made_again in ("generator.keras", "report.html"):  # which names the folder
        before.pop(made_again), (folder / made_again).unlink()
    assert content_of(folder) == before


def test_run_that_was_killed_before_its_last_files_gets_them(whole, tmp_path, share_gans):
    folder = shutil.copytree(whole, tmp_path / "run")
    for name in ("generator.keras", "report.html"):
        (folder / name).unlink()
    assert run("train", "--resume", folder, "--quiet").exit_code == 0
    assert (folder / "generator.keras").is_file() and (folder / "report.html").is_file()


@pytest.mark.slow
def test_longer_run_is_the_one_that_was_longer_from_the_start(whole, stopped, tmp_path):
    free = "--epochs 4 --sample-interval 3 --checkpoint-interval 1 --device cpu --quiet --offline"
    result = run("train", "--resume", stopped, *free.split())
    assert (result.exit_code, result.output) == (0, "")
    longer = SMALL[:-1] + ["4", "--data", whole.with_name("images.npz"), "--outdir", "longer", "--quiet"]
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


def test_images_are_compared_by_their_hash_and_not_by_their_path(whole, stopped, pixels, tmp_path):
    np.savez(tmp_path / "moved.npz", images=pixels)
    np.savez(tmp_path / "other.npz", images=pixels[::-1])
    before = content_of(stopped)
    assert "The images must be those of the run" in refused(
        "train", "--resume", stopped, "--data", tmp_path / "other.npz"
    )
    assert content_of(stopped) == before
    assert run("train", "--resume", stopped, "--data", "moved.npz").exit_code == 0
    assert_same_run(whole, stopped)
    assert json.loads((stopped / "config.json").read_text())["config"]["data"] == str(tmp_path / "moved.npz")


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
def test_folder_without_a_run_is_refused_with_the_command_that_starts_one(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
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


def test_run_that_stands_there_is_refused_with_the_command_that_goes_on(whole, stopped):
    line = refused(*SMALL, "--data", whole.with_name("images.npz"), "--outdir", stopped)
    command = line.split("To continue it: ")[1].split(" To replace it: ")[0]
    assert shlex.split(command) == ["python", "cli.py", "train", "--resume", str(stopped)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cpu", "cores", "flags"])
def test_other_processors_are_said_unless_an_earlier_version_did_not_record_them(stopped, name):
    content = json.loads((stopped / "config.json").read_text())
    now, content["versions"][name] = content["versions"][name], "other"
    (stopped / "config.json").write_text(json.dumps(content))
    earlier = shutil.copytree(stopped, stopped.with_name("earlier"))
    expected = f"perhaps not bit for bit: {name} {now}, before other."
    assert expected in run("train", "--resume", stopped, "--quiet").stderr
    for name in ("cpu", "cores", "flags"):
        del content["versions"][name]
    (earlier / "config.json").write_text(json.dumps(content))
    assert run("train", "--resume", earlier, "--quiet").stderr == ""


@pytest.mark.slow
def test_other_versions_are_said(stopped):
    content = json.loads((stopped / "config.json").read_text())
    content["versions"]["keras"] = "3.1"
    (stopped / "config.json").write_text(json.dumps(content))
    result = run("train", "--resume", stopped)
    assert result.exit_code == 0 and "before 3.1" in result.stderr
    assert len(result.stderr.splitlines()) == 1


# the library


def test_resumed_gan_takes_over_what_is_not_given(whole, stopped, small):
    gan = small()
    history = gan.train(outdir=stopped, resume=True, quiet=True)
    assert gan.step == 12 and history["step"].tolist() == list(range(1, 13))
    assert_same_run(whole, stopped)


@pytest.mark.parametrize("settings", [{"seed": 4}, {"lr": 0.5}, {"latent_dim": 9}])
def test_run_of_another_gan_is_not_resumed(stopped, settings, small):
    before = content_of(stopped)
    gan = small(**settings)
    with pytest.raises(ValueError, match=f"{next(iter(settings))}=.* given, .* in the run"):
        gan.train(outdir=stopped, resume=True)
    assert content_of(stopped) == before and gan.step == 0


def test_run_of_other_images_is_not_resumed(stopped, pixels, small):
    with pytest.raises(ValueError, match="The images must be those of the run"):
        small().train(outdir=stopped, resume=True, data=pixels[:40])


def test_resume_and_overwrite_exclude_each_other(stopped, small):
    with pytest.raises(ValueError, match="Give resume=True or overwrite=True, not both"):
        small().train(outdir=stopped, resume=True, overwrite=True)


def test_resume_of_nothing_is_refused(tmp_path, small):
    with pytest.raises(FileNotFoundError, match="Expected a run in .*nowhere"):
        small().train(outdir=tmp_path / "nowhere", resume=True)
    assert not list(tmp_path.iterdir())


# real kills


@pytest.mark.slow
def test_run_killed_for_good_ends_as_the_one_that_was_not(whole, tmp_path, monkeypatch):
    """In processes of their own, of which two start at once; see `benchmarks.soak`."""
    monkeypatch.setattr(soak, "_TRAIN", [*WITHOUT_XLA, "train"])
    words = "--preset aioz --batch-size 50 --latent-dim 7 --data".split()
    counts = soak.soak(tmp_path, steps=200, kills=1, seed=20, words=[*words, whole.with_name("images.npz")])
    forms = ("by SIGHUP", "by a broken pipe", "by a full disk")
    assert counts["kills"] == 1 and [counts[form] for form in forms] == [1, 1, 1]
    assert counts["differences"] == []


@pytest.mark.slow
def test_run_that_began_with_weights_takes_them_again_where_no_checkpoint_was_written(
    train_small, whole, tmp_path
):
    shutil.copy(whole / "checkpoint.npz", "start.npz")
    assert train_small("--from", "start.npz", "--outdir", "one").exit_code == 0
    (tmp_path / "other").mkdir()  # as a kill right after its begin would leave it
    shutil.copy("one/config.json", "other")
    header = (tmp_path / "one/history.csv").read_text().splitlines(True)[0]
    (tmp_path / "other/history.csv").write_text(header)
    shutil.copytree("other", "lost")
    result = run("train", "--resume", "other", "--quiet")
    assert result.exit_code == 0, result.output
    assert_same_run(tmp_path / "one", tmp_path / "other")
    shutil.copy("one/checkpoint.npz", "start.npz")
    assert "must hold the weights that the run began with" in refused("train", "--resume", "lost")
