import json

import numpy as np
import pytest

from keras_gan.config import TrainConfig
from keras_gan.data import datasets
from keras_gan.data.options import ImageOptions
from keras_gan.run import info
from tests.conftest import save_image

VERSIONS = {"python": "3.11.0", "keras": "3.15.0", "numpy": "2.0.0"}


def of(found, **settings):
    config = TrainConfig.from_dict(dict(preset="aioz", **settings)).resolved()
    return info.RunInfo.create(config, found, 0, "keras", "CPU", VERSIONS)


@pytest.fixture
def run(pixels):
    """The record of a run on an array."""
    return of(datasets.Dataset.from_array(pixels), epochs=3, seed=4)


def damaged(folder, content):
    """Writes config.json and returns the line it is refused with."""
    (folder / "config.json").write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ValueError) as error:
        info.read_info(folder)
    line = str(error.value)
    assert line.startswith(f"{folder / 'config.json'} must be as `train` wrote it. Received: ")
    assert "\n" not in line
    return line


def test_record_is_read_as_it_was_written(tmp_path, run):
    run.write(tmp_path)
    assert info.read_info(tmp_path) == run
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_record_holds_what_the_data_set_was(tmp_path, run, pixels):
    run.write(tmp_path)
    content = json.loads((tmp_path / "config.json").read_text())
    sha256 = datasets.Dataset.from_array(pixels).sha256
    assert content["data"] == {
        "name": "array",
        "source": "memory",
        "sha256": sha256,
        "images": 50,
        "notes": [],
    }
    assert content["image_shape"] == [8, 8, 1] and content["config"]["seed"] == 4


def test_record_of_before_there_was_a_first_step_is_read(tmp_path, run):
    run.write(tmp_path)
    content = json.loads((tmp_path / "config.json").read_text())
    del content["first_step"], content["framework"]
    (tmp_path / "config.json").write_text(json.dumps(content))
    assert info.read_info(tmp_path) == run


@pytest.mark.parametrize("missing", ["run", "."])
def test_folder_without_a_run_is_named(tmp_path, missing):
    with pytest.raises(FileNotFoundError, match="Expected a run in .* no file .*config.json"):
        info.read_info(tmp_path / missing)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "Expecting value"),
        ('{"config": {', "Expecting"),
        ("[" * 100000, "recursion"),
        ("[]", "list indices"),
        ({}, "no 'image_shape'"),
        ({"image_shape": 3}, "not iterable"),
        (" " * 2**20 + "{}", "more than 1048576 bytes"),
    ],
)
def test_damaged_record_is_refused_in_one_line(tmp_path, content, told):
    assert told in damaged(tmp_path, content)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"config": {"preset": "aioz", "momentum": 1}}, "momentum"),
        ({"config": {"preset": "aioz", "data": 5}}, "data=5"),
        ({"config": {"preset": "aioz", "image_size": 5}}, "not iterable"),
        ({"config": []}, "list"),
        ({"data": {"name": "mnist", "source": "x", "sha256": 7}}, "no name"),
        ({"data": {"name": "mnist", "source": "x", "sha256": "7"}}, "no 'images'"),
        ({"data": {"name": "mnist", "source": "x", "sha256": "7", "images": 0}}, "has 0 images"),
        ({"data": {"name": "mnist", "source": "x", "sha256": "7", "images": 10**400}}, "000 images"),
        ({"data": None}, "NoneType"),
        ({"versions": 1}, "int"),
        ({"first_step": "a"}, "invalid literal"),
        ({"first_step": float("inf")}, "infinity"),
        ({"first_step": -1}, "first_step is -1"),
        ({"image_shape": [8, 8]}, "not three sizes"),
        ({"image_shape": [8, 8, 0]}, "not three sizes"),
        ({"gan_class": {"path": 1, "networks": "a"}}, "gan_class has no path"),
        ({"gan_class": {"path": "a", "networks": "a", "layers": {"generator": [{}]}}}, "no 'layer'"),
        ({"gan_class": {"path": "a", "networks": "a", "layers": {"generator": []}}}, "no 'discriminator'"),
        ({"weights_from": {"path": "a"}}, "no 'sha256'"),
        ({"weights_from": 5}, "not subscriptable"),
    ],
)
def test_record_with_a_wrong_part_is_refused_in_one_line(tmp_path, run, change, told):
    content = run._content() | change
    assert told in damaged(tmp_path, content)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "config.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="config.json must be as"):
        info.read_info(tmp_path)


