"""Sample quality of the default preset in Keras and in PyTorch, by a classifier that saw neither.

    python -m benchmarks.quality --data mnist.npz --steps 6000

Both start from the same weights and see the same batches and noise. The classifier is the one of
`features.digits`, trained once on the data set's own labels and kept below Keras's cache.
"""

import click
import numpy as np

from keras_gan.commands import start_tensorflow


def _judge(name, classifier, gan, count):
    from keras_gan.rng import Stream, draw_noise

    samples = gan.sample(draw_noise(gan.seed, Stream.EVALUATION, 0, count, gan.latent_dim))
    _, p = classifier(samples)
    share = np.bincount(p.argmax(1), minlength=p.shape[1]) / count
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
    start_tensorflow.import_tensorflow()
    from keras_gan.data import datasets
    from keras_gan.evaluation import features
    from keras_gan.model import engines
    from keras_gan.model.gan import GAN
    from keras_gan.pytorch.gan import TorchGAN

    train, test = (datasets.load_dataset(path=path, split=split) for split in ("train", "test"))
    classifier = features.load_classifier(train, test)
    click.echo(f"judge: {classifier.about}")
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
