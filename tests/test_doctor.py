"""`doctor`: everything passes here, and each thing that is broken on purpose is named."""

import importlib.metadata
import json
import platform

import keras
import matplotlib
import numpy as np
import pytest
from scipy import linalg

from keras_gan import doctor
from keras_gan.evaluation import metrics
from keras_gan.model import engines, updates
from keras_gan.model.gan import GAN
from tests.conftest import run as run_command

pytestmark = pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
NAMES = ["versions", "sqrtm", "losses", "discriminator", "generator", "engines"]


def run(*words):
    return run_command("doctor", *words)


@pytest.fixture
def reuse_networks():
    """Every GAN has networks of its own here, some of them broken."""


@pytest.fixture(scope="module")
def result():
    """The result of all checks, on a wide terminal."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "1000")
        return run()


@pytest.fixture
def failed(monkeypatch):
    """A function: name of the one check to make, which must fail -> what is said of it."""

    def sentence(name):
        monkeypatch.setenv("COLUMNS", "1000")
        monkeypatch.setattr(doctor, "CHECKS", {name: doctor.CHECKS[name]})
        monkeypatch.setattr(doctor, "_list_information", dict)
        result = run()
        assert (result.exit_code, result.stderr) == (1, ""), result.output
        *lines, last = result.stdout.splitlines()
        line = " ".join(line.strip() for line in lines)  # which folds at the terminal's width
        assert line.startswith(f"FAIL {name}: ") and last == f"Failed: {name}."
        return line.removeprefix(f"FAIL {name}: ")

    return sentence


@pytest.mark.slow
def test_this_installation_trains(result):
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    *lines, last = result.stdout.splitlines()
    checks = [line for line in lines if not line.startswith("info ")]
    assert [line.split(":")[0] for line in checks] == [f"ok   {name}" for name in NAMES]
    assert last == "This installation trains."


@pytest.mark.slow
def test_information_names_device_settings_cache_and_what_is_at_hand(result):
    names = [line.split(":")[0] for line in result.stdout.splitlines() if line.startswith("info ")]
    sets = [f"info data set {name}" for name in ("mnist", "fashion-mnist", "kmnist", "digits")]
    first = ["info device", "info keras.json", "info matplotlib", "info cache"]
    assert names == [*first, *sets, "info InceptionV3"]


def test_lines_fold_at_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(doctor, "CHECKS", {"long": lambda: " ".join(map(str, range(100)))})
    lines = run().stdout.splitlines()
    long = [line for line in lines if len(line) > 80]  # a path of this machine, which is never cut
    assert lines[1].startswith("     ") and all(len(line.split()) == 1 for line in long)


def test_json_holds_the_findings(monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", {"sqrtm": doctor._check_sqrtm, "bad": lambda: 1 / 0})
    result = run("--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 1 and report["trains"] is False
    well, bad, device, *_ = report["findings"]
    assert (well["name"], well["ok"]) == ("sqrtm", True)
    assert bad == {"name": "bad", "ok": False, "sentence": "ZeroDivisionError: division by zero"}
    assert (device["name"], device["ok"]) == ("device", None)


# versions and packages


@pytest.mark.parametrize("version", ["2.9", "2.9.9", "1.99"])
def test_version_below_the_lowest_is_named(version, failed, monkeypatch):
    found = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: version if name == "keras" else found(name)
    )
    line = "Needs keras>=3.15 and found {}: pip install --upgrade 'keras>=3.15'."
    assert failed("versions") == line.format(version)


def test_package_that_is_missing_is_named(failed, monkeypatch):
    monkeypatch.setattr(doctor, "_read_requirements", lambda: ["numpy>=2.0", "no-such-package>=1"])
    assert failed("versions").startswith("Needs no-such-package>=1 and found none:")


@pytest.mark.parametrize("lowest", ["0.9", "1.10", "1.10.0"])
def test_version_at_or_above_the_lowest_is_well(lowest, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.10")
    monkeypatch.setattr(doctor, "_read_requirements", lambda: [f"numpy>={lowest}"])
    assert doctor._check_versions() == "numpy 1.10."


def test_root_that_turns_complex_is_named(failed, monkeypatch):
    monkeypatch.setattr(linalg, "sqrtm", lambda product: product + 1j)
    assert "SciPy's matrix root fails: sqrtm has an imaginary part" in failed("sqrtm")


def test_root_that_is_another_is_named(failed, monkeypatch):
    sqrtm = linalg.sqrtm
    monkeypatch.setattr(linalg, "sqrtm", lambda product: sqrtm(product) * 1.1)
    assert "SciPy's matrix root fails: sqrtm gives 27.4" in failed("sqrtm")


def test_distance_that_is_another_is_named(failed, monkeypatch):
    monkeypatch.setattr(metrics, "frechet_distance", lambda a, b: metrics.Distance(29.001, "sqrtm"))
    assert failed("sqrtm") == "A Fréchet distance of 29 is computed as 29.001."


def test_running_mean_of_losses_is_named(failed, monkeypatch):
    monkeypatch.setattr(keras.Model, "reset_metrics", lambda self: None)  # as up to Keras 3.14
    assert failed("losses") == "train_on_batch returns [1.0, 5.0] for batches whose losses are [1.0, 9.0]."


# the networks


class Frozen(GAN):
    """The published order under Keras 3: the discriminator is frozen in its own step, too."""

    def update_discriminator(self, real, fake):
        self.discriminator.trainable = False
        return super().update_discriminator(real, fake)


class FrozenLater(GAN):
    """A discriminator that is frozen again where another batch size makes Keras trace anew."""

    def update_discriminator(self, real, fake):
        self.discriminator.trainable = len(real) == 16
        return super().update_discriminator(real, fake)


class Restless(GAN):
    """A discriminator that moves in the generator's step, too."""

    def update_generator(self, z):
        self.discriminator.layers[-1].bias.assign_add([1.0])
        return super().update_generator(z)


