import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_gan.config import TrainConfig
from keras_gan.data import datasets
from keras_gan.model.gan import GAN
from keras_gan.run.config_json import RunInfo
from tests.conftest import misused, refused, run

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


def test_examples_in_the_help_of_train_are_accepted():
    examples = re.findall(r"^ +python cli.py (train.*)", run("train", "--help").stdout, re.M)
    assert len(examples) >= 4
    for example in examples:
        if "--resume" in example:  # for which a run must be there
            assert "To start one: python cli.py train --outdir images" in refused(*shlex.split(example))
            continue
        assert run(*shlex.split(example), "--dry-run").exit_code == 0, example


def test_train_leaves_a_run_and_says_so(trained):
    result, folder = trained
    assert result.exit_code == 0 and result.stderr == ""
    made = {"0.png", "1.png", "history.csv", "config.json", "checkpoint.npz", "generator.keras"}
    made |= {"checkpoint.previous.npz", "report.html", ".lock"}
    assert {path.name for path in folder.iterdir()} == made
    assert "1 epoch = 1 pass over 50 images = 1 batch of 50, seed 0" in result.stdout
    assert str(folder) in result.stdout.splitlines()[-1]


def test_run_directory_among_the_pictures_is_refused_before_they_are_read(tmp_path):
    (tmp_path / "photos").mkdir()  # and none is in it
    for outdir in ("photos", "photos/run", "."):
        line = refused("train", "--data", tmp_path / "photos", "--outdir", tmp_path / outdir)
        assert "must be apart" in line and not list((tmp_path / "photos").iterdir())


@pytest.mark.slow
def test_train_hands_every_setting_on(tmp_path, images_npz):
    numbers = (
        "--lr 0.5 --b1 0.25 --b2 0.125 --seed 9 --sample-interval 2 --image-size 4x5 --fit stretch --quiet"
    )
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


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--lr 0", "lr=0"),
        ("--lr inf", "lr=inf"),
        ("--b1 1", "b1=1"),
        ("--b2 -0.5", "b2=-0.5"),
        ("--preset kmnits", "did you mean kmnist"),
        ("--dataset fashion-mnits", "did you mean fashion-mnist"),
        ("--resume images --lr 0", "lr=0"),
    ],
)
def test_setting_that_is_out_of_range_is_one_line_and_exit_code_2(tmp_path, words, message):
    line = misused("train", *words.split())
    assert message in line and line.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [("--dataset kmnist --offline", "kmnist"), ("--data no-such-file.npz", "no-such-file.npz")],
)
def test_images_that_are_missing_are_one_line_and_exit_code_1(tmp_path, words, message):
    assert message in refused("train", *words.split())
    assert not list(tmp_path.iterdir())


def test_folder_of_texts_is_refused(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.txt").write_text("hello")
    line = refused("train", "--data", "texts")
    assert "Expected image files" in line and "a.txt" in line


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
    """Returns the words of the commands that a refused run prints."""
    return [shlex.split(part.split(": ", 1)[1]) for part in line.split(" To ")[1:]]


def run_in(folder):
    """Leaves what makes a folder a run directory."""
    config = TrainConfig.from_dict(dict(preset="aioz", epochs=1, batch_size=50, latent_dim=7)).resolved()
    dataset = datasets.Dataset.from_array(np.full((50, 8, 8, 1), 7, np.uint8))
    RunInfo.create(config, dataset, 0, "keras", "CPU", {"python": "3"}).write(folder)


@pytest.mark.slow
def test_existing_run_is_refused_with_commands_that_work(tmp_path, images_npz):
    (tmp_path / "my run").mkdir()
    run_in(tmp_path / "my run")
    words = *SMALL, "--data", images_npz, "--outdir", "my run"
    line = refused(*words)
    resume, replace, keep = commands_in(line)
    assert "outdir must not hold a run. Received: my run, which holds one of preset aioz at step 0." in line
    assert resume == ["python", "cli.py", "train", "--resume", "my run"]
    assert replace == ["python", "cli.py", *map(str, words), "--overwrite"]
    assert keep == ["python", "cli.py", *map(str, words), "--outdir", "my run-2"]
    assert run(*replace[2:]).exit_code == 0
    assert (tmp_path / "my run/1.png").is_file()


@pytest.mark.parametrize("program", ["python -m keras_gan", "keras-gan"])
def test_existing_run_repeats_the_program_as_it_was_called(program, tmp_path, images_npz):
    (tmp_path / "-run").mkdir()
    run_in(tmp_path / "-run")
    result = run(*SMALL, "--data", images_npz, "--outdir=-run", prog_name=program)
    resume, *others = commands_in(result.stderr.strip())
    assert resume == [*program.split(), "train", "--resume", "./-run"]
    assert all(command[: len(program.split())] == program.split() for command in others)


@pytest.mark.parametrize("more", [[], ["--overwrite"]])
def test_pictures_with_numbers_for_names_are_never_replaced_nor_is_it_proposed(tmp_path, images_npz, more):
    (tmp_path / "images").mkdir()
    for i in range(300):
        (tmp_path / f"images/{i}.png").write_bytes(b"mine")
    line = refused(*SMALL, "--data", images_npz, *more)
    assert "which holds 0.png and 1 more" in line
    [keep] = commands_in(line)
    assert keep == ["python", "cli.py", *SMALL, "--data", str(images_npz), *more, "--outdir", "images-2"]
    assert "--overwrite" not in line.replace("--overwrite --outdir", "") if more else "overwrite" not in line
    assert {path.read_bytes() for path in (tmp_path / "images").glob("*.png")} == {b"mine"}
    assert len(list((tmp_path / "images").glob("*.png"))) == 300


@pytest.mark.slow
def test_file_of_images_in_the_run_directory_is_read_and_kept(pixels):
    Path("run").mkdir()
    np.savez("run/mine.npz", images=pixels)
    words = [*SMALL, "--data", "run/mine.npz", "--outdir", "run", "--quiet"]
    assert run(*words).exit_code == 0
    before = Path("run/mine.npz").read_bytes()
    assert run(*words, "--overwrite").exit_code == 0
    assert run("train", "--resume", "run", "--epochs", 2, "--quiet").exit_code == 0
    assert Path("run/mine.npz").read_bytes() == before


def test_file_of_the_run_that_is_replaced_is_not_its_data(pixels):
    np.savez("images.npz", images=pixels)
    assert run(*SMALL, "--data", "images.npz", "--outdir", "run", "--quiet").exit_code == 0
    words = [*SMALL, "--batch-size", 1, "--outdir", "run", "--overwrite", "--image-size", 8]
    line = refused(*words, "--data", "run/0.png")
    assert "data must not be a file of the run that is replaced" in line and Path("run/0.png").is_file()
    assert Path("run/config.json").is_file()


def test_refused_folder_gets_no_lock_file(pixels):
    Path("mine").mkdir()
    Image.fromarray(pixels[0, ..., 0]).save("mine/0.png")
    np.savez("images.npz", images=pixels)
    assert "did not write" in refused(*SMALL, "--data", "images.npz", "--outdir", "mine")
    assert [path.name for path in Path("mine").iterdir()] == ["0.png"]
