import numpy as np
import pytest

from keras_gan import config, engines
from keras_gan.gan import GAN
from keras_gan.rule import gan_step

each_engine = pytest.mark.parametrize("engine", list(engines.ENGINES))


@pytest.fixture(scope="module")
def gans():
    """GANs that may be trained; each test begins with `restart`."""
    return {name: small(name) for name in ("keras", "aioz")}


def small(name):
    return GAN(name, image_shape=(8, 8, 1), latent_dim=7, seed=5, jit_compile=False)


def restart(gan):
    """Returns the GAN with all that training changes as at its start: no second compilation."""
    for variable, initial in zip(gan.variables().values(), small(gan.preset.name).variables().values()):
        variable.assign(initial)
    gan.step = 0
    return gan


def stream(seed, number, step):
    """The random numbers of a step as the design defines them."""
    return np.random.Generator(np.random.Philox(key=[seed, number], counter=[0, 0, 0, step]))


def test_configuration_knows_every_engine_and_no_other():
    assert set(config.ENGINES) == set(engines.ENGINES)


@each_engine
@pytest.mark.parametrize("name", ["keras", "aioz"])
def test_five_steps_in_one_call_are_two_and_three_bit_for_bit(engine, name, pixels, gans):
    run = engines.ENGINES[engine](restart(gans[name]), pixels, 20)  # aioz: 20, 20, 10 a pass
    whole = run(0, 5)
    weights = [variable.numpy().copy() for variable in gans[name].variables().values()]
    run = engines.ENGINES[engine](restart(gans[name]), pixels, 20)
    parts = np.concatenate([run(0, 2), run(2, 3)])
    np.testing.assert_array_equal(whole, parts)
    assert whole.shape == (5, 5) and whole.dtype == np.float64 and gans[name].step == 5
    for variable, other in zip(gans[name].variables().values(), weights, strict=True):
        np.testing.assert_array_equal(variable, other)


@each_engine
def test_row_of_a_step_is_gan_step_on_its_batch_and_noise(engine, pixels, gans):
    values = engines.ENGINES[engine](restart(gans["keras"]), pixels, 20)(0, 3)
    gan = restart(gans["keras"])
    for step in range(3):
        real = pixels[stream(5, 0, step).integers(0, 50, 20)].astype("float32") / 127.5 - 1
        z = [stream(5, s, step).standard_normal((20, 7), dtype=np.float32) for s in (1, 2)]
        np.testing.assert_allclose(values[step], gan_step(gan.rule, gan, real, z), rtol=1e-5)
        gan.step += 1


def test_batches_of_a_pass_hold_every_image_once_and_the_last_is_short(pixels, gans):
    batch = engines.batches(gans["aioz"], pixels, 16)
    real = [batch(step)[0] for step in range(8)]
    assert [len(images) for images in real] == [16, 16, 16, 2] * 2
    everything = sorted(image.tobytes() for image in pixels)
    passes = [np.concatenate(real[:4]), np.concatenate(real[4:])]
    assert [sorted(image.tobytes() for image in images) for images in passes] == [everything] * 2
    assert not np.array_equal(*passes)


def test_noise_is_as_long_as_its_batch_and_its_generators_is_another(pixels, gans):
    real, (z_d, z_g) = engines.batches(gans["aioz"], pixels, 16)(3)
    assert len(real) == 2 and z_d.shape == z_g.shape == (2, 7) and z_d.dtype == np.float32
    np.testing.assert_array_equal(z_d, stream(5, 1, 3).standard_normal((2, 7), dtype=np.float32))
    np.testing.assert_array_equal(z_g, stream(5, 2, 3).standard_normal((2, 7), dtype=np.float32))


@each_engine
def test_short_last_batch_is_trained_on(engine, pixels, gans):
    gan = restart(gans["aioz"])
    before = gan.generator.get_weights()[0]
    values = engines.ENGINES[engine](gan, pixels, 20)(2, 1)
    assert np.isfinite(values).all()
    assert (gan.generator.get_weights()[0] != before).any()
    tenths = 10 * values[0, 3:]  # accuracies over ten images
    np.testing.assert_allclose(tenths, np.rint(tenths), atol=1e-5)
