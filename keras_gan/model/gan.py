"""The class `GAN`: two networks joined into a third, and their updates through `train_on_batch`."""

import numpy as np
import tensorflow as tf

from keras_gan.config import GanConfig
from keras_gan.data.pixels import to_uint8
from keras_gan.device import dtype_policy
from keras_gan.figures.grid import save_sample_grid
from keras_gan.model import checkpoint, networks, updates
from keras_gan.presets import PRESETS
from keras_gan.rng import Stream, draw_grid_noise, draw_noise, draw_seeds_noise

JIT_COMPILE = True  # unless GAN is told; the tests, which build many GANs, switch it off


class GAN:
    """A published GAN, built and ready to train.

    Attributes:
        generator: Keras model, z (batch, latent_dim) -> images in [-1, 1] (batch, h, w, c).
        discriminator: Keras model, images in [-1, 1] -> probability of being real (batch, 1).
        combined: Keras model, z -> probability; the discriminator is frozen inside it.
        step: number of steps trained so far.
    """

    def __init__(self, preset="keras", *, jit_compile=None, **settings):
        """Builds and compiles the networks.

        Args:
            preset: name of one of `keras_gan.PRESETS`.
            jit_compile: whether XLA compiles the steps; the classic calls are a fifth slower
                without it. None is `JIT_COMPILE`.
            settings: the other fields of `GanConfig`: image_shape, latent_dim, lr, b1, b2, seed,
                precision; what is not given is the preset's own.

        Raises:
            ValueError: a value is out of its range.
            TypeError: there is no such setting.
        """
        self.config = GanConfig(preset, **settings).resolved()
        self.preset = PRESETS[self.config.preset]
        self.rule = self.preset.rule
        self.image_shape = self.config.image_shape
        self.latent_dim, self.seed = self.config.latent_dim, self.config.seed
        self.step = 0
        self.outdir = None  # of the run this object has trained in
        with dtype_policy(self.config.precision):
            self._build(JIT_COMPILE if jit_compile is None else jit_compile)

    def _build(self, jit_compile):
        self.discriminator = self.build_discriminator()
        self.generator = self.build_generator()
        self.combined = updates.Combined(self.generator, self.discriminator)
        loss = updates.build_loss(self.preset.semantics)
        self.discriminator.compile(
            loss=loss,
            loss_weights=2.0 if self.rule.joint_d_update and self.rule.d_loss == "sum" else None,
            optimizer=self._adam(self.discriminator),
            metrics=updates.build_metrics_of_parts(loss) if self.rule.joint_d_update else ["accuracy"],
            jit_compile=jit_compile,
        )
        self.combined.compile(loss=loss, optimizer=self._adam(self.generator), jit_compile=jit_compile)
        self._generate = tf.function(
            lambda z: updates.make_fakes(self.generator, self.rule, z), jit_compile=jit_compile
        )

    def _adam(self, model):
        c = self.config
        variables = model.trainable_variables
        return updates.build_adam(self.preset.semantics, c.lr, c.b1, c.b2, self.preset.epsilon, variables)

    def build_generator(self):
        """Returns the generator; a subclass may return a Keras model of its own."""
        return networks.build_generator(self.preset, self.latent_dim, self.image_shape, self.seed)

    def build_discriminator(self):
        """Returns the discriminator; a subclass may return a Keras model of its own."""
        return networks.build_discriminator(self.preset, self.image_shape, self.seed)

    def generate(self, z):
        """Returns fakes (batch, h, w, c) in [-1, 1] to show to the discriminator.

        Args:
            z: float array (batch, latent_dim).
        """
        return self._generate(tf.constant(z, self.generator.dtype))

    def update_discriminator(self, real, fake):
        """Trains the discriminator once, on a batch of each; the generator does not move.

        Args:
            real, fake: floats (batch, h, w, c) in [-1, 1].

        Returns:
            (d_loss_real, d_loss_fake, d_acc_real, d_acc_fake) of this batch, before its update.
        """
        return updates.update_discriminator(self, real, fake, updates.train_on_batch)

    def update_generator(self, z):
        """Trains the generator once, through `combined`; the discriminator does not move.

        Args:
            z: float array (batch, latent_dim).

        Returns:
            g_loss of this batch, before its update.
        """
        return updates.update_generator(self, z, updates.train_on_batch)

    def noise(self, seeds):
        """Returns float32 noise (n, latent_dim): one row a seed, or n rows of this GAN's seed.

        Args:
            seeds: list of seeds, each of which always gives the same row, or their number n.
        """
        if isinstance(seeds, int):
            return draw_noise(self.seed, Stream.EVALUATION, 0, seeds, self.latent_dim)
        return draw_seeds_noise(seeds, self.latent_dim)

    def sample(self, z):
        """Returns uint8 images (n, h, w, c) of the generator in inference mode.

        Args:
            z: float array (n, latent_dim).
        """
        parts = [self.generator(z[i : i + 1000], training=False) for i in range(0, len(z), 1000)]
        return to_uint8(np.clip(np.concatenate(parts), -1, 1))

    def sample_images(self, epoch):
        """Writes a grid of the same 25 noises every time to <outdir>/<epoch>.png; returns its samples."""
        return save_sample_grid(self.outdir or "images", epoch, self.sample(self.grid_noise()))

    def grid_noise(self):
        """Returns the noise float32 (25, latent_dim) of the sample grids: the same every time."""
        return draw_grid_noise(self.seed, self.latent_dim)

    def train(
        self,
        epochs=None,
        batch_size=None,
        sample_interval=None,
        *,
        data=None,
        outdir="images",
        engine=None,
        overwrite=False,
        resume=False,
        quiet=False,
        checkpoint_interval=None,
        fid_interval=None,
        fid_samples=None,
        features=None,
        tensorboard=False,
    ):
        """Trains and writes a run directory; a second call goes on where the first ended.

        Args:
            epochs, batch_size, sample_interval: as in the original; None is the preset's number.
            data: name of a data set, path of images, uint8 array (n, h, w[, c]), or None for
                the preset's data set.
            outdir: folder for samples, history and checkpoint.
            engine: one of `config.ENGINES`; None is the default, or the resumed run's.
            overwrite: whether to replace a run that stands in `outdir`.
            resume: whether to take over the run in `outdir`, at its checkpoint, and train it to
                `epochs` in total; what is not given is as it was.
            checkpoint_interval: in epochs; None is once a minute.
            fid_interval: in epochs, between Fréchet distances of the samples, which go to
                metrics.jsonl; None is never.
            fid_samples: of which they are; None is 5,000.
            features: "inception", "digits", the path of a .keras file, or None for what is at hand.
            tensorboard: whether to write losses, scores and grids for TensorBoard, too.

        Returns:
            The history of the whole run: dict of column name to float array (steps,), as in
            history.csv.

        Raises:
            ValueError: a setting is out of range, the images do not fit, or the run that goes on
                has other images or another batch size.
            FileExistsError: `outdir` holds another run.
            KeyboardInterrupt: on Ctrl-C or SIGTERM, after a checkpoint.
        """
        from keras_gan.training import loop  # the one import from a higher level

        numbers = dict(epochs=epochs, batch_size=batch_size, sample_interval=sample_interval)
        numbers |= dict(checkpoint_interval=checkpoint_interval, engine=engine)
        numbers |= dict(fid_interval=fid_interval, fid_samples=fid_samples, features=features)
        options = dict(overwrite=overwrite, resume=resume, quiet=quiet, tensorboard=tensorboard)
        return loop.train_gan(self, numbers, data, outdir, **options)

    def save(self, path):
        """Writes networks, optimizers and step to an .npz file, atomically."""
        checkpoint.save_gan(self, path)

    @classmethod
    def load(cls, path):
        """Returns the GAN that `save` wrote, ready to sample from or to train on.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged or is no checkpoint of a GAN.
        """
        saved = checkpoint.read_checkpoint(path)
        gan = cls(**saved.config.to_dict())
        gan.restore(saved, path)
        return gan

    def restore(self, saved, path):
        """Takes over networks, optimizers and step of a `checkpoint.Checkpoint` from `path`."""
        checkpoint.assign_arrays(self.variables(), saved.arrays, path)
        self.step = saved.step

    def arrays(self):
        """Returns the values of `variables` as NumPy arrays, by the same names."""
        return {name: variable.numpy() for name, variable in self.variables().items()}

    def variables(self):
        """Returns all that training changes: dict of name to Keras variable, of both networks.

        Names are "generator/0/kernel", "generator/0/kernel/momentum" and so on, the number being
        the layer's place in its model; each Adam's count of updates is "generator/iteration".
        """
        return checkpoint.named_variables(self.generator, self.discriminator, self.combined)
