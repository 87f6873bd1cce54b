import json

import numpy as np
import pytest

from keras_gan.files import npz
from keras_gan.model import checkpoint
from keras_gan.model.gan import GAN
from keras_gan.model.step import gan_step
from tests.model.conftest import SHAPE, assert_equal_variables, batch, weights


def test_loaded_gan_is_the_saved_one_bit_for_bit(build, tmp_path):
    gan = build("kmnist", seed=3, lr=1e-3)
    gan.step = 5
    for i, variable in enumerate(gan.variables().values()):
        variable.assign(np.random.default_rng(i).uniform(1, 100, variable.shape))
    gan.save(tmp_path / "gan.npz")
    other = GAN.load(tmp_path / "gan.npz")
    assert (other.step, other.config, other.image_shape) == (5, gan.config, SHAPE)
    assert_equal_variables(other, gan)


@pytest.mark.slow
def test_loaded_gan_goes_on_as_the_saved_one(build, tmp_path):
    gan = build("aioz")
    gan_step(gan.rule, gan, *batch(16))
    gan.save(tmp_path / "gan.npz")
    other = GAN.load(tmp_path / "gan.npz")
    values = [gan_step(gan.rule, each, *batch(16, seed=1)) for each in (gan, other)]
    assert values[0] == values[1]
    assert_equal_variables(other, gan)


def test_variables_hold_weights_slots_and_counts_of_both_networks(build):
    names = set(build("keras").variables())
    assert {"generator/2/moving_mean", "generator/0/kernel", "discriminator/1/bias"} <= names
    assert {"generator/0/kernel/momentum", "discriminator/5/bias/velocity"} <= names
    assert {"generator/iteration", "discriminator/iteration"} <= names
    weights_of_both = 4 * 2 + 3 * 4 + 3 * 2
    assert len(names) == weights_of_both + 2 * (4 * 2 + 3 * 2 + 3 * 2) + 2 + 2


@pytest.fixture
def arrays(build, tmp_path):
    """What a checkpoint holds."""
    build("aioz").save(tmp_path / "saved.npz")
    return npz.load(tmp_path / "saved.npz")


def test_file_that_is_no_checkpoint_is_not_replaced(build, tmp_path):
    np.savez(tmp_path / "mine.npz", images=np.zeros(3))
    with pytest.raises(FileExistsError, match="mine.npz must be new, or an .npz file of gan"):
        build("aioz").save(tmp_path / "mine.npz")
    assert npz.list_names(tmp_path / "mine.npz") == {"images"}


def refused(arrays, path, match):
    npz.save(path, arrays)
    with pytest.raises(ValueError, match=match) as error:
        GAN.load(path)
    assert "Received: " in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize("change", [{"preset": "tutorial"}, {"latent_dim": 8}])
def test_checkpoint_of_other_networks_is_refused(arrays, tmp_path, change):
    settings = json.loads(str(arrays["gan"]))
    settings["config"] |= change
    refused(arrays | {"gan": np.array(json.dumps(settings))}, tmp_path / "a.npz", "of shape")


def test_checkpoint_of_another_image_shape_is_refused(arrays, tmp_path):
    settings = json.loads(str(arrays["gan"])) | {"image_shape": [4, 5, 1]}
    refused(arrays | {"gan": np.array(json.dumps(settings))}, tmp_path / "a.npz", "discriminator/1/kernel")


def test_checkpoint_that_lacks_a_variable_is_refused(arrays, tmp_path):
    del arrays["generator/0/bias"]
    refused(arrays, tmp_path / "a.npz", "generator/0/bias")


def test_arrays_that_are_no_checkpoint_are_refused(tmp_path):
    refused({"images": np.zeros((2, 2))}, tmp_path / "a.npz", "Expected a checkpoint of a GAN")


def test_cut_checkpoint_is_refused(build, tmp_path):
    path = tmp_path / "gan.npz"
    build("aioz").save(path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=f"{path} cannot be read"):
        GAN.load(path)


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="gan.npz"):
        GAN.load(tmp_path / "gan.npz")


def test_failed_restore_leaves_the_gan_as_it_was(arrays, build):
    gan = build("aioz")
    before = weights(gan.generator)
    arrays.pop("gan"), arrays.pop("step"), arrays.pop("discriminator/5/bias")
    with pytest.raises(ValueError, match="discriminator/5/bias"):
        gan.restore(checkpoint.Checkpoint(gan.config, 0, arrays), "path")
    np.testing.assert_array_equal(weights(gan.generator), before)


def test_image_too_large_for_dense_layers_is_refused_before_anything_is_built():
    with pytest.raises(ValueError, match="^image_shape must hold at most 262144 values.*--image-size"):
        GAN(image_shape=(4096, 4096, 3))
