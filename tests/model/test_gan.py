import contextlib
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from keras_gan.files import npz
from keras_gan.model import checkpoint
from keras_gan.model.gan import GAN
from keras_gan.model.step import gan_step

SHAPE = (4, 4, 1)


class SmallGAN(GAN):
    """A GAN of 4x4 images that is not compiled by XLA, which costs seconds."""

    def __init__(self, preset="keras", image_shape=SHAPE, jit_compile=False, **settings):
        super().__init__(preset, image_shape=image_shape, jit_compile=jit_compile, **settings)


@pytest.fixture(scope="module")
def untrained():
    """One GAN of each kind of rule, of 8x8 images, for tests that change nothing."""
    return {name: SmallGAN(name, (8, 8, 1)) for name in ("keras", "kmnist", "aioz")}


@pytest.fixture(scope="module")
def trained():
    """One GAN of each kind of rule, of 4x4 images, for tests that may train it further."""
    return {name: SmallGAN(name) for name in ("keras", "kmnist", "aioz")}


@contextlib.contextmanager
def still(gan):
    """Lets the updates of a GAN be made without moving anything but moving statistics."""
    rates = [model.optimizer.learning_rate for model in (gan.discriminator, gan.combined)]
    before = [float(rate) for rate in rates]
    for rate in rates:
        rate.assign(0)
    try:
        yield
    finally:
        for rate, value in zip(rates, before, strict=True):
            rate.assign(value)


