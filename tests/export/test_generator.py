"""The generator written for other programs, each loaded in its own runtime."""

import functools
import random
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan.commands import main
from keras_gan.export import generator
from keras_gan.model.gan import GAN
from keras_gan.rng import Stream, draw_noise
from tests.conftest import REPOSITORY, refused, run

Z = draw_noise(7, Stream.EVALUATION, 0, 1000, 5)
SETTINGS = dict(image_shape=(6, 4, 3), latent_dim=5, jit_compile=False)


@functools.cache
def lived_in(preset="aioz", precision="float32"):
    """A GAN whose weights and moving statistics are all off their defaults; it is shared."""
    gan = GAN(preset, precision=precision, **SETTINGS)
    rng = np.random.default_rng(1)
    for variable in gan.generator.variables:
        if variable.name in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif variable.name != "kernel":
            variable.assign(rng.normal(0, 0.1, variable.shape))
    return gan


def images_of(gan):
    """Returns the images (1000, 6, 4, 3) of the generator in inference mode."""
    return np.asarray(gan.generator(Z, training=False), np.float64)


def with_keras(path):
    model = keras.models.load_model(path)
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}
    return model.predict(Z, verbose=0)


def with_savedmodel(path):
    loaded = tf.saved_model.load(path)
    images = loaded.signatures["serving_default"](z=tf.constant(Z))["images"]
    np.testing.assert_array_equal(loaded.serve(Z), images)
    assert loaded.serve(Z[:1]).shape == (1, 6, 4, 3)
    return images.numpy()


def with_onnx(path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="needs pip install tf2onnx onnxruntime")
    session = onnxruntime.InferenceSession(path)
    [z], [images] = session.get_inputs(), session.get_outputs()
    assert (z.name, z.shape) == ("z", ["n", 5]) and (images.name, images.shape) == ("images", ["n", 6, 4, 3])
    assert session.run(["images"], {"z": Z[:1]})[0].shape == (1, 6, 4, 3)
    return session.run(["images"], {"z": Z})[0]


RUNTIMES = {"keras": with_keras, "savedmodel": with_savedmodel, "onnx": with_onnx}
every_format = pytest.mark.parametrize("kind", RUNTIMES)


def written(gan, kind, folder):
    """Writes a format and returns what its own runtime makes of Z and what `write` returned."""
    if kind == "onnx":
        pytest.importorskip("onnxruntime", reason="needs pip install tf2onnx onnxruntime")
        pytest.importorskip("tf2onnx", reason="needs pip install tf2onnx onnxruntime")
    path, difference = generator.export_generator(gan, kind, folder)
    return RUNTIMES[kind](path), path, difference


