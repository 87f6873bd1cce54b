import dataclasses
import json
import math
import os

import numpy as np
import pytest

from keras_gan.config import GanConfig, TrainConfig

COUNTS = ("epochs", "batch_size", "sample_interval", "checkpoint_interval", "latent_dim")
RUN = TrainConfig.from_dict(dict(preset="aioz", dataset="mnist", epochs=30, batch_size=50, seed=3)).resolved()


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("value", [0, -1, True, 2.0, math.nan, "3"])
def test_counts_must_be_integers_of_at_least_1(name, value):
    with pytest.raises(ValueError, match=f"^{name} must be an integer of at least 1. Received: {name}="):
        TrainConfig.from_dict({name: value})


@pytest.mark.parametrize("value", [0, 0.0, -1e-4, True, math.nan, math.inf, "1e-3", 1e-46, 1e39])
def test_lr_must_be_a_finite_number_above_0(value):
    with pytest.raises(ValueError, match="^lr must be a number above 0 in float32. Received: lr="):
        TrainConfig.from_dict(dict(lr=value))


@pytest.mark.parametrize("name", ["b1", "b2"])
@pytest.mark.parametrize("value", [1, 1.0, -0.1, math.nan, math.inf, False, 0.99999999999])
def test_decay_rates_must_be_in_0_to_1(name, value):
    with pytest.raises(
        ValueError, match=rf"^{name} must be a number in \[0, 1\) in float32. Received: {name}="
    ):
        TrainConfig.from_dict({name: value})


@pytest.mark.parametrize("value", [-1, 2**63, 1.0, True])
def test_seed_must_be_an_integer_of_63_bits(value):
    with pytest.raises(ValueError, match="^seed must be an integer"):
        TrainConfig.from_dict(dict(seed=value))


@pytest.mark.parametrize("value", [(0, 8), (8, -1), (8, 2.5), (True, 8)])
def test_sides_of_image_size_must_be_integers_of_at_least_1(value):
    with pytest.raises(ValueError, match="^image_size must be"):
        TrainConfig(image_size=value)


@pytest.mark.parametrize("shape", [28, (28, 28), (8, 8, 2), (8.0, 8, 1), None])
def test_image_shape_must_be_three_integers(shape):
    with pytest.raises(ValueError, match="image_shape must be"):
        GanConfig(image_shape=shape)


@pytest.mark.parametrize("name", ["engine", "precision", "device"])
def test_unknown_choice_is_refused_and_the_known_are_listed(name):
    with pytest.raises(ValueError, match=f"^{name} must be one of .*Received: 'nonesuch'"):
        TrainConfig.from_dict({name: "nonesuch"})


def test_numbers_of_numpy_are_stored_as_pythons():
    config = GanConfig(
        image_shape=(np.int64(4), 4, 1), lr=np.float32(0.5), seed=np.int64(7), b1=np.float64(0.25)
    )
    assert config == GanConfig(image_shape=(4, 4, 1), lr=0.5, seed=7, b1=0.25)
    kinds = [type(x) for x in (config.lr, config.seed, config.b1, *config.image_shape)]
    assert kinds == [float, int, float, int, int, int]
    assert json.loads(json.dumps(config.to_dict()))["seed"] == 7


def test_settings_of_the_updates_are_checked():
    with pytest.raises(ValueError, match=r"^label_smoothing must be a number in \[0, 0.5\)"):
        GanConfig(label_smoothing=0.5)
    with pytest.raises(ValueError, match="^d_steps must be an integer of at least 1"):
        GanConfig(d_steps=0)
    with pytest.raises(ValueError, match="^g_lr must be a number above 0"):
        GanConfig(g_lr=0)


def test_unknown_preset_is_refused():
    with pytest.raises(ValueError, match="did you mean keras"):
        TrainConfig.from_dict(dict(preset="kera"))


def test_edges_of_the_ranges_are_accepted():
    config = TrainConfig.from_dict(dict(epochs=1, lr=1, b1=0, b2=0.9999, seed=2**63 - 1, image_size=(1, 1)))
    assert (config.epochs, config.gan.lr, config.gan.b1, config.gan.seed) == (1, 1, 0, 2**63 - 1)


def test_resolved_default_is_the_run_of_the_keras_tutorial():
    config = TrainConfig().resolved()
    numbers = [config.epochs, config.batch_size, config.sample_interval, config.gan.latent_dim]
    assert numbers == [30000, 256, 200, 100]
    assert [config.gan.lr, config.gan.b1, config.gan.b2, config.gan.seed] == [2e-4, 0.5, 0.999, 0]


def test_resolved_keeps_what_was_given():
    config = TrainConfig.from_dict(dict(preset="kmnist", epochs=3, lr=0.5, b1=0)).resolved()
    assert (config.epochs, config.gan.lr, config.gan.b1, config.batch_size) == (3, 0.5, 0, 64)


def test_resolved_spells_the_preset_with_a_hyphen():
    assert GanConfig("pytorch_gan").preset == "pytorch-gan"


def test_only_mnist_may_be_replaced_by_other_images():
    assert TrainConfig(GanConfig("keras")).resolved().dataset == "auto"
    assert TrainConfig(GanConfig("kmnist")).resolved().dataset == "kmnist"
    assert TrainConfig(GanConfig("kmnist"), data="some/path").resolved().dataset == "auto"
    assert TrainConfig(GanConfig("kmnist"), dataset="mnist").resolved().dataset == "mnist"


def test_resolving_twice_changes_nothing():
    once = TrainConfig.from_dict(dict(preset="aioz", epochs=2)).resolved()
    assert once.resolved() == once


