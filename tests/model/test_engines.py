import numpy as np
import pytest
import tensorflow as tf

from keras_gan.config import ENGINES
from keras_gan.data.pixels import to_float
from keras_gan.model import engines
from keras_gan.model.gan import GAN
from keras_gan.model.step import gan_step
from tests.conftest import each_preset
from tests.model.conftest import LATENT_DIM

SEED = 5
each_engine = pytest.mark.parametrize("engine", list(engines.ENGINES))


@pytest.fixture(scope="module")
def start(build, pixels):
    """A function: preset, engine -> (GAN at its start, its engine over `pixels` in batches of 20).

    All in float64, where both engines can be held against each other, and each traced once.
    """
    made = {}

    def start(name, engine, **settings):
        gan = build(name, (8, 8, 1), seed=SEED, precision="float64", **settings)
        key = name, engine, gan.jit_compile
        if key not in made:
            made[key] = engines.ENGINES[engine](gan, pixels, 20)
        return gan, made[key]

    return start


def stream(seed, number, step):
    """The random numbers of a step as the design defines them."""
    return np.random.Generator(np.random.Philox(key=[seed, number], counter=[0, 0, 0, step]))


def test_configuration_knows_every_engine_and_no_other():
    assert set(ENGINES) == set(engines.ENGINES)


@each_engine
@pytest.mark.parametrize("name", ["keras", "aioz"])
def test_five_steps_in_one_call_are_two_and_three_bit_for_bit(engine, name, start):
    gan, run = start(name, engine)  # aioz: 20, 20, 10 a pass
    whole = run(0, 5)
    arrays = gan.arrays()
    gan, run = start(name, engine)
    parts = np.concatenate([run(0, 2), run(2, 3)])
    np.testing.assert_array_equal(whole, parts)
    assert whole.shape == (5, 5) and whole.dtype == np.float64 and gan.step == 5
    for variable_name, array in gan.arrays().items():
        np.testing.assert_array_equal(array, arrays[variable_name], err_msg=variable_name)


@each_engine
def test_row_of_a_step_is_gan_step_on_its_batch_and_noise(engine, pixels, start):
    _, run = start("keras", engine)
    values = run(0, 3)
    gan, _ = start("keras", engine)
    for step in range(3):
        real = pixels[stream(SEED, 0, step).integers(0, 50, 20)].astype("float32") / 127.5 - 1
        z = [stream(SEED, s, step).standard_normal((20, LATENT_DIM), dtype=np.float32) for s in (1, 2)]
        # accuracies are float32 in Keras
        np.testing.assert_allclose(values[step], gan_step(gan.rule, gan, real, z), rtol=1e-6)


def test_batches_of_a_pass_hold_every_image_once_and_the_last_is_short(build):
    batch = engines.batches(build("aioz"), 50, 16)
    rows = [batch(step)[0] for step in range(8)]
    assert [len(part) for part in rows] == [16, 16, 16, 2] * 2
    passes = [np.concatenate(rows[:4]), np.concatenate(rows[4:])]
    assert [sorted(part) for part in passes] == [list(range(50))] * 2
    assert not np.array_equal(*passes)


def test_noise_is_as_long_as_its_batch_and_its_generators_is_another(build):
    rows, (z_d, z_g) = engines.batches(build("aioz"), 50, 16)(3)
    assert len(rows) == 2 and z_d.shape == z_g.shape == (2, LATENT_DIM) and z_d.dtype == np.float32
    for z, number in ((z_d, 1), (z_g, 2)):
        expected = stream(0, number, 3).standard_normal((2, LATENT_DIM), dtype=np.float32)
        np.testing.assert_array_equal(z, expected)


@each_engine
def test_short_last_batch_is_trained_on(engine, start):
    gan, run = start("aioz", engine)
    before = gan.generator.get_weights()[0]
    values = run(2, 1)
    assert np.isfinite(values).all()
    assert (gan.generator.get_weights()[0] != before).any()
    tenths = 10 * values[0, 3:]  # accuracies over ten images
    np.testing.assert_allclose(tenths, np.rint(tenths), atol=1e-5)


@each_preset
def test_compiled_engine_makes_the_updates_of_train_on_batch_in_float64(preset, start):
    gan, run = start(preset, "train_on_batch")
    classic, expected = run(0, 8), gan.arrays()
    gan, run = start(preset, "compiled")
    values = run(0, 8)
    # rounding of float64 that eight steps of Adam amplify; a wrong constant gives 1e-5 and more
    np.testing.assert_allclose(values[:, :3], classic[:, :3], rtol=0, atol=1e-12)
    np.testing.assert_allclose(values[:, 3:], classic[:, 3:], rtol=0, atol=1e-6)  # float32 in Keras
    for variable_name, array in gan.arrays().items():
        np.testing.assert_allclose(array, expected[variable_name], rtol=0, atol=1e-10, err_msg=variable_name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["keras", "pytorch-gan"])
