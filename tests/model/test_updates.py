"""The updates of both networks: what they compute, which network changes, what they return."""

import contextlib

import numpy as np
import pytest
import tensorflow as tf

from keras_gan.model import networks, updates
from keras_gan.model.gan import GAN
from keras_gan.model.step import gan_step
from keras_gan.preset_diff import get_preset
from tests.model.conftest import LATENT_DIM, SHAPE, batch, forward, moved, weights


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


@pytest.mark.parametrize(
    "name", ["keras", "aioz", *(pytest.param(n, marks=pytest.mark.slow) for n in ("kmnist", "pytorch-gan"))]
)
def test_two_steps_equal_their_restatement_in_losses_and_all_weights(name, build):
    gan = build(name, precision="float64")
    twin = GAN(name, image_shape=SHAPE, latent_dim=LATENT_DIM, precision="float64")
    restated = getattr(Restatement(twin), name.replace("-", "_"))
    for step in range(2):
        real, z = (x.astype("float64") for x in batch(7, seed=step))
        losses = gan_step(gan.rule, gan, real, z if gan.rule.fresh_noise else z[:1])[:3]
        # rounding of float64, times what the logarithms of Keras's and the plain form differ by: under 1e-13
        np.testing.assert_allclose(losses, restated(step, real, z), rtol=0, atol=1e-10)
    for ours, theirs in ((gan.generator, twin.generator), (gan.discriminator, twin.discriminator)):
        np.testing.assert_allclose(weights(ours), weights(theirs), rtol=0, atol=1e-11)


# which network moves when


def check_who_moves(gan):
    for n in (16, 7, 16):
        real, z = batch(n)
        before = weights(gan.generator)
        fake = tf.constant(-real)  # what `generate` returns is held elsewhere
        assert moved(gan.discriminator, gan.update_discriminator, real, fake)
        np.testing.assert_array_equal(weights(gan.generator), before)
        before = weights(gan.discriminator)
        assert moved(gan.generator, gan.update_generator, z[1])
        np.testing.assert_array_equal(weights(gan.discriminator), before)


@pytest.mark.slow
def test_each_network_moves_in_its_own_update_and_only_there(build):
    check_who_moves(build("keras"))


@pytest.mark.slow
def test_each_network_moves_in_its_own_update_and_only_there_under_xla():
    check_who_moves(GAN("aioz", image_shape=SHAPE, latent_dim=LATENT_DIM, jit_compile=True))


@pytest.mark.slow
def test_each_model_called_directly_trains_its_own_network_and_no_other(build):
    gan = build("aioz")
    for n in (16, 7, 16):
        real, z = batch(n)
        before = weights(gan.discriminator)
        assert moved(gan.generator, gan.combined.train_on_batch, z[0], np.ones((n, 1)))
        np.testing.assert_array_equal(weights(gan.discriminator), before)
        before = weights(gan.generator)
        both, labels = np.concatenate([real, -real]), np.repeat([[1.0], [0.0]], n, axis=0)
        assert moved(gan.discriminator, gan.discriminator.train_on_batch, both, labels)
        np.testing.assert_array_equal(weights(gan.generator), before)


def test_combined_trains_the_weights_of_the_generator_alone(build):
    for gan in map(build, ("keras", "kmnist", "aioz")):
        ours = [v.path for v in gan.combined.trainable_weights]
        assert ours == [v.path for v in gan.generator.trainable_weights]
        assert len(gan.discriminator.trainable_weights) == 2 * 3


# losses, accuracies and counts


@pytest.mark.parametrize("name", ["keras", "aioz"])
def test_losses_are_those_of_the_batch_alone_and_not_running_means(build, name):
    gan, log = build(name), np.log
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
def test_accuracies_are_the_parts_told_rightly(build, name):
    gan, images = build(name), batch(64)[0]
    p = forward(gan.discriminator, images)[:, 0]
    bias = gan.discriminator.trainable_variables[-1]
    bias.assign(bias - np.median(np.log(p / (1 - p))))  # half of the images pass for real
    low, high = images[np.argsort(p)[:16]], images[np.argsort(p)[-16:]]
    real, fake = np.concatenate([high[:12], low[:4]]), np.concatenate([high[:6], low[:10]])
    with still(gan):
        assert gan.update_discriminator(real, tf.constant(fake))[2:] == (12 / 16, 10 / 16)


