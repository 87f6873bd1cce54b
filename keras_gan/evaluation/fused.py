"""InceptionV3 for inference: a convolution, its batch normalization and its ReLU are one kernel."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_gan.evaluation.extractor import Network


def fuse(network: keras.Model) -> Network:
    """Returns a network of InceptionV3's layers as a function of float32 images, for batches of any size.

    gamma (w * x - mean) / std + beta = (gamma / std w) * x + beta - gamma mean / std, which TensorFlow's
    kernel computes while it convolves, and the ReLU with it. The weights are constants of the graph.
    In bfloat16 it is twice as fast with AVX512_BF16, but distances of 80 images were up to 2.0 % off.
    """
    norms = {id(x.input): x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)}
    folded = {
        x.name: _fold(x, norms[id(x.output)]) for x in network.layers if isinstance(x, keras.layers.Conv2D)
    }

    def compute(images):
        maps = {id(network.inputs[0]): images}
        for layer in network.layers[1:]:
            inputs = [maps[id(tensor)] for tensor in tf.nest.flatten(layer.input)]
            if layer.name in folded:
                kernel, bias = (tf.constant(array, tf.float32) for array in folded[layer.name])
                convolved = tf.nn.conv2d(*inputs, kernel, layer.strides, layer.padding.upper())
                maps[id(layer.output)] = tf.nn.bias_add(convolved, bias)
            else:
                maps[id(layer.output)] = _compute(layer, inputs)
        return [maps[id(output)] for output in network.outputs]

    function = tf.function(compute, autograph=False)
    compiled = function.get_concrete_function(tf.TensorSpec(network.inputs[0].shape))
    return lambda images: [np.asarray(output) for output in compiled(images)]


def _fold(convolution: keras.Layer, norm: keras.Layer) -> tuple[np.ndarray, np.ndarray]:
    """Returns kernel and bias of a convolution without a bias and the batch normalization after it."""
    kernel, *weights = (np.asarray(w, np.float64) for w in (*convolution.weights, *norm.weights))
    beta, mean, variance = weights  # InceptionV3's have no gamma
    scale = 1 / np.sqrt(variance + norm.epsilon)
    return kernel * scale, beta - mean * scale


def _compute(layer: keras.Layer, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
    """Returns the output of a layer that is no convolution."""
    if isinstance(layer, keras.layers.BatchNormalization):
        return inputs[0]  # folded into the convolution before it
    if isinstance(layer, keras.layers.Activation):
        return tf.nn.relu(inputs[0])
    if isinstance(layer, keras.layers.Concatenate):
        return tf.concat(inputs, axis=-1)
    if isinstance(layer, keras.layers.MaxPooling2D):
        return tf.nn.max_pool2d(inputs[0], layer.pool_size, layer.strides, layer.padding.upper())
    if isinstance(layer, keras.layers.AveragePooling2D):
        padded = (
            tf.pad(inputs[0], [[0, 0], [1, 1], [1, 1], [0, 0]]) if layer.padding == "valid" else inputs[0]
        )
        return tf.nn.avg_pool2d(padded, layer.pool_size, layer.strides, layer.padding.upper())
    return layer(inputs[0])  # the means, and what makes probabilities of them
