"""Runs for tests: of a GAN of one weight that takes no time, and of small GANs that are built once."""

import contextlib
import json
import os
import shutil

import numpy as np
import pytest

from benchmarks import soak
from keras_gan.config import GanConfig, TrainConfig
from keras_gan.data import datasets
from keras_gan.files import npz
from keras_gan.model import engines
from keras_gan.model.gan import GAN
from keras_gan.presets import PRESETS
from keras_gan.run import history
from keras_gan.run.config_json import RunInfo
from keras_gan.training import run_dir
from tests.conftest import run

CONFIG = TrainConfig(GanConfig("aioz"), epochs=3, batch_size=16, sample_interval=3).resolved()
IMAGES = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), np.uint8)
INFO = RunInfo.create(CONFIG, datasets.Dataset.from_array(IMAGES), 0, "keras", "CPU", {})  # of 12 steps
RULE = PRESETS["aioz"].rule


class OneWeight:
    """What `RunDir` uses of a GAN; its weight is as many times its step."""

    outdir = generator = None

    def __init__(self, step=0, size=1, **settings):
        self.step, self.size = step, size
        self.settings = CONFIG.to_dict() | settings

    def save(self, path):
        content = {"config": self.settings, "image_shape": [8, 8, 1]}
        weight = np.full(self.size, self.step, np.float32)
        npz.save(path, {"step": self.step, "gan": json.dumps(content), "weight": weight})

    def restore(self, saved, path):
        assert (saved.arrays["weight"] == saved.step).all()
        self.step = saved.step

    def train(self, folder, steps):
        """Adds rows of so many steps, a call a step."""
        for _ in range(steps):
            self.step += 1
            folder.append(history.make_rows(RULE, self.step, 4, np.full((1, 5), 0.5)))


@pytest.fixture(scope="session")
def build():
    """A function that returns the GAN of a preset as it was built; each is built and traced once."""
    built = {}

    def build_or_reset(preset="keras", **settings):
        key = json.dumps([preset, settings], sort_keys=True)
        if key not in built:
            gan = GAN(preset, **settings)
            built[key] = gan, gan.arrays()
        gan, initial = built[key]
        for name, variable in gan.variables().items():
            variable.assign(initial[name])
        gan.step, gan.outdir, gan.weights_from = 0, None, None
        return gan

    return build_or_reset


@pytest.fixture
def share_gans(build, monkeypatch):
    """Lets the commands use the GANs of `build`."""
    monkeypatch.setattr("keras_gan.model.gan.GAN", build)


@contextlib.contextmanager
def at_step(step, action):
    """Has `action` called while the engine is at a step; it may return values to hand on."""
    make = engines.ENGINES["train_on_batch"]

    def watched(*args):
        call = make(*args)

        def engine(first, k):
            values = call(first, k)
            changed = action() if first < step <= first + k else None
            return values if changed is None else changed

        return engine

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(engines.ENGINES, "train_on_batch", watched)
        patch.setattr("keras_gan.training.loop.SECONDS_PER_CALL", 1e-9)  # a call a step
        yield


def send(*signums):
    """Sends signals to this process."""
    for signum in signums:
        os.kill(os.getpid(), signum)


def assert_same_run(one, other):
    """Compares history, grids, settings and all arrays of two run directories."""
    assert soak.differences(one, other) == []
    ours, theirs = (json.loads((path / "config.json").read_text()) for path in (one, other))
    assert {**ours, "data": 0, "config": 0} == {**theirs, "data": 0, "config": 0}
    assert ours["config"]["epochs"] == theirs["config"]["epochs"]


SMALL = "train --preset aioz --batch-size 16 --latent-dim 7 --seed 3 --sample-interval 3 --epochs 3".split()


@pytest.fixture(scope="session")
def whole(tmp_path_factory, pixels, build):
    """Folder of a run of 12 steps that nothing stopped; `images.npz` is beside it."""
    folder = tmp_path_factory.mktemp("runs")
    np.savez(folder / "images.npz", images=pixels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras_gan.model.gan.GAN", build)
        result = run(*SMALL, "--data", folder / "images.npz", "--outdir", folder / "whole")
    assert result.exit_code == 0, result.output
    return folder / "whole"


@pytest.fixture
def train_small(whole, share_gans, monkeypatch, tmp_path):
    """A function that runs the command of `whole` in a folder of its own, into `images`."""
    monkeypatch.chdir(tmp_path)
    return lambda *more: run(*SMALL, "--data", whole.with_name("images.npz"), *more)


@pytest.fixture
def folder(tmp_path):
    """A new `RunDir`."""
    with run_dir.open_run_dir(tmp_path / "run", warn=pytest.fail) as folder:
        yield folder


def make_run(folder, *saved_at, end):
    """Trains a run with checkpoints at some steps and returns its GAN."""
    gan = OneWeight()
    folder.begin(INFO)
    folder.save(gan)
    for step in saved_at:
        gan.train(folder, step - gan.step)
        folder.save(gan)
    gan.train(folder, end - gan.step)
    return gan


def resume(folder, info=INFO, new=None):
    """Resumes a run in its open folder; returns the GAN and the warnings."""
    gan, lines = OneWeight(), []
    folder.resume(gan, info, new or info, lines.append)
    return gan, lines


def resume_at(path, lines=None):
    """Returns the GAN of a run that is resumed in a folder; a warning fails unless `lines` takes it."""
    with run_dir.open_run_dir(path, warn=pytest.fail) as folder:
        gan = OneWeight()
        folder.resume(gan, INFO, INFO, pytest.fail if lines is None else lines.append)
        return gan


def names_in(folder):
    """Returns the names of what is in a `RunDir` but .lock."""
    return {path.name for path in folder.path.iterdir()} - {".lock"}


def saved_steps(folder):
    """Returns the steps of checkpoint.npz and checkpoint.previous.npz, None where there is none."""
    paths = [folder.path / name for name in ("checkpoint.npz", "checkpoint.previous.npz")]
    return [int(npz.load(path)["step"]) if path.exists() else None for path in paths]


def snapshots(folder, action):
    """Returns copies of a `RunDir` as a kill at each operation on files in `action` would leave it."""
    copies = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("replace", "link", "fsync", "unlink", "truncate"):
            real = getattr(os, name)

            def watched(*args, real=real, **kwargs):
                copy = folder.path.with_name(f"copy-{len(copies)}")
                copies.append(shutil.copytree(folder.path, copy, symlinks=True))
                return real(*args, **kwargs)

            patch.setattr(os, name, watched)
        action()
    return copies
