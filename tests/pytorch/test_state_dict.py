"""Weights to PyTorch and back, against the modules as published."""

import numpy as np
import pytest
from PIL import Image

from keras_gan.figures.grid import save_sample_grid
from keras_gan.model.gan import GAN
from keras_gan.preset_diff import get_preset
from keras_gan.pytorch import state_dict
from keras_gan.rng import Stream, draw_noise
from tests.conftest import refused, run

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


@pytest.mark.slow
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
    assert run(*words).exit_code == 0
    ours = GAN.load(tmp_path / "run/checkpoint.npz").generator(Z, training=False).numpy()
    np.testing.assert_allclose(ours, module.images(Z), rtol=0, atol=1e-6)


SMALL = dict(image_shape=(8, 6, 3), latent_dim=7)


def restore(gan, other, folder):
    """Exports a GAN and imports both files into another one."""
    for network, path in zip(state_dict.NETWORKS, state_dict.export_state_dicts(gan, folder), strict=True):
        state_dict.import_weights(other, network, state_dict.read_weights(path, gan.preset, network))


@pytest.mark.parametrize("preset", ["keras", pytest.param("kmnist", marks=pytest.mark.slow), "tutorial"])
def test_weights_come_back_bit_for_bit(preset, tmp_path):
    gan, other = lived_in(preset, **SMALL), GAN(preset, seed=1, **SMALL)
    restore(gan, other, tmp_path)
    weights = [net.get_weights() for g in (gan, other) for net in (g.generator, g.discriminator)]
    for a, b in ((weights[0], weights[2]), (weights[1], weights[3])):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.fixture(scope="module")
def small():
    """A GAN of kmnist, and the state_dicts of its networks as tensors."""
    gan = lived_in("kmnist", **SMALL)
    weights = {
        network: {k: torch.from_numpy(np.array(w)) for k, w in
                  state_dict.make_state_dict(gan.preset, gan.arrays(), network).items()}
        for network in state_dict.NETWORKS
    }  # fmt: skip
    return gan, weights["generator"], weights["discriminator"]


def prefixed(weights, prefix, without=""):
    return {prefix + key.removeprefix(without): w for key, w in weights.items()}


