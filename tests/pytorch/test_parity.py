"""Agreement of Keras with PyTorch, and that every fact of a preset is needed for it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from keras_gan.commands import main
from keras_gan.data import datasets
from keras_gan.model.gan import GAN
from keras_gan.presets import PRESETS, BatchNormalization
from tests.conftest import each_preset, narrow

pytest.importorskip("torch", reason="needs PyTorch: pip install torch==2.13.0")

from keras_gan.pytorch import parity
from keras_gan.pytorch.gan import TorchGAN


@pytest.fixture(scope="module")
def images():
    return datasets.load_dataset("digits").images[:200, 7:21, 7:21]


@pytest.fixture(scope="module")
def build():
    """A function that returns a narrow GAN at its start; each is traced once however often it is trained."""
    built = {}

    def build_or_reset(preset, **settings):
        key = preset, *sorted(settings.items())
        if key not in built:
            gan = GAN(preset, **settings)
            built[key] = gan, gan.arrays()
        gan, initial = built[key]
        for name, variable in gan.variables().items():
            variable.assign(initial[name])
        gan.step = 0
        return gan

    return build_or_reset


@pytest.fixture
def follow(build, images, narrow_presets):
    """A function that trains a narrow preset in both frameworks and returns the `Trace`."""

    def follow(preset, mode, steps, reference=None, batch_size=24, **settings):
        settings |= dict(
            image_shape=images.shape[1:], precision="float64" if mode == "float64" else "float32"
        )
        pair = (TorchGAN(reference or preset, **settings) for _ in range(2))
        return parity.follow(build(preset, **settings), *pair, mode, images, batch_size, steps)

    return follow


@each_preset
def test_float64_runs_agree_to_rounding(preset, follow):
    # 12 steps of 24: 9 batches a pass, the last one of 8. Rounding starts at 1e-16 and has not grown
    # a thousandfold yet; every fact that is broken below gives 1e-10 and more.
    trace = follow(preset, "float64", 12)
    assert max(trace.d_loss.max(), trace.g_loss.max()) < 1e-13
    assert trace.weights.max() < 1e-11
    assert trace.exceeded() == []


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["keras", "pytorch-gan"])
@pytest.mark.parametrize("d_steps", [1, 2])
def test_settings_of_the_updates_agree_to_rounding(preset, d_steps, follow):
    trace = follow(preset, "float64", 6, d_steps=d_steps, g_lr=1e-3, d_lr=5e-4, label_smoothing=0.1)
    assert max(trace.d_loss.max(), trace.g_loss.max()) < 1e-13
    # PyTorch's moving statistics also take the fakes of the further updates, which no loss depends on here.
    assert trace.exceeded() == [] or (preset, d_steps) == ("pytorch-gan", 2)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["keras", "pytorch-gan"])
def test_float64_runs_agree_to_rounding_at_the_published_widths(preset, images):
    trace = parity.trace(preset, "float64", images, 24, 12)
    assert max(trace.d_loss.max(), trace.g_loss.max()) < 1e-13
    assert trace.exceeded() == []


@pytest.mark.slow
@each_preset
def test_float32_steps_agree_from_the_same_state(preset, follow):
    trace = follow(preset, "resync", 12)
    assert trace.exceeded() == []  # losses within 1e-5: one step of float32, see docs/pytorch.md
    # images of weights that differ by up to two learning rates: of 255 levels at most two
    np.testing.assert_allclose(*(s.astype(int) for s in trace.samples), atol=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "facts", ["moving-variance adam-count order noise", "adam-epsilon loss d-updates fakes"]
)
def test_preset_with_facts_of_another_agrees_as_the_published_ones(facts, follow):
    preset = ",".join(["keras", *(f"{fact}=pytorch-gan" for fact in facts.split())])
    trace = follow(preset, "float64", 6)
    assert max(trace.d_loss.max(), trace.g_loss.max()) < 1e-13


def changed_rule(preset, **facts):
    return PRESETS[preset]._replace(rule=PRESETS[preset].rule._replace(**facts))


def changed_norm(preset, **facts):
    layers = PRESETS[preset].generator
    return PRESETS[preset]._replace(
        generator=tuple(x._replace(**facts) if isinstance(x, BatchNormalization) else x for x in layers)
    )


BROKEN = {  # what the PyTorch side does otherwise than the preset
    "Adam's epsilon": ("kmnist", PRESETS["kmnist"]._replace(epsilon=1e-7)),
    "Adam's epsilon of Keras": ("keras", PRESETS["keras"]._replace(epsilon=1e-8)),
    "normalisation's epsilon": ("pytorch-gan", changed_norm("pytorch-gan", epsilon=1e-5)),
    "momentum": ("pytorch-gan", changed_norm("pytorch-gan", momentum=0.8)),
    "variance, loss and Adam of Keras": ("pytorch-gan", PRESETS["pytorch-gan"]._replace(semantics="keras")),
    "order": ("pytorch-gan", changed_rule("pytorch-gan", generator_first=False)),
    "reuse": ("kmnist", changed_rule("kmnist", fresh_noise=True)),
    "fresh noise": ("aioz", changed_rule("aioz", fresh_noise=False)),
    "sum": ("aioz", changed_rule("aioz", d_loss="mean")),
    "mean": ("kmnist", changed_rule("kmnist", d_loss="sum")),
    "two updates": ("keras", changed_rule("keras", joint_d_update=True)),
    "mode of the fakes": ("keras", changed_rule("keras", fakes_in_training_mode=True)),
    "step counter": ("keras", changed_rule("keras", shared_step_counter=False)),
    "replacement": ("keras", changed_rule("keras", batches_with_replacement=False)),
}


@pytest.mark.slow
@pytest.mark.parametrize("fact", BROKEN)
def test_breaking_a_fact_exceeds_a_tolerance(fact, follow, monkeypatch):
    preset, broken = BROKEN[fact]
    monkeypatch.setitem(PRESETS, "broken", narrow(broken)._replace(name="broken"))
    assert follow(preset, "float64", 6, reference="broken").exceeded()


def test_biased_running_variance_shows_in_the_weights_alone(follow, monkeypatch):
    from keras_gan.pytorch import gan
    from keras_gan.pytorch.layers import KerasBatchNorm1d

    monkeypatch.setattr(gan.nn, "BatchNorm1d", KerasBatchNorm1d)
    trace = follow("kmnist", "float64", 6)
    assert max(trace.d_loss.max(), trace.g_loss.max()) < 1e-10
    assert trace.exceeded()[0].startswith("float64: weights differs")


def test_nan_exceeds_every_tolerance():
    nan = np.full(3, np.nan)
    assert len(parity.Trace("float64", nan, nan, nan, np.zeros(3), {}, ()).exceeded(1e9, 1e9)) == 3


@pytest.mark.parametrize(
    ("mode", "d_loss", "same", "sentence"),
    [
        ("float64", 2e-15, True, "yes. In float64 the losses differ by at most 2.0e-15, which is rounding"),
        ("float64", 1e-3, False, "no. float64: d_loss differs by 1.0e-03 at step 1; the tolerance is 1e-10."),
        ("resync", 2e-6, True, "yes, as far as float32 tells. From the same state"),
        ("free", 1.0, None, "not known."),
    ],
)
def test_conclusion_says_whether_the_updates_are_the_same_and_by_how_much(mode, d_loss, same, sentence):
    zeros = np.zeros(3)
    trace = parity.Trace(mode, zeros + d_loss, zeros, zeros, zeros, {}, ())
    concluded, words = parity.conclude([trace], trace.exceeded())
    assert concluded is same and words.startswith(f"Same updates: {sentence}")


def test_rounding_noise_raises_the_tolerance_from_its_step_on():
    d_loss, noise = np.array([9e-11, 9e-8, 9e-8, 9e-8]), np.array([1e-16, 1e-16, 1e-9, 1e-12])
    zeros = np.zeros(4)
    [line] = parity.Trace("float64", d_loss, zeros, zeros, noise, {}, ()).exceeded()
    assert line == "float64: d_loss differs by 9.0e-08 at step 2; the tolerance is 1e-10"
    noise[1] = 1e-9
    assert parity.Trace("float64", d_loss, zeros, zeros, noise, {}, ()).exceeded() == []


@pytest.mark.slow
def test_command_prints_json_and_writes_a_chart_and_samples(tmp_path, images, narrow_presets):
    np.savez(tmp_path / "images.npz", images=images)
    words = ["parity", "--preset", "aioz", "--steps", "3", "--batch-size", "16", "--json"]
    words += ["--data", tmp_path / "images.npz", "--outdir", tmp_path / "out"]
    result = CliRunner().invoke(main.main, list(map(str, words)))
    assert result.exit_code == 0, result.output
    printed = json.loads(result.stdout)
    assert (printed["preset"], printed["steps"], printed["same_updates"]) == ("aioz", 3, True)
    for mode in ("float64", "resync"):
        assert set(printed[mode]["max_abs_diff"]) == {"d_loss", "g_loss", "weights"}
        assert set(printed[mode]["ms_per_step"]) == {"keras", "torch"}
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"differences.png", "samples.png"}


def test_command_exits_with_1_above_a_tolerance(tmp_path, images, narrow_presets):
    np.savez(tmp_path / "images.npz", images=images)
    words = ["parity", "--preset", "aioz", "--steps", "1", "--batch-size", "16", "--mode", "float64"]
    words += ["--data", tmp_path / "images.npz", "--outdir", tmp_path / "out", "--weight-tolerance", "0"]
    result = CliRunner().invoke(main.main, list(map(str, words)))
    assert result.exit_code == 1 and "the tolerance is 0e+00" in result.stderr
