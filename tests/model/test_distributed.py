"""The engine on one replica in this process, and on two logical CPU devices in a process of its own."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan.model import engines
from keras_gan.model.distributed import DistributedEngine, build_engine, check_shares
from keras_gan.model.gan import GAN
from keras_gan.model.workers import Workers
from tests.conftest import REPOSITORY
from tests.model.conftest import LATENT_DIM, assert_equal_variables

pytestmark = pytest.mark.usefixtures("narrow_presets")


class OfReplicas:
    """Workers of so many replicas, for what is checked before any of them is used."""

    strategy = object()

    def __init__(self, replicas):
        self.replicas = replicas


def small(preset="aioz", kind=GAN, **settings):
    return kind(preset, image_shape=(8, 8, 1), latent_dim=LATENT_DIM, **settings)


# one replica


@pytest.fixture(scope="module")
def one_replica():
    return Workers(tf.distribute.MirroredStrategy(["CPU:0"]))


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["keras", "aioz"])
def test_one_replica_makes_the_steps_of_train_on_batch(preset, one_replica, pixels):
    classic, ours = small(preset), small(preset)
    expected = engines.train_on_batch(classic, pixels, 20)(0, 4)  # aioz: 20, 20, 10, 20
    engine = DistributedEngine(ours, pixels, 20, one_replica)
    values = np.concatenate([engine(0, 1), engine(1, 3)])
    # float32: the one function of a step may fuse other operations than Keras's function of an update
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-5)
    assert ours.step == 4 and values.dtype == np.float64


@pytest.mark.slow
def test_engine_starts_from_the_gan_as_it_finds_it_and_leaves_its_variables_in_it(one_replica, pixels):
    gan, other = small(), small()
    networks = gan.generator, gan.discriminator
    engine = DistributedEngine(gan, pixels, 10, one_replica)
    engine(0, 2)
    assert (gan.generator, gan.discriminator) == networks
    # A weight and a learning rate that are changed between two calls
    gan.generator.layers[0].bias.assign_add([1.0] * 8)
    gan.combined.optimizer.learning_rate = 0.5
    for name, variable in other.variables().items():
        variable.assign(gan.variables()[name])
    values = engine(2, 1)
    np.testing.assert_array_equal(values, DistributedEngine(other, pixels, 10, one_replica)(2, 1))
    assert_equal_variables(gan, other)
    assert float(gan.combined.optimizer.learning_rate) == 0.5


def test_run_without_a_strategy_gets_the_engine_of_its_configuration(build, pixels):
    from keras_gan.config import TrainConfig

    assert not isinstance(
        build_engine(build("aioz"), pixels, TrainConfig(batch_size=5), Workers()), DistributedEngine
    )


# what cannot be shared


def test_batch_that_does_not_divide_is_refused_with_sizes_that_do():
    check_shares(small("keras"), 1437, 64, OfReplicas(4))
    check_shares(small("aioz"), 60000, 64, OfReplicas(4))
    with pytest.raises(ValueError, match="of replicas \\(3\\). Received: batch_size=64; 63 and 66 would do"):
        check_shares(small("keras"), 1437, 64, OfReplicas(3))
    with pytest.raises(ValueError, match="Received: batch_size=2; 4 would do"):
        check_shares(small("keras"), 1437, 2, OfReplicas(4))


def test_short_last_batch_that_does_not_divide_is_refused_with_numbers_that_do():
    with pytest.raises(ValueError, match="last batch.*1437 images for 2 replicas; 1, 3 replicas would do"):
        check_shares(small("aioz"), 1437, 64, OfReplicas(2))
    check_shares(small("aioz"), 1437, 63, OfReplicas(3))  # 22 batches of 63 and one of 51


class WithDropout(GAN):
    """A GAN whose discriminator drops units."""

    def build_discriminator(self):
        layers = [keras.Input(self.image_shape), keras.layers.Flatten(), keras.layers.Dropout(0.5)]
        return keras.Sequential([*layers, keras.layers.Dense(1, activation="sigmoid")])


class WithClipping(GAN):
    """A GAN whose generator's gradients are clipped."""

    def build_optimizers(self):
        return keras.optimizers.Adam(), keras.optimizers.RMSprop(clipnorm=1.0)


class WithOwnUpdate(GAN):
    """A GAN that trains its generator twice a step."""

    def update_generator(self, z):
        super().update_generator(z)
        return super().update_generator(z)


@pytest.mark.parametrize(
    "kind, found",
    [
        (WithDropout, "discriminator/1/seed_generator_state"),
        (WithClipping, "RMSprop that clips gradients"),
        (WithOwnUpdate, "WithOwnUpdate with updates of its own"),
    ],
)
def test_gan_that_would_be_another_on_many_devices_is_refused_by_name(kind, found):
    gan = small(kind=kind)
    check_shares(gan, 60, 20, Workers())
    with pytest.raises(ValueError, match=f"Received: {found}; --strategy none trains it"):
        check_shares(gan, 60, 20, OfReplicas(2))


# three replicas; two are in `commands/test_workers`, two processes in `training/test_two_workers`

THREE_REPLICAS = f"""
import json, sys
import numpy as np
from keras_gan.model.workers import join_workers
workers = join_workers("mirrored", 3, "cpu")
from keras_gan.model import engines
from keras_gan.model.distributed import DistributedEngine
from keras_gan.model.gan import GAN

found = {{}}
for preset in sys.argv[1:]:
    n = 60 if preset == "aioz" else 72  # a last batch of 12, or of 24, as to trace another size takes seconds
    images = np.random.default_rng(0).integers(0, 256, (n, 8, 8, 1), dtype=np.uint8)
    one, many = (
        GAN(preset, image_shape=(8, 8, 1), latent_dim={LATENT_DIM}, precision="float64", jit_compile=False)
        for _ in range(2)
    )
    make = engines.train_on_batch(one, images, 24), DistributedEngine(many, images, 24, workers)
    losses = [engine(0, 8) for engine in make]
    ours, theirs = one.arrays(), many.arrays()
    found[preset] = {{
        "losses": np.abs(losses[0] - losses[1])[:, :3].max(),
        "accuracies": np.abs(losses[0] - losses[1])[:, 3:].max(),
        "variables": max(float(np.abs(ours[name] - theirs[name]).max()) for name in ours),
    }}
print(json.dumps(found))
"""


@pytest.mark.slow
def test_replicas_make_the_steps_of_one_in_float64():
    presets = ["keras", "aioz", "pytorch-gan"]  # `benchmarks.replicas` measures all
    command = [sys.executable, "-c", THREE_REPLICAS, *presets]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert list(found) == presets
    for preset, differences in found.items():
        # rounding of float64 that eight steps of Adam amplify; moments of one replica's rows give 1e-2, a
        # third in float32 2e-8
        assert differences["losses"] < 1e-12, preset
        assert differences["variables"] < 1e-10, preset
        assert differences["accuracies"] < 1e-6, preset  # float32 in Keras
