"""Five published GANs as data: networks, update rule and hyperparameters, each with its source.

The layers of a list are in the order of the source file, so that the two can be read side by side.
Numbers are in Keras's notation: BatchNormalization's momentum is the weight of the old average
(PyTorch's is that of the new batch: Keras 0.8 is PyTorch 0.2).
"""

import math
from typing import Any, NamedTuple


class Dense(NamedTuple):
    """A dense layer; `units` None means one unit per value of an image."""

    units: int | None
    activation: str | None = None


class Activation(NamedTuple):
    """ "relu", "tanh" or "sigmoid" as a layer of its own."""

    name: str


class LeakyReLU(NamedTuple):
    """max(x, negative_slope * x)."""

    negative_slope: float = 0.2


class BatchNormalization(NamedTuple):
    """Normalisation over the batch; the defaults are those of PyTorch's BatchNorm1d."""

    momentum: float = 0.9
    epsilon: float = 1e-5


class UpdateRule(NamedTuple):
    """What one step does, in which order, and what counts as an epoch."""

    generator_first: bool
    fresh_noise: bool  # the generator's update draws its own noise
    joint_d_update: bool  # one update on real and fake together; else one on each, the real first
    d_loss: str  # "mean" or "sum" of the losses on real and on fake
    fakes_in_training_mode: bool  # as the discriminator sees them
    shared_step_counter: bool  # one Adam counter that counts every update of either network
    batches_with_replacement: bool  # else shuffled passes with a short last batch
    epoch_is_one_batch: bool  # else one pass over the images

    def steps_per_epoch(self, n_images: int, batch_size: int) -> int:
        """Returns the number of steps (one batch each) in an epoch."""
        return 1 if self.epoch_is_one_batch else math.ceil(n_images / batch_size)

    def combine(self, d_loss_real: Any, d_loss_fake: Any) -> Any:
        """Returns the discriminator's loss as the source reports it, from its two parts."""
        total = d_loss_real + d_loss_fake
        return total if self.d_loss == "sum" else total / 2


class Preset(NamedTuple):
    """A published GAN. `semantics` is the framework whose arithmetic it follows: "keras" or "torch"."""

    name: str
    source: str
    semantics: str
    dataset: str
    generator: tuple
    discriminator: tuple
    rule: UpdateRule
    lr: float
    b1: float
    b2: float
    epsilon: float
    batch_size: int
    epochs: int
    sample_interval: int  # in steps
    latent_dim: int = 100
    torch_prefix: str = "model"  # of the keys in a PyTorch state_dict
    other_semantics: tuple = ()  # (part, semantics) of the parts that follow the other framework

    @property
    def parts(self) -> dict:
        """Whose arithmetic each part follows: "weights", "adam", "variance" and "loss"."""
        return dict.fromkeys(("weights", "adam", "variance", "loss"), self.semantics) | dict(
            self.other_semantics
        )

    def semantics_of(self, part: str) -> str:
        """Returns "keras" or "torch", whose arithmetic a part follows."""
        return self.parts[part]

    def normalises(self) -> bool:
        """Returns whether the generator has batch normalisation."""
        return any(isinstance(layer, BatchNormalization) for layer in self.generator)


def _keras_block(units):
    return Dense(units), LeakyReLU(), BatchNormalization(momentum=0.8, epsilon=1e-3)


def _normalised_block(units, epsilon=1e-5):
    return Dense(units), BatchNormalization(epsilon=epsilon), LeakyReLU()


def _relu_block(units):
    return Dense(units), Activation("relu")


def _leaky_discriminator(*units):
    hidden = tuple(layer for n in units for layer in (Dense(n), LeakyReLU()))
    return (*hidden, Dense(1), Activation("sigmoid"))


def _adam(b1, epsilon):
    return dict(lr=2e-4, b1=b1, b2=0.999, epsilon=epsilon)


_PASSES = dict(batches_with_replacement=False, epoch_is_one_batch=False, shared_step_counter=False)

_SUM_RULE = UpdateRule(
    generator_first=False,
    fresh_noise=True,
    joint_d_update=True,
    d_loss="sum",
    fakes_in_training_mode=True,
    **_PASSES,
)

