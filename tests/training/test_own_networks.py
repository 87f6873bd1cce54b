"""A run of a subclass that one process began and another resumed is the uninterrupted run, bit for bit."""

import os
import subprocess
import sys

import numpy as np
import pytest

from keras_gan.model.gan_class import load_gan_class
from tests.conftest import REPOSITORY

FILE = '''\
"""Trains 10 of 20 steps: python own_networks.py FOLDER ENGINE NAME [NAME ...]"""
import sys

import keras
import numpy as np
from keras import layers

from keras_gan import GAN

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 1), dtype=np.uint8)


class Doubly(layers.Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units
        self.first, self.second = layers.Dense(units, name="same"), layers.Dense(units, name="same")

    def call(self, x):
        return self.second(keras.ops.tanh(self.first(x)))

    def get_config(self):
        return super().get_config() | {"units": self.units}


class Plain(GAN):
    def build_generator(self):
        image = [layers.Dense(64, activation="tanh"), layers.Reshape((8, 8, 1))]
        return keras.Sequential([keras.Input((self.latent_dim,)), *self.hidden(), *image])

    def build_discriminator(self):
        head = [layers.Flatten(), layers.Dense(1, activation="sigmoid")]
        return keras.Sequential([keras.Input((8, 8, 1)), *self.seen(), *head])

    def hidden(self):
        return [layers.Dense(16, activation="relu")]

    def seen(self):
        return [layers.Flatten(), layers.Dense(8, activation="relu")]


class Dropout(Plain):
    def hidden(self):
        return [layers.Dense(16), layers.Dropout(0.3), layers.GaussianNoise(0.1)]

    def seen(self):
        return [layers.GaussianNoise(0.1), layers.Dropout(0.3)]


class Composite(Plain):
    def hidden(self):
        return [Doubly(16), Doubly(16)]


class Nested(Plain):
    def hidden(self):
        inner = keras.Sequential([layers.Dense(16, activation="relu"), layers.BatchNormalization()])
        return [inner, layers.Dense(8)]


class Convolutional(Plain):
    def build_generator(self):
        return keras.Sequential([
            keras.Input((self.latent_dim,)), layers.Dense(64), layers.Reshape((4, 4, 4)),
            layers.BatchNormalization(momentum=0.8), layers.LeakyReLU(0.2),
            layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh"),
        ])

    def seen(self):
        return [layers.Conv2D(4, 3, strides=2), layers.BatchNormalization(), layers.LeakyReLU(0.2)]


class Spectral(Plain):
    def seen(self):
        return [layers.SpectralNormalization(layers.Conv2D(4, 3)), layers.LeakyReLU(0.2)]


class Smoothed(Dropout):
    def __init__(self, *args, **settings):
        super().__init__(*args, **{"label_smoothing": 0.1, "d_steps": 2} | settings)


class All(Plain):
    def hidden(self):
        return [*Nested.hidden(self), *Dropout.hidden(self), Doubly(16)]

    def seen(self):
        return [*Convolutional.seen(self), *Spectral.seen(self), layers.Dropout(0.3)]


def train(kind, folder, engine, epochs, **options):
    gan = kind("keras", image_shape=(8, 8, 1), latent_dim=7, seed=5, jit_compile=engine == "compiled")
    gan.train(epochs, 10, 100, data=IMAGES, outdir=folder, engine=engine, quiet=True, **options)
    return gan


if __name__ == "__main__":
    for name in sys.argv[3:]:
        train(globals()[name], f"{sys.argv[1]}/{name}", sys.argv[2], 10)
'''
KINDS = ("Dropout", "Composite", "Nested", "Convolutional", "Spectral", "Smoothed")


def compare(tmp_path, engine, kinds):
    """Trains each kind whole, and in this process and the child by halves; all must be one run."""
    path = tmp_path / "own_networks.py"
    path.write_text(FILE)
    words = [sys.executable, str(path), str(tmp_path / "child"), engine, *kinds]
    subprocess.run(words, cwd=REPOSITORY, check=True, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
    for name in kinds:
        kind = load_gan_class(f"{path}:{name}")
        train = sys.modules["own_networks"].train
        whole = train(kind, tmp_path / f"whole-{name}", engine, 20)
        train(kind, tmp_path / f"here-{name}", engine, 10)
        for half in (tmp_path / f"here-{name}", tmp_path / "child" / name):
            resumed = train(kind, half, engine, 20, resume=True)
            rows = [(folder / "history.csv").read_bytes() for folder in (half, tmp_path / f"whole-{name}")]
            assert rows[0] == rows[1], f"{half}, {engine}"
            arrays = resumed.arrays()
            for variable, array in whole.arrays().items():
                np.testing.assert_array_equal(arrays[variable], array, err_msg=f"{half} {variable}")


@pytest.mark.slow
def test_run_that_another_process_began_is_the_uninterrupted_one(tmp_path):
    compare(tmp_path, "train_on_batch", KINDS)


@pytest.mark.slow
def test_run_that_another_process_began_with_the_compiled_engine_is_the_uninterrupted_one(tmp_path, with_xla):
    compare(tmp_path, "compiled", ["All"])
