"""A run of a subclass that one process began and another resumed is the uninterrupted run, bit for bit."""

import os
import subprocess
import sys

import numpy as np
import pytest

from keras_gan.model.gan_class import load_gan_class
from tests.conftest import REPOSITORY

FILE = '''\
"""Trains 10 of 20 steps: python own_networks.py FOLDER NAME:ENGINE [NAME:ENGINE ...]"""
import sys

from keras_gan import GAN

import keras
import numpy as np
from keras import layers

print("imported", file=sys.stderr)
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


class Dense(GAN):
    """Dropout, noise, two composite layers and a nested model with batch normalisation."""

    def build_generator(self):
        inner = keras.Sequential([layers.Dense(16, activation="relu"), layers.BatchNormalization()])
        hidden = [inner, layers.Dropout(0.3), layers.GaussianNoise(0.1), Doubly(16), Doubly(16)]
        image = [layers.Dense(64, activation="tanh"), layers.Reshape((8, 8, 1))]
        return keras.Sequential([keras.Input((self.latent_dim,)), *hidden, *image])

    def build_discriminator(self):
        hidden = [layers.GaussianNoise(0.1), layers.Dropout(0.3), layers.Flatten(), Doubly(8)]
        return keras.Sequential([keras.Input((8, 8, 1)), *hidden, layers.Dense(1, activation="sigmoid")])


class Convolutional(GAN):
    """Convolutions, batch and spectral normalisation; smoothed labels and two updates a step."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **{"label_smoothing": 0.1, "d_steps": 2} | settings)

    def build_generator(self):
        return keras.Sequential([
            keras.Input((self.latent_dim,)), layers.Dense(64), layers.Reshape((4, 4, 4)),
            layers.BatchNormalization(momentum=0.8), layers.LeakyReLU(0.2),
            layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh"),
        ])

    def build_discriminator(self):
        hidden = [layers.Conv2D(4, 3, strides=2), layers.BatchNormalization(), layers.LeakyReLU(0.2)]
        hidden += [layers.SpectralNormalization(layers.Conv2D(4, 3)), layers.Flatten(), layers.Dropout(0.3)]
        return keras.Sequential([keras.Input((8, 8, 1)), *hidden, layers.Dense(1, activation="sigmoid")])


def train(kind, folder, engine, epochs, **options):
    settings = dict(image_shape=(8, 8, 1), latent_dim=7, seed=5, jit_compile=engine == "compiled")
    gan = kind("keras", **settings)
    gan.train(epochs, 10, 100, data=IMAGES, outdir=folder, engine=engine, quiet=True, **options)
    return gan


if __name__ == "__main__":
    for run in sys.argv[2:]:
        name, engine = run.split(":")
        train(globals()[name], f"{sys.argv[1]}/{run}", engine, 10)
'''
RUNS = ("Dense:train_on_batch", "Convolutional:train_on_batch", "Dense:compiled")


@pytest.mark.slow
def test_run_that_another_process_began_is_the_uninterrupted_one(tmp_path):
    """The compiled engine with XLA, the other without."""
    path = tmp_path / "own_networks.py"
    path.write_text(FILE)
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    command = [sys.executable, path, tmp_path / "half", *RUNS]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    assert result.stderr.startswith("imported\n")  # without the lines that TensorFlow prints when it starts
    for run in RUNS:
        name, engine = run.split(":")
        kind = load_gan_class(f"{path}:{name}")
        train = sys.modules["own_networks"].train
        half, whole = tmp_path / "half" / run, tmp_path / "whole" / run
        expected = train(kind, whole, engine, 20).arrays()
        resumed = train(kind, half, engine, 20, resume=True).arrays()
        assert (half / "history.csv").read_bytes() == (whole / "history.csv").read_bytes(), run
        for variable, array in expected.items():
            np.testing.assert_array_equal(resumed[variable], array, err_msg=f"{run} {variable}")
