"""The score of a GAN while it is trained."""

import numpy as np

from keras_gan.evaluation import feature_stats, metrics
from keras_gan.rng import Stream, draw_noise


class Scorer:
    """Scores a GAN while it is trained: the Fréchet distance of its samples to the training images.

    Args:
        extractor: `features.FeatureExtractor`.
        dataset: `data.datasets.Dataset` of the training images, all of which are the real side.
        samples: number of samples, of the same noise every time.
        warn: called with a line where cached statistics are damaged.
    """

    def __init__(self, extractor, dataset, samples, warn):
        self.extractor, self._dataset, self._samples = extractor, dataset, samples
        rows = np.arange(len(dataset.images))
        self._real = feature_stats.load_or_compute_stats(extractor, dataset, rows, warn).gaussian

    def __call__(self, gan, epoch):
        """Returns the row of metrics.jsonl of a GAN at its step, by the symmetric form."""
        samples = gan.sample(draw_noise(gan.seed, Stream.EVALUATION, 0, self._samples, gan.latent_dim))
        fake = metrics.gaussian(self.extractor(samples)[0])
        about = {"n": self._samples, "n_real": self._real.n, "data": self._dataset.sha256}
        return {
            "step": gan.step,
            "epoch": epoch,
            "metric": "frechet_distance",
            "value": metrics.frechet_distance(fake, self._real, "symmetric").value,
            **about,
            "seed": gan.seed,
            **feature_stats.get_feature_spec(self.extractor),
        }
