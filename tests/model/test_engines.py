import numpy as np
import pytest

from keras_gan.config import ENGINES
from keras_gan.model import engines
from keras_gan.model.gan import GAN
from keras_gan.model.step import gan_step
from keras_gan.presets import PRESETS

each_engine = pytest.mark.parametrize("engine", list(engines.ENGINES))


@pytest.fixture(scope="module")
def gans():
    """GANs that may be trained; each test begins with `restart`."""
    return {name: small(name) for name in ("keras", "aioz")}


@pytest.fixture(scope="module")
def runs(gans, pixels):
    """Returns (GAN at its start, engine over `pixels` in batches of 20), compiled once for all tests."""
    made = {}

    def run(name, engine):
        if (name, engine) not in made:
            made[name, engine] = engines.ENGINES[engine](gans[name], pixels, 20)
        return restart(gans[name]), made[name, engine]

    return run


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
    assert set(ENGINES) == set(engines.ENGINES)


@each_engine
@pytest.mark.parametrize("name", ["keras", "aioz"])
def test_five_steps_in_one_call_are_two_and_three_bit_for_bit(engine, name, gans, runs):
    _, run = runs(name, engine)  # aioz: 20, 20, 10 a pass
    whole = run(0, 5)
    weights = [variable.numpy().copy() for variable in gans[name].variables().values()]
    restart(gans[name])
    parts = np.concatenate([run(0, 2), run(2, 3)])
    np.testing.assert_array_equal(whole, parts)
    assert whole.shape == (5, 5) and whole.dtype == np.float64 and gans[name].step == 5
    for variable, other in zip(gans[name].variables().values(), weights, strict=True):
        np.testing.assert_array_equal(variable, other)


@each_engine
def test_row_of_a_step_is_gan_step_on_its_batch_and_noise(engine, pixels, gans, runs):
    values = runs("keras", engine)[1](0, 3)
    gan = restart(gans["keras"])
    for step in range(3):
        real = pixels[stream(5, 0, step).integers(0, 50, 20)].astype("float32") / 127.5 - 1
        z = [stream(5, s, step).standard_normal((20, 7), dtype=np.float32) for s in (1, 2)]
        np.testing.assert_allclose(values[step], gan_step(gan.rule, gan, real, z), rtol=1e-5)


def test_batches_of_a_pass_hold_every_image_once_and_the_last_is_short(gans):
    batch = engines.batches(gans["aioz"], 50, 16)
    rows = [batch(step)[0] for step in range(8)]
    assert [len(part) for part in rows] == [16, 16, 16, 2] * 2
    passes = [np.concatenate(rows[:4]), np.concatenate(rows[4:])]
    assert [sorted(part) for part in passes] == [list(range(50))] * 2
    assert not np.array_equal(*passes)


def test_noise_is_as_long_as_its_batch_and_its_generators_is_another(gans):
    rows, (z_d, z_g) = engines.batches(gans["aioz"], 50, 16)(3)
    assert len(rows) == 2 and z_d.shape == z_g.shape == (2, 7) and z_d.dtype == np.float32
    np.testing.assert_array_equal(z_d, stream(5, 1, 3).standard_normal((2, 7), dtype=np.float32))
    np.testing.assert_array_equal(z_g, stream(5, 2, 3).standard_normal((2, 7), dtype=np.float32))


@each_engine
def test_short_last_batch_is_trained_on(engine, runs):
    gan, run = runs("aioz", engine)
    before = gan.generator.get_weights()[0]
    values = run(2, 1)
    assert np.isfinite(values).all()
    assert (gan.generator.get_weights()[0] != before).any()
    tenths = 10 * values[0, 3:]  # accuracies over ten images
    np.testing.assert_allclose(tenths, np.rint(tenths), atol=1e-5)


def trained(name, engine, pixels, batch_size, steps, **settings):
    """Returns a new GAN trained for the steps, and the engine's values."""
    gan = GAN(name, image_shape=pixels.shape[1:], latent_dim=7, seed=5, **settings)
    values = engines.ENGINES[engine](gan, pixels, batch_size)(0, steps)
    return gan, values


@pytest.mark.parametrize("name", PRESETS)
def test_compiled_engine_makes_the_updates_of_train_on_batch_in_float64(name, pixels):
    (a, classic), (b, values) = (
        trained(name, engine, pixels, 25, 8, precision="float64", jit_compile=False)
        for engine in ("train_on_batch", "compiled")
    )
    np.testing.assert_allclose(values[:, :3], classic[:, :3], rtol=0, atol=1e-12)
    np.testing.assert_allclose(values[:, 3:], classic[:, 3:], rtol=0, atol=1e-6)  # float32 in Keras
    for (key, ours), theirs in zip(b.arrays().items(), a.arrays().values(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-10, err_msg=key)


def test_compiled_step_in_float32_is_within_rounding_of_train_on_batch(pixels):
    in_color = np.repeat(pixels, 3, axis=3)
    (_, classic), (_, values) = (
        trained("keras", engine, in_color, 20, 1) for engine in ("train_on_batch", "compiled")
    )
    np.testing.assert_allclose(values, classic, rtol=0, atol=1e-6)


def test_engines_take_over_from_each_other(runs):
    gan, compiled = runs("keras", "compiled")
    whole = compiled(0, 6)
    _, classic = runs("keras", "train_on_batch")
    parts = [compiled(0, 2), classic(2, 2), compiled(4, 2)]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=0, atol=1e-5)
    assert gan.step == 6


def test_compiled_engine_traces_once_for_any_number_of_steps(pixels, monkeypatch):
    traces = []
    monkeypatch.setattr(engines, "gan_step", lambda *a: traces.append(1) or gan_step(*a))
    run = engines.compiled(small("keras"), pixels, 20)
    for step, k in ((0, 1), (1, 4), (5, 2), (7, 70)):
        assert run(step, k).shape == (k, 5)
    assert len(traces) == 1


def test_mixed_bfloat16_trains_both_engines_near_float32(pixels):
    _, exact = trained("kmnist", "train_on_batch", pixels, 25, 3, jit_compile=False)
    for engine in engines.ENGINES:
        settings = dict(precision="mixed_bfloat16", jit_compile=False)
        gan, values = trained("kmnist", engine, pixels, 25, 3, **settings)
        assert not np.array_equal(values, exact)
        np.testing.assert_allclose(values[:, :3], exact[:, :3], atol=0.02)
        assert gan.generator.get_weights()[0].dtype == np.float32
