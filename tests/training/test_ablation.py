from pathlib import Path

import numpy as np
import pytest

from keras_gan.data.datasets import Dataset
from keras_gan.preset_diff import get_preset
from keras_gan.presets import PRESETS
from keras_gan.run import metrics_log
from keras_gan.training import ablation, sweep
from tests.conftest import misused, run
from tests.training.conftest import IMAGES, INFO

KERAS, PYTORCH_GAN = PRESETS["keras"], PRESETS["pytorch-gan"]


def test_variants_are_the_preset_each_fact_alone_and_the_walk():
    variants = ablation.list_variants(KERAS, PYTORCH_GAN, ["order", "noise", "loss"])
    assert [(v.label, v.preset, v.walk) for v in variants] == [
        ("keras", "keras", False),
        ("order", "keras,order=pytorch-gan", False),
        ("noise", "keras,noise=pytorch-gan", False),
        ("loss", "keras,loss=pytorch-gan", False),
        ("+ noise", "keras,order=pytorch-gan,noise=pytorch-gan", True),
        ("+ loss", "keras,order=pytorch-gan,noise=pytorch-gan,loss=pytorch-gan", True),
    ]
    assert len({v.folder for v in variants}) == 6


def test_epoch_of_every_variant_is_one_batch_so_that_steps_are_equal():
    variants = ablation.list_variants(PYTORCH_GAN, KERAS)
    assert all(v.preset.startswith("pytorch-gan,epoch=keras") for v in variants)


def test_fact_in_which_the_presets_agree_is_refused():
    with pytest.raises(ValueError, match="Facts must be some of .*order.* Received: betas"):
        ablation.list_variants(KERAS, PYTORCH_GAN, ["order", "betas"])


@pytest.mark.parametrize(
    "b, facts, message",
    [
        ("keras", None, "A and B must differ. Received: keras and keras."),
        ("pytorch-gan,order=tutorial", None, "B must be a published preset; .* Received: pytorch-gan,order="),
        ("pytorch-gan", ["order", "noise", "order"], "Facts must differ. Received: order, noise, order."),
    ],
)
def test_ablation_that_would_tell_nothing_or_something_else_is_refused(b, facts, message):
    with pytest.raises(ValueError, match=message):
        ablation.list_variants(KERAS, get_preset(b), facts)


def test_rows_are_sorted_by_their_effect_and_say_whether_it_exceeds_two_stds():
    variants = ablation.list_variants(KERAS, PYTORCH_GAN, ["order", "noise"])
    names = [v.preset for v in variants]
    scores = dict(zip(names, ([10.0, 12.0], [11.5, 12.0], [30.0, 34.0], [9.0, 10.0]), strict=True))
    rows = ablation.summarise(variants, scores)
    assert [row["label"] for row in rows] == ["keras", "noise", "order", "+ noise"]
    assert [row["difference"] for row in rows] == [0, 21, 0.75, -1.5]
    assert [row["exceeds"] for row in rows] == [False, True, False, False]
    assert rows[1]["mean"] == 32 and rows[1]["std"] == pytest.approx(8**0.5)


def test_one_seed_has_no_spread():
    variants = ablation.list_variants(KERAS, PYTORCH_GAN, ["order"])
    rows = ablation.summarise(variants, {"keras": [1.0], "keras,order=pytorch-gan": [2.0]})
    assert [(row["std"], row["exceeds"]) for row in rows] == [(None, None)] * 2


@pytest.mark.parametrize(
    "words, message",
    [
        ("--facts=", "Facts must be some of"),
        ("--cluster=", "give --cluster the address of a scheduler. Received: ''."),
        ("--cluster=tcp://a:1 --jobs=2", "give --jobs or --cluster"),
    ],
)
def test_option_that_would_be_ignored_is_refused(words, message):
    assert message in misused("ablate", "keras", "aioz", *words.split())


def test_class_is_not_trained_by_a_comparison_of_presets(monkeypatch):
    monkeypatch.setattr("keras_gan.model.gan_class.load_gan_class", str)
    assert "give --gan with RUNs" in misused("compare", "--preset", "aioz", "--gan", "my_gan.py:DCGAN")