FORMS = {  # how people save: (content of a file, name of the generator's weights in it)
    "plain": lambda g, d: (g, ""),
    "sequential": lambda g, d: (prefixed(g, "", "model."), ""),
    "module.": lambda g, d: (prefixed(g, "module."), ""),
    "compiled": lambda g, d: (prefixed(g, "_orig_mod.module."), ""),
    "main": lambda g, d: (prefixed(g, "main.", "model."), ""),
    "parameters": lambda g, d: (
        {k: nn.Parameter(w) if w.is_floating_point() else w for k, w in g.items()}, "",
    ),
    "under a key": lambda g, d: ({"epoch": 3, "loss": 0.5, "state_dict": g}, "state_dict"),
    "two": lambda g, d: ({"G": g, "D": d, "optim": {"state": {0: {"exp_avg": g["model.0.weight"]}}}}, "G"),
    "one module": lambda g, d: (prefixed(g, "generator.") | prefixed(d, "discriminator."), "generator"),
    "deep": lambda g, d: ({"nets": {"G": prefixed(g, "module."), "D": d}}, "nets.G"),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_weights_are_found_however_they_are_saved(form, small, tmp_path):
    gan, g, d = small
    content, key = FORMS[form](g, d)
    torch.save(content, tmp_path / "a.pth")
    weights = state_dict.read_weights(tmp_path / "a.pth", gan.preset, "generator")
    other = state_dict.build_gan_for(gan.preset, weights, (8, 6))
    state_dict.import_weights(other, "generator", weights)
    assert weights.key == key
    z = draw_noise(0, Stream.EVALUATION, 0, 4, 7)
    np.testing.assert_array_equal(other.sample(z), gan.sample(z))


@pytest.mark.parametrize("network", state_dict.NETWORKS)
def test_each_network_is_taken_from_a_file_of_both(network, small, tmp_path):
    gan, g, d = small
    torch.save({"G": g, "D": d}, tmp_path / "a.pth")
    assert state_dict.read_weights(tmp_path / "a.pth", gan.preset, network).key == network[0].upper()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_floats_are_read(dtype, small, tmp_path):
    gan, g, _ = small
    narrow = {k: w.to(getattr(torch, dtype)) if w.is_floating_point() else w for k, w in g.items()}
    torch.save(narrow, tmp_path / "a.pth")
    weights = state_dict.read_weights(tmp_path / "a.pth", gan.preset, "generator")
    other = GAN("kmnist", **SMALL)
    state_dict.import_weights(other, "generator", weights)
    expected = narrow["model.0.weight"].float().numpy().T
    np.testing.assert_array_equal(other.arrays()["generator/0/kernel"], expected)


def test_several_that_fit_are_refused_until_one_is_named(small, tmp_path):
    gan, g, _ = small
    torch.save({"G": g, "G_ema": {k: w + 1 for k, w in g.items()}}, tmp_path / "a.pth")
    with pytest.raises(ValueError, match="one generator. Received: .*a.pth with G, G_ema; choose by --key"):
        state_dict.read_weights(tmp_path / "a.pth", gan.preset, "generator")
    weights = state_dict.read_weights(tmp_path / "a.pth", gan.preset, "generator", ["G_ema"])
    np.testing.assert_array_equal(weights.arrays["G_ema.model.0.bias"], g["model.0.bias"] + 1)


WRONG = {
    "nan": (lambda w: w * float("nan"), "Expected finite weights. Received: .* with model.3.weight, which"),
    "complex": (
        lambda w: w.to(torch.complex64),
        "that are floats. Received: .* with model.3.weight of complex64",
    ),
    "integer": (lambda w: w.long(), "that are floats. Received: .* with model.3.weight of int64"),
    "shape": (lambda w: w[:, :5], r"of shape \(256, 128\). Received: .* with model.3.weight of \(256, 5\)"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_weight_that_is_wrong_is_refused_by_its_name_and_changes_nothing(kind, small, tmp_path):
    gan, g, _ = small
    spoil, message = WRONG[kind]
    torch.save(g | {"model.3.weight": spoil(g["model.3.weight"])}, tmp_path / "a.pth")
    other = GAN("kmnist", **SMALL)
    before = other.arrays()
    weights = state_dict.read_weights(tmp_path / "a.pth", gan.preset, "generator")
    with pytest.raises(ValueError, match=message):
        state_dict.import_weights(other, "generator", weights)
    assert all(np.array_equal(before[name], array) for name, array in other.arrays().items())


def test_weights_of_another_preset_are_refused(small, tmp_path):
    _, g, d = small
    torch.save(g, tmp_path / "g.pt")
    with pytest.raises(ValueError, match="generator of preset aioz. Received: .*, which (has|lacks) model."):
        state_dict.read_weights(tmp_path / "g.pt", get_preset("aioz"), "generator")
    torch.save({"encoder": g["model.0.bias"]}, tmp_path / "g.pt")
    with pytest.raises(ValueError, match="which holds encoder"):
        state_dict.read_weights(tmp_path / "g.pt", get_preset("aioz"), "generator")


def test_whole_module_is_refused_with_the_line_that_saves_its_weights(tmp_path):
    torch.save(Published("kmnist"), tmp_path / "g.pt")
    with pytest.raises(ValueError, match=r"torch.save\(model.state_dict\(\), path\)"):
        state_dict.read_weights(tmp_path / "g.pt", get_preset("kmnist"), "generator")


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 and no more"])
def test_file_that_is_no_state_dict_is_refused(content, tmp_path):
    (tmp_path / "g.pt").write_bytes(content)
    with pytest.raises(ValueError, match="cannot be read as a file of torch.save"):
        state_dict.read_weights(tmp_path / "g.pt", get_preset("aioz"), "generator")


def test_export_import_and_sample_as_commands(tmp_path):
    gan = lived_in("aioz", **SMALL)
    (tmp_path / "run").mkdir()
    gan.save(tmp_path / "run/checkpoint.npz")
    assert run("export", tmp_path / "run", "--format", "torch", "--out", tmp_path).exit_code == 0
    words = ["import", tmp_path / "new", "--preset", "aioz", "--generator", tmp_path / "generator.pt"]
    assert "Expected --image-size" in refused(*words)
    result = run(*words, "--image-size", "8x6", "--discriminator", tmp_path / "discriminator.pt")
    assert result.exit_code == 0 and "python cli.py train --from" in result.stdout
    back, z = GAN.load(tmp_path / "new/checkpoint.npz"), draw_noise(0, Stream.EVALUATION, 0, 4, 7)
    np.testing.assert_array_equal(back.sample(z), gan.sample(z))
    assert "must not hold a run" in refused(*words)


@pytest.mark.parametrize("name", ["config.json", "history.csv", "checkpoint.previous.npz", "metrics.jsonl"])
def test_import_into_a_run_that_lost_its_checkpoint_is_refused(tmp_path, name):
    export = state_dict.export_state_dicts(lived_in("aioz", **SMALL), tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).write_text("mine")
    words = ["import", tmp_path / "run", "--preset", "aioz", "--generator", export[0], "--image-size", "8x6"]
    assert f"must not hold a run. Received: {tmp_path / 'run'}, which holds {name}" in refused(*words)
    assert not (tmp_path / "run/checkpoint.npz").exists()


def test_key_that_fits_nothing_is_refused(tmp_path):
    export = state_dict.export_state_dicts(lived_in("aioz", **SMALL), tmp_path)
    words = ["import", tmp_path / "run", "--preset", "aioz", "--generator", export[0], "--key", "G"]
    assert "--key must name weights that fit. Received: G." in refused(*words)


@pytest.mark.slow
def test_training_begins_with_imported_weights_at_step_0(tmp_path, pixels, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gan = lived_in("aioz", image_shape=(8, 8, 1), latent_dim=7)
    (tmp_path / "imported").mkdir()
    gan.save(tmp_path / "imported/checkpoint.npz")
    np.savez("images.npz", images=pixels)
    result = run(*"train --from imported --epochs 1 --batch-size 50 --data images.npz --outdir run".split())
    assert result.exit_code == 0, result.output
    with Image.open("run/0.png") as first:
        save_sample_grid(tmp_path, 0, gan.sample(gan.grid_noise()))
        np.testing.assert_array_equal(first, Image.open("0.png"))
    trained = GAN.load("run/checkpoint.npz")
    assert (trained.step, trained.latent_dim) == (1, 7)
    assert "must be of preset kmnist" in refused(
        *"train --from imported --preset kmnist --data images.npz".split()
    )


@pytest.mark.parametrize(
    ("image_shape", "image_size"),
    [((28, 28, 1), None), ((28, 28, 1), (28, 28)), ((8, 6, 1), (8, 6)), ((8, 6, 3), (8, 6))],
)
def test_noise_and_image_shape_come_from_the_weights(image_shape, image_size, tmp_path):
    export = state_dict.export_state_dicts(GAN("aioz", image_shape=image_shape, latent_dim=7), tmp_path)
    weights = state_dict.read_weights(export[0], get_preset("aioz"), "generator")
    gan = state_dict.build_gan_for(get_preset("aioz"), weights, image_size)
    assert (gan.image_shape, gan.latent_dim) == (image_shape, 7)


def test_image_size_that_does_not_fit_is_refused(tmp_path):
    export = state_dict.export_state_dicts(GAN("aioz", **SMALL), tmp_path)
    weights = state_dict.read_weights(export[0], get_preset("aioz"), "generator")
    with pytest.raises(
        ValueError, match="images of 144 values, grey or RGB. Received: 8x8, 64 or 192 values"
    ):
        state_dict.build_gan_for(get_preset("aioz"), weights, (8, 8))
