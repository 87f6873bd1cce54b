"""The published PyTorch programs themselves: their own lines are executed, with batches and noise injected.

The texts are not part of this repository. PUBLISHED_GANS names a folder that holds them: 001*.txt to
003*.txt, and gan.py of PyTorch-GAN's implementations/gan.
"""

import os
import re
import types
from pathlib import Path

import numpy as np
import pytest

from keras_gan.data import datasets
from keras_gan.data.pixels import to_float
from keras_gan.model import engines
from keras_gan.model.gan import GAN
from keras_gan.model.step import gan_step
from keras_gan.pytorch import weight_names
from tests.conftest import REPOSITORY

torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch==2.13.0")

FOLDER = Path(os.environ.get("PUBLISHED_GANS", REPOSITORY.parent / "shared" / "seeds"))
STEPS = 20


class Ended(Exception):
    """The program has made its steps."""


def read_text(pattern):
    """Returns the text of the one file of that name, or skips the test."""
    paths = sorted(FOLDER.glob(pattern))
    if not paths:
        pytest.skip(f"needs the published text: {pattern} in the folder that PUBLISHED_GANS names")
    return paths[0].read_text()


def cut(text, first, last):
    """Returns the lines of a text from the one that begins with `first` to that with `last`."""
    lines = text.splitlines()
    begin = next(i for i, line in enumerate(lines) if line.startswith(first))
    end = next(i for i in range(begin, len(lines)) if lines[i].strip().startswith(last))
    return "\n".join(lines[begin : end + 1]) + "\n"


def read_aioz():
    """Returns definitions, loop, and the names of the losses of the AIOZ tutorial."""
    code = "\n".join(re.findall("```\n(.*?)```", read_text("003*.txt"), re.S))
    setup, loop = code[: code.index("def calculate_fid")].split("# Train model GAN\n")
    loop = loop[: loop.index("optimizer_generator.step()")] + "optimizer_generator.step()\n"
    return setup, loop, ("generator", "discriminator"), ("loss_discriminator", "loss_generator")


def read_kmnist():
    """The lines of the classes around the two printed lists of layers are missing in the text."""
    text = read_text("001*.txt")
    network = "class {}(nn.Module):\n def __init__(self, *sizes):\n  super().__init__()\n  {}  )\n"
    forward = " def forward(self, x): return self.model(x.flatten(1))\n"
    layers = [cut(text[text.index(f"# {n} Network") :], "self.model", end).replace("\n", "\n  ")
              for n, end in (("Generator", "nn.Tanh"), ("Discriminator", "nn.Sigmoid"))]  # fmt: skip
    first = "latent_dim, img_shape = 100, (1, 28, 28)\n"
    setup = first + network.format("Generator", layers[0]) + forward
    setup += network.format("Discriminator", layers[1]) + forward
    setup += cut(text, "generator = Generator", "adversarial_loss")
    loop = text[text.index("for i, (imgs, _)") : text.index("The FID scores utilize")]
    lines = loop.splitlines()
    loop = "\n".join(lines[:1] + ["    " + line for line in lines[1:]])
    return setup, loop, ("generator", "discriminator"), ("d_loss", "g_loss")


def read_tutorial():
    """Returns definitions, loop, and the names of the losses of the tutorial on MNIST."""
    text = read_text("002*.txt")
    setup = cut(text, "# Generator model", "epochs = ")
    setup += cut(text, "# Initialize generator", "optimizer_D")
    loop = cut(text, "for epoch in range", "optimizer_G.step()")
    return setup, loop, ("G", "D"), ("d_loss", "g_loss")


def read_pytorch_gan():
    """Returns definitions, loop, and the names of the losses of PyTorch-GAN."""
    text = read_text("gan.py")
    numbers = re.findall(r'"--(\w+)", type=\w+, default=([\d.]+)', text)
    options = ", ".join(f"{name}={value}" for name, value in numbers)
    setup = f"opt = types.SimpleNamespace({options})\n" + cut(text, "img_shape", "discriminator = ")
    setup += cut(text, "# Optimizers", "Tensor = ")
    loop = cut(text, "for epoch in range", "optimizer_D.step()")
    return setup, loop, ("generator", "discriminator"), ("d_loss", "g_loss")


READERS = {
    "aioz": read_aioz,
    "kmnist": read_kmnist,
    "tutorial": read_tutorial,
    "pytorch-gan": read_pytorch_gan,
}


class Loader:
    """Stands for the program's loader: gives our batches, and keeps the losses after each step."""

    def __init__(self, batch, images, names, namespace):
        self.batch, self.images, self.names, self.namespace = batch, images, names, namespace
        self.losses, self.noise = [], []

    def __iter__(self):
        for step in range(STEPS):
            rows, z = self.batch(step)
            self.noise[:] = [torch.from_numpy(noise.astype("float64")) for noise in z]
            real = torch.from_numpy(to_float(self.images[rows]).astype("float64")).permute(0, 3, 1, 2)
            yield real, None
            self.losses.append([self.namespace[name].item() for name in self.names])
        raise Ended

    def draw(self, *shape):
        """Takes the place of what draws the program's noise."""
        noise = self.noise.pop(0)
        assert tuple(np.ravel(shape)) == tuple(noise.shape)
        return noise


def run_published(preset, gan, images, batch_size):
    """Executes a published program on our batches from our weights; returns its losses (STEPS, 2)."""
    setup, loop, networks, losses = READERS[preset]()
    stand_in = types.ModuleType("torch")  # PyTorch in float64 whatever type the program names
    vars(stand_in).update(vars(torch), FloatTensor=torch.DoubleTensor)
    namespace = dict(torch=stand_in, nn=torch.nn, optim=torch.optim, np=types.SimpleNamespace(prod=np.prod))
    namespace |= dict(types=types, cuda=False, Variable=lambda tensor, requires_grad=None: tensor)
    loader = Loader(engines.batches(gan, len(images), batch_size), images, losses, namespace)
    stand_in.randn = loader.draw
    namespace["np"].random = types.SimpleNamespace(
        normal=lambda mean, std, shape: loader.draw(*shape).numpy()
    )
    namespace |= dict(train_loader=loader, dataloader=loader)
    exec(setup, namespace)
    arrays = gan.arrays()
    for ours, name in zip(("generator", "discriminator"), networks):
        tensors = dict(namespace[name].state_dict())
        for key, torch_key in weight_names.list_weight_names(gan.preset, ours):
            array = arrays[key].T if key.endswith("kernel") else arrays[key]
            tensors[torch_key].copy_(torch.from_numpy(np.array(array)))
    with pytest.raises(Ended):
        exec(loop, namespace)
    return np.array(loader.losses)


@pytest.fixture
def float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.slow
@pytest.mark.parametrize("preset", READERS)
def test_float64_losses_are_those_of_the_published_program(preset, float64):
    images = np.repeat(np.repeat(datasets.load_dataset("digits").images[:1000, 7:21, 7:21], 2, 1), 2, 2)
    gan = GAN(preset, precision="float64", jit_compile=False)
    theirs = run_published(preset, gan, images, 64)
    batch, ours = engines.batches(gan, len(images), 64), []
    for step in range(STEPS):
        rows, z = batch(step)
        d_loss_real, d_loss_fake, g_loss, *_ = gan_step(gan.rule, gan, to_float(images[rows]), z)
        ours.append([gan.rule.combine(d_loss_real, d_loss_fake), g_loss])
    # Rounding starts at 1e-16 and grows: 1e-14 after 100 steps. A slope of float32(0.2) gives 3e-9 then.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
