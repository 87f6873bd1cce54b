import numpy as np
import pytest

from keras_gan import GAN
from keras_gan.data import datasets
from keras_gan.evaluation import features
from tests.conftest import TenClasses, run, save_image


@pytest.fixture(autouse=True)
def prepared(tmp_path, monkeypatch):
    """A folder of the test's own, and an extractor that takes no time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(features, "load_classifier", lambda train, test, warn: TenClasses())


@pytest.fixture(scope="module")
def gan():
    return GAN("aioz", latent_dim=7, jit_compile=False)


def test_fid_is_a_number_with_all_it_depends_on(gan, capsys):
    distance = gan.fid("digits:test", count=30)
    assert isinstance(distance, float) and distance > 0
    assert (distance.n, distance.n_real, distance.feature_spec["features"]) == (30, 30, "classifier")
    assert distance.real_baseline["n"] == 30 and 0 < distance.real_baseline["value"]
    said = capsys.readouterr().err
    assert "classifier features stand in for InceptionV3's: " in said
    assert "90 images go through an extractor for tests: less than a minute" in said


def test_fid_is_that_of_the_command(gan, tmp_path):
    gan.save(tmp_path / "checkpoint.npz")
    printed = run("fid", "checkpoint.npz", "digits:test", "--count", 30).stdout
    assert printed.splitlines()[0].endswith(f": {gan.fid('digits:test', count=30):.4f}")


def test_mode_is_that_of_the_samples(pixels):
    gan = GAN("kmnist", image_shape=(8, 8, 1), latent_dim=7, jit_compile=False)
    distances = {m: gan.fid(pixels, count=30, features="pca", mode=m) for m in ("inference", "training")}
    assert distances["inference"] != distances["training"]
    assert distances["training"].result["sample_batch_size"] == 64


def test_real_images_are_the_test_part_of_what_it_was_trained_on(pixels, tmp_path):
    labels = np.arange(50) % 10
    np.savez(
        tmp_path / "own.npz", x_train=pixels[:40], y_train=labels[:40], x_test=pixels[40:], y_test=labels[40:]
    )
    gan = GAN("aioz", image_shape=(8, 8, 1), latent_dim=7, jit_compile=False)
    gan.train(1, 20, data="own.npz", quiet=True)
    for one in (gan, GAN.load("images/checkpoint.npz")):
        distance = one.fid(count=20)
        assert distance.result["b"] == "own:test" and distance.n_real == 10


@pytest.mark.slow
def test_images_in_memory_are_those_it_was_trained_on(pixels):
    gan = GAN("aioz", image_shape=(8, 8, 1), latent_dim=7, jit_compile=False)
    gan.train(1, 25, data=pixels, quiet=True)
    distance = gan.fid(count=20, features="pca")
    assert distance.n_real == 20 and distance.real_baseline["n"] == 10  # half of them


def test_images_are_read_as_those_it_was_trained_on(tmp_path, capsys):
    for i in range(20):
        save_image(tmp_path / "photos" / f"{i}.png", (9 * i, 0, 0, i), "RGBA", (8, 8))
    words = "--preset kmnist --data photos --background black --epochs 1 --batch-size 10 --outdir run".split()
    assert run("train", *words).exit_code == 0
    GAN.load("run/checkpoint.npz").fid("photos", count=20, features="pca")
    said = capsys.readouterr().err
    assert "composited on black" in said and "white" not in said


def test_array_is_taken_and_another_shape_refused(gan):
    digits = datasets.load_dataset("digits", split="test").images
    assert gan.fid(digits[:40], count=40, features="pca").n_real == 40
    with pytest.raises(ValueError, match="shape of the real ones, 14x14x1. Received: the GAN of 28x28x1."):
        gan.fid(digits[:, ::2, ::2], count=20)


def test_gan_of_unknown_origin_must_be_told(gan, tmp_path):
    gan.step = 3
    gan.save(tmp_path / "alone.npz")
    with pytest.raises(ValueError, match="real must be given, .* Received: None"):
        GAN.load(tmp_path / "alone.npz").fid()


@pytest.mark.parametrize("count", [1, -5, 2.5])
def test_count_that_gives_no_distance_is_refused_at_once(gan, count):
    with pytest.raises(ValueError, match="count must be an integer of at least 2"):
        gan.fid("digits:test", count=count)
