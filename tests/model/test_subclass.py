"""A GAN with networks, updates and optimizers of its own keeps every promise of the presets."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from keras_gan.export.generator import copy_float32_generator
from keras_gan.files import npz
from keras_gan.model import engines, updates
from keras_gan.model.checkpoint import read_checkpoint
from keras_gan.model.gan import GAN
from tests.model.conftest import assert_equal_variables

slow = pytest.mark.slow
SETTINGS = dict(image_shape=(8, 8, 1), latent_dim=7, seed=5)


class Composite(layers.Layer):
    """A layer of two Dense, of one name, and a weight without one."""

    def __init__(self, units):
        super().__init__()
        self.first, self.second = layers.Dense(units, name="same"), layers.Dense(units, name="same")
        self.scale = self.add_weight(shape=(), initializer="ones")

    def call(self, x):
        """Returns (batch, units)."""
        return self.second(keras.ops.tanh(self.scale * self.first(x)))


class Everything(GAN):
    """Dropout, noise, composite and nested layers, spectral and batch normalisation, Conv2D."""

    def build_generator(self):
        """Returns a generator of 8x8 images."""
        inner = keras.Sequential([layers.Dense(16, activation="relu"), layers.Dropout(0.3)])
        return keras.Sequential(
            [
                keras.Input((self.latent_dim,)),
                inner,
                Composite(16),
                layers.Reshape((4, 4, 1)),
                layers.Conv2DTranspose(4, 3, strides=2, padding="same"),
                layers.BatchNormalization(momentum=0.8),
                layers.LeakyReLU(0.2),
                layers.Conv2D(1, 3, padding="same", activation="tanh"),
            ]
        )

    def build_discriminator(self):
        """Returns a discriminator of 8x8 images."""
        return keras.Sequential(
            [
                keras.Input(self.image_shape),
                layers.GaussianNoise(0.1),
                layers.SpectralNormalization(layers.Conv2D(4, 3, strides=2)),
                layers.Flatten(),
                layers.Dropout(0.3),
                layers.Dense(1, activation="sigmoid"),
            ]
        )


class Changed(GAN):
    """Dropout, label smoothing by hand, two updates a step, instance noise, and a schedule."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.instance_noise = keras.random.SeedGenerator(self.seed)

    def build_generator(self):
        """Returns a generator of 8x8 images."""
        hidden = [layers.Dense(16, activation="relu"), layers.Dropout(0.3)]
        image = [layers.Dense(64, activation="tanh"), layers.Reshape((8, 8, 1))]
        return keras.Sequential([keras.Input((self.latent_dim,)), *hidden, *image])

    def build_discriminator(self):
        """Returns a discriminator of 8x8 images."""
        hidden = [layers.Flatten(), layers.Dropout(0.3), layers.Dense(1, activation="sigmoid")]
        return keras.Sequential([keras.Input(self.image_shape), *hidden])

    def build_optimizers(self):
        """Returns RMSprop and Adam with a learning rate that falls."""
        schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, 2, 0.5)
        return keras.optimizers.RMSprop(1e-3), keras.optimizers.Adam(schedule)

    def update_discriminator(self, real, fake):
        """Trains twice, on noisy images."""
        for _ in range(2):
            noise = 0.1 * keras.random.normal(fake.shape, seed=self.instance_noise)
            n = real.shape[0]
            on_real = self.discriminator.train_on_batch(
                tf.cast(real, fake.dtype) + noise, np.full((n, 1), 0.9)
            )
            on_fake = self.discriminator.train_on_batch(fake, np.zeros((n, 1)), return_dict=True)
        return on_real[0], on_fake["loss"], on_real[1], on_fake["accuracy"]


def train(kind, engine, pixels, steps, **settings):
    gan = kind("keras", **SETTINGS, **settings)
    return gan, engines.ENGINES[engine](gan, pixels, 10)(0, steps)


@pytest.mark.slow
@pytest.mark.parametrize("engine", engines.ENGINES)
def test_resumed_training_is_the_uninterrupted_one_bit_for_bit(engine, pixels, tmp_path):
    """Of random states and optimizers; `training/test_own_networks` does it with all kinds of layers."""
    whole = Changed("keras", **SETTINGS)
    run = engines.ENGINES[engine](whole, pixels, 10)
    run(0, 3)
    whole.save(tmp_path / "half.npz")
    expected = run(3, 3)
    keras.random.normal((3,))  # what else the process draws changes nothing
    resumed = Changed.load(tmp_path / "half.npz")
    np.testing.assert_array_equal(engines.ENGINES[engine](resumed, pixels, 10)(3, 3), expected)
    assert_equal_variables(resumed, whole)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "xla"), [(Everything, False), (Changed, False), pytest.param(Everything, True, marks=slow)]
)
def test_compiled_engine_uses_what_is_overridden(kind, xla, pixels):
    """XLA draws other numbers; not `Changed`: one engine draws its instance noise outside of XLA."""
    both = (train(kind, e, pixels, 2, precision="float64", jit_compile=xla)[1] for e in engines.ENGINES)
    np.testing.assert_allclose(*both, rtol=0, atol=1e-6)  # accuracies are float32


