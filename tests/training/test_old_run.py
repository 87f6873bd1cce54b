"""A run of four steps as it was written before the new layout, at commit bade811.

Its checkpoint holds weights of a pattern, which pack to some kilobytes. The expected numbers are what
the code of that commit made of it.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from keras_gan.model.gan import GAN
from keras_gan.run import history
from keras_gan.run.info import read
from tests.conftest import run

OLD_RUN = Path(__file__).with_name("old_run")
G_LOSS = [0.728368044, 0.729859531, 0.729026616, 0.731764317]  # of steps 5 to 8
D_LOSS = [1.35910922, 1.3703236, 1.37744313, 1.30286974]


@pytest.fixture
def old_run(tmp_path):
    return shutil.copytree(OLD_RUN, tmp_path / "run")


@pytest.mark.slow
def test_run_of_an_earlier_version_is_resumed_with_the_same_numbers(old_run, build):
    before = (old_run / "history.csv").read_bytes()
    images = np.random.default_rng(0).integers(0, 256, (50, 2, 2, 1), dtype=np.uint8)
    gan = build("aioz", image_shape=(2, 2, 1), latent_dim=2, seed=3)
    gan.train(2, data=images, outdir=old_run, resume=True, quiet=True)
    assert (old_run / "history.csv").read_bytes().startswith(before)
    table = history.read(old_run / "history.csv")
    # Two instruction sets differ by 1e-6 in a loss; four steps of Adam at 2e-4 keep it near that.
    np.testing.assert_allclose(table["g_loss"][4:], G_LOSS, rtol=1e-4)
    np.testing.assert_allclose(table["d_loss"][4:], D_LOSS, rtol=1e-4)
    assert list(read(old_run).list_grids()) == [0, 2, 4, 6, 8]
    assert read(old_run).info.grids == ((2, 8),)


@pytest.mark.slow
def test_checkpoint_of_an_earlier_version_gives_the_same_samples():
    samples = GAN.load(OLD_RUN / "checkpoint.npz").sample(np.array([[0.5, -1.0], [2.0, 0.25]], np.float32))
    expected = [[147, 128, 109, 184], [160, 114, 84, 186]]
    assert np.abs(samples.reshape(2, 4).astype(int) - expected).max() <= 1  # where rounding tips a value


def test_config_json_and_scores_of_an_earlier_version_are_read():
    old = read(OLD_RUN)
    assert (old.info.preset.name, old.info.config.gan.seed, old.info.first_step) == ("aioz", 3, 0)
    assert old.info.grids == ((2, 4),) and [row["value"] for row in old.read_metrics()] == [388.5]


def test_run_of_an_earlier_version_is_reported(old_run):
    result = run("report", old_run)
    assert result.exit_code == 0 and "aioz after 4 steps, 3 of 3 grids, 1 scores" in result.output
