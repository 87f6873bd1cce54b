"""The published GANs in plain PyTorch, driven by the same `model.step.gan_step`, to compare with.

PyTorch is optional and imported only here. Optimizer, normalisation and loss are PyTorch's own where
the source is PyTorch; for the "keras" semantics they are made to compute what Keras computes.
`training.loop.train` trains a `TorchGAN` as it does a `GAN`, and `GAN.load` reads its checkpoints.
"""

from pathlib import Path
from typing import Any

import numpy as np

from keras_gan.config import GanConfig
from keras_gan.data.pixels import to_uint8
from keras_gan.figures.grid import save_sample_grid
from keras_gan.model import checkpoint
from keras_gan.preset_diff import get_preset
from keras_gan.presets import Dense
from keras_gan.pytorch import weight_names
from keras_gan.rng import draw_grid_noise
from keras_gan.start_tensorflow import settle_imports

try:
    settle_imports()  # before PyTorch looks for triton
    import torch
    from torch import nn

    from keras_gan.pytorch.layers import make_modules
except ImportError as error:
    raise ImportError(
        "What is done with PyTorch needs PyTorch 2. Received: no module torch; install it with "
        "`pip install torch==2.13.0`."
    ) from error


class TorchGAN:
    """A published GAN in PyTorch, with the methods of `GAN` that engines and the training loop use."""

    framework = "torch"

    def __init__(self, preset: str = "keras", **settings: Any):
        """Builds the networks; `load` sets their weights. The arguments are those of `GAN`."""
        self.config = GanConfig(preset, **settings).resolved()
        self.preset = get_preset(self.config.preset)
        self.rule = self.preset.rule
        self.image_shape = self.config.image_shape
        self.latent_dim: int = self.config.latent_dim
        self.seed, self.step = self.config.seed, 0
        self.outdir = None  # of the run this object has trained in
        self.dtype = getattr(torch, self.config.precision)
        pixels = int(np.prod(self.image_shape))
        self.generator = self._network(self.preset.generator, self.latent_dim, pixels)
        self.discriminator = self._network(self.preset.discriminator, pixels, pixels)
        self.optimizers = {name: self._adam(name, net) for name, net in self._nets().items()}
        self._kept: tuple[Any, Any] = None, None  # noise and fakes that an update may reuse

    def _nets(self):
        return {"generator": self.generator, "discriminator": self.discriminator}

    def _network(self, layers, n_in, pixels):
        modules = []
        for layer in layers:
            modules += make_modules(layer, n_in, pixels, self.preset.semantics_of("variance"))
            n_in = (layer.units or pixels) if isinstance(layer, Dense) else n_in
        return nn.Sequential(*modules).to(self.dtype)

    def _adam(self, name, net):
        c = self.config
        return torch.optim.Adam(net.parameters(), self._lr(name), (c.b1, c.b2), eps=self.preset.epsilon)

    def _lr(self, name):
        own = {"generator": self.config.g_lr, "discriminator": self.config.d_lr}[name]
        return self.config.lr if own is None else own

    def load(self, arrays: dict[str, np.ndarray]) -> None:
        """Copies weights, moments and update counts from arrays named as `GAN.variables` names them."""
        for name in self._nets():
            optimizer = self.optimizers[name]
            count = torch.tensor(float(arrays[f"{name}/iteration"]))
            for ours, tensor, transposed in self._tensors(name):
                tensor.data.copy_(_tensor(arrays[ours], transposed))
                if isinstance(tensor, nn.Parameter):
                    moments = {k: _tensor(arrays[f"{ours}/{s}"], transposed) for k, s in _SLOTS.items()}
                    moments = {k: m.to(self.dtype) for k, m in moments.items()}
                    optimizer.state[tensor] = {"step": count.clone(), **moments}

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns weights, moments and update counts, named and laid out as those of `GAN.arrays`."""
        named = {}
        for name, optimizer in self.optimizers.items():
            for ours, tensor, transposed in self._tensors(name):
                named[ours] = _array(tensor, transposed)
                if isinstance(tensor, nn.Parameter):
                    state = optimizer.state.get(tensor, dict.fromkeys(_SLOTS, torch.zeros_like(tensor)))
                    named |= {f"{ours}/{s}": _array(state[k], transposed) for k, s in _SLOTS.items()}
            named[f"{name}/iteration"] = np.array(self._count(optimizer))
            named[f"{name}/learning_rate"] = np.array(self._lr(name), self.config.precision)
        return named

    def _tensors(self, name):
        """Yields (Keras name, tensor, whether it is transposed) of a network's weights."""
        net = self._nets()[name]
        tensors = dict(net.named_parameters()) | dict(net.named_buffers())
        for ours, key in weight_names.list_weight_names(self.preset, name):
            yield ours, tensors[key.split(".", 1)[1]], ours.endswith("/kernel")

    def generate(self, z: np.ndarray) -> torch.Tensor:
        """Returns fakes (batch, pixels) for the discriminator, kept in case the generator reuses them.

        Args:
            z: float array (batch, latent_dim).
        """
        if self.rule.fakes_in_training_mode:
            self._kept = z, self.generator(self._input(z))
            return self._kept[1]
        with torch.no_grad():
            return self._in_inference_mode(z)

    def _in_inference_mode(self, z):
        self.generator.eval()
        fake = self.generator(self._input(z))
        self.generator.train()
        return fake

    def _input(self, array):
        return torch.as_tensor(np.asarray(array)).to(self.dtype)

    def update_discriminator(self, real: np.ndarray, fake: torch.Tensor) -> tuple[float, ...]:
        """Trains the discriminator once; returns d_loss_real, d_loss_fake, d_acc_real, d_acc_fake."""
        batches = (self._input(real).flatten(1), 1 - self.config.label_smoothing), (fake.detach(), 0.0)
        losses, accuracies = [], []
        for x, label in batches:
            loss, accuracy = self._d_loss_and_acc(x, label)
            if not self.rule.joint_d_update:
                self._descend("discriminator", loss)
            losses.append(loss)
            accuracies.append(accuracy)
        if self.rule.joint_d_update:
            self._descend("discriminator", self.rule.combine(*losses))
        return (*(loss.item() for loss in losses), *accuracies)

    def update_generator(self, z: np.ndarray) -> float:
        """Trains the generator once and returns its loss."""
        known, fake = self._kept
        if known is not z:
            fake = self.generator(self._input(z))
        self._kept = None, None
        loss, _ = self._d_loss_and_acc(fake, 1.0)
        self._descend("generator", loss)
        return loss.item()

    def _d_loss_and_acc(self, x, label):
        """Returns the loss (a tensor) and the accuracy of the discriminator on images of one label."""
        target = torch.full((len(x), 1), label, dtype=self.dtype)
        logits = self.discriminator[:-1](x)
        p = self.discriminator[-1](logits)
        if self.preset.semantics_of("loss") == "torch":
            loss = nn.functional.binary_cross_entropy(p, target)
        else:  # Keras recovers the logits behind the sigmoid
            loss = nn.functional.binary_cross_entropy_with_logits(logits, target)
        return loss, ((p > 0.5) == (target > 0.5)).double().mean().item()

    def _descend(self, name, loss):
        """Updates one network."""
        optimizer = self.optimizers[name]
        optimizer.zero_grad()
        loss.backward()
        if self.rule.shared_step_counter:  # each update counts for both networks
            shared_count = max(map(self._count, self.optimizers.values()))
            for state in optimizer.state.values():
                state["step"].fill_(shared_count)
        if self.preset.semantics_of("adam") == "keras":
            self._compute_as_keras(optimizer, self._lr(name))
        optimizer.step()

    def _compute_as_keras(self, optimizer, lr):
        """Sets step count, learning rate and epsilon so that PyTorch's Adam makes Keras's next update.

        Keras moves a weight by alpha m / (sqrt(v) + epsilon), alpha = lr sqrt(1 - b2^t) / (1 - b1^t). It
        computes the powers in the weights' precision, from b2 rounded to float32 in either precision.
        """
        kind = np.float32 if self.dtype == torch.float32 else np.float64
        t = self._count(optimizer) + 1
        b1, b2 = (kind(np.float32(b)) ** kind(t) for b in (self.config.b1, self.config.b2))
        alpha = kind(lr) * np.sqrt(kind(1) - b2) / (kind(1) - b1)
        exact1, exact2 = 1 - self.config.b1**t, 1 - self.config.b2**t
        for group in optimizer.param_groups:
            group["lr"] = float(alpha) * exact1 / exact2**0.5
            group["eps"] = self.preset.epsilon / exact2**0.5

    def _count(self, optimizer):
        return max((int(state["step"]) for state in optimizer.state.values()), default=0)

    def restore(self, saved: checkpoint.Checkpoint, path: str | Path) -> None:
        """Sets networks, optimizers and step from the checkpoint that was read from `path`."""
        self.load(saved.arrays)
        self.step = saved.step

    def save(self, path: str | Path) -> None:
        """Writes networks, optimizers and step to an .npz file, which `GAN.load` reads."""
        checkpoint.save_gan(self, path)

    def grid_noise(self) -> np.ndarray:
        """Returns the noise float32 (25, latent_dim) of the sample grids, the same as a `GAN`'s."""
        return draw_grid_noise(self.seed, self.latent_dim)

    def sample_images(self, epoch: int) -> np.ndarray:
        """Writes the grid <outdir>/<epoch>.png, as `GAN` does; returns its samples."""
        return save_sample_grid(self.outdir, epoch, self.sample(self.grid_noise()))

    def sample(self, z: np.ndarray) -> np.ndarray:
        """Returns uint8 images (n, h, w, c) of the generator in inference mode."""
        with torch.no_grad():
            unit = self._in_inference_mode(z).numpy()
        return to_uint8(np.clip(unit, -1, 1).reshape(-1, *self.image_shape))


_SLOTS = {"exp_avg": "momentum", "exp_avg_sq": "velocity"}


def _tensor(array, transposed):
    array = np.asarray(array)
    return torch.from_numpy(np.array(array.T if transposed else array))


def _array(tensor, transposed):
    array = tensor.detach().numpy()
    return np.array(array.T if transposed else array)