def test_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        TrainConfig().epochs = 1


@pytest.mark.parametrize(
    "config",
    [TrainConfig(), TrainConfig.from_dict(dict(preset="aioz", image_size=(8, 9), lr=0.1)).resolved()],
)
def test_json_round_trip(config):
    assert TrainConfig.from_dict(json.loads(config.to_json())) == config


def test_unknown_settings_are_refused_by_name():
    with pytest.raises(ValueError, match="momentum"):
        TrainConfig.from_dict({"preset": "keras", "momentum": 0.5})


def test_settings_from_a_file_are_checked():
    with pytest.raises(ValueError, match="^epochs must be"):
        TrainConfig.from_dict({"epochs": -3})


def test_settings_that_are_not_text_are_refused_as_names():
    for name in ("dataset", "data"):
        with pytest.raises(ValueError, match=f"^{name} must be a name or path. Received: {name}=5"):
            TrainConfig.from_dict({name: 5})


# resuming


def test_resumed_without_settings_is_the_run():
    assert RUN.resumed({}) == RUN


def test_settings_that_may_change_on_resuming_are_taken():
    given = dict(epochs=40, sample_interval=7, checkpoint_interval=2, engine="compiled", device="cpu")
    assert RUN.resumed(given) == dataclasses.replace(RUN, **given)


def test_settings_equal_to_the_runs_are_accepted():
    assert RUN.resumed({"preset": "aioz", "seed": 3, "batch_size": 50, "lr": 2e-4}) == RUN
    run = TrainConfig(GanConfig("pytorch-gan")).resolved()
    assert run.resumed({"preset": "pytorch_gan"}) == run


FIXED = dict(
    preset="keras", batch_size=49, latent_dim=9, lr=0.5, b1=0.25, b2=0.125, seed=4, precision="float64"
) | dict(g_lr=0.5, d_lr=0.5, label_smoothing=0.25, d_steps=2)


@pytest.mark.parametrize("name", FIXED)
def test_setting_that_differs_is_refused_with_both_values(name):
    both = f"{name}={FIXED[name]!r} given, {RUN.to_dict()[name]!r} in the run."
    with pytest.raises(ValueError) as error:
        RUN.resumed({name: FIXED[name], "epochs": 40})
    assert str(error.value).endswith(f"Received: {both}")


def test_every_setting_that_differs_is_listed():
    with pytest.raises(ValueError) as error:
        RUN.resumed(FIXED)
    assert all(f"{name}={value!r} given" in str(error.value) for name, value in FIXED.items())
    assert "\n" not in str(error.value)


def test_strategy_takes_the_engine_of_single_steps_and_replicas_are_of_mirrored():
    with pytest.raises(ValueError, match="mirrored takes engine train_on_batch. Received: engine compiled"):
        TrainConfig(strategy="mirrored", engine="compiled")
    for strategy in ("none", "multi-worker"):
        with pytest.raises(ValueError, match="replicas are of strategy mirrored. Received: replicas=2"):
            TrainConfig(strategy=strategy, replicas=2)


def test_run_is_resumed_with_another_strategy_without_its_replicas():
    run = TrainConfig(strategy="mirrored", replicas=4).resolved()
    assert run.resumed({"strategy": "none"}).replicas is None
    assert run.resumed({"replicas": 2}).replicas == 2
    assert run.resumed({"strategy": "multi_worker"}).strategy == "multi-worker"


def test_every_setting_either_stays_or_may_change():
    free = {"epochs", "sample_interval", "checkpoint_interval", "engine", "device"}
    free |= {"fid_interval", "fid_samples", "features", "strategy", "replicas"}
    images = {"dataset", "data", "image_size", "fit", "background"}
    assert set(RUN.to_dict()) == set(FIXED) | free | images


def test_path_that_is_given_stands_for_the_data_set_too_and_the_other_way_round():
    by_path = RUN.resumed({"data": "some/path"})
    assert (by_path.dataset, by_path.data) == ("auto", os.path.abspath("some/path"))
    by_name = by_path.resumed({"dataset": "digits"})
    assert (by_name.dataset, by_name.data) == ("digits", None)


def test_path_is_absolute_so_that_another_folder_can_resume(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert TrainConfig(data="photos").data == str(tmp_path / "photos")
    assert TrainConfig(data="~/photos").data == "/home/me/photos"


def test_bad_setting_is_refused_on_resuming_too():
    with pytest.raises(ValueError, match="^epochs must be"):
        RUN.resumed({"epochs": 0})


def test_sizes_that_would_exhaust_the_memory_are_refused():
    with pytest.raises(ValueError, match="^latent_dim must be at most 100000. Received: latent_dim=100001."):
        TrainConfig.from_dict(dict(latent_dim=100_001))
    with pytest.raises(ValueError, match="^image_size must be one or two integers from 1 to 4096. Received"):
        TrainConfig(image_size=(64, 4097))
    assert TrainConfig.from_dict(dict(latent_dim=100_000, image_size=(1, 4096)))


def test_fit_and_background_of_a_run_recorded_before_them_are_the_defaults():
    old = {name: value for name, value in RUN.to_dict().items() if name not in ("fit", "background")}
    assert TrainConfig.from_dict(old) == RUN and (RUN.fit, RUN.background) == ("crop", "white")


def test_fit_must_be_one_of_two():
    with pytest.raises(
        ValueError, match="fit must be one of crop, stretch. Received: 'corp'; did you mean crop"
    ):
        TrainConfig(fit="corp")
