"""Who takes part in `benchmarks.train_step`: the same GAN and the same updates, each written its own way.

The GAN is the preset keras: a generator of 256, 512 and 1,024 units with batch normalisation, a discriminator
of 512 and 256, Adam with Keras's epsilon and one count of updates for both networks. The eager PyTorch ones
keep BatchNorm1d's moving variance, N / (N - 1) times Keras's: no time depends on it, losses by some 0.005;
those in bfloat16 differ as much.
Each contestant is a function `make(batch_size) -> (compare, run)`: `compare(batches)` trains from the initial
weights on given (rows, z_d, z_g) and returns (n, 3) losses: of D on real, of D on fake, of G; `run(k)` makes
k further steps on batches it draws itself, by the means of its own framework, and returns when they are done.
"""

import os

import numpy as np

from keras_gan.presets import PRESETS, Dense
from keras_gan.rng import Stream, draw_batch_rows, draw_noise, make_rng

N_IMAGES, LATENT_DIM = 10_000, 100
G_UNITS, D_UNITS = (LATENT_DIM, 256, 512, 1024, 784), (784, 512, 256, 1)
LR, B1, B2, EPSILON = 2e-4, 0.5, 0.999, 1e-7
BN_EPSILON, BN_MOMENTUM = 1e-3, 0.8


def draw_images():
    """Returns uint8 images (10000, 28, 28, 1) of random pixels."""
    return np.random.default_rng(0).integers(0, 256, (N_IMAGES, 28, 28, 1), dtype=np.uint8)


def draw_batches(batch_size, steps):
    """Returns the (rows, z_d, z_g) of the first steps, as the engines draw them with seed 0."""
    return [
        (
            draw_batch_rows(N_IMAGES, batch_size, 0, step, with_replacement=True),
            *(draw_noise(0, s, step, batch_size, LATENT_DIM) for s in (Stream.NOISE_D, Stream.NOISE_G)),
        )
        for step in range(steps)
    ]


def draw_weights():
    """Returns the initial [(kernel, bias), ...] of generator and discriminator with seed 0."""
    networks = []
    for number, units in enumerate((G_UNITS, D_UNITS)):
        rng = make_rng(0, Stream.WEIGHTS, number)
        limits = [np.sqrt(6 / (i + o)) for i, o in zip(units, units[1:], strict=False)]
        networks.append(
            [
                (rng.uniform(-limit, limit, (i, o)).astype(np.float32), np.zeros(o, np.float32))
                for i, o, limit in zip(units, units[1:], limits, strict=False)
            ]
        )
    return networks


def adam_rate(t, power=pow):
    """Returns alpha of Keras's Adam at update t: the step is alpha m / (sqrt(v) + epsilon)."""
    return LR * (1 - power(B2, t)) ** 0.5 / (1 - power(B1, t))


# Keras


def make_engine(name, precision="float32"):
    """Returns the contestant that is one of this project's engines."""

    def make(batch_size):
        from keras_gan.model import engines
        from keras_gan.model.gan import GAN

        gan = GAN(precision=precision)
        engine = engines.ENGINES[name](gan, draw_images(), batch_size)
        return (
            lambda batches: engine(0, len(batches))[:, :3],  # it draws these very batches
            lambda k: engine(gan.step, k),
        )

    return make


def make_published_loop(batch_size):
    """The loop as it was published, `generator.predict` and all, with a discriminator that learns."""
    from keras_gan.data.pixels import to_float
    from keras_gan.model.gan import GAN

    gan = GAN(jit_compile=False)
    images = to_float(draw_images())
    valid, invalid = np.ones((batch_size, 1)), np.zeros((batch_size, 1))

    def step(number, rows, z_d, z_g):
        fake = gan.generator.predict(z_d, verbose=0)
        counts = gan.discriminator.optimizer.iterations, gan.combined.optimizer.iterations
        counts[0].assign(3 * number)  # the one Adam of Keras 2 counted every update
        on_real = gan.discriminator.train_on_batch(images[rows], valid)
        on_fake = gan.discriminator.train_on_batch(fake, invalid)
        counts[1].assign(3 * number + 2)
        return on_real[0], on_fake[0], gan.combined.train_on_batch(z_g, valid)

    made = [0]

    def compare(batches):
        losses = [step(i, *batch) for i, batch in enumerate(batches)]
        made[0] = len(batches)
        return np.array(losses)

    def run(k):
        for _ in range(k):
            z_d, z_g = (np.random.normal(0, 1, (batch_size, LATENT_DIM)).astype("float32") for _ in "dg")
            step(made[0], np.random.randint(0, N_IMAGES, batch_size), z_d, z_g)
            made[0] += 1

    return compare, run


