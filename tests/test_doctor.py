"""What `doctor` says: all well here, and each thing that is broken on purpose by its name."""

import importlib.metadata
import json

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from scipy import linalg

from keras_gan import doctor
from keras_gan.commands import main
from keras_gan.evaluation import metrics
from keras_gan.model import engines, updates
from keras_gan.model.gan import GAN

pytestmark = pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
NAMES = ["versions", "sqrtm", "losses", "discriminator", "generator", "engines"]


def run(*words):
    return CliRunner().invoke(main.main, ["doctor", *words])


@pytest.fixture(scope="module")
def whole():
    """The result of all checks."""
    return run()


@pytest.fixture
def failed(monkeypatch):
    """A function: name of the one check to make, which must fail -> what is said of it."""

    def sentence(name):
        monkeypatch.setattr(doctor, "CHECKS", {name: doctor.CHECKS[name]})
        monkeypatch.setattr(doctor, "_facts", dict)
        result = run()
        assert (result.exit_code, result.stderr) == (1, ""), result.output
        *lines, last = result.stdout.splitlines()
        line = " ".join(line.strip() for line in lines)  # which folds at the terminal's width
        assert line.startswith(f"FAIL {name}: ") and last == f"Failed: {name}."
        return line.removeprefix(f"FAIL {name}: ")

    return sentence


def test_this_installation_trains(whole):
    assert (whole.exit_code, whole.stderr) == (0, ""), whole.output
    *lines, last = whole.stdout.splitlines()
    checks = [line for line in lines if not line.startswith("info ")]
    assert [line.split(":")[0] for line in checks] == [f"ok   {name}" for name in NAMES]
    assert last == "This installation trains."


def test_facts_name_device_cache_and_what_is_at_hand(whole):
    facts = [line.split(":")[0] for line in whole.stdout.splitlines() if line.startswith("info ")]
    sets = [f"info data set {name}" for name in ("mnist", "fashion-mnist", "kmnist", "digits")]
    assert facts == ["info device", "info cache", *sets, "info InceptionV3"]


def test_json_holds_the_findings(monkeypatch):
    monkeypatch.setattr(doctor, "CHECKS", {"sqrtm": doctor._sqrtm, "bad": lambda: 1 / 0})
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
    monkeypatch.setattr(doctor, "_requirements", lambda: ["numpy>=2.0", "no-such-package>=1"])
    assert failed("versions").startswith("Needs no-such-package>=1 and found none:")


def test_packages_of_an_extra_and_of_the_tests_are_not_asked_for(monkeypatch):
    lines = ["numpy>=2.0", "pytest>=999", 'no-such-package>=1; extra == "onnx"']
    monkeypatch.setattr(doctor, "_requirements", lambda: lines)
    assert doctor.CHECKS["versions"]() == f"numpy {np.__version__}."


@pytest.mark.parametrize("lowest", ["0.9", "1.10", "1.10.0"])
def test_version_at_or_above_the_lowest_is_well(lowest, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.10")
    monkeypatch.setattr(doctor, "_requirements", lambda: [f"numpy>={lowest}"])
    assert doctor._versions() == "numpy 1.10."


def test_root_that_turns_complex_is_named(failed, monkeypatch):
    monkeypatch.setattr(metrics.linalg, "sqrtm", lambda product: product + 1j)
    assert "SciPy's matrix root fails: sqrtm has an imaginary part" in failed("sqrtm")


def test_root_that_is_another_is_named(failed, monkeypatch):
    sqrtm = linalg.sqrtm
    monkeypatch.setattr(metrics.linalg, "sqrtm", lambda product: sqrtm(product) * 1.1)
    assert "SciPy's matrix root fails: sqrtm gives 27.4" in failed("sqrtm")


def test_distance_that_is_another_is_named(failed, monkeypatch):
    monkeypatch.setattr(metrics, "frechet_distance", lambda a, b: metrics.Distance(29.001, "sqrtm"))
    assert failed("sqrtm") == "A Fréchet distance of 29 comes out as 29.001."


def test_running_mean_of_losses_is_named(failed, monkeypatch):
    monkeypatch.setattr(keras.Model, "reset_metrics", lambda self: None)  # as up to Keras 3.14
    assert failed("losses") == "train_on_batch returns [1.0, 5.0] where batches lose [1.0, 9.0]."


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


@pytest.mark.parametrize(
    ("kind", "name", "sentence"),
    [
        (Frozen, "discriminator", "6 of the discriminator's 6 weights stand still in the "),
        (FrozenLater, "discriminator", "discriminator's step on batches of 8."),
        (Pushed, "discriminator", "weights stand still in the discriminator's step on batches of 16."),
        (Restless, "generator", "The discriminator moves in the generator's step on batches of 16."),
        (Idle, "generator", "20 of the generator's 20 weights stand still in the generator's step"),
    ],
)
def test_network_that_moves_wrongly_is_named(kind, name, sentence, failed, monkeypatch):
    monkeypatch.setattr(doctor, "GAN", kind)
    assert sentence in failed(name)


def test_generator_that_moves_with_the_discriminator_is_named(failed, monkeypatch):
    class Both(Pushed):
        def update_discriminator(self, real, fake):
            super().update_discriminator(real, fake)
            for variable in self.discriminator.variables:
                variable.assign(variable + 1.0)

    monkeypatch.setattr(doctor, "GAN", Both)
    assert failed("discriminator") == ("The generator moves in the discriminator's step on batches of 16.")


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
    line = f"one and other are {apart} apart after 5 steps in float64, above 1e-10."
    assert failed("engines") == line


def test_engines_that_leave_other_weights_are_named(failed, monkeypatch):
    def adding(value):
        def engine(gan, pictures, batch_size):
            gan.discriminator.layers[-2].bias.assign([value])
            return lambda step, k: np.zeros((k, 5))

        return engine

    monkeypatch.setattr(engines, "ENGINES", {"one": adding(1.0), "other": adding(1.0 + 3e-10)})
    assert failed("engines").startswith("one and other are 3e-10 apart")


# facts fail nothing


@pytest.fixture
def facts(monkeypatch):
    """A function that returns what is told, as dict of name to sentence."""
    monkeypatch.setattr(doctor, "CHECKS", {})

    def told():
        result = run("--json")
        assert result.exit_code == 0
        return {f["name"]: f["sentence"] for f in json.loads(result.stdout)["findings"]}

    return told


def test_cache_that_can_be_written_is_left_as_it_was(facts, keras_home, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(keras_home / "not/yet"))
    assert facts()["cache"] == f"{keras_home}/not/yet can be written"
    assert not list(keras_home.iterdir())


def test_cache_that_cannot_be_written_is_told(facts, keras_home, monkeypatch):
    (keras_home / "file").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(keras_home / "file"))
    assert "file cannot be written (Not a directory); KERAS_HOME names" in facts()["cache"]


def test_what_is_at_hand_is_told(facts, keras_home):
    assert facts()["data set mnist"].startswith("to be downloaded")
    (keras_home / "datasets").mkdir()
    (keras_home / "datasets/mnist.npz").write_bytes(b"")
    assert facts()["data set mnist"] == f"at hand: {keras_home}/datasets/mnist.npz"


def test_weights_that_are_not_the_published_ones_are_told(facts, keras_home):
    assert facts()["InceptionV3"].startswith("to be downloaded")
    (keras_home / "models").mkdir()
    name = "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"
    (keras_home / "models" / name).write_bytes(b"other")
    assert "Expected InceptionV3's published weights" in facts()["InceptionV3"]