def batch(n, latent_dim=100, seed=0):
    """Returns real images (n, 4, 4, 1) and a pair of noises."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(2, n, latent_dim)).astype("float32")
    return rng.uniform(-1, 1, (n, *SHAPE)).astype("float32"), z


def weights(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


def moved(model, action):
    """Returns whether `action` changes the weights of the model."""
    before = weights(model)
    action()
    return not np.array_equal(weights(model), before)


# restatement in NumPy

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


def forward(model, x, training=False):
    """Computes a network from its weights, layer by layer."""
    for layer in model.layers:
        kind, w = type(layer).__name__, [v.numpy() for v in layer.weights]
        if kind in ("Dense", "Activation"):
            x = ACTIVATIONS[layer.activation.__name__](x @ w[0] + w[1] if w else x)
        elif kind == "LeakyReLU":
            x = np.where(x > 0, x, np.float32(0.2) * x)  # TensorFlow keeps the slope in float32
        elif kind.endswith("BatchNormalization"):
            gamma, beta, mean, variance = w
            mean, variance = (x.mean(0), x.var(0)) if training else (mean, variance)
            x = gamma * (x - mean) / np.sqrt(variance + layer.epsilon) + beta
        else:
            x = x.reshape(len(x), *getattr(layer, "target_shape", [-1]))
    return x


class Restatement:
    """The published steps again: gradients from the tape, Adam in NumPy, the order by hand."""

    def __init__(self, gan):
        self.g, self.d, self.numbers, self.moments = gan.generator, gan.discriminator, gan.preset, {}

    def descend(self, net, loss, t):
        """Makes update t of a network and returns the loss before it."""
        with tf.GradientTape() as tape:
            value = loss()
        p = self.numbers
        variables = net.trainable_variables
        for variable, g in zip(variables, tape.gradient(value, variables), strict=True):
            m, v = self.moments.get(variable.path, (0, 0))
            m, v = p.b1 * m + (1 - p.b1) * g, p.b2 * v + (1 - p.b2) * g**2
            self.moments[variable.path] = m, v
            b2 = float(np.float32(p.b2)) if p.semantics == "keras" else p.b2  # so Keras corrects
            correction = np.sqrt(1 - b2**t)
            root = np.sqrt(v) if p.semantics == "keras" else np.sqrt(v) / correction
            rate = p.lr / (1 - p.b1**t) * (correction if p.semantics == "keras" else 1)
            variable.assign(variable - rate * m / (root + p.epsilon))
        return float(value)

    def on_real(self, real):
        return -tf.reduce_mean(tf.math.log(self.d(real)))

    def on_fake(self, fake):
        return -tf.reduce_mean(tf.math.log(1 - self.d(fake)))

    def update_g(self, z, t):
        return self.descend(self.g, lambda: self.on_real(self.g(z, training=True)), t)

    def update_d_jointly(self, real, fake, factor, t):
        parts = float(self.on_real(real)), float(self.on_fake(fake))
        self.descend(self.d, lambda: factor * (self.on_real(real) + self.on_fake(fake)), t)
        return parts

    def keras(self, s, real, z):
        fake = forward(self.g, z[0], training=False)
        on_real = self.descend(self.d, lambda: self.on_real(real), 3 * s + 1)
        on_fake = self.descend(self.d, lambda: self.on_fake(fake), 3 * s + 2)
        return on_real, on_fake, self.update_g(z[1], 3 * s + 3)

    def kmnist(self, s, real, z):
        fake = forward(self.g, z[0], training=True)
        return *self.update_d_jointly(real, fake, 0.5, s + 1), self.update_g(z[0], s + 1)

    def aioz(self, s, real, z):
        fake = forward(self.g, z[0])
        return *self.update_d_jointly(real, fake, 1, s + 1), self.update_g(z[1], s + 1)

    def pytorch_gan(self, s, real, z):
        fake = forward(self.g, z[0], training=True)
        g_loss = self.update_g(z[0], s + 1)
        return *self.update_d_jointly(real, fake, 0.5, s + 1), g_loss


@pytest.mark.parametrize("name", ["keras", "kmnist", "aioz", "pytorch-gan"])
def test_two_steps_equal_their_restatement_in_losses_and_all_weights(name):
    gan = SmallGAN(name, latent_dim=5, precision="float64")
    twin = SmallGAN(name, latent_dim=5, precision="float64")
    restated = getattr(Restatement(twin), name.replace("-", "_"))
    for step in range(2):
        real, z = (x.astype("float64") for x in batch(7, 5, seed=step))
        losses = gan_step(gan.rule, gan, real, z)[:3]
        np.testing.assert_allclose(losses, restated(step, real, z), rtol=0, atol=1e-10)
    for ours, theirs in ((gan.generator, twin.generator), (gan.discriminator, twin.discriminator)):
        np.testing.assert_allclose(weights(ours), weights(theirs), rtol=0, atol=1e-11)


# which network moves when


def check_who_moves(gan):
    for n in (16, 7, 16):
        real, z = batch(n)
        before = weights(gan.generator)
        fake = tf.constant(-real)  # what `generate` returns is held elsewhere
        assert moved(gan.discriminator, lambda: gan.update_discriminator(real, fake))
        np.testing.assert_array_equal(weights(gan.generator), before)
        before = weights(gan.discriminator)
        assert moved(gan.generator, lambda: gan.update_generator(z[1]))
        np.testing.assert_array_equal(weights(gan.discriminator), before)


def test_each_network_moves_in_its_own_update_and_only_there(trained):
    check_who_moves(trained["keras"])


def test_each_network_moves_in_its_own_update_and_only_there_under_xla():
    check_who_moves(SmallGAN("aioz", jit_compile=True))


def test_each_model_called_directly_trains_its_own_network_and_no_other():
    gan = SmallGAN("aioz")
    for n in (16, 7, 16):
        real, z = batch(n)
        before = weights(gan.discriminator)
        assert moved(gan.generator, lambda: gan.combined.train_on_batch(z[0], np.ones((n, 1))))
        np.testing.assert_array_equal(weights(gan.discriminator), before)
        before = weights(gan.generator)
        both, labels = np.concatenate([real, -real]), np.repeat([[1.0], [0.0]], n, axis=0)
        assert moved(gan.discriminator, lambda: gan.discriminator.train_on_batch(both, labels))
        np.testing.assert_array_equal(weights(gan.generator), before)


def test_combined_trains_the_weights_of_the_generator_alone(untrained):
    for gan in untrained.values():
        ours = [v.path for v in gan.combined.trainable_weights]
        assert ours == [v.path for v in gan.generator.trainable_weights]
        assert len(gan.discriminator.trainable_weights) == 2 * 3


# losses, accuracies and counts


@pytest.mark.parametrize("name", ["keras", "aioz"])
def test_losses_are_those_of_the_batch_alone_and_not_running_means(trained, name):
    gan, log = trained[name], np.log
    for seed in range(3):
        real, z = batch(16, seed=seed)
        fake = gan.generate(z[0]).numpy()
        p_real, p_fake = forward(gan.discriminator, real), forward(gan.discriminator, fake)
        p_again = forward(gan.discriminator, forward(gan.generator, z[1], training=True))
        with still(gan):
            losses = *gan.update_discriminator(real, fake)[:2], gan.update_generator(z[1])
        expected = -log(p_real).mean(), -log(1 - p_fake).mean(), -log(p_again).mean()
        np.testing.assert_allclose(losses, expected, rtol=1e-4)


@pytest.mark.parametrize("name", ["keras", "kmnist"])
def test_accuracies_are_the_parts_told_rightly(trained, name):
    gan, images = trained[name], batch(64)[0]
    p = forward(gan.discriminator, images)[:, 0]
    bias = gan.discriminator.trainable_variables[-1]
    bias.assign(bias - np.median(np.log(p / (1 - p))))  # half of the images pass for real
    low, high = images[np.argsort(p)[:16]], images[np.argsort(p)[-16:]]
    real, fake = np.concatenate([high[:12], low[:4]]), np.concatenate([high[:6], low[:10]])
    with still(gan):
        assert gan.update_discriminator(real, tf.constant(fake))[2:] == (12 / 16, 10 / 16)


@pytest.mark.parametrize(("name", "expected"), [("keras", 120), ("aioz", 100)])
def test_loss_of_a_hopeless_image_is_its_logit_in_keras_and_100_in_pytorch(trained, name, expected):
    gan = trained[name]
    before = gan.discriminator.get_weights()
    gan.discriminator.set_weights([*before[:-2], 0 * before[-2], np.array([-120.0])])
    real, z = batch(16)
    g_loss = gan.update_generator(z[1])
    d_loss_real = gan.update_discriminator(real, gan.generate(z[0]))[0]
    gan.discriminator.set_weights(before)
    assert [g_loss, d_loss_real] == pytest.approx([expected, expected])


def counts(gan):
    return np.array([int(m.optimizer.iterations) for m in (gan.discriminator, gan.combined)])


def test_shared_counter_counts_three_updates_a_step(trained):
    gan = trained["keras"]
    for s in range(3):
        gan.step = s
        gan_step(gan.rule, gan, *batch(16))
        assert counts(gan).tolist() == [3 * s + 2, 3 * s + 3]


@pytest.mark.parametrize("name", ["aioz", "kmnist"])
def test_separate_counters_count_one_update_a_step(trained, name):
    gan = trained[name]
    for _ in range(2):
        before = counts(gan)
        gan_step(gan.rule, gan, *batch(16))
        assert (counts(gan) - before).tolist() == [1, 1]


# fakes and moving statistics


@pytest.mark.parametrize(("name", "training"), [("keras", False), ("kmnist", True)])
def test_fakes_are_made_in_the_mode_of_the_rule_and_change_nothing(untrained, name, training):
    gan = untrained[name]
    before, z = weights(gan.generator), batch(16)[1][0]
    fake = gan.generate(z).numpy()
    np.testing.assert_allclose(fake, forward(gan.generator, z, training), atol=1e-5)
    assert abs(fake - forward(gan.generator, z, not training)).max() > 0.01
    np.testing.assert_array_equal(weights(gan.generator), before)


@pytest.mark.parametrize("name", ["keras", "kmnist"])
def test_moving_statistics_move_once_a_step(trained, name):
    gan = trained[name]
    dense, _, normalisation = gan.generator.layers[:3]
    real, z = batch(16)
    x = (z[1] if gan.rule.fresh_noise else z[0]) @ dense.kernel.numpy() + dense.bias.numpy()
    x = np.where(x > 0, x, 0.2 * x)
    mean, variance = normalisation.moving_mean.numpy(), normalisation.moving_variance.numpy()
    gan_step(gan.rule, gan, real, z)
    m, unbiased = (0.8, 1) if name == "keras" else (0.9, 16 / 15)
    expected = m * mean + (1 - m) * x.mean(0)
    np.testing.assert_allclose(normalisation.moving_mean, expected, rtol=1e-4, atol=1e-6)
    expected = m * variance + (1 - m) * x.var(0) * unbiased
    np.testing.assert_allclose(normalisation.moving_variance, expected, rtol=1e-5)


# a subclass with networks of its own


class Ours(SmallGAN):
    """A GAN of another generator and discriminator."""

    def build_generator(self):
        z = keras.Input((self.latent_dim,))
        x = keras.layers.Dense(16, activation="tanh")(keras.layers.Dense(8, activation="relu")(z))
        return keras.Model(z, keras.layers.Reshape(SHAPE)(x))

    def build_discriminator(self):
        image = keras.Input(SHAPE)
        x = keras.layers.Conv2D(3, 3, activation="relu")(image)
        p = keras.layers.Dense(1, activation="sigmoid")(keras.layers.Flatten()(x))
        return keras.Model(image, p)


@pytest.mark.parametrize("name", ["keras", "kmnist"])
def test_subclass_trains_both_of_its_own_networks(name):
    gan = Ours(name)
    real, z = batch(16)
    assert moved(gan.discriminator, lambda: gan.update_discriminator(real, gan.generate(z[0])))
    before = weights(gan.discriminator)
    assert moved(gan.generator, lambda: gan.update_generator(z[1]))
    np.testing.assert_array_equal(weights(gan.discriminator), before)
    assert gan.sample(z[0]).shape == (16, *SHAPE)


def test_subclass_is_loaded_from_its_own_checkpoint(tmp_path):
    gan = Ours("aioz")
    gan_step(gan.rule, gan, *batch(4))
    gan.save(tmp_path / "gan.npz")
    assert_equal_variables(Ours.load(tmp_path / "gan.npz"), gan)


# samples


def test_sample_is_uint8_of_the_generator_in_inference_mode(untrained):
    gan, z = untrained["keras"], batch(6)[1][0]
    expected = np.rint((forward(gan.generator, z) + 1) * 127.5)
    images = gan.sample(z)
    assert images.dtype == np.uint8 and images.shape == (6, 8, 8, 1)
    assert abs(images.astype(float) - expected).max() <= 1  # a rounding tie may fall either way
    assert (images == expected).mean() > 0.99


def test_sample_of_many_is_the_same_as_of_each(untrained):
    z = np.random.default_rng(0).normal(size=(1003, 100)).astype("float32")
    many = untrained["aioz"].sample(z)
    assert many.shape == (1003, 8, 8, 1)
    np.testing.assert_array_equal(many[999:1002], untrained["aioz"].sample(z[999:1002]))


def test_noise_of_a_seed_is_the_same_row_whatever_its_neighbours(untrained):
    noise = untrained["aioz"].noise([3, 0, 7])
    assert noise.shape == (3, 100) and noise.dtype == np.float32
    np.testing.assert_array_equal(noise[1:], untrained["aioz"].noise([0, 7]))
    numbers = np.random.Generator(np.random.Philox(key=[7, 4], counter=[0, 0, 0, 0]))
    np.testing.assert_array_equal(noise[2], numbers.standard_normal(100, dtype=np.float32))


def test_noise_of_a_number_is_that_many_different_rows(untrained):
    noise = untrained["aioz"].noise(5)
    assert len({row.tobytes() for row in noise}) == 5
    np.testing.assert_array_equal(noise, untrained["aioz"].noise(5))


def test_sample_images_writes_25_samples_of_the_same_noise_every_time(untrained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gan = untrained["aioz"]
    gan.sample_images(7)
    first = (tmp_path / "images/7.png").read_bytes()
    gan.sample_images(7)
    assert (tmp_path / "images/7.png").read_bytes() == first
    numbers = np.random.Generator(np.random.Philox(key=[0, 4], counter=[0, 0, 0, 0]))
    expected = gan.sample(numbers.standard_normal((25, 100), dtype=np.float32))
    picture = np.asarray(Image.open(tmp_path / "images/7.png").convert("L"))
    cells = [picture[4 + r * 68 :: 8, 4 + c * 68 :: 8][:8, :8] for r in range(5) for c in range(5)]
    np.testing.assert_array_equal(cells, expected[..., 0])


# seeds, settings, precision


def test_same_seed_same_weights_other_seed_other_weights():
    first, second, third = (SmallGAN("aioz", seed=seed) for seed in (1, 1, 2))
    assert_equal_variables(first, second)
    for network in ("generator", "discriminator"):
        assert not np.array_equal(weights(getattr(first, network)), weights(getattr(third, network)))


def test_global_seed_and_earlier_layers_have_no_say_in_the_weights():
    keras.utils.set_random_seed(5)
    first = SmallGAN("aioz")
    keras.layers.Dense(3).build((None, 2))
    assert_equal_variables(first, SmallGAN("aioz"))


def test_given_numbers_reach_networks_and_optimizers():
    gan = SmallGAN("keras", latent_dim=3, lr=0.5, b1=0.25, b2=0.125)
    assert gan.generator.input_shape == (None, 3)
    for optimizer in (gan.discriminator.optimizer, gan.combined.optimizer):
        assert (float(optimizer.learning_rate), optimizer.beta_1, optimizer.beta_2) == (0.5, 0.25, 0.125)
        assert optimizer.epsilon == 1e-7


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 2), (0, 8, 1), (8, -8, 3), (1, 8, 8, 1)])
def test_bad_image_shape_is_refused(shape):
    with pytest.raises(ValueError, match="^image_shape must be"):
        GAN(image_shape=shape)


def test_bad_number_is_refused():
    with pytest.raises(ValueError, match="^lr must be"):
        GAN(lr=0)


def test_float64_gives_float64_weights_slots_and_fakes():
    gan = SmallGAN("kmnist", precision="float64")  # float64 losses: see the restatement above
    floats = {v.dtype for n, v in gan.variables().items() if not n.endswith("iteration")}
    assert floats == {"float64"} and keras.config.floatx() == "float32"
    assert gan.generate(batch(8)[1][0]).dtype == tf.float64


# checkpoints


def assert_equal_variables(one, other):
    ours, theirs = one.variables(), other.variables()
    assert list(ours) == list(theirs)
    for name, variable in ours.items():
        np.testing.assert_array_equal(variable, theirs[name], err_msg=name)


def test_loaded_gan_is_the_saved_one_bit_for_bit(tmp_path):
    gan = SmallGAN("kmnist", seed=3, lr=1e-3)
    gan.step = 5
    for i, variable in enumerate(gan.variables().values()):
        variable.assign(np.random.default_rng(i).uniform(1, 100, variable.shape))
    gan.save(tmp_path / "gan.npz")
    other = SmallGAN.load(tmp_path / "gan.npz")
    assert (other.step, other.config, other.image_shape) == (5, gan.config, SHAPE)
    assert_equal_variables(other, gan)


def test_loaded_gan_goes_on_as_the_saved_one(trained, tmp_path):
    gan = trained["aioz"]
    gan_step(gan.rule, gan, *batch(16))
    gan.save(tmp_path / "gan.npz")
    other = SmallGAN.load(tmp_path / "gan.npz")
    values = [gan_step(gan.rule, each, *batch(16, seed=1)) for each in (gan, other)]
    assert values[0] == values[1]
    assert_equal_variables(other, gan)


def test_variables_hold_weights_slots_and_counts_of_both_networks(untrained):
    names = set(untrained["keras"].variables())
    assert {"generator/2/moving_mean", "generator/0/kernel", "discriminator/1/bias"} <= names
    assert {"generator/0/kernel/momentum", "discriminator/5/bias/velocity"} <= names
    assert {"generator/iteration", "discriminator/iteration"} <= names
    weights_of_both = 4 * 2 + 3 * 4 + 3 * 2
    assert len(names) == weights_of_both + 2 * (4 * 2 + 3 * 2 + 3 * 2) + 2


@pytest.fixture
def arrays(untrained, tmp_path):
    """What a checkpoint holds."""
    untrained["aioz"].save(tmp_path / "saved.npz")
    return npz.load(tmp_path / "saved.npz")


def refused(arrays, path, match):
    npz.save(path, arrays)
    with pytest.raises(ValueError, match=match) as error:
        GAN.load(path)
    assert "Received: " in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize("change", [{"preset": "tutorial"}, {"latent_dim": 7}])
def test_checkpoint_of_other_networks_is_refused(arrays, tmp_path, change):
    settings = json.loads(str(arrays["gan"]))
    settings["config"] |= change
    refused(arrays | {"gan": np.array(json.dumps(settings))}, tmp_path / "a.npz", "of shape")


def test_checkpoint_of_another_image_shape_is_refused(arrays, tmp_path):
    settings = json.loads(str(arrays["gan"])) | {"image_shape": [8, 9, 1]}
    refused(arrays | {"gan": np.array(json.dumps(settings))}, tmp_path / "a.npz", "discriminator/1/kernel")


def test_checkpoint_that_lacks_a_variable_is_refused(arrays, tmp_path):
    del arrays["generator/0/bias"]
    refused(arrays, tmp_path / "a.npz", "generator/0/bias")


def test_arrays_that_are_no_checkpoint_are_refused(tmp_path):
    refused({"images": np.zeros((2, 2))}, tmp_path / "a.npz", "Expected a checkpoint of a GAN")


def test_cut_checkpoint_is_refused(untrained, tmp_path):
    path = tmp_path / "gan.npz"
    untrained["aioz"].save(path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match=f"{path} cannot be read"):
        GAN.load(path)


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="gan.npz"):
        GAN.load(tmp_path / "gan.npz")


def test_failed_restore_leaves_the_gan_as_it_was(arrays, untrained):
    gan = SmallGAN("aioz", (8, 8, 1), seed=9)
    before = weights(gan.generator)
    arrays.pop("gan"), arrays.pop("step"), arrays.pop("discriminator/5/bias")
    with pytest.raises(ValueError, match="discriminator/5/bias"):
        gan.restore(checkpoint.Checkpoint(gan.config, 0, arrays), "path")
    np.testing.assert_array_equal(weights(gan.generator), before)


def test_image_too_large_for_dense_layers_is_refused_before_anything_is_built():
    with pytest.raises(ValueError, match="^image_shape must hold at most 262144 values.*--image-size"):
        GAN(image_shape=(4096, 4096, 3))