# PyTorch


def make_torch(fused):
    """Returns the contestant in PyTorch as a user writes it, with torch.optim.Adam."""

    def make(batch_size):
        import torch
        from torch import nn

        torch.set_num_threads(os.cpu_count())
        g_weights, d_weights = draw_weights()
        generator = nn.Sequential(
            *(
                layer
                for i, o in zip(G_UNITS[:-2], G_UNITS[1:-1], strict=True)
                for layer in (
                    nn.Linear(i, o),
                    nn.LeakyReLU(0.2),
                    nn.BatchNorm1d(o, eps=BN_EPSILON, momentum=1 - BN_MOMENTUM),
                )
            ),
            nn.Linear(1024, 784),
            nn.Tanh(),
        )
        discriminator = nn.Sequential(
            nn.Linear(784, 512), nn.LeakyReLU(0.2), nn.Linear(512, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1)
        )
        for network, weights in ((generator, g_weights), (discriminator, d_weights)):
            linear = [layer for layer in network if isinstance(layer, nn.Linear)]
            for layer, (kernel, bias) in zip(linear, weights, strict=True):
                layer.weight.data.copy_(torch.from_numpy(kernel.T))
                layer.bias.data.copy_(torch.from_numpy(bias))
        optimizers = [
            torch.optim.Adam(network.parameters(), LR, (B1, B2), fused=fused)
            for network in (generator, discriminator)
        ]
        criterion = nn.BCEWithLogitsLoss()
        ones, zeros = torch.ones(batch_size, 1), torch.zeros(batch_size, 1)
        images = torch.from_numpy(draw_images()).reshape(N_IMAGES, 784)
        counts, made = [0, 0], [0]

        def descend(which, loss, shared_count):
            """Makes Keras's update with PyTorch's Adam: its own count is that of the network alone."""
            counts[which] += 1
            own1, own2 = 1 - B1 ** counts[which], (1 - B2 ** counts[which]) ** 0.5
            group = optimizers[which].param_groups[0]
            group["lr"], group["eps"] = adam_rate(shared_count) * own1 / own2, EPSILON / own2
            optimizers[which].zero_grad()
            loss.backward()
            optimizers[which].step()
            return loss

        def step(number, rows, z_d, z_g):
            real = images[rows].float() / 127.5 - 1
            generator.eval()
            with torch.no_grad():
                fake = generator(z_d)
            generator.train()
            on_real = descend(1, criterion(discriminator(real), ones), 3 * number + 1)
            on_fake = descend(1, criterion(discriminator(fake), zeros), 3 * number + 2)
            for parameter in discriminator.parameters():  # its gradients are of no use to the generator
                parameter.requires_grad_(False)
            g_loss = descend(0, criterion(discriminator(generator(z_g)), ones), 3 * number + 3)
            for parameter in discriminator.parameters():
                parameter.requires_grad_(True)
            return on_real.item(), on_fake.item(), g_loss.item()

        def compare(batches):
            losses = [step(i, *map(torch.from_numpy, batch)) for i, batch in enumerate(batches)]
            made[0] = len(batches)
            return np.array(losses)

        def run(k):
            for _ in range(k):
                z_d, z_g = torch.randn(2, batch_size, LATENT_DIM)
                step(made[0], torch.randint(0, N_IMAGES, (batch_size,)), z_d, z_g)
                made[0] += 1

        return compare, run

    return make


# The whole step as one function of arrays, for JAX and for torch.compile