@pytest.mark.slow
@every_format
@pytest.mark.parametrize("preset", ["kmnist", "aioz"])
def test_own_runtime_makes_the_images_of_the_generator(kind, preset, tmp_path):
    gan = lived_in(preset)
    images, path, difference = written(gan, kind, tmp_path)
    assert images.dtype == np.float32 and np.abs(images).max() <= 1 and images.std() > 0.05
    np.testing.assert_allclose(images, images_of(gan), rtol=0, atol=1e-5)
    assert difference <= 1e-6 and [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.slow
@pytest.mark.usefixtures("bfloat16")
@pytest.mark.parametrize(
    ("kind", "precision", "atol"),
    [("savedmodel", "float64", 1e-5), ("onnx", "mixed_bfloat16", 0.05)],  # whose products have 8 bits
)
def test_other_precisions_come_out_in_float32(kind, precision, atol, tmp_path):
    gan = lived_in("kmnist", precision)
    images, *_ = written(gan, kind, tmp_path)
    assert images.dtype == np.float32
    np.testing.assert_allclose(images, images_of(gan), rtol=0, atol=atol)


@pytest.mark.usefixtures("bfloat16")
def test_float32_copy_has_the_weights_of_mixed_precision_bit_for_bit():
    gan = lived_in("kmnist", "mixed_bfloat16")
    copy = generator.copy_float32_generator(gan)
    for ours, theirs in zip(copy.get_weights(), gan.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_generator_of_a_subclass_is_written(tmp_path):
    class Narrow(GAN):
        def build_generator(self):
            layers = keras.layers.Dense(72, "tanh"), keras.layers.Reshape((6, 4, 3))
            return keras.Sequential([keras.Input((5,)), *layers])

    gan = Narrow("aioz", **SETTINGS)
    images, *_ = written(gan, "keras", tmp_path)
    np.testing.assert_allclose(images, images_of(gan), rtol=0, atol=1e-6)


def test_copy_of_the_generator_leaves_the_gan_and_global_generators_as_they_are():
    class Keeping(GAN):
        def build_generator(self):
            self.hidden = keras.layers.Dense(72, "tanh")
            return keras.Sequential([keras.Input((5,)), self.hidden, keras.layers.Reshape((6, 4, 3))])

    gan, before = Keeping("aioz", **SETTINGS), random.getstate()
    hidden = gan.hidden
    generator.copy_float32_generator(gan)
    assert gan.hidden is hidden and random.getstate() == before


def test_keras_file_that_needs_the_user_s_code_is_refused_in_one_line(tmp_path):
    class Tanh(keras.layers.Layer):
        def call(self, x):
            return keras.ops.tanh(x)

    class Custom(GAN):
        def build_generator(self):
            layers = keras.layers.Dense(72), Tanh(), keras.layers.Reshape((6, 4, 3))
            return keras.Sequential([keras.Input((5,)), *layers])

    with pytest.raises(ValueError, match="must load without your code. Received: its layer Tanh is not"):
        generator.export_generator(Custom("aioz", **SETTINGS), "keras", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_second_export_replaces_the_first(tmp_path):
    written(lived_in("kmnist"), "savedmodel", tmp_path)
    images, *_ = written(lived_in("aioz"), "savedmodel", tmp_path)
    np.testing.assert_allclose(images, images_of(lived_in("aioz")), rtol=0, atol=1e-5)


@pytest.mark.parametrize("off", [2e-5, np.nan])
def test_export_that_makes_other_images_is_refused_and_not_kept(off, tmp_path, monkeypatch):
    gan = lived_in()
    made = generator.FORMATS["keras"]

    def wrong(path):
        loaded = made.load(path)
        return lambda z: loaded(z) + off

    monkeypatch.setitem(generator.FORMATS, "keras", made._replace(load=wrong))
    with pytest.raises(ValueError, match="must make the generator's images to 1e-05 in Keras"):
        generator.export_generator(gan, "keras", tmp_path)
    assert not list(tmp_path.iterdir())


def test_folder_that_is_no_savedmodel_is_not_replaced(tmp_path):
    (tmp_path / "savedmodel").mkdir()
    (tmp_path / "savedmodel/notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="must be free or a SavedModel"):
        generator.export_generator(lived_in(), "savedmodel", tmp_path)
    assert (tmp_path / "savedmodel/notes.txt").read_text() == "mine"


@pytest.mark.slow
def test_savedmodel_that_holds_something_else_or_is_a_link_is_not_replaced(tmp_path):
    written(lived_in(), "savedmodel", tmp_path)
    (tmp_path / "savedmodel/notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="must be free or a SavedModel"):
        generator.export_generator(lived_in(), "savedmodel", tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/savedmodel").symlink_to(tmp_path / "savedmodel")
    with pytest.raises(FileExistsError, match="must be free or a SavedModel"):
        generator.export_generator(lived_in(), "savedmodel", tmp_path / "other")
    assert (tmp_path / "savedmodel/notes.txt").read_text() == "mine"


@pytest.mark.slow
def test_savedmodel_needs_neither_keras_nor_this_package_and_keras_file_not_this_package(tmp_path):
    gan = lived_in("kmnist")
    (savedmodel, path, _), (from_keras, *_) = (
        written(gan, kind, tmp_path) for kind in ("savedmodel", "keras")
    )
    np.save(tmp_path / "z.npy", Z)
    body = (
        "import sys; sys.modules['keras'] = sys.modules['keras_gan'] = None\n"
        "import numpy as np, tensorflow as tf\n"
        f"loaded = tf.saved_model.load({str(path)!r})\n"
        "np.save('savedmodel.npy', loaded.serve(np.load('z.npy')))\n"
        "del sys.modules['keras']\n"
        "import keras\n"
        "model = keras.models.load_model('generator.keras')\n"
        "np.save('keras.npy', model.predict(np.load('z.npy'), verbose=0))\n"
    )
    subprocess.run([sys.executable, "-c", body], cwd=tmp_path, capture_output=True, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "savedmodel.npy"), savedmodel, rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.load(tmp_path / "keras.npy"), from_keras, rtol=0, atol=1e-6)


@pytest.mark.parametrize("package", ["tf2onnx", "onnxruntime"])
def test_package_that_is_missing_is_named_with_its_command(package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", tf)
    monkeypatch.setitem(sys.modules, "onnxruntime", tf)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f"{package}.*`pip install tf2onnx onnxruntime`"):
        generator.export_generator(lived_in(), "onnx", tmp_path)
    assert not list(tmp_path.iterdir())


# the command


@pytest.fixture
def run_dir(tmp_path):
    """A folder with a checkpoint."""
    lived_in().save(tmp_path / "checkpoint.npz")
    return tmp_path


@pytest.mark.slow
def test_command_writes_into_the_run_and_says_how_far_it_was_compared(run_dir):
    result = run("export", run_dir, "--format", "keras")
    assert (result.exit_code, result.stderr) == (0, "")
    line = f"{run_dir}/generator.keras: 1,000 images in Keras differ by "
    assert result.stdout.startswith(line) and result.stdout.count("\n") == 1
    images = with_keras(run_dir / "generator.keras")
    np.testing.assert_allclose(images, images_of(lived_in()), rtol=0, atol=1e-6)


def test_command_writes_where_out_says(run_dir):
    assert run("export", run_dir, "--format", "keras", "--out", run_dir / "new/folder").exit_code == 0
    assert (run_dir / "new/folder/generator.keras").is_file()
    assert not (run_dir / "generator.keras").exists()


def test_command_takes_a_checkpoint_in_a_run_s_place(tmp_path):
    lived_in().save(tmp_path / "checkpoint.best.npz")
    assert run("export", tmp_path / "checkpoint.best.npz", "--format", "keras").exit_code == 0
    assert (tmp_path / "generator.keras").is_file()


@pytest.mark.parametrize(
    ("kind", "name"),
    [("keras", "generator.keras"), ("savedmodel", "savedmodel"), ("onnx", "generator.onnx")],
)
def test_file_that_is_there_is_replaced_only_when_told(kind, name, run_dir):
    (run_dir / "models").mkdir()
    (run_dir / "models" / name).write_text("mine")
    words = "export", run_dir, "--format", kind, "--out", run_dir / "models"
    line = refused(*words)
    assert f"{name} must not exist" in line and "--overwrite replaces it" in line
    assert (run_dir / "models" / name).read_text() == "mine"
    if kind == "keras":
        assert run(*words, "--overwrite").exit_code == 0
        assert (run_dir / "models" / name).read_bytes() != b"mine"


def test_generator_keras_of_the_run_itself_is_replaced_and_that_of_another_run_is_not(tmp_path):
    for name in ("a", "b"):
        shutil.copytree(REPOSITORY / "tests/training/old_run", tmp_path / name)
        (tmp_path / name / "generator.keras").write_text("before")
    words = "export", tmp_path / "a", "--format", "keras"
    assert "generator.keras must not exist" in refused(*words, "--out", tmp_path / "b")
    assert (tmp_path / "b/generator.keras").read_text() == "before"
    assert run(*words).exit_code == 0
    assert (tmp_path / "a/generator.keras").read_bytes() != b"before"


def test_command_offers_every_format():
    (option,) = [p for p in main.main.commands["export"].params if p.name == "format"]
    assert set(option.type.choices) == {*generator.FORMATS, "torch"}