class Pushed(GAN):
    """A generator that moves in the discriminator's step."""

    def update_discriminator(self, real, fake):
        self.generator.layers[0].bias.assign_add(np.ones(256))


class Idle(GAN):
    """A generator that its step does not move."""

    def update_generator(self, z):
        return 0.7


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "name", "sentence"),
    [
        (Frozen, "discriminator", "6 of the discriminator's 6 weights do not change in the "),
        (FrozenLater, "discriminator", "discriminator's step on batches of 8."),
        (Pushed, "discriminator", "weights do not change in the discriminator's step on batches of 16."),
        (Restless, "generator", "The discriminator changes in the generator's step on batches of 16."),
        (Idle, "generator", "20 of the generator's 20 weights do not change in the generator's step"),
    ],
)
def test_network_that_changes_wrongly_is_named(kind, name, sentence, failed, monkeypatch):
    monkeypatch.setattr(doctor, "GAN", kind)
    assert sentence in failed(name)


def test_generator_that_moves_with_the_discriminator_is_named(failed, monkeypatch):
    class Both(Pushed):
        def update_discriminator(self, real, fake):
            super().update_discriminator(real, fake)
            for variable in self.discriminator.variables:
                variable.assign(variable + 1.0)

    monkeypatch.setattr(doctor, "GAN", Both)
    assert failed("discriminator") == ("The generator changes in the discriminator's step on batches of 16.")


@pytest.mark.slow
def test_step_that_raises_is_named_with_its_error(failed, monkeypatch):
    for name in ("trainable_weights", "train_step"):  # without what freezes the discriminator
        monkeypatch.setattr(updates.Combined, name, getattr(keras.Model, name))
    assert "Unknown variable" in failed("generator")


# the engines