def test_same_seed_gives_the_same_networks_and_names_do_not_depend_on_the_process():
    first, second, other = (Everything("keras", **SETTINGS | dict(seed=seed)) for seed in (5, 5, 6))
    assert_equal_variables(first, second)
    names = list(first.variables())
    assert len(set(names)) == len(names) and not any(
        "dense" in name or "sequential" in name for name in names
    )
    assert {"generator/0/0/kernel", "generator/0/1/seed_generator_state", "generator/1/1/bias"} <= set(names)
    assert {"generator/1/variable", "generator/1/variable/momentum"} <= set(names)
    assert {"discriminator/0/seed_generator_state", "generator/1/0/kernel/momentum"} <= set(names)
    ours, theirs = (g.generator.get_weights()[0] for g in (first, other))
    assert not np.array_equal(ours, theirs)


def test_checkpoint_of_an_earlier_version_loads(tmp_path):
    """Which named nested and unnamed weights by Keras, and kept neither rates nor random states."""
    gan = Everything("keras", **SETTINGS)
    old = {
        name.replace("generator/0/0/", "generator/0/dense_7/").replace("1/variable", "1/variable_9"): array
        for name, array in gan.arrays().items()
        if not name.endswith(("learning_rate", "seed_generator_state"))
    }
    other = Everything("keras", **SETTINGS | dict(seed=6))
    from keras_gan.model import checkpoint

    other.restore(checkpoint.Checkpoint(gan.config, 3, old), "old.npz")
    np.testing.assert_array_equal(other.generator.get_weights()[0], gan.generator.get_weights()[0])


def test_changed_learning_rate_survives_save_and_load(build, tmp_path):
    gan = build("aioz")
    gan.combined.optimizer.learning_rate = 1e-5
    gan.save(tmp_path / "gan.npz")
    loaded = GAN.load(tmp_path / "gan.npz")
    rates = [float(m.optimizer.learning_rate) for m in (loaded.combined, loaded.discriminator)]
    np.testing.assert_allclose(rates, [1e-5, 2e-4], rtol=1e-6)


