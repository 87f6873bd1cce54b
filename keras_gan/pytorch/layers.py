"""The layers of a preset as PyTorch's modules."""

import numpy as np
import torch
from torch import nn

from keras_gan.presets import BatchNormalization, Dense, LeakyReLU


class KerasBatchNorm1d(nn.BatchNorm1d):
    """BatchNorm1d whose running variance averages the biased variance, as Keras's does."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns the normalised (batch, units)."""
        if not self.training:
            return super().forward(x)
        with torch.no_grad():
            variance, mean = torch.var_mean(x, 0, correction=0)
            for running, value in ((self.running_mean, mean), (self.running_var, variance)):
                running.lerp_(value, self.momentum)  # type: ignore[union-attr,arg-type]
        return nn.functional.batch_norm(x, None, None, self.weight, self.bias, True, eps=self.eps)


_ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def make_modules(layer, n_in, pixels, semantics):
    """Returns the PyTorch modules of an entry of a preset's layer list."""
    if isinstance(layer, Dense):
        activation = [_ACTIVATIONS[layer.activation]()] if layer.activation else []
        return [nn.Linear(n_in, layer.units or pixels), *activation]
    if isinstance(layer, LeakyReLU):
        slope = layer.negative_slope
        return [nn.LeakyReLU(slope if semantics == "torch" else float(np.float32(slope)))]  # as TensorFlow
    if isinstance(layer, BatchNormalization):
        kind = nn.BatchNorm1d if semantics == "torch" else KerasBatchNorm1d
        return [kind(n_in, eps=layer.epsilon, momentum=1 - layer.momentum)]
    return [_ACTIVATIONS[layer.name]()]