_KERAS = Preset(
    name="keras",
    source="https://github.com/eriklindernoren/Keras-GAN gan/gan.py, as the Keras tutorials print it",
    semantics="keras",
    dataset="mnist",
    generator=(*_keras_block(256), *_keras_block(512), *_keras_block(1024), Dense(None, activation="tanh")),
    discriminator=(Dense(512), LeakyReLU(), Dense(256), LeakyReLU(), Dense(1, activation="sigmoid")),
    rule=UpdateRule(
        generator_first=False,
        fresh_noise=True,
        joint_d_update=False,
        d_loss="mean",
        fakes_in_training_mode=False,  # made by `predict`
        shared_step_counter=True,  # one Adam object served both networks under Keras 2
        batches_with_replacement=True,
        epoch_is_one_batch=True,
    ),
    **_adam(b1=0.5, epsilon=1e-7),
    batch_size=256,
    epochs=30000,
    sample_interval=200,
)

_KMNIST = Preset(
    name="kmnist",
    # The text that this follows gives no title, author or address of its own.
    source="a PyTorch GAN for Kuzushiji-MNIST, published as a project page with torcheval's FID",
    semantics="torch",
    dataset="kmnist",
    generator=(
        Dense(128),
        LeakyReLU(),
        BatchNormalization(),
        *_normalised_block(256),
        *_normalised_block(512),
        Dense(None),
        Activation("tanh"),
    ),
    discriminator=_leaky_discriminator(512, 256),
    rule=UpdateRule(
        generator_first=False,
        fresh_noise=False,  # the generator's update takes the fakes the discriminator saw
        joint_d_update=True,
        d_loss="mean",
        fakes_in_training_mode=True,
        **_PASSES,
    ),
    **_adam(b1=0.5, epsilon=1e-8),
    batch_size=64,
    epochs=50,  # not printed in the source
    sample_interval=938,  # one pass over 60,000 images
)

_AIOZ = Preset(
    name="aioz",
    source="'The overview of GAN - Part 2', AIOZ tutorial of 2023-07-29, https://github.com/aioz-ai",
    semantics="torch",
    dataset="mnist",
    generator=(*_relu_block(128), *_relu_block(256), Dense(None), Activation("tanh")),
    discriminator=(*_relu_block(256), *_relu_block(128), Dense(1), Activation("sigmoid")),
    rule=_SUM_RULE,
    **_adam(b1=0.9, epsilon=1e-8),
    batch_size=100,  # its training loader is not printed; its test loader has 100
    epochs=100,
    sample_interval=600,
)

_TUTORIAL = Preset(
    name="tutorial",
    # The text gives no author or address; the code is under the heading in quotes.
    source="'Implementing a GAN with PyTorch', chapter 5 of a tutorial on generative models, on MNIST",
    semantics="torch",
    dataset="mnist",
    generator=(*_relu_block(256), *_relu_block(512), *_relu_block(1024), Dense(None), Activation("tanh")),
    discriminator=_leaky_discriminator(1024, 512, 256),
    rule=_SUM_RULE,
    **_adam(b1=0.9, epsilon=1e-8),
    batch_size=64,
    epochs=50,
    sample_interval=938,
    torch_prefix="main",
)

_PYTORCH_GAN = Preset(
    name="pytorch-gan",
    source="https://github.com/eriklindernoren/PyTorch-GAN implementations/gan/gan.py",
    semantics="torch",
    dataset="mnist",
    generator=(
        Dense(128),
        LeakyReLU(),
        *_normalised_block(256, epsilon=0.8),  # sic: 0.8 is passed where epsilon stands
        *_normalised_block(512, epsilon=0.8),
        *_normalised_block(1024, epsilon=0.8),
        Dense(None),
        Activation("tanh"),
    ),
    discriminator=_leaky_discriminator(512, 256),
    rule=UpdateRule(
        generator_first=True,
        fresh_noise=False,
        joint_d_update=True,
        d_loss="mean",
        fakes_in_training_mode=True,
        **_PASSES,
    ),
    **_adam(b1=0.5, epsilon=1e-8),
    batch_size=64,
    epochs=200,
    sample_interval=400,
)

PRESETS = {p.name: p for p in (_KERAS, _KMNIST, _AIOZ, _TUTORIAL, _PYTORCH_GAN)}