# the runs


def test_job_of_every_variant_and_seed_has_the_same_settings_but_these(tmp_path):
    variants = ablation.list_variants(KERAS, PYTORCH_GAN, ["order"])
    how = 7, {"fid_samples": 9}, ("--offline",), tmp_path, Dataset.from_array(IMAGES, "digits")
    jobs = ablation.list_jobs(variants, [0, 3], *how)
    assert [Path(job.folder).name for job in jobs] == ["keras-0", "keras-3", "order-0", "order-3"]
    assert {(job.settings["preset"], job.settings["seed"]) for job in jobs} == {
        (variant.preset, seed) for variant in variants for seed in (0, 3)
    }
    assert all(job.steps == job.settings["fid_interval"] == 7 for job in jobs)
    assert all(job.settings["fid_samples"] == 9 and job.command[-1] == "--offline" for job in jobs)
    assert all(job.settings["dataset"] == "digits" for job in jobs)  # as "auto" is MNIST on some machines
    with pytest.raises(ValueError, match="Seeds must differ. Received: 1, 1"):
        ablation.list_jobs(variants, [1, 1], *how)


def test_run_of_other_images_is_not_taken_for_one_of_the_ablation(tmp_path):
    variants, how = ablation.list_variants(KERAS, PYTORCH_GAN, ["order"]), ({}, (), tmp_path)
    (tmp_path / "order-0").mkdir()
    INFO.write(tmp_path / "order-0")
    jobs = ablation.list_jobs(variants, [0], 7, *how, Dataset.from_array(IMAGES))
    assert len(jobs) == 2
    with pytest.raises(ValueError, match="order-0: The images must be those of the run, array with"):
        ablation.list_jobs(variants, [0], 7, *how, Dataset.from_array(IMAGES ^ 1))


def test_scores_of_other_features_are_told(tmp_path):
    row = {"step": 1, "metric": "frechet_distance", "value": 1.0, "n": 9, "features": "pca"}
    rows = {"a-0": row | {"seed": 0}, "a-1": row | {"seed": 1, "value": 2.0}, "b-0": row | {"n": 8}}
    for name, own in rows.items():
        (tmp_path / name).mkdir()
        INFO.write(tmp_path / name)
        metrics_log.add(tmp_path / name / "metrics.jsonl", [own])
    assert ablation.describe_specs(tmp_path / name for name in ("a-0", "a-1")) is None
    line = ablation.describe_specs(tmp_path / name for name in rows)
    assert line == "Scores of a-0 and b-0 cannot be compared: n 9 and 8."


def test_score_is_the_last_one_of_training(tmp_path):
    row = {"metric": "frechet_distance", "features": "classifier", "n": 5}
    metrics_log.add(
        tmp_path / "metrics.jsonl", [row | {"step": 3, "value": 2.0}, row | {"step": 6, "value": 1.5}]
    )
    assert ablation.read_score(tmp_path) == 1.5


@pytest.mark.slow
def test_command_trains_scores_draws_and_does_not_train_again(tmp_path, monkeypatch, in_process):
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (120, 4, 4), np.uint8)
    np.savez("images.npz", images=images, labels=np.arange(120) % 3)
    words = "ablate aioz kmnist --facts batch-size,betas --seeds 0 --steps 2 --no-walk --data images.npz"
    result = run(*words.split(), "--count", 20, "--outdir", "out")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["changed", "aioz", *[x.split()[0] for x in lines[2:4]]]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *("ablation.png", "samples.png", "aioz-0", "batch-size-0", "betas-0"),
    }
    before = (tmp_path / "out/betas-0/checkpoint.npz").stat().st_mtime_ns
    assert run(*words.split(), "--count", 20, "--outdir", "out").exit_code == 0
    assert (tmp_path / "out/betas-0/checkpoint.npz").stat().st_mtime_ns == before


def test_size_of_images_is_given_as_train_takes_it(tmp_path):
    command = sweep.make_job(tmp_path / "a", {"preset": "keras", "image_size": (8, 6)}, 3).command
    assert command[command.index("--image-size") + 1] == "8x6"
