import importlib.util
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

from keras_gan.data import datasets
from keras_gan.evaluation import features
from keras_gan.model import engines
from keras_gan.model.gan import GAN
from tests.conftest import REPOSITORY, TenClasses, run


@pytest.fixture(scope="module")
def dcgan():
    """The module examples/dcgan.py."""
    spec = importlib.util.spec_from_file_location("dcgan", REPOSITORY / "examples/dcgan.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(28, 28, 1), (64, 64, 3)])
def test_dcgan_trains_both_networks_on_grey_and_colour(dcgan, shape):
    gan = dcgan.DCGAN("aioz", image_shape=shape, latent_dim=7)
    before = gan.generator.get_weights()[0], gan.discriminator.get_weights()[0]
    images = np.random.default_rng(0).integers(0, 256, (8, *shape), dtype=np.uint8)
    values = engines.train_on_batch(gan, images, 4)(0, 2)
    assert np.isfinite(values).all() and gan.sample(gan.noise(3)).shape == (3, *shape)
    for was, network in zip(before, (gan.generator, gan.discriminator)):
        assert not np.array_equal(was, network.get_weights()[0])


@pytest.mark.slow
def test_dcgan_is_trained_on_images_of_ones_own(dcgan, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("own.npz", images=np.random.default_rng(0).integers(0, 256, (100, 12, 12, 3), dtype=np.uint8))
    dcgan.main("own.npz", "8", "1")
    assert (tmp_path / "dcgan/1.png").is_file() and (tmp_path / "dcgan/generator.keras").is_file()


@pytest.mark.slow  # PyTorch is imported in a process of its own
def test_pytorch_example_and_its_commands_run_as_the_page_shows_them(tmp_path, monkeypatch, torch):
    """From a clean folder, but on 200 digits, for one epoch and with 30 samples."""
    section = (
        (REPOSITORY / "docs/pytorch.md").read_text("utf-8").split("## Compare your own PyTorch program")[1]
    )
    commands = [shlex.split(line) for line in re.findall("^python .+", section, re.MULTILINE)]
    monkeypatch.setattr(features, "load_classifier", lambda *args: TenClasses())
    monkeypatch.chdir(tmp_path)
    digits = datasets.load_dataset("digits")
    np.savez("digits.npz", x_train=digits.images[:200, ..., 0], y_train=digits.labels[:200])
    more = {"train": ("--data", "digits.npz"), "compare": ("--count", 30)}
    for _, script, *words in commands:
        words = ["1" if word == "5" else word for word in words]
        if script == "cli.py":
            result = run(*words, *more.get(words[0], ()))
            assert result.exit_code == 0, result.output
        else:
            words += ["--data", "digits.npz", "--samples", "30"]
            subprocess.run([sys.executable, REPOSITORY / script, *words], check=True)
    for made in ("losses.png", "compare/losses.png", "compare/samples.png", "pytorch-run/samples/00029.png"):
        assert (tmp_path / made).is_file()
    saved = torch.load("pytorch-run/gan.pth")["G"]["0.weight"].numpy()
    np.testing.assert_array_equal(GAN.load("from-pytorch/checkpoint.npz").generator.get_weights()[0].T, saved)
