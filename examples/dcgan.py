"""A convolutional GAN (Radford et al. 2016, arXiv 1511.06434) as a subclass: 28x28 grey or 64x64 colour.

pip install .                            # once, in a clone of the repository
python examples/dcgan.py                 # MNIST
python examples/dcgan.py photos/ 64      # a folder of pictures, as 64x64
python cli.py train --gan examples/dcgan.py:DCGAN --preset aioz --b1 0.5 --data photos/ --image-size 64
"""

import sys

import keras
from keras import layers

from keras_gan import GAN


class DCGAN(GAN):
    """Height and width must divide by 4, from a height of 64 on by 8; losses and Adam are the preset's."""

    def __init__(self, *args, **settings):
        # On a CPU XLA's convolutions take six times as long as TensorFlow's own.
        super().__init__(*args, **{"jit_compile": False} | settings)

    def build_generator(self):
        """Returns noise -> dense -> two or more transposed convolutions -> image."""
        h, w, c = self.image_shape
        doublings = 2 if h < 64 else 3
        h, w, filters = h >> doublings, w >> doublings, 64 << doublings
        model = keras.Sequential([keras.Input((self.latent_dim,))], name="generator")
        model.add(layers.Dense(h * w * filters, use_bias=False))
        model.add(layers.Reshape((h, w, filters)))
        for _ in range(doublings):
            model.add(layers.BatchNormalization(momentum=0.8))
            model.add(layers.LeakyReLU(0.2))
            filters //= 2
            model.add(layers.Conv2DTranspose(filters, 4, strides=2, padding="same", use_bias=False))
        model.add(layers.BatchNormalization(momentum=0.8))
        model.add(layers.LeakyReLU(0.2))
        model.add(layers.Conv2D(c, 5, padding="same", activation="tanh"))
        return model

    def build_discriminator(self):
        """Returns image -> strided convolutions with dropout -> probability of being real."""
        model = keras.Sequential([keras.Input(self.image_shape)], name="discriminator")
        for i in range(2 if self.image_shape[0] < 64 else 3):
            model.add(layers.Conv2D(64 << i, 5, strides=2, padding="same"))
            model.add(layers.LeakyReLU(0.2))
            model.add(layers.Dropout(0.3))
        model.add(layers.Flatten())
        model.add(layers.Dense(1, activation="sigmoid"))
        return model


def main(data=None, size=28, epochs=25):
    """Trains with one update of either network a step, and one count of updates each."""
    from keras_gan.data.datasets import load_dataset
    from keras_gan.data.options import ImageOptions

    dataset = load_dataset("auto", data, ImageOptions((int(size), int(size))))
    gan = DCGAN("aioz", image_shape=dataset.image_shape, b1=0.5)
    gan.train(epochs=int(epochs), data=dataset.images, outdir="dcgan")


if __name__ == "__main__":
    main(*sys.argv[1:])
