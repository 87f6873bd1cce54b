"""The class `GAN`: two networks joined into a third, and their updates through `train_on_batch`."""

import json
import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_gan.config import TrainConfig, get_preset
from keras_gan.data.pixels import to_uint8
from keras_gan.device import dtype_policy
from keras_gan.figures.grid import save_grid
from keras_gan.files import npz
from keras_gan.model import networks, updates
from keras_gan.model.checkpoint import named_variables
from keras_gan.rng import Stream, draw_noise

MAX_VALUES = 2**18  # of an image: with 1,024 units before it a layer of 268 million weights
JIT_COMPILE = True  # unless GAN is told; the tests, which build many GANs, switch it off


class GAN:
    """A published GAN, built and ready to train.

    Attributes:
        generator: Keras model, z (batch, latent_dim) -> images in [-1, 1] (batch, h, w, c).
        discriminator: Keras model, images in [-1, 1] -> probability of being real (batch, 1).
        combined: Keras model, z -> probability; the discriminator is frozen inside it.
        step: number of steps trained so far.
    """

    def __init__(
        self,
        preset="keras",
        *,
        image_shape=(28, 28, 1),
        latent_dim=None,
        seed=0,
        lr=None,
        b1=None,
        b2=None,
        precision="float32",
        jit_compile=None,
    ):
        """Builds and compiles the networks; None stands for the preset's own number.

        Args:
            preset: name of one of `keras_gan.PRESETS`.
            image_shape: (h, w, c) of the images, c 1 or 3.
            seed: of initial weights, noise and batches; the same seed gives the same run.
            precision: Keras dtype policy, "float32", "float64" or "mixed_bfloat16"; the last is no
                faster where `networks.check_precision` refuses it.
            jit_compile: whether XLA compiles the steps; the classic calls are a fifth slower
                without it. None is `JIT_COMPILE`.

        Raises:
            ValueError: a value is out of its range.
        """
        settings = dict(latent_dim=latent_dim, seed=seed, lr=lr, b1=b1, b2=b2, precision=precision)
        self.config = TrainConfig(preset=preset, **settings).resolved()
        self.preset = get_preset(preset)
        self.rule = self.preset.rule
        self.image_shape = _checked_shape(image_shape)
        self.latent_dim = self.config.latent_dim
        self.seed = self.config.seed
        self.step = 0
        self.outdir = None  # of the run this object has trained in
        with dtype_policy(precision):
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
        self._generate = tf.function(self.fakes_for_discriminator, jit_compile=jit_compile)

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

    def fakes_for_discriminator(self, z):
        """Makes fakes in the mode the rule gives, leaving the moving statistics as they are."""
        g = self.generator
        if not self.rule.fakes_in_training_mode:
            return g(z, training=False)
        states = [[v.value for v in vs] for vs in (g.trainable_variables, g.non_trainable_variables)]
        fake, _ = g.stateless_call(*states, z, training=True)
        return fake

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
        if self.rule.shared_step_counter:
            self.discriminator.optimizer.iterations.assign(3 * self.step)
        valid, invalid = np.ones((real.shape[0], 1)), np.zeros((fake.shape[0], 1))
        if self.rule.joint_d_update:
            both = tf.concat([tf.cast(real, fake.dtype), fake], axis=0)
            logs = self._train(self.discriminator, both, np.concatenate([valid, invalid]))
            return tuple(logs[name] for name in ("loss_real", "loss_fake", "acc_real", "acc_fake"))
        on_real = self._train(self.discriminator, real, valid)
        on_fake = self._train(self.discriminator, fake, invalid)
        return on_real["loss"], on_fake["loss"], on_real["accuracy"], on_fake["accuracy"]

    def update_generator(self, z):
        """Trains the generator once, through `combined`; the discriminator does not move.

        Args:
            z: float array (batch, latent_dim).

        Returns:
            g_loss of this batch, before its update.
        """
        if self.rule.shared_step_counter:
            self.combined.optimizer.iterations.assign(3 * self.step + 2)
        return self._train(self.combined, z, np.ones((z.shape[0], 1)))["loss"]

    def _train(self, model, x, y):
        """Makes one update of a compiled model; returns its losses and metrics of this batch."""
        return model.train_on_batch(x, y, return_dict=True)

    def noise(self, seeds):
        """Returns float32 noise (n, latent_dim): one row a seed, or n rows of this GAN's seed.

        Args:
            seeds: list of seeds, each of which always gives the same row, or their number n.
        """
        if isinstance(seeds, int):
            return draw_noise(self.seed, Stream.EVALUATION, 0, seeds, self.latent_dim)
        return np.concatenate([draw_noise(s, Stream.GRID, 0, 1, self.latent_dim) for s in seeds])

    def sample(self, z):
        """Returns uint8 images (n, h, w, c) of the generator in inference mode.

        Args:
            z: float array (n, latent_dim).
        """
        parts = [self.generator(z[i : i + 1000], training=False) for i in range(0, len(z), 1000)]
        return to_uint8(np.clip(np.concatenate(parts), -1, 1))

    def sample_images(self, epoch):
        """Writes a grid of the same 25 noises every time to <outdir>/<epoch>.png; returns its samples."""
        path = Path(self.outdir or "images") / f"{epoch}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = self.sample(self.grid_noise())
        save_grid(path, samples, rows=5, columns=5)
        return samples

    def grid_noise(self):
        """Returns the noise float32 (25, latent_dim) of the sample grids: the same every time."""
        return draw_noise(self.seed, Stream.GRID, 0, 25, self.latent_dim)

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
        return loop.train_gan(self, numbers, data, outdir, overwrite, resume, quiet, tensorboard)

    def save(self, path):
        """Writes networks, optimizers and step to an .npz file, atomically."""
        settings = {"config": self.config.to_dict(), "image_shape": self.image_shape}
        header = {"step": np.array(self.step), "gan": np.array(json.dumps(settings))}
        npz.save(path, header | self.arrays())

    @classmethod
    def load(cls, path):
        """Returns the GAN that `save` wrote, ready to sample from or to train on.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged or is no checkpoint of a GAN.
        """
        arrays = npz.load(path)
        try:
            settings = json.loads(str(arrays["gan"]))
            config = TrainConfig.from_dict(settings["config"])
            names = ("preset", "latent_dim", "seed", "lr", "b1", "b2", "precision")
            gan = cls(**{n: getattr(config, n) for n in names}, image_shape=settings["image_shape"])
            int(arrays["step"])
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"Expected a checkpoint of a GAN. Received: {path} ({error}).") from None
        gan.restore(arrays, path)
        return gan

    def restore(self, arrays, path):
        """Takes over networks, optimizers and step from the arrays of a checkpoint at `path`."""
        own = {name: array for name, array in arrays.items() if name not in ("gan", "step")}
        self._restore(own, path)
        self.step = int(arrays["step"])

    def _restore(self, arrays, path):
        """Assigns every variable from its array, once all names and shapes have been checked."""
        variables = self.variables()
        expected = {name: tuple(variable.shape) for name, variable in variables.items()}
        received = {name: array.shape for name, array in arrays.items()}
        if expected != received:
            name = min(n for n in expected.keys() | received if expected.get(n) != received.get(n))
            raise ValueError(
                f"Expected a checkpoint with {name} of shape {expected.get(name)}. "
                f"Received: {path} with {received.get(name)}."
            )
        for name, variable in variables.items():
            variable.assign(arrays[name])

    def arrays(self):
        """Returns the values of `variables` as NumPy arrays, by the same names."""
        return {name: variable.numpy() for name, variable in self.variables().items()}

    def variables(self):
        """Returns all that training changes: dict of name to Keras variable, of both networks.

        Names are "generator/0/kernel", "generator/0/kernel/momentum" and so on, the number being
        the layer's place in its model; each Adam's count of updates is "generator/iteration".
        """
        return named_variables(self.generator, self.discriminator, self.combined)


def _checked_shape(image_shape):
    shape = tuple(image_shape)
    integers = all(isinstance(side, int) for side in shape)
    if not integers or len(shape) != 3 or shape[2] not in (1, 3) or min(shape) < 1:
        raise ValueError(f"image_shape must be (h, w, 1) or (h, w, 3). Received: {image_shape!r}.")
    if math.prod(shape) > MAX_VALUES:
        raise ValueError(
            f"image_shape must hold at most {MAX_VALUES} values, for dense layers. Received: "
            f"{image_shape!r}; --image-size makes images smaller."
        )
    return shape
