"""Weights to PyTorch and back, against the modules as published."""

import numpy as np
import pytest
from click.testing import CliRunner

from keras_gan.commands import main
from keras_gan.config import get_preset
from keras_gan.model.gan import GAN
from keras_gan.pytorch import state_dict
from keras_gan.rng import Stream, draw_noise

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch==2.13.0")


nn = torch.nn


def published_pytorch_gan():
    """The generator of PyTorch-GAN, in the order of its layers."""

    def block(n_in, n_out, normalise=True):
        norm = [nn.BatchNorm1d(n_out, 0.8)] if normalise else []
        return [nn.Linear(n_in, n_out), *norm, nn.LeakyReLU(0.2)]

    layers = [*block(100, 128, False), *block(128, 256), *block(256, 512), *block(512, 1024)]
    return nn.Sequential(*layers, nn.Linear(1024, 784), nn.Tanh())


def published_kmnist():
    """The generator of the Kuzushiji-MNIST tutorial, whose first block normalises last."""
    first = [nn.Linear(100, 128), nn.LeakyReLU(0.2), nn.BatchNorm1d(128)]
    second = [nn.Linear(128, 256), nn.BatchNorm1d(256), nn.LeakyReLU(0.2)]
    third = [nn.Linear(256, 512), nn.BatchNorm1d(512), nn.LeakyReLU(0.2)]
    return nn.Sequential(*first, *second, *third, nn.Linear(512, 784), nn.Tanh())


class Published(nn.Module):
    """A published generator, whose layers are its attribute `model`."""

    def __init__(self, preset):
        super().__init__()
        self.model = {"pytorch-gan": published_pytorch_gan, "kmnist": published_kmnist}[preset]()

    def images(self, z):
        """Returns float32 (n, 28, 28, 1) of noise (n, 100), in inference mode."""
        with torch.no_grad():
            return self.eval().model(torch.from_numpy(z)).numpy().reshape(-1, 28, 28, 1)


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


Z = draw_noise(0, Stream.EVALUATION, 0, 1000, 100)
both = pytest.mark.parametrize("preset", ["pytorch-gan", "kmnist"])


@both
def test_published_module_loads_the_weights_and_makes_the_same_images(preset, tmp_path):
    gan = lived_in(preset)
    generator, _ = state_dict.export_state_dicts(gan, tmp_path)
    module = Published(preset)
    module.load_state_dict(torch.load(generator, weights_only=True))
    np.testing.assert_allclose(module.images(Z), gan.generator(Z, training=False).numpy(), rtol=0, atol=1e-6)


@both
def test_weights_of_the_published_module_make_the_same_images_here(preset, tmp_path):
    torch.manual_seed(0)
    module = Published(preset)
    norms = [layer for layer in module.model if isinstance(layer, nn.BatchNorm1d)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, 0, 0.1)
    with torch.no_grad():
        for _ in range(5):
            module.model(torch.randn(64, 100))  # in training mode: the running statistics move
    assert all((norm.running_var - 1).abs().max() > 0.1 for norm in norms)
    torch.save(module.state_dict(), tmp_path / "g.pt")
    words = ["import", tmp_path / "run", "--preset", preset, "--generator", tmp_path / "g.pt"]
    assert CliRunner().invoke(main.main, list(map(str, words))).exit_code == 0
    ours = GAN.load(tmp_path / "run/checkpoint.npz").generator(Z, training=False).numpy()
    np.testing.assert_allclose(ours, module.images(Z), rtol=0, atol=1e-6)


@pytest.mark.parametrize("preset", ["keras", "kmnist", "tutorial"])
def test_weights_come_back_bit_for_bit(preset, tmp_path):
    gan, other = lived_in(preset, image_shape=(8, 8, 1)), GAN(preset, image_shape=(8, 8, 1), seed=1)
    for network, path in zip(state_dict.NETWORKS, state_dict.export_state_dicts(gan, tmp_path), strict=True):
        state_dict.import_state_dict(other, network, path)
    weights = [net.get_weights() for g in (gan, other) for net in (g.generator, g.discriminator)]
    for a, b in ((weights[0], weights[2]), (weights[1], weights[3])):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def test_state_dict_of_another_preset_is_refused(tmp_path):
    generator, _ = state_dict.export_state_dicts(GAN("aioz", jit_compile=False), tmp_path)
    with pytest.raises(ValueError, match="for the generator of preset tutorial"):
        state_dict.import_state_dict(GAN("tutorial", jit_compile=False), "generator", generator)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 and no more"])
