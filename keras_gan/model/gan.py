"""The class `GAN`: two networks joined into a third, and their updates through `train_on_batch`."""

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

from keras_gan.config import GanConfig
from keras_gan.device import check_precision, is_faster_with_xla, keras_settings
from keras_gan.figures import curves
from keras_gan.figures.grid import draw_grid, fit_grid, save_sample_grid, to_pil
from keras_gan.model import checkpoint, networks, sampling, updates, variables
from keras_gan.preset_diff import get_preset
from keras_gan.rng import Stream, draw_grid_noise, draw_noise, draw_seeds_noise
from keras_gan.run import history, info
from keras_gan.setting_checks import check_seeds

JIT_COMPILE = True  # GAN's default; the tests, which build many GANs, switch it off


class GAN:
    """A published GAN, built and ready to train.

    Attributes:
        generator: Keras model, z (batch, latent_dim) -> images in [-1, 1] (batch, h, w, c).
        discriminator: Keras model, images in [-1, 1] -> probability of being real (batch, 1).
        combined: Keras model, z -> probability; the discriminator is frozen inside it.
        step: number of steps trained so far.
        jit_compile: whether XLA compiles the steps.
    """

    def __init__(self, preset: str = "keras", *, jit_compile: bool | None = None, **settings: Any):
        """Builds and compiles the networks.

        Args:
            preset: name of one of `keras_gan.PRESETS`.
            jit_compile: whether XLA compiles the steps, with either engine; the classic calls are a fifth
                slower without it. None is `JIT_COMPILE` where `device.is_faster_with_xla`.
            settings: the other fields of `GanConfig`; the default is the preset's own.

        Raises:
            ValueError: a value is out of its range.
            TypeError: there is no such setting.
        """
        self.config = GanConfig(preset, **settings).resolved()
        self.preset = get_preset(self.config.preset)
        self.rule = self.preset.rule
        self.image_shape = self.config.image_shape
        self.latent_dim: int = self.config.latent_dim
        self.seed, self.step = self.config.seed, 0
        self.outdir: Path | None = None  # of the run that this object has trained
        self.loaded_from: Path | None = None  # a checkpoint
        self.trained_on: Any = None  # a `Dataset`
        precision = self.config.precision
        check_precision(precision)
        by_default = JIT_COMPILE and is_faster_with_xla(precision)
        self.jit_compile = by_default if jit_compile is None else jit_compile
        with keras_settings(precision):
            self._build(self.jit_compile)

    def __repr__(self):
        c = self.config
        settings = f"{c.preset!r}, image_shape={c.image_shape}, seed={c.seed}, step={self.step}"
        return f"{type(self).__name__}({settings})"

    def __reduce_ex__(self, protocol):
        """Refuses `pickle` and `copy.deepcopy`: a copy would share compiled functions."""
        raise TypeError("A GAN is not pickled or copied. Use gan.save(path) and GAN.load(path).")

    def _build(self, jit_compile):
        self.discriminator, self.generator = networks.build_networks(self)
        self.combined = updates.Combined(self.generator, self.discriminator, self.latent_dim)
        updates.compile_networks(self, *self.build_optimizers(), jit_compile=jit_compile)
        make_fakes = functools.partial(updates.make_fakes, self.generator, self.rule)
        self._generate = tf.function(make_fakes, jit_compile=jit_compile)

    def build_optimizers(self) -> tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer]:
        """Returns the discriminator's and the generator's optimizer; a subclass may return any two."""
        return updates.build_optimizers(self.preset, self.config)

    def build_generator(self) -> keras.Model:
        """Returns the generator; a subclass may return any Keras model."""
        return networks.build_generator(self.preset, self.latent_dim, self.image_shape, self.seed)

    def build_discriminator(self) -> keras.Model:
        """Returns the discriminator; a subclass may return any Keras model."""
        return networks.build_discriminator(self.preset, self.image_shape, self.seed)

    def generate(self, z: Any) -> tf.Tensor:
        """Returns fakes (batch, h, w, c) in [-1, 1] for the discriminator, of z (batch, latent_dim)."""
        return self._generate(tf.cast(z, self.generator.dtype))

    def update_discriminator(self, real: Any, fake: Any) -> tuple[Any, ...]:
        """Trains the discriminator once, on floats (batch, h, w, c) in [-1, 1]; the generator stays.

        Returns d_loss_real, d_loss_fake, d_acc_real and d_acc_fake of this batch, before its update.
        """
        return updates.update_discriminator(self, real, fake)

    def update_generator(self, z: Any) -> Any:
        """Trains the generator once, through `combined`, on z (batch, latent_dim); returns g_loss."""
        return updates.update_generator(self, z)

    def noise(self, seeds: Iterable[int] | int) -> np.ndarray:
        """Returns float32 noise (n, latent_dim): one row per seed, or n rows from this GAN's seed."""
        seeds = check_seeds(seeds)
        if isinstance(seeds, int):
            return draw_noise(self.seed, Stream.EVALUATION, 0, seeds, self.latent_dim)
        return draw_seeds_noise(seeds, self.latent_dim)

    def sample(self, z: np.ndarray, mode: str = "inference", batch_size: int | None = None) -> np.ndarray:
        """Returns uint8 images (n, h, w, c) of z (n, latent_dim); nothing in the generator changes.

        Args:
            mode: "inference", or "training" as PyTorch programs that save fakes without calling `eval()`:
                batch normalisation then takes mean and variance of the batch.
            batch_size: images that are normalised together in training mode; None is the preset's.
        """
        return np.concatenate([*sampling.draw_batches(self, [z], mode, batch_size)])

    def sample_images(self, epoch: int) -> np.ndarray:
        """Writes <outdir>/<epoch>.png, a grid of samples from `grid_noise`, and returns the samples."""
        return save_sample_grid(self.outdir or "images", epoch, self.sample(self.grid_noise()))

    def show(self, seeds: Iterable[int] | int = 25) -> Image.Image:
        """Returns a grid of samples as a Pillow image, which a notebook shows; `seeds` as for `noise`."""
        samples = self.sample(self.noise(seeds))
        return to_pil(draw_grid(samples, *fit_grid(len(samples))))

    @property
    def history(self) -> dict[str, np.ndarray] | None:
        """The history of this object's run, as `train` returns it; None before it has trained."""
        return history.read(self.outdir / info.HISTORY) if self.outdir else None

    def plot(self) -> Image.Image:
        """Writes <outdir>/curves.png, as the command `plot` does, and returns it as a Pillow image."""
        if self.outdir is None:
            raise ValueError("plot shows the run of a GAN that has trained. Received: one that has not.")
        curves.draw_curves(path := self.outdir / "curves.png", [self.outdir])
        return Image.open(path)

    def grid_noise(self) -> np.ndarray:
        """Returns the noise float32 (25, latent_dim) that every sample grid is made from."""
        return draw_grid_noise(self.seed, self.latent_dim)

    def train(
        self,
        epochs: int | None = None,
        batch_size: int | None = None,
        sample_interval: int | None = None,
        *,
        data: Any = None,
        outdir: str | Path = "images",
        overwrite: bool = False,
        resume: bool = False,
        quiet: bool = False,
        tensorboard: bool = False,
        callbacks: Iterable[keras.callbacks.Callback] = (),
        **settings: Any,
    ) -> dict[str, np.ndarray]:
        """Trains and writes a run directory; a second call continues where the first ended.

        Args:
            epochs, batch_size, sample_interval: as in the original; None is the preset's value.
            data: name of a data set, path of images, array or tensor (n, h, w[, c]), list, data set
                or loader of images, see docs/data.md; None is the preset's data set.
            outdir: folder for samples, history and checkpoint.
            overwrite: whether to replace a run in `outdir`.
            resume: whether to continue the run in `outdir` from its checkpoint, to `epochs` in
                total; settings that are not given are the run's.
            tensorboard: whether to write losses, scores and grids for TensorBoard, too.
            callbacks: Keras callbacks; their model is the generator, a batch a step, an epoch the
                preset's; logs hold d_loss, g_loss, loss (g_loss), d_acc_real, d_acc_fake, score.
            settings: other fields of `TrainConfig`; None is the default, or the resumed run's. They are
                engine, checkpoint_interval, fid_interval, fid_samples, features, strategy and replicas.
                For strategy "multi-worker", and for logical CPU devices, call
                `model.workers.join_workers` before the GAN is built.

        Returns:
            The history of the whole run: dict of column name to array (steps,), as in history.csv.

        Raises:
            ValueError: a setting is out of range, the images do not fit, or the run that is
                continued has other images or another batch size.
            FileExistsError: `outdir` holds another run.
            TypeError: there is no such setting.
            KeyboardInterrupt: on Ctrl-C or SIGTERM, after a checkpoint.
        """
        from keras_gan.training import gan_train  # a higher level, imported only when it is called

        settings |= dict(epochs=epochs, batch_size=batch_size, sample_interval=sample_interval)
        options: dict[str, Any] = dict(overwrite=overwrite, resume=resume, quiet=quiet)
        options |= dict(tensorboard=tensorboard, callbacks=callbacks)
        return gan_train.train_gan(self, settings, data, outdir, **options)

    def fid(
        self,
        real: Any = None,
        count: int = 5000,
        features: str = "inception",
        seed: int = 0,
        mode: str = "inference",
    ) -> float:
        """Returns the Fréchet distance of samples to real images, FID, as `gan_fid.FrechetDistance`.

        Args:
            real: a data set ("mnist:test"), a path, or images as `train` takes them; None is the test part of
                what this GAN was trained on.
            count: number of samples, and of real images at most.
            features: as `--features` takes them. Without InceptionV3's weights and a network to
                download them a classifier of the images' labels stands in, with a warning.
            seed: of the noise and of which images are taken.
            mode: of the samples, as in `sample`.

        Raises:
            ValueError: the images have another shape, or it is not known on which this GAN trained.
        """
        from keras_gan.evaluation import gan_fid  # a higher level, imported only when it is called

        return gan_fid.measure_gan(self, real, count, features, seed, mode)

    def save(self, path: str | Path) -> None:
        """Writes networks, optimizers and step to an .npz file, atomically; replaces no other file."""
        checkpoint.save_gan(self, path)

    @classmethod
    def load(cls, path: str | Path) -> "GAN":
        """Returns the GAN that `save` wrote, ready to sample from or to train on.

        It is of the subclass that wrote the file, which must have been imported; see `checkpoint.load_gan`.
        """
        return checkpoint.load_gan(cls, path)

    def restore(self, saved: checkpoint.Checkpoint, path: str | Path) -> None:
        """Sets networks, optimizers and step from the checkpoint that was read from `path`."""
        checkpoint.assign_arrays(self.variables(), saved.arrays, path)
        self.step = saved.step

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the values of `variables` as NumPy arrays, by the same names."""
        return {name: variable.numpy() for name, variable in self.variables().items()}

    def variables(self) -> dict[str, keras.Variable]:
        """Returns all that training changes, by names such as "generator/0/kernel/momentum"."""
        return variables.named_variables(self)
