"""Keras parts that compute as PyTorch does, against hand computation, NumPy and PyTorch itself."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan.device import keras_settings
from keras_gan.model import networks, torch_like, updates
from keras_gan.preset_diff import get_preset

float_types = pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-5), ("float64", 1e-12)])


# batch normalisation


def batch_normalisation_in_numpy(x, gamma, beta, epsilon):
    return gamma * (x - x.mean(0)) / np.sqrt(x.var(0) + epsilon) + beta


def built_layer(dtype, units=3, **numbers):
    layer = torch_like.TorchBatchNormalization(dtype=dtype, **numbers)
    layer.build((None, units))
    layer.gamma.assign(np.linspace(0.5, 2, units))
    layer.beta.assign(np.linspace(-1, 1, units))
    return layer


@float_types
def test_batch_normalisation_divides_by_the_biased_and_averages_the_unbiased_variance(dtype, rtol):
    layer = built_layer(dtype, momentum=0.9, epsilon=0.8)
    x = np.random.default_rng(0).normal(2, 3, (5, 3)).astype(dtype)
    y = layer(x, training=True)
    expected = batch_normalisation_in_numpy(x, layer.gamma.numpy(), layer.beta.numpy(), 0.8)
    np.testing.assert_allclose(y, expected, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * x.mean(0), rtol=rtol)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * x.var(0) * 5 / 4, rtol=rtol)


def test_batch_normalisation_of_two_rows_by_hand():
    layer = torch_like.TorchBatchNormalization(momentum=0.5, epsilon=0.0)
    y = layer(np.array([[1.0], [5.0]]), training=True)  # mean 3, biased variance 4, unbiased 8
    np.testing.assert_allclose(y, [[-1], [1]])
    np.testing.assert_allclose([layer.moving_mean[0], layer.moving_variance[0]], [1.5, 4.5])


@float_types
def test_batch_normalisation_agrees_with_pytorch_over_three_batches_and_in_inference(torch, dtype, rtol):
    ours = built_layer(dtype, momentum=0.9, epsilon=1e-5)
    theirs = torch.nn.BatchNorm1d(3, dtype=getattr(torch, dtype))
    theirs.weight.data = torch.from_numpy(ours.gamma.numpy().copy())
    theirs.bias.data = torch.from_numpy(ours.beta.numpy().copy())
    for batch in np.random.default_rng(0).normal(2, 3, (3, 7, 3)).astype(dtype):
        expected = theirs(torch.from_numpy(batch)).detach().numpy()
        np.testing.assert_allclose(ours(batch, training=True), expected, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(ours.moving_mean, theirs.running_mean, rtol=rtol)
    np.testing.assert_allclose(ours.moving_variance, theirs.running_var, rtol=rtol)
    theirs.eval()
    expected = theirs(torch.from_numpy(batch)).detach().numpy()
    np.testing.assert_allclose(ours(batch, training=False), expected, rtol=rtol, atol=rtol)


def test_frozen_batch_normalisation_neither_uses_the_batch_nor_moves():
    layer = built_layer("float64", epsilon=0.0)
    layer.trainable = False
    x = np.random.default_rng(0).normal(2, 3, (5, 3))
    np.testing.assert_allclose(layer(x, training=True), layer.gamma * x + layer.beta)
    assert layer.moving_mean.numpy().tolist() == [0, 0, 0]


def test_pytorch_presets_use_pytorchs_batch_normalisation_and_keras_its_own():
    def kinds(name):
        layers = networks.build_generator(get_preset(name), 5, (2, 2, 1), 0).layers
        return {type(x) for x in layers if isinstance(x, keras.layers.BatchNormalization)}

    assert kinds("kmnist") == kinds("pytorch-gan") == {torch_like.TorchBatchNormalization}
    assert kinds("keras") == {keras.layers.BatchNormalization}


# Adam

GRADIENTS = np.array([[3.0, -1e-3, 1e-7, 0.0], [-2.0, 1e-3, 1e-7, 1e-9], [0.5, -4e-3, -1e-7, 0.0]])
RATES = dict(lr=2e-3, b1=0.5, b2=0.999)


def torch_adam_in_numpy(w, gradients, lr, b1, b2, epsilon):
    m = v = 0
    for t, g in enumerate(gradients, 1):
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        w = w - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + epsilon)
    return w


def moved(semantics, dtype, gradients=GRADIENTS, epsilon=1e-8):
    """Returns the weights that our Adam reaches from ones under these gradients."""
    with keras_settings(dtype):
        variable = keras.Variable(np.ones(gradients.shape[1]), dtype=dtype)
        optimizer = updates.build_adam(semantics, **RATES, epsilon=epsilon)
        optimizer.build([variable])
    for g in gradients.astype(dtype):
        optimizer.apply([tf.constant(g)], [variable])
    return variable.numpy()


@float_types
def test_torch_adam_moves_as_its_formula_restated_in_numpy(dtype, rtol):
    expected = torch_adam_in_numpy(np.ones(4), GRADIENTS, **RATES, epsilon=1e-8)
    np.testing.assert_allclose(moved("torch", dtype) - 1, expected - 1, rtol=100 * rtol, atol=1e-7 * rtol)


@float_types
def test_torch_adam_moves_as_pytorchs(torch, dtype, rtol):
    w = torch.nn.Parameter(torch.ones(4, dtype=getattr(torch, dtype)))
    optimizer = torch.optim.Adam([w], lr=2e-3, betas=(0.5, 0.999), eps=1e-8)
    for g in GRADIENTS.astype(dtype):
        w.grad = torch.from_numpy(g)
        optimizer.step()
    theirs = w.detach().numpy()
    assert theirs.dtype == dtype
    np.testing.assert_allclose(moved("torch", dtype), theirs, rtol=rtol / 10)


def test_first_step_of_either_adam_on_a_tiny_gradient_by_hand():
    g = np.array([[1e-7]])  # m' = g and sqrt(v') = g at the first step
    ours = 1 - moved("torch", "float64", g, epsilon=1e-7)[0]
    kerass = 1 - moved("keras", "float64", g, epsilon=1e-7)[0]
    assert ours == pytest.approx(2e-3 * 1e-7 / (1e-7 + 1e-7), rel=1e-6)
    root = 0.001**0.5
    assert kerass == pytest.approx(2e-3 * root * 1e-7 / (root * 1e-7 + 1e-7), rel=1e-4)
    assert ours > 10 * kerass


def test_torch_adam_has_the_pytorch_correction_after_many_steps():
    with keras_settings("float64"):
        variable = keras.Variable([1.0], dtype="float64")
        optimizer = updates.build_adam("torch", **RATES, epsilon=1e-8)
        optimizer.build([variable])
    optimizer.iterations.assign(999)
    optimizer.apply([tf.constant([2.0], tf.float64)], [variable])
    m, v = 0.5 * 2 / (1 - 0.5**1000), 0.001 * 4 / (1 - 0.999**1000)
    np.testing.assert_allclose(1 - variable, 2e-3 * m / (v**0.5 + 1e-8), rtol=1e-9)


# loss

P = np.array([[0.0], [1e-30], [1e-6], [0.3], [0.5], [1 - 1e-6], [1.0]])


def loss_and_gradient(y, p):
    """Returns the PyTorch loss of each row, and the gradient of their mean, as Keras calls it."""
    with keras_settings(p.dtype.name):
        loss = updates.build_loss("torch")
    y, p = tf.constant(y), tf.constant(p)
    with tf.GradientTape() as tape:
        tape.watch(p)
        mean = loss(y, p)
    return loss.call(y, p).numpy(), tape.gradient(mean, p).numpy()


@pytest.mark.parametrize("label", [0.0, 1.0])
@float_types
def test_torch_bce_restated_in_numpy(label, dtype, rtol):
    p = P.astype(dtype)
    losses, _ = loss_and_gradient(np.full_like(p, label), p)
    exact = p[:, 0].astype("float64")
    with np.errstate(divide="ignore"):
        log = np.log(exact) if label else np.log1p(-exact)
    np.testing.assert_allclose(losses, -np.maximum(log, -100), rtol=rtol, atol=1e-30)


@pytest.mark.parametrize("label", [0.0, 1.0])
@float_types
def test_torch_bce_and_its_gradient_agree_with_pytorch(torch, label, dtype, rtol):
    p = P.astype(dtype)
    losses, gradient = loss_and_gradient(np.full_like(p, label), p)
    theirs = torch.from_numpy(p).requires_grad_()
    target = torch.full_like(theirs, label)
    torch.nn.BCELoss()(theirs, target).backward()
    expected = torch.nn.BCELoss(reduction="none")(theirs, target).detach().numpy()[:, 0]
    np.testing.assert_allclose(losses, expected, rtol=rtol, atol=1e-30)
    rtol = max(rtol, 1e-8)  # PyTorch rounds its 1e-12 to float32 in either precision
    np.testing.assert_allclose(gradient, theirs.grad.numpy(), rtol=rtol)


def test_torch_bce_is_100_where_the_probability_is_exactly_wrong_and_0_where_right():
    labels, p = np.array([[1.0], [0.0], [1.0], [0.0]]), np.array([[0.0], [1.0], [1.0], [0.0]])
    losses, _ = loss_and_gradient(labels, p)
    assert losses.tolist() == [100, 100, 0, 0]


def test_torch_bce_takes_labels_of_another_type():
    losses, _ = loss_and_gradient(np.array([[1], [0]]), np.array([[0.5], [0.25]]))
    np.testing.assert_allclose(losses, [np.log(2), -np.log(0.75)])


def test_plain_returns_a_model_of_keras_own_layers_itself():
    model = networks.build_generator(get_preset("keras"), 5, (2, 2, 1), 0)
    assert torch_like.to_plain_keras(model) is model


def test_plain_model_is_equal_in_output():
    model = networks.build_generator(get_preset("kmnist"), 5, (4, 4, 1), 0)
    z = np.random.default_rng(0).normal(size=(6, 5)).astype("float32")
    model(z, training=True)  # moves the averages from 0 and 1
    copy = torch_like.to_plain_keras(model)
    np.testing.assert_array_equal(copy(z, training=False), model(z, training=False))