def test_xla_changes_neither_updates_nor_what_calls_are_cut_into(name, start):
    def start_xla(name, engine):
        return start(name, engine, **{"jit_compile": True} if engine == "compiled" else {})

    test_compiled_engine_makes_the_updates_of_train_on_batch_in_float64(name, start_xla)
    test_five_steps_in_one_call_are_two_and_three_bit_for_bit("compiled", name, start_xla)


def test_engines_take_over_from_each_other(start):
    _, compiled = start("keras", "compiled")
    whole = compiled(0, 6)
    gan, classic = start("keras", "train_on_batch")
    parts = [compiled(0, 2), classic(2, 2), compiled(4, 2)]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=0, atol=1e-6)  # float32 accuracies
    assert gan.step == 6


def one_step(name, engine, images, **settings):
    """Returns a new GAN trained for a step, and the engine's values."""
    gan = GAN(name, image_shape=images.shape[1:], latent_dim=LATENT_DIM, seed=SEED, **settings)
    return gan, engines.ENGINES[engine](gan, images, 20)(0, 1)


@pytest.mark.slow
def test_xla_traces_once_for_any_number_of_steps_in_float32_and_colour(pixels, monkeypatch):
    traces = []
    in_color = np.repeat(pixels, 3, axis=3)
    _, classic = one_step("keras", "train_on_batch", in_color)
    monkeypatch.setattr(engines, "gan_step", lambda *a: traces.append(1) or gan_step(*a))
    gan = GAN("keras", image_shape=(8, 8, 3), latent_dim=LATENT_DIM, seed=SEED, jit_compile=True)
    run = engines.compiled(gan, in_color, 20)
    # One step of float32 under XLA is off by up to 5e-6 in a loss, whatever the processor.
    np.testing.assert_allclose(run(0, 1), classic, rtol=0, atol=1e-5)
    for step, k in ((1, 4), (5, 2), (7, 70)):
        assert run(step, k).shape == (k, 5)
    assert len(traces) == 1


@pytest.mark.slow
def test_large_images_are_passed_by_the_call_and_change_no_bit(start, pixels, tmp_path, monkeypatch):
    np.save(tmp_path / "pixels.npy", pixels)
    gan, run = start("aioz", "compiled")  # 20, 20, 10 a pass
    expected, arrays = run(0, 7), gan.arrays()
    gan, _ = start("aioz", "compiled")
    monkeypatch.setattr(engines, "LARGE", 3199)  # all 3,200 bytes are too many
    images = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    np.testing.assert_array_equal(engines.compiled(gan, images, 20)(0, 7), expected)
    for name, array in gan.arrays().items():
        np.testing.assert_array_equal(array, arrays[name], err_msg=name)


@pytest.mark.slow
def test_mixed_bfloat16_trains_both_engines_near_float32(pixels, bfloat16):
    _, exact = one_step("kmnist", "train_on_batch", pixels)
    for engine, jit_compile in (("train_on_batch", False), ("compiled", False), ("compiled", True)):
        settings = dict(precision="mixed_bfloat16", jit_compile=jit_compile)
        gan, values = one_step("kmnist", engine, pixels, **settings)
        assert not np.array_equal(values, exact)
        np.testing.assert_allclose(values[:, :3], exact[:, :3], atol=0.02)  # bfloat16 has three digits
        assert gan.generator.get_weights()[0].dtype == np.float32


def test_images_become_floats_on_the_device_as_in_numpy():
    levels = np.arange(256, dtype=np.uint8)
    function = tf.function(engines._to_float, jit_compile=True)
    np.testing.assert_array_equal(function(levels), to_float(levels))


@pytest.mark.slow
@each_engine
def test_call_drops_the_pages_of_mapped_images(engine, start, pixels, tmp_path, monkeypatch, build):
    np.save(tmp_path / "images.npy", pixels)
    images, dropped = np.load(tmp_path / "images.npy", mmap_mode="r"), []
    monkeypatch.setattr(engines, "forget_pages", dropped.append)
    monkeypatch.setattr(engines, "_steps_of", lambda gan: lambda *args, **counts: tf.zeros((9, 5)))
    engines.ENGINES[engine](build("keras", (8, 8, 1)), images, 20)(0, 1)
    assert dropped == [images]


@pytest.mark.parametrize("size, most", [(20, 64), (64, 64), (256, 16), (1024, 4), (5000, 1)])
def test_inputs_of_a_call_have_room_for_fewer_steps_of_large_batches(size, most, build, monkeypatch):
    shapes = []
    monkeypatch.setattr(engines, "_steps_of", lambda gan: lambda images, rows, noises, **counts: (
        shapes.append((rows.shape, noises.shape)) or tf.zeros((most, 5))
    ))  # fmt: skip
    engines.compiled(build("keras", (8, 8, 1)), np.zeros((6000, 8, 8, 1), np.uint8), size)(0, 1)
    assert shapes == [((most, size), (2, most, size, LATENT_DIM))]
