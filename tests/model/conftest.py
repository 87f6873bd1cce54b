"""What the tests of the model share: small GANs, built once and reset, and a network restated in NumPy."""

import numpy as np
import pytest

from keras_gan.model.gan import GAN
from keras_gan.preset_diff import get_preset

SHAPE = (4, 4, 1)
LATENT_DIM = 7


@pytest.fixture(autouse=True)
def narrow_networks(narrow_presets):
    """The networks have a sixteenth of their units here."""


@pytest.fixture
def reuse_networks():
    """Every GAN has networks of its own here."""


@pytest.fixture(scope="module")
def build():
    """A function that returns the GAN of a preset for 4x4 images as it was built.

    Each is built once and shared: building and tracing one takes seconds.
    """
    built = {}

    def build_or_reset(name, image_shape=SHAPE, **settings):
        key = get_preset(name), image_shape, *sorted(settings.items())
        if key not in built:
            gan = GAN(name, image_shape=image_shape, latent_dim=LATENT_DIM, **settings)
            built[key] = gan, gan.arrays()
        gan, initial = built[key]
        for variable_name, variable in gan.variables().items():
            variable.assign(initial[variable_name])
        gan.step, gan.outdir = 0, None
        return gan

    return build_or_reset


def batch(n, seed=0):
    """Returns real images (n, 4, 4, 1) and a pair of noises."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(2, n, LATENT_DIM)).astype("float32")
    return rng.uniform(-1, 1, (n, *SHAPE)).astype("float32"), z


def weights(model):
    """Returns all weights of a model as one vector."""
    return np.concatenate([w.ravel() for w in model.get_weights()])


def moved(model, action, *args):
    """Returns whether `action(*args)` changes the weights of the model."""
    before = weights(model)
    action(*args)
    return not np.array_equal(weights(model), before)


def assert_equal_variables(one, other):
    """Asserts that two GANs have the same variables, bit for bit."""
    ours, theirs = one.variables(), other.variables()
    assert list(ours) == list(theirs)
    for name, variable in ours.items():
        np.testing.assert_array_equal(variable, theirs[name], err_msg=name)


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


def forward(model, x, training=False):
    """Computes a network from its weights, layer by layer."""
    for layer in model.layers:
        kind, w = type(layer).__name__, [v.numpy() for v in layer.weights]
        if kind in ("Dense", "Activation"):
            x = ACTIVATIONS[layer.activation.__name__](x @ w[0] + w[1] if w else x)
        elif kind.endswith("LeakyReLU"):
            slope = 0.2 if kind.startswith("Torch") else np.float32(0.2)  # TensorFlow keeps it in float32
            x = np.where(x > 0, x, slope * x)
        elif kind.endswith("BatchNormalization"):
            gamma, beta, mean, variance = w
            mean, variance = (x.mean(0), x.var(0)) if training else (mean, variance)
            x = gamma * (x - mean) / np.sqrt(variance + layer.epsilon) + beta
        else:
            x = x.reshape(len(x), *getattr(layer, "target_shape", [-1]))
    return x