@pytest.mark.parametrize(("loss", "apart"), [(2e-10, "2e-10"), (np.nan, "nan")])
def test_engines_that_part_are_named(loss, apart, failed, monkeypatch):
    def losing(loss):
        return lambda gan, pictures, batch_size: lambda step, k: np.full((k, 5), loss)

    monkeypatch.setattr(engines, "ENGINES", {"one": losing(0.0), "other": losing(loss)})
    line = f"one and other differ by {apart} after 5 steps in float64, more than 1e-10."
    assert failed("engines") == line


def test_engines_that_leave_other_weights_are_named(failed, monkeypatch):
    def adding(value):
        def engine(gan, pictures, batch_size):
            gan.discriminator.layers[-2].bias.assign([value])
            return lambda step, k: np.zeros((k, 5))

        return engine

    monkeypatch.setattr(engines, "ENGINES", {"one": adding(1.0), "other": adding(1.0 + 3e-10)})
    assert failed("engines").startswith("one and other differ by 3e-10")


# information fails nothing


@pytest.fixture
def information(monkeypatch):
    """A function that returns what is told, as dict of name to sentence."""
    monkeypatch.setattr(doctor, "CHECKS", {})

    def told():
        result = run("--json")
        assert result.exit_code == 0
        return {f["name"]: f["sentence"] for f in json.loads(result.stdout)["findings"]}

    return told


def test_cache_that_can_be_written_is_left_as_it_was(information, keras_home, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(keras_home / "not/yet"))
    assert information()["cache"] == f"{keras_home}/not/yet can be written"
    assert not list(keras_home.iterdir())


def test_cache_that_cannot_be_written_is_told(information, keras_home, monkeypatch):
    (keras_home / "file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(keras_home / "file"))
    assert "file cannot be written (Not a directory); KERAS_HOME names" in information()["cache"]


def test_processor_and_cores_are_told(information, monkeypatch):
    monkeypatch.setattr(doctor, "get_cpu_kind", lambda: "x86_64 AVX2")
    monkeypatch.setattr(doctor, "get_cpu_count", lambda: 7)
    assert information()["device"] == "TensorFlow computes on CPU; x86_64 AVX2, 7 cores"


def test_settings_of_keras_and_matplotlib_are_told(information, monkeypatch):
    keras.config.set_image_data_format("channels_first")
    keras.config.set_epsilon(1e-5)
    monkeypatch.setitem(matplotlib.rcParams, "image.origin", "lower")
    try:
        told = information()
    finally:
        keras.config.set_image_data_format("channels_last")
        keras.config.set_epsilon(1e-7)
    expected = "channels_first, floatx float32, epsilon 1e-05, dtype policy float32; the numbers"
    assert told["keras.json"].startswith(expected) and " sets image.origin; " in told["matplotlib"]


def test_requirements_are_those_of_the_installed_package_without_extras(monkeypatch, tmp_path):
    lines = ["numpy>=2.0", "torch>=2.13; extra == 'torch'", "colorama; sys_platform == 'nowhere'"]
    monkeypatch.setattr(doctor, "__file__", str(tmp_path / "site-packages/keras_gan/doctor.py"))
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda name: lines)
    assert doctor._check_versions() == f"python {platform.python_version()}, numpy {np.__version__}."


def test_what_is_at_hand_is_told(information, keras_home):
    assert information()["data set mnist"].startswith("to be downloaded")
    (keras_home / "datasets").mkdir()
    (keras_home / "datasets/mnist.npz").write_bytes(b"")
    assert information()["data set mnist"] == f"at hand: {keras_home}/datasets/mnist.npz"


def test_weights_that_are_not_the_published_ones_are_told(information, keras_home):
    assert information()["InceptionV3"].startswith("downloaded when")
    (keras_home / "models").mkdir()
    name = "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"
    (keras_home / "models" / name).write_bytes(b"other")
    assert "Expected InceptionV3's published weights" in information()["InceptionV3"]
