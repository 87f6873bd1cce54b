"""Features on several devices: workers that are threads, and, slow, two logical devices of a process."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from keras_gan.commands.workers import lead_or_follow
from keras_gan.evaluation.distributed_extractor import DistributedExtractor
from tests.conftest import REPOSITORY, Corner, forbidden, misused, run, run_workers


class OneDevice:
    """A strategy of a device on each of two workers."""

    num_replicas_in_sync, worker_devices = 2, ["CPU:0"]

    @property
    def extended(self):
        """The strategy itself."""
        return self


class Flat(Corner):
    """An extractor that tells its sizes and its weights."""

    sizes = (3,)

    def __init__(self, sha256="0" * 64):
        super().__init__()
        self.sha256 = sha256


def test_first_worker_computes_while_the_other_follows_to_the_end(pixels):
    def act(workers):
        extractor = DistributedExtractor(Flat, workers)
        if not lead_or_follow(workers, extractor):
            return extractor._extractors[0].seen
        features = extractor(pixels)[0]
        workers.__exit__(None, None, None)  # tells the other that the run ends
        return features

    features, seen = run_workers(2, act, OneDevice())
    np.testing.assert_array_equal(features, Flat()(pixels)[0])
    assert seen == 25


def test_workers_with_other_features_are_refused_by_name():
    def act(workers):
        lead_or_follow(workers, DistributedExtractor(lambda: Flat(str(workers.index) * 64), workers))

    for error in run_workers(2, act, OneDevice()):
        assert "same feature extractor. Received: worker 1 (host-1:1) differs" in str(error)


def test_replicas_without_mirrored_and_all_features_on_several_devices_are_refused(monkeypatch):
    monkeypatch.setattr("keras_gan.commands.workers.start_tensorflow", forbidden)
    for words in (("fid", "a", "b"), ("evaluate", "a")):
        assert "replicas are of strategy mirrored. Received: replicas=2" in misused(*words, "--replicas", 2)
    assert "and --strategy." in misused("fid", "a", "b", "--features", "all", "--strategy", "mirrored")


MIRRORED = """
import sys
from click.testing import CliRunner
from keras_gan.commands import main
for line in sys.stdin:
    words = line.split() + "--device cpu --strategy mirrored --replicas 2".split()
    result = CliRunner().invoke(main.main, words)
    assert result.exit_code == 0, result.output
    print(" ".join(result.stdout.split()))
"""


@pytest.mark.slow
def test_numbers_on_two_devices_are_those_on_one(tmp_path, monkeypatch, pixels):
    monkeypatch.chdir(tmp_path)
    np.savez("images.npz", x_train=pixels[:40], x_test=pixels[40:])
    train = "train --preset aioz --epochs 1 --batch-size 20 --latent-dim 7 --fid-interval 1 --fid-samples 30"
    train += " --data images.npz --features pca --quiet --outdir"
    measure = [f"fid both images.npz{part} --features pca --count 25 --json" for part in ("", ":test")]
    measure.append("evaluate both --features pca --count 20 --json")
    program = subprocess.run(
        [sys.executable, "-c", MIRRORED],
        input="\n".join([f"{train} both", *measure]),
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
    )
    assert program.returncode == 0, program.stderr
    _, *on_two = program.stdout.splitlines()
    on_one = [json.loads(run(*words.split()).stdout) for words in measure]
    # pca multiplies by one matrix: a batch that is cut may be rounded otherwise
    for one, two in zip(on_one[:2], map(json.loads, on_two)):
        assert one["frechet_distance"] == pytest.approx(two["frechet_distance"], rel=1e-5)
    for one, two in zip(on_one[2]["rows"], json.loads(on_two[2])["rows"], strict=True):
        assert one["value"] == pytest.approx(two["value"], rel=1e-4, abs=1e-6), one["metric"]
    # The score while training, of a GAN whose updates were shared, too
    assert run(*train.split(), "one").exit_code == 0
    scores = [
        json.loads((tmp_path / name / "metrics.jsonl").read_text().splitlines()[0])
        for name in ("one", "both")
    ]
    assert scores[0]["value"] == pytest.approx(scores[1]["value"], rel=1e-3)
    assert {name for name in scores[0] if scores[0][name] != scores[1][name]} <= {"value"}