class Averaged(GAN):
    """A copy of the generator, an optimizer and counts as attributes."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.average = keras.models.clone_model(self.generator)
        self.first_layer = self.generator.layers[0]
        self.third = keras.optimizers.SGD(momentum=0.5)
        self.third.build(self.average.trainable_variables)
        self.counts = {"a": [tf.Variable(0.0), keras.Variable(0.0)], "loss": keras.metrics.Mean()}


def test_layers_optimizers_and_variables_that_are_attributes_are_saved(tmp_path):
    gan = Averaged("aioz", **SETTINGS)
    for i, (name, variable) in enumerate(gan.variables().items()):
        if name.startswith("gan/"):
            variable.assign(variable.numpy() + i)
    gan.save(tmp_path / "gan.npz")
    loaded = Averaged.load(tmp_path / "gan.npz")
    assert_equal_variables(loaded, gan)
    names = gan.variables().keys()
    assert names >= {"gan/average/0/kernel", "gan/third/0", "gan/counts/a/0", "gan/counts/loss/1"}
    assert not any("first_layer" in name for name in names)  # which the generator has

    # A file of an earlier version lacks them
    arrays = {name: array for name, array in npz.load(tmp_path / "gan.npz").items() if "gan/" not in name}
    npz.save(tmp_path / "old.npz", arrays)
    Averaged.load(tmp_path / "old.npz")


@pytest.mark.slow
@pytest.mark.parametrize("wrap", [lambda adam: adam, keras.optimizers.LossScaleOptimizer])
def test_optimizers_that_accumulate_gradients_train_and_are_saved(wrap, pixels, tmp_path):
    class Accumulating(GAN):
        def build_optimizers(self):
            return tuple(wrap(keras.optimizers.Adam(1e-3, gradient_accumulation_steps=2)) for _ in "dg")

    gan, _ = train(Accumulating, "train_on_batch", pixels, 1)
    gan.save(tmp_path / "gan.npz")
    loaded = Accumulating.load(tmp_path / "gan.npz")
    assert_equal_variables(loaded, gan)
    assert gan.arrays()["discriminator/iteration"] == 2  # on real images and on fakes


def test_one_optimizer_for_both_networks_is_refused():
    class OneOptimizer(GAN):
        def build_optimizers(self):
            return (keras.optimizers.Adam(),) * 2

    with pytest.raises(ValueError, match="two optimizers"):
        OneOptimizer("aioz", **SETTINGS)


class Lazy(GAN):
    """Networks that their first call builds: one of Keras's Sequential, and a class of the user's own."""

    def build_generator(self):
        """Returns a model without an input."""
        return keras.Sequential([layers.Dense(64, activation="tanh"), layers.Reshape((8, 8, 1))])

    def build_discriminator(self):
        """Returns a model that has layers and no graph."""

        class Net(keras.Model):
            def __init__(self):
                super().__init__()
                self.flatten, self.head = layers.Flatten(), layers.Dense(1, activation="sigmoid")

            def call(self, x):
                return self.head(self.flatten(x))

        return Net()


@pytest.mark.slow
def test_networks_that_their_first_call_builds_are_seeded_saved_and_trained(pixels, tmp_path):
    gan, values = train(Lazy, "train_on_batch", pixels, 2)
    _, again = train(Lazy, "train_on_batch", pixels, 2)
    np.testing.assert_array_equal(values, again)
    gan.save(tmp_path / "gan.npz")
    assert_equal_variables(Lazy.load(tmp_path / "gan.npz"), gan)
    assert gan.sample(gan.noise(3)).shape == (3, 8, 8, 1)
    assert copy_float32_generator(gan).count_params() == gan.generator.count_params()


@pytest.mark.parametrize(
    ("name", "network", "words"),
    [
        ("generator", None, "return a Keras model. Received: None"),
        (
            "generator",
            keras.Sequential([layers.Dense(49)]),
            r"outputs \(None, 8, 8, 1\). Received: .*\(None, 49\)",
        ),
        ("discriminator", keras.Sequential([layers.Flatten(), layers.Dense(2)]), r"Received: .*\(None, 2\)"),
        (
            "discriminator",
            keras.Sequential([keras.Input((4,))]),
            r"inputs \(None, 8, 8, 1\). Received: .*input shape",
        ),
    ],
)
def test_networks_of_other_shapes_are_refused_in_one_line(name, network, words):
    kind = type("Mine", (Lazy,), {f"build_{name}": lambda self: network})
    with pytest.raises((TypeError, ValueError), match=f"build_{name} must .*{words}") as error:
        kind("aioz", **SETTINGS)
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value)


def refused(method):
    """Returns the line that refuses a GAN whose update calls `method` first."""

    class Mine(GAN):
        def update_generator(self, z):
            method(self)
            return super().update_generator(z)

    gan = Mine("aioz", **SETTINGS)
    with pytest.raises(ValueError, match="Engine compiled cannot run Mine.update_generator: ") as error:
        engines.compiled(gan, np.zeros((20, 8, 8, 1), np.uint8), 10)
    assert gan.step == 0 and "train_on_batch" not in vars(gan.discriminator)
    return str(error.value)


@pytest.mark.slow
def test_compiled_engine_refuses_by_name_what_it_would_freeze_or_cannot_trace():
    assert "random numbers" in refused(lambda gan: np.random.normal())
    assert "it changes self.count" in refused(lambda gan: setattr(gan, "count", getattr(gan, "count", 0) + 1))
    assert "it cannot be compiled" in refused(lambda gan: gan.step % 2 and None)
    assert "it cannot be compiled" in refused(lambda gan: gan.generator.predict(np.ones((1, 7)), verbose=0))


@slow
def test_pure_override_is_traced(pixels):
    class Halved(GAN):
        def generate(self, z):
            return super().generate(z) * tf.cast(0.5, self.generator.compute_dtype)

    _, values = train(Halved, "compiled", pixels, 1)
    _, classic = train(Halved, "train_on_batch", pixels, 1)
    np.testing.assert_allclose(values, classic, atol=1e-5)  # one step of float32


@slow
def test_method_that_is_assigned_to_the_object_is_used_in_every_trace(pixels):
    gan = GAN("aioz", **SETTINGS)
    gan.update_generator = lambda z: 0 * updates.update_generator(gan, z)
    gan.update_discriminator = lambda real, fake: updates.update_discriminator(
        gan, real, gan.generate(z=tf.zeros((real.shape[0], 7)))
    )
    values = engines.compiled(gan, pixels, 20)(0, 3)  # the third batch, of 10, has a trace of its own
    assert (values[:, 2] == 0).all() and "update_generator" in vars(gan)


def test_state_of_a_random_generator_of_tensorflow_is_saved(tmp_path):
    gan, other = (GAN("aioz", **SETTINGS) for _ in range(2))
    gan.random, other.random = (tf.random.Generator.from_seed(seed) for seed in (1, 2))
    gan.random.normal((3,))
    gan.save(tmp_path / "gan.npz")
    other.restore(read_checkpoint(tmp_path / "gan.npz"), tmp_path / "gan.npz")
    np.testing.assert_array_equal(other.random.normal((3,)), gan.random.normal((3,)))
