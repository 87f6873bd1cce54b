import json
import os
import re
import shlex
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import keras_gan
from keras_gan import preset_diff
from keras_gan.commands import main
from keras_gan.model.gan import GAN
from tests.conftest import REPOSITORY, misused, refused, run

SMALL = "train --preset aioz --epochs 1 --batch-size 50 --latent-dim 7".split()


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    """Each test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, pixels):
    """Result and run directory of one `train`."""
    folder = tmp_path_factory.mktemp("cli")
    np.savez(folder / "images.npz", images=pixels)
    result = run(*SMALL, "--data", folder / "images.npz", "--outdir", folder / "run")
    return result, folder / "run"


# help


def test_help_lists_every_command():
    result = run("--help")
    assert result.exit_code == 0 and {"train", "sample", "presets", "datasets"} <= set(main.main.commands)
    assert all(re.search(rf"^  {name} +\S", result.stdout, re.M) for name in main.main.commands)


@pytest.mark.parametrize("command", sorted(main.main.commands))
def test_help_of_a_command_has_a_worked_example_of_it(command):
    result = run(command, "--help")
    assert result.exit_code == 0 and f"python cli.py {command}" in result.stdout
    assert run(command, "-h").stdout == result.stdout


@pytest.mark.parametrize("command", sorted(main.main.commands))
def test_every_option_has_its_help(command):
    options = [p for p in main.main.commands[command].params if p.param_type_name == "option"]
    assert [option.opts for option in options if not option.help] == []


def test_examples_in_the_help_of_train_are_accepted():
    examples = re.findall(r"^ +python cli.py (train.*)", run("train", "--help").stdout, re.M)
    assert len(examples) >= 4
    for example in examples:
        if "--resume" in example:  # for which a run must be there
            assert "To start one: python cli.py train --outdir images" in refused(*shlex.split(example))
            continue
        assert run(*shlex.split(example), "--dry-run").exit_code == 0, example


@pytest.mark.parametrize("words", [["-m", "keras_gan"], ["cli.py"]])
def test_program_is_started_either_way(words):
    command = [sys.executable, *words, "--help"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert result.stdout.startswith(f"Usage: python {' '.join(words)} ") and result.stderr == ""


def test_output_into_a_closed_pipe_is_no_error():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "cli.py", "presets"]
    result = subprocess.run(command, cwd=REPOSITORY, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert result.stderr == ""


def test_expected_failure_of_a_real_process_is_one_line_without_chatter(tmp_path):
    command = [sys.executable, "cli.py", "sample", str(tmp_path / "no-run")]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1 and "no-run" in result.stderr


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (OSError(13, "Permission denied", "x.npz"), "Permission denied: x.npz"),
        (ValueError("two\nlines"), "two lines"),
        (MemoryError(), "MemoryError"),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM when allocating\nmore"),
            "Out of memory, where a smaller --batch-size may help: OOM when allocating",
        ),
    ],
)
def test_expected_failure_is_one_line(monkeypatch, error, line):
    monkeypatch.setattr(preset_diff, "list_differences", mock.Mock(side_effect=error))
    assert refused("presets", "keras", "aioz") == f"Error: {line}"


def test_any_other_failure_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(preset_diff, "list_differences", mock.Mock(side_effect=KeyError("a bug")))
    assert isinstance(run("presets", "keras", "aioz").exception, KeyError)


def test_file_in_a_folder_that_is_missing_is_refused_by_its_own_name(trained):
    line = refused("sample", trained[1], "--count", 4, "--out", "no/digits.png")
    assert "no/digits.png must be in a folder that exists. Received: no folder no." in line


@pytest.mark.parametrize("words", ["fid a b", "evaluate run", "compare a b", "parity"])
def test_seed_that_no_generator_takes_is_wrong_use(words):
    result = run(*words.split(), "--seed", 2**63)
    assert result.exit_code == 2 and "9223372036854775808 is not in the range" in result.stderr


def test_version():
    assert run("--version").stdout == f"keras_gan, version {keras_gan.__version__}\n"


# train


def test_train_leaves_a_run_and_says_so(trained):
    result, folder = trained
    assert result.exit_code == 0 and result.stderr == ""
    made = {"0.png", "1.png", "history.csv", "config.json", "checkpoint.npz", "generator.keras"}
    made |= {"checkpoint.previous.npz", "report.html", ".lock"}
    assert {path.name for path in folder.iterdir()} == made
    assert "1 epoch = 1 pass over 50 images = 1 batch of 50, seed 0" in result.stdout
    assert str(folder) in result.stdout.splitlines()[-1]


def test_train_hands_every_setting_on(tmp_path, images_npz):
    numbers = "--lr 0.5 --b1 0.25 --b2 0.125 --seed 9 --sample-interval 2 --image-size 4x5 --quiet"
    result = run(*SMALL, "--data", images_npz, *numbers.split())
    assert (result.exit_code, result.output) == (0, "")
    record = json.loads((tmp_path / "images/config.json").read_text())
    config = record["config"]
    assert [config[n] for n in ("lr", "b1", "b2", "seed", "sample_interval")] == [0.5, 0.25, 0.125, 9, 2]
    assert (config["latent_dim"], config["image_size"], record["image_shape"]) == (7, [4, 5], [4, 5, 1])
    gan = GAN.load(tmp_path / "images/checkpoint.npz")
    assert (gan.config.lr, gan.config.b1, gan.config.b2, gan.seed) == (0.5, 0.25, 0.125, 9)


def test_dry_run_prints_the_resolved_configuration_and_writes_nothing(tmp_path):
    result = run("train", "--preset", "pytorch_gan", "--epochs", "7", "-n")
    settings = json.loads(result.stdout)
    assert result.exit_code == 0 and not list(tmp_path.iterdir())
    assert (settings["preset"], settings["epochs"], settings["batch_size"]) == ("pytorch-gan", 7, 64)
    assert (settings["lr"], settings["dataset"]) == (2e-4, "auto")


def test_options_are_accepted_with_underscores():
    words = "train --dry_run --batch_size 5 --sample_interval 6 --latent_dim 7 --image_size 8".split()
    settings = json.loads(run(*words).stdout)
    assert [settings[n] for n in ("batch_size", "sample_interval", "latent_dim")] == [5, 6, 7]
    assert settings["image_size"] == [8, 8]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--epochs 0", "epochs=0"),
        ("--batch-size -3", "batch_size=-3"),
        ("--sample-interval 0", "sample_interval=0"),
        ("--checkpoint-interval 0", "checkpoint_interval=0"),
        ("--latent-dim 0", "latent_dim=0"),
        ("--lr 0", "lr=0"),
        ("--lr nan", "lr=nan"),
        ("--lr inf", "lr=inf"),
        ("--b1 1", "b1=1"),
        ("--b2 -0.5", "b2=-0.5"),
        ("--seed -1", "seed=-1"),
        ("--preset kmnits", "did you mean kmnist"),
        ("--dataset fashion-mnits --offline", "did you mean fashion-mnist"),
        ("--dataset kmnist --offline", "kmnist"),
        ("--data no-such-file.npz", "no-such-file.npz"),
    ],
)
def test_bad_setting_of_train_is_one_line_and_exit_code_1(tmp_path, words, told):
    assert told in refused("train", *words.split())
    assert not list(tmp_path.iterdir())


def test_folder_of_texts_is_refused(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").write_text("hello")
    line = refused("train", "--data", "texts")
    assert "Expected pictures" in line and "a.txt" in line


def test_pictures_of_mixed_sizes_are_refused_with_the_way_out(tmp_path):
    (tmp_path / "photos").mkdir()
    for side in (8, 9):
        Image.new("L", (side, side)).save(tmp_path / f"photos/{side}.png")
    line = refused("train", "--data", "photos")
    assert "8x8" in line and "9x9" in line and "--image-size" in line


def test_array_of_python_objects_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.array([{}, []], dtype=object))
    assert "a.npz" in refused("train", "--data", "a.npz")


def test_batch_larger_than_the_data_is_refused_and_nothing_written(tmp_path, images_npz):
    line = refused("train", "--data", images_npz, "--batch-size", 51)
    assert "number of images (50)" in line and "batch_size=51" in line
    assert list(tmp_path.iterdir()) == [images_npz]


def test_gpu_that_is_not_there_is_refused(images_npz, monkeypatch):
    monkeypatch.setattr("tensorflow.config.list_physical_devices", lambda kind=None: [])
    assert "GPU" in refused("train", "--data", images_npz, "--device", "gpu")


def test_outdir_that_is_a_file_is_refused_without_wrong_advice(tmp_path, images_npz):
    (tmp_path / "taken").write_text("mine")
    line = refused(*SMALL, "--data", images_npz, "--outdir", "taken")
    assert "taken" in line and "--overwrite" not in line
    assert (tmp_path / "taken").read_text() == "mine"


def commands_in(line):
    """Returns the words of the two commands that a refused run prints."""
    found = re.fullmatch(r".*To replace it: (.*?) +To keep it: (.*)", line)
    return [shlex.split(command) for command in found.groups()]


def test_existing_run_is_refused_with_two_commands_that_work(tmp_path, images_npz):
    (tmp_path / "my run").mkdir()
    (tmp_path / "my run/1.png").write_text("old")
    words = *SMALL, "--data", images_npz, "--outdir", "my run"
    replace, keep = commands_in(refused(*words))
    assert replace[:2] == keep[:2] == ["python", "cli.py"]
    assert (tmp_path / "my run/1.png").read_text() == "old"
    assert keep[2:] == [*map(str, words), "--outdir", "my run-2"]
    assert run(*replace[2:]).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"images.npz", "my run"}
    assert (tmp_path / "my run/history.csv").is_file()
    assert (tmp_path / "my run/1.png").read_bytes() != b"old"


@pytest.mark.parametrize("program", ["python -m keras_gan", "keras-gan"])
def test_existing_run_repeats_the_program_as_it_was_called(program, tmp_path, images_npz):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/1.png").write_text("old")
    result = run(*SMALL, "--data", images_npz, "--outdir", "run", prog_name=program)
    start = [*program.split(), *SMALL]
    for command in commands_in(result.stderr.strip()):
        assert command[: len(start)] == start


@pytest.mark.parametrize(
    "words", ["train --epochs many", "train --epoch", "train extra", "train --device abacus", "nonesuch"]
)
def test_wrong_use_is_exit_code_2(words):
    assert "Usage: python cli.py" in misused(*words.split())


@pytest.mark.parametrize("size", ["0", "8x", "8x8x8", "-8", "x", "8.5"])
def test_size_that_is_none_is_wrong_use(size):
    assert "such as 64 or 64x48" in misused("train", f"--image-size={size}")


# sample


def test_sample_writes_a_picture_into_the_run(trained, tmp_path):
    result = run("sample", trained[1], "--count", 5)
    path = trained[1] / "samples.png"
    assert result.exit_code == 0 and str(path) in result.stdout and "5 images of step 1" in result.stdout
    assert Image.open(path).size == (3 * 68 + 4, 2 * 68 + 4)
    path.unlink()
    assert not list(tmp_path.iterdir())


def test_grid_gives_rows_and_columns_of_the_picture(trained):
    assert run("sample", trained[1], "--grid", "2x3", "--out", "a.png").exit_code == 0
    assert Image.open("a.png").size == (3 * 68 + 4, 2 * 68 + 4)


def images_of(run_dir, *words):
    """Returns the images that `sample` writes with these options."""
    result = run("sample", run_dir, *words, "--npz", "a.npz")
    assert result.exit_code == 0, result.output
    with np.load("a.npz") as arrays:
        assert arrays.files == ["images"]
        return arrays["images"]


def test_npz_holds_uint8_images_and_no_picture_is_written_beside(trained, tmp_path):
    images = images_of(trained[1], "--count", "30")
    assert images.shape == (30, 8, 8, 1) and images.dtype == np.uint8
    assert len(np.unique(images, axis=0)) == 30
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
    assert not (trained[1] / "samples.png").exists()


def test_same_seed_gives_the_same_image_whatever_the_others(trained):
    many = images_of(trained[1], "--seeds", "0-9")
    few = images_of(trained[1], "--seeds", "7,2-3")
    np.testing.assert_array_equal(few, many[[7, 2, 3]])
    assert len(np.unique(many, axis=0)) == 10


def test_npz_and_picture_are_written_together_and_show_the_same(trained):
    images = images_of(trained[1], "--seeds", "0-3", "--out", "a.png", "--grid", "2x2")
    picture = np.asarray(Image.open("a.png").convert("L"))
    np.testing.assert_array_equal(picture[4:68:8, 72:136:8], images[1, ..., 0])


def test_sample_takes_the_checkpoint_itself(trained):
    by_folder = images_of(trained[1], "--seeds", "4")
    np.testing.assert_array_equal(images_of(trained[1] / "checkpoint.npz", "--seeds", "4"), by_folder)


def test_picture_of_a_checkpoint_lies_beside_it_by_default(trained):
    result = run("sample", trained[1] / "checkpoint.npz", "--count", 1)
    assert result.exit_code == 0, result.output
    (trained[1] / "samples.png").unlink()


def test_folder_that_holds_no_run_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "empty" in refused("sample", "empty")
    assert not list((tmp_path / "empty").iterdir())


def test_run_that_is_not_there_is_refused():
    assert "nowhere" in refused("sample", "nowhere")


def test_damaged_checkpoint_is_refused(tmp_path):
    (tmp_path / "checkpoint.npz").write_bytes(b"PK not a zip")
    assert "checkpoint.npz" in refused("sample", ".")


def test_more_images_than_the_grid_holds_are_refused_and_nothing_written(trained, tmp_path):
    line = refused("sample", trained[1], "--seeds", "0-6", "--grid", "2x3", "--out", "a.png")
    assert "2x3 holds 6 images. Received: 7" in line and not list(tmp_path.iterdir())


def test_picture_in_a_folder_that_is_not_there_is_refused(trained):
    assert "nowhere" in refused("sample", trained[1], "--count", 1, "--out", "nowhere/a.png")


def test_seeds_and_count_together_are_wrong_use(trained):
    assert "not both" in misused("sample", trained[1], "--seeds", "0", "--count", "1")


@pytest.mark.parametrize("seeds", ["", "a", "3-1", "1,,2", "-1", "1-2-3", str(2**63)])
def test_seeds_that_are_none_are_wrong_use(trained, seeds):
    assert "such as 0-63 or 0,1,4-6" in misused("sample", trained[1], f"--seeds={seeds}")


# what there is


def test_presets_lists_each_with_its_numbers():
    result = run("presets")
    assert result.exit_code == 0
    for name in keras_gan.PRESETS:
        assert re.search(rf"^{name} ", result.stdout, re.M)
    assert "30000 epochs (one batch each), batches of 256" in result.stdout
    assert "100 epochs (one pass over the images each), batches of 100" in result.stdout


def test_datasets_lists_each_with_its_licence_and_where_it_is():
    result = run("datasets")
    assert result.exit_code == 0
    for name in ("mnist", "fashion-mnist", "kmnist", "digits"):
        assert re.search(rf"^{name} ", result.stdout, re.M)
    assert "bundled with scikit-learn" in result.stdout and "CC BY-SA 4.0" in result.stdout