def define_step(np, lrelu, sqrt, softplus, grad, tree_map):
    """Returns step(state, real, z_d, z_g, t) -> (state, losses) in the functions of a framework.

    Args:
        grad: of f(parameters, *others) -> (loss, others): returns (loss, others), gradients.
        tree_map: applies a function to the leaves of nested lists.
    """

    def generate(layers, norms, moving, z, training):
        new = []
        for (kernel, bias), (gamma, beta), (mean, variance) in zip(layers, norms, moving, strict=False):
            z = lrelu(z @ kernel + bias)
            if training:
                batch_mean = z.mean(0)
                batch_variance = ((z - batch_mean) ** 2).mean(0)
                new.append(
                    (
                        BN_MOMENTUM * mean + (1 - BN_MOMENTUM) * batch_mean,
                        BN_MOMENTUM * variance + (1 - BN_MOMENTUM) * batch_variance,
                    )
                )
                mean, variance = batch_mean, batch_variance
            z = (z - mean) / sqrt(variance + BN_EPSILON) * gamma + beta
        kernel, bias = layers[-1]
        return np.tanh(z @ kernel + bias), new

    def logits(layers, x):
        for kernel, bias in layers[:-1]:
            x = lrelu(x @ kernel + bias)
        return x @ layers[-1][0] + layers[-1][1]

    def cross_entropy(x, label):
        return (softplus(x) - label * x).mean()

    def adam(parameters, m, v, gradients, t):
        alpha = adam_rate(t, lambda base, exponent: base**exponent)
        m = tree_map(lambda m, g: m + (g - m) * (1 - B1), m, gradients)
        v = tree_map(lambda v, g: v + (g * g - v) * (1 - B2), v, gradients)
        return tree_map(lambda p, m, v: p - alpha * m / (sqrt(v) + EPSILON), parameters, m, v), m, v

    def step(state, real, z_d, z_g, number):
        g, moving, d, g_m, g_v, d_m, d_v = state
        fake, _ = generate(*g, moving, z_d, training=False)
        (on_real, _), gradients = grad(lambda d: (cross_entropy(logits(d, real), 1.0), ()))(d)
        d, d_m, d_v = adam(d, d_m, d_v, gradients, 3 * number + 1)
        (on_fake, _), gradients = grad(lambda d: (cross_entropy(logits(d, fake), 0.0), ()))(d)
        d, d_m, d_v = adam(d, d_m, d_v, gradients, 3 * number + 2)

        def g_loss_of(g):
            made, new = generate(*g, moving, z_g, training=True)
            return cross_entropy(logits(d, made), 1.0), new

        (g_loss, moving), gradients = grad(g_loss_of)(g)
        g, g_m, g_v = adam(g, g_m, g_v, gradients, 3 * number + 3)
        return (g, moving, d, g_m, g_v, d_m, d_v), np.stack([on_real, on_fake, g_loss])

    return step


def _initial_state(array, tree_map):
    """Returns the state of `define_step` at its start; `array` makes the framework's own of NumPy's."""
    g_weights, d_weights = draw_weights()
    norms = [(np.ones(n, np.float32), np.zeros(n, np.float32)) for n in G_UNITS[1:-1]]
    moving = [(np.zeros(n, np.float32), np.ones(n, np.float32)) for n in G_UNITS[1:-1]]
    g, moving, d = tree_map(array, ((g_weights, norms), moving, d_weights))
    moments = [tree_map(lambda x: x * 0, network) for network in (g, g, d, d)]
    return g, moving, d, *moments


def make_torch_compile(batch_size):
    """The whole step as one function through torch.compile, without a graph break."""
    import torch
    from torch.utils import _pytree as pytree

    torch.set_num_threads(os.cpu_count())
    functional = torch.nn.functional
    step = define_step(
        torch,
        lambda x: functional.leaky_relu(x, 0.2),
        torch.sqrt,
        functional.softplus,
        lambda f: _swapped(torch.func.grad_and_value(f, has_aux=True)),
        pytree.tree_map,
    )
    images = torch.from_numpy(draw_images()).reshape(N_IMAGES, 784)

    def one(state, rows, z_d, z_g, number):
        return step(state, images[rows].float() / 127.5 - 1, z_d, z_g, number)

    compiled = torch.compile(one, fullgraph=True, dynamic=False)
    state = [_initial_state(torch.from_numpy, pytree.tree_map), torch.tensor(0.0)]

    def advance(rows, z_d, z_g):
        state[0], losses = compiled(state[0], rows, z_d, z_g, state[1])
        state[1] = state[1] + 1
        return losses

    def compare(batches):
        return np.array([advance(*map(torch.from_numpy, batch)).numpy() for batch in batches])

    def run(k):
        for _ in range(k):
            z_d, z_g = torch.randn(2, batch_size, LATENT_DIM)
            advance(torch.randint(0, N_IMAGES, (batch_size,)), z_d, z_g)

    return compare, run


