"""Weights to PyTorch and back, against the modules as published."""

import numpy as np
import pytest
from click.testing import CliRunner

from keras_gan import data
from keras_gan.cli import main
from keras_gan.gan import GAN

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch==2.13.0")
from keras_gan import export  # noqa: E402


class PublishedGenerator(torch.nn.Module):
    """The generator of PyTorch-GAN, written out."""

    def __init__(self):
        super().__init__()
        nn = torch.nn

        def block(n_in, n_out, normalise=True):
            norm = [nn.BatchNorm1d(n_out, 0.8)] if normalise else []
            return [nn.Linear(n_in, n_out), *norm, nn.LeakyReLU(0.2)]

        layers = [*block(100, 128, False), *block(128, 256), *block(256, 512), *block(512, 1024)]
        self.model = nn.Sequential(*layers, nn.Linear(1024, 784), nn.Tanh())

    def forward(self, z):
        return self.model(z)


def lived_in(preset, **settings):
    """A GAN whose weights and moving statistics are all off their defaults."""
    gan = GAN(preset, jit_compile=False, **settings)
    rng = np.random.default_rng(1)
    for name, variable in gan.variables().items():
        if name.endswith(("beta", "moving_mean", "bias")):
            variable.assign(rng.normal(0, 0.1, variable.shape))
        elif name.endswith(("gamma", "moving_variance")):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return gan


def test_published_module_loads_the_weights_and_makes_the_same_images(tmp_path):
    gan = lived_in("pytorch-gan")
    generator, _ = export.to_torch(gan, tmp_path)
    module = PublishedGenerator().eval()
    module.load_state_dict(torch.load(generator, weights_only=True))
    z = data.noise(0, 5, 0, 1000, 100)
    with torch.no_grad():
        theirs = module(torch.from_numpy(z)).numpy().reshape(-1, 28, 28, 1)
    np.testing.assert_allclose(theirs, gan.generator(z, training=False).numpy(), atol=1e-6)


@pytest.mark.parametrize("preset", ["keras", "kmnist", "tutorial"])
def test_weights_come_back_bit_for_bit(preset, tmp_path):
    gan, other = lived_in(preset, image_shape=(8, 8, 1)), GAN(preset, image_shape=(8, 8, 1), seed=1)
    for network, path in zip(export.NETWORKS, export.to_torch(gan, tmp_path), strict=True):
        export.from_torch(other, network, path)
    weights = [net.get_weights() for g in (gan, other) for net in (g.generator, g.discriminator)]
    for a, b in ((weights[0], weights[2]), (weights[1], weights[3])):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_state_dict_of_another_preset_is_refused(tmp_path):
    generator, _ = export.to_torch(GAN("aioz", jit_compile=False), tmp_path)
    with pytest.raises(ValueError, match="for the generator of preset tutorial"):
        export.from_torch(GAN("tutorial", jit_compile=False), "generator", generator)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 and no more"])
def test_file_that_is_no_state_dict_is_refused(content, tmp_path):
    (tmp_path / "g.pt").write_bytes(content)
    with pytest.raises(ValueError, match="Expected a PyTorch state_dict"):
        export.from_torch(GAN("aioz", jit_compile=False), "generator", tmp_path / "g.pt")


def test_export_import_and_sample_as_commands(tmp_path):
    gan = GAN("aioz", jit_compile=False)
    (tmp_path / "run").mkdir()
    gan.save(tmp_path / "run/checkpoint.npz")

    def run(*words):
        return CliRunner().invoke(main, list(map(str, words)))

    assert run("export", tmp_path / "run", "--format", "torch", "--out", tmp_path).exit_code == 0
    words = ("import", tmp_path / "new", "--preset", "aioz", "--generator", tmp_path / "generator.pt")
    assert run(*words).exit_code == 0
    z = data.noise(0, 5, 0, 4, 100)
    back = GAN.load(tmp_path / "new/checkpoint.npz")
    np.testing.assert_array_equal(back.sample(z), gan.sample(z))
    again = run(*words)
    assert again.exit_code == 1 and "must hold no checkpoint" in again.stderr