# images


def test_images_that_an_earlier_version_read_otherwise_are_refused_with_the_likely_reason(tmp_path):
    save_image(tmp_path / "in" / "x.png", (0, 0, 0, 0), "RGBA")
    now = datasets.load_dataset(path=tmp_path / "in", warn=[].append)
    other = datasets.Dataset.from_array(np.full((2, 3, 4, 3), 200, np.uint8), "in")
    old = of(other, data=str(tmp_path / "in"))
    del old.data["notes"]
    with pytest.raises(
        ValueError, match="is of an earlier version, which did not do this: 1 of 1 images have tr"
    ):
        old.check_dataset(now)
    recorded = of(now, data=str(tmp_path / "in"))
    assert recorded.load_dataset(recorded.config, warn=[].append).sha256 == now.sha256
    black = ImageOptions(background="black")
    with pytest.raises(ValueError, match="in the run: .*composited on white.* Now: .*composited on black"):
        recorded.check_dataset(datasets.load_dataset(path=tmp_path / "in", options=black, warn=[].append))


def test_images_are_read_again_from_where_they_were(images_npz):
    path = str(images_npz)
    dataset = datasets.load_dataset(path=path, options=ImageOptions((4, 4)))
    run = of(dataset, data=path, image_size=(4, 4))
    found = run.load_dataset(run.config)
    assert found.sha256 == run.data["sha256"] and found.image_shape == (4, 4, 1)


def test_auto_is_what_it_was_and_never_another():
    """Offline, auto itself is replaced by digits, with a line that says so."""
    run = of(datasets.load_dataset("digits"), dataset="auto")
    assert run.load_dataset(run.config, offline=True, warn=pytest.fail).name == "digits"
    run = run._replace(data=run.data | {"name": "mnist"})
    with pytest.raises(FileNotFoundError, match="mnist"):
        run.load_dataset(run.config, offline=True, warn=pytest.fail)


def test_other_images_are_refused_by_their_hash_wherever_they_lie(images_npz, pixels, tmp_path):
    run = of(datasets.load_dataset(path=images_npz), data=str(images_npz))
    np.savez(tmp_path / "copy.npz", images=pixels)
    moved = run.config.resumed({"data": str(tmp_path / "copy.npz")})
    assert run.load_dataset(moved).sha256 == run.data["sha256"]
    np.savez(images_npz, images=pixels[::-1])
    with pytest.raises(ValueError, match=r"images with the hash \w{12}. Received: 50 of images with"):
        run.load_dataset(run.config)


def test_images_from_memory_cannot_be_read_again(run):
    with pytest.raises(ValueError, match="came from memory"):
        run.load_dataset(run.config)


# comparisons


def test_what_is_of_another_run_is_refused_with_both_values(run):
    run.check_same("it", {"seed": 4, "image_shape": [8, 8, 1], "framework": "keras"})
    with pytest.raises(
        ValueError, match="^it must belong to the run. .*: seed=5, 4 in the run; lr=1, 0.0002 in"
    ):
        run.check_same("it", {"seed": 5, "preset": "aioz", "lr": 1})


def test_changed_versions_are_said_but_not_pythons(run):
    assert run.describe_changes(VERSIONS | {"python": "3.13"}) is None
    line = run.describe_changes(VERSIONS | {"numpy": "2.1.0", "keras": "3.16"})
    assert "perhaps not bit for bit: keras 3.16, before 3.15.0, numpy 2.1.0, before 2.0.0." in line