def _swapped(function):
    """Returns a function whose (gradients, (value, others)) come as ((value, others), gradients)."""

    def swapped(*args):
        gradients, value = function(*args)
        return value, gradients

    return swapped


def make_jax(batch_size):
    """JAX: jit of a lax.scan over ten steps, the state donated."""
    import jax
    from jax import numpy as jnp

    step = define_step(
        jnp,
        lambda x: jnp.where(x > 0, x, 0.2 * x),
        jnp.sqrt,
        lambda x: jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x))),
        lambda f: jax.value_and_grad(f, has_aux=True),
        jax.tree.map,
    )
    images = jnp.asarray(draw_images().reshape(N_IMAGES, 784))

    def one(carry, batch):
        state, number = carry
        rows, z_d, z_g = batch
        state, losses = step(state, images[rows].astype(jnp.float32) / 127.5 - 1, z_d, z_g, number)
        return (state, number + 1), losses

    scan = jax.jit(lambda carry, batches: jax.lax.scan(one, carry, batches), donate_argnums=0)

    def draw_and_scan(carry, key, k):
        rows_key, d_key, g_key = jax.random.split(key, 3)
        rows = jax.random.randint(rows_key, (k, batch_size), 0, N_IMAGES)
        z_d, z_g = (jax.random.normal(k_, (k, batch_size, LATENT_DIM)) for k_ in (d_key, g_key))
        return jax.lax.scan(one, carry, (rows, z_d, z_g))

    drawn = jax.jit(draw_and_scan, static_argnums=2, donate_argnums=0)
    state = [(_initial_state(jnp.asarray, jax.tree.map), jnp.float32(0)), jax.random.key(0)]

    def compare(batches):
        state[0], losses = scan(state[0], tuple(map(np.stack, zip(*batches, strict=True))))
        return np.asarray(losses)

    def run(k):
        state[1], key = jax.random.split(state[1])
        state[0], losses = drawn(state[0], key, k)
        losses.block_until_ready()

    return compare, run


# Matrix products alone


def list_products(preset, batch_size, pixels=784):
    """Returns the (m, k, n) of every matrix product of a step, by its update rule.

    A dense layer's forward pass, the gradient of its kernel and that of its input are a product
    each; the input of a network's first layer needs none unless the other network is behind it.
    """
    sizes = {}
    for network, first in (("generator", preset.latent_dim), ("discriminator", pixels)):
        layers = [layer for layer in getattr(preset, network) if isinstance(layer, Dense)]
        outs = [layer.units or pixels for layer in layers]
        sizes[network] = list(zip([first, *outs[:-1]], outs, strict=True))
    g, d, b = sizes["generator"], sizes["discriminator"], batch_size
    forward = {"g": [(b, i, o) for i, o in g], "d": [(b, i, o) for i, o in d]}
    kernel = {"g": [(i, b, o) for i, o in g], "d": [(i, b, o) for i, o in d]}
    to_input = {"g": [(b, o, i) for i, o in g], "d": [(b, o, i) for i, o in d]}
    d_update = forward["d"] + kernel["d"] + to_input["d"][1:]
    fakes = forward["g"] if preset.rule.fresh_noise else []
    g_update = forward["g"] + forward["d"] + to_input["d"] + kernel["g"] + to_input["g"][1:]
    return fakes + 2 * d_update + g_update


def make_products(batch_size):
    """The matrix products of a step alone, by NumPy's BLAS."""
    rng = np.random.default_rng(0)
    factors = [
        (rng.random((m, k), np.float32), rng.random((k, n), np.float32), np.empty((m, n), np.float32))
        for m, k, n in list_products(PRESETS["keras"], batch_size)
    ]

    def run(k):
        for _ in range(k):
            for a, b, out in factors:
                np.dot(a, b, out=out)

    return None, run


EAGER = "PyTorch eager"
CONTESTANTS = {
    "compiled": make_engine("compiled"),
    "train_on_batch": make_engine("train_on_batch"),
    "compiled bfloat16": make_engine("compiled", "mixed_bfloat16"),
    "published loop": make_published_loop,
    EAGER: make_torch(fused=False),
    "PyTorch fused Adam": make_torch(fused=True),
    "torch.compile": make_torch_compile,
    "JAX": make_jax,
    "matrix products": make_products,
}