@pytest.mark.parametrize(("name", "expected"), [("keras", 120), ("aioz", 100)])
def test_loss_of_a_hopeless_image_is_its_logit_in_keras_and_100_in_pytorch(build, name, expected):
    gan = build(name)
    before = gan.discriminator.get_weights()
    gan.discriminator.set_weights([*before[:-2], 0 * before[-2], np.array([-120.0])])
    real, z = batch(16)
    g_loss = gan.update_generator(z[1])
    d_loss_real = gan.update_discriminator(real, gan.generate(z[0]))[0]
    gan.discriminator.set_weights(before)
    assert [g_loss, d_loss_real] == pytest.approx([expected, expected])


def counts(gan):
    return np.array([int(m.optimizer.iterations) for m in (gan.discriminator, gan.combined)])


def test_shared_counter_counts_three_updates_a_step(build):
    gan = build("keras")
    for s in range(3):
        gan_step(gan.rule, gan, *batch(16))
        assert counts(gan).tolist() == [3 * s + 2, 3 * s + 3]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["aioz", "kmnist"])
def test_separate_counters_count_one_update_a_step(build, name):
    gan = build(name)
    for _ in range(2):
        before = counts(gan)
        real, z = batch(16)
        gan_step(gan.rule, gan, real, z if gan.rule.fresh_noise else z[:1])
        assert (counts(gan) - before).tolist() == [1, 1]


# fakes and moving statistics


@pytest.mark.parametrize(("name", "training"), [("keras", False), ("kmnist", True)])
def test_fakes_are_made_in_the_mode_of_the_rule_and_change_nothing(build, name, training):
    gan = build(name)
    before, z = weights(gan.generator), batch(16)[1][0]
    fake = gan.generate(z).numpy()
    np.testing.assert_allclose(fake, forward(gan.generator, z, training), atol=1e-5)
    assert abs(fake - forward(gan.generator, z, not training)).max() > 0.01
    np.testing.assert_array_equal(weights(gan.generator), before)


@pytest.mark.parametrize("name", ["keras", "kmnist"])
def test_moving_statistics_move_once_a_step(build, name):
    gan = build(name)
    dense, _, normalisation = gan.generator.layers[:3]
    real, z = batch(16)
    x = (z[1] if gan.rule.fresh_noise else z[0]) @ dense.kernel.numpy() + dense.bias.numpy()
    x = np.where(x > 0, x, 0.2 * x)
    mean, variance = normalisation.moving_mean.numpy(), normalisation.moving_variance.numpy()
    gan_step(gan.rule, gan, real, z if gan.rule.fresh_noise else z[:1])
    m, unbiased = (0.8, 1) if name == "keras" else (0.9, 16 / 15)
    expected = m * mean + (1 - m) * x.mean(0)
    np.testing.assert_allclose(normalisation.moving_mean, expected, rtol=1e-4, atol=1e-6)
    expected = m * variance + (1 - m) * x.var(0) * unbiased
    np.testing.assert_allclose(normalisation.moving_variance, expected, rtol=1e-5)


def test_combined_trains_the_generator_alone():
    preset = get_preset("kmnist")
    g = networks.build_generator(preset, 5, (2, 2, 1), 0)
    d = networks.build_discriminator(preset, (2, 2, 1), 0)
    combined = updates.Combined(g, d, 5)
    assert [v.path for v in combined.trainable_weights] == [v.path for v in g.trainable_weights]
    others = {v.path for v in combined.non_trainable_weights}
    assert others == {v.path for v in g.non_trainable_weights + d.weights}
    assert len(combined.weights) == len(g.weights) + len(d.weights)


def test_on_part_is_the_mean_over_the_rows_of_its_label():
    def squared(y_true, y_pred):
        return tf.reduce_mean(tf.square(y_true - y_pred), axis=-1)

    y, p = np.array([[1.0], [1.0], [0.0]]), np.array([[0.5], [0.0], [0.25]])
    for label, expected in ((1, (0.25 + 1) / 2), (0, 0.0625)):
        metric = updates._on_part(squared, label, "part")
        metric.update_state(y, p)
        assert float(metric.result()) == expected


@pytest.mark.slow
def test_step_of_each_model_is_traced_once():
    gan, traced = GAN("keras", image_shape=(8, 8, 1)), []
    for model in (gan.discriminator, gan.combined):
        step = model.train_step
        model.train_step = lambda data, model=model, step=step: traced.append(model.name) or step(data)
    real = np.zeros((4, 8, 8, 1), np.float32)
    for _ in range(2):
        gan_step(gan.rule, gan, real, [gan.noise(4)] * 2)
    assert traced == ["discriminator", "combined"]