def test_file_that_is_no_state_dict_is_refused(content, tmp_path):
    (tmp_path / "g.pt").write_bytes(content)
    with pytest.raises(ValueError, match="Expected a PyTorch state_dict"):
        state_dict.import_state_dict(GAN("aioz", jit_compile=False), "generator", tmp_path / "g.pt")


def test_export_import_and_sample_as_commands(tmp_path):
    gan = GAN("aioz", jit_compile=False)
    (tmp_path / "run").mkdir()
    gan.save(tmp_path / "run/checkpoint.npz")

    def run(*words):
        return CliRunner().invoke(main.main, list(map(str, words)))

    assert run("export", tmp_path / "run", "--format", "torch", "--out", tmp_path).exit_code == 0
    words = ("import", tmp_path / "new", "--preset", "aioz", "--generator", tmp_path / "generator.pt")
    assert run(*words).exit_code == 0
    z = draw_noise(0, 5, 0, 4, 100)
    back = GAN.load(tmp_path / "new/checkpoint.npz")
    np.testing.assert_array_equal(back.sample(z), gan.sample(z))
    again = run(*words)
    assert again.exit_code == 1 and "must hold no checkpoint" in again.stderr


def state_dict_file(folder, **settings):
    gan = GAN("aioz", jit_compile=False, **settings)
    return gan, state_dict.export_state_dicts(gan, folder)[0]


@pytest.mark.parametrize(
    ("image_shape", "image_size"),
    [((28, 28, 1), None), ((28, 28, 1), (28, 28)), ((8, 6, 1), (8, 6)), ((8, 6, 3), (8, 6))],
)
def test_noise_and_image_shape_come_from_the_weights(image_shape, image_size, tmp_path):
    _, path = state_dict_file(tmp_path, image_shape=image_shape, latent_dim=7)
    gan = state_dict.build_gan_for(get_preset("aioz"), path, image_size)
    assert (gan.image_shape, gan.latent_dim) == (image_shape, 7)


@pytest.mark.parametrize(
    ("image_size", "message"),
    [
        (None, "Expected --image-size, as images of 144 values may have more than one shape"),
        ((8, 8), "must be that of images of 144 values, grey or RGB. Received: 8x8, 64 or 192 values"),
    ],
)
def test_image_shape_that_the_weights_leave_open_is_refused(image_size, message, tmp_path):
    _, path = state_dict_file(tmp_path, image_shape=(8, 6, 3))
    with pytest.raises(ValueError, match=message):
        state_dict.build_gan_for(get_preset("aioz"), path, image_size)


def test_weights_of_another_preset_are_refused_before_their_sizes_are_asked_for(tmp_path):
    _, path = state_dict_file(tmp_path, image_shape=(8, 6, 3))
    with pytest.raises(ValueError, match="preset kmnist. Received: .*, which lacks model.2.running_mean"):
        state_dict.build_gan_for(get_preset("kmnist"), path)


def test_import_of_a_coloured_generator_with_its_size(tmp_path):
    gan, path = state_dict_file(tmp_path, image_shape=(8, 6, 3), latent_dim=7)
    words = ["import", tmp_path / "run", "--preset", "aioz", "--generator", path]
    refused = CliRunner().invoke(main.main, list(map(str, words)))
    assert refused.exit_code == 1 and len(refused.stderr.splitlines()) == 1
    assert CliRunner().invoke(main.main, [*map(str, words), "--image-size", "8x6"]).exit_code == 0
    z = draw_noise(0, Stream.EVALUATION, 0, 5, 7)
    np.testing.assert_array_equal(GAN.load(tmp_path / "run/checkpoint.npz").sample(z), gan.sample(z))
