"""Sample quality of the default preset in Keras and in PyTorch, by a classifier that saw neither.

    python -m benchmarks.quality --data mnist.npz --steps 6000

Both start from the same weights and see the same batches and noise. The classifier is a small
convolutional network trained on the data set's own labels.
"""

import click
import numpy as np

from keras_gan import quiet


def _classifier(train, test):
    """Returns a classifier of (n, h, w, c) uint8 images and its accuracy on the test images."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input(train.image_shape),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    network.fit(train.images / 255, train.labels, batch_size=256, epochs=5, verbose=0)
    return network, network.evaluate(test.images / 255, test.labels, verbose=0)[1]


def _judge(name, classifier, gan, count):
    from keras_gan import data

    samples = gan.sample(data.noise(gan.seed, data.EVALUATION, 0, count, gan.latent_dim))
    p = classifier.predict(samples / 255, verbose=0)
    share = np.bincount(p.argmax(1), minlength=10) / count
    click.echo(
        f"{name}: {(p.max(1) >= 0.95).mean():.1%} of {count} samples with 95 % confidence; "
        f"{np.count_nonzero(share)} classes, the rarest {share.min():.1%}"
    )


@click.command()
@click.option("--data", "path", required=True, help="mnist.npz, or other labelled images.")
@click.option("--steps", default=6000, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0))
@click.option("--count", default=5000, show_default=True, type=click.IntRange(1))
@click.option("--run", help="Judge this run in place of training in Keras.")
def main(path, steps, seed, count, run):
    """Trains both and prints what the classifier finds."""
    quiet.import_tensorflow()
    from keras_gan import data, engines
    from keras_gan.gan import GAN
    from keras_gan.torch_reference import TorchGAN

    train, test = (data.load_dataset(path=path, split=split) for split in ("train", "test"))
    classifier, accuracy = _classifier(train, test)
    click.echo(f"classifier: {accuracy:.1%} of the test images")
    ours, theirs = GAN(seed=seed), TorchGAN(seed=seed)
    theirs.load(ours.arrays())
    if run:
        ours = GAN.load(f"{run}/checkpoint.npz")
    for name, gan in (("Keras", ours), ("PyTorch", theirs)):
        left = max(0, steps - gan.step)
        engines.train_on_batch(gan, train.images, gan.preset.batch_size)(gan.step, left)
        _judge(name, classifier, gan, count)


if __name__ == "__main__":
    main()
