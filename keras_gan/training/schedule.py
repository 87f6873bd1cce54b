"""What a training run will do: whether its settings fit, when it writes, and the lines that say so."""

import dataclasses
from typing import NamedTuple

from keras_gan.device import get_device_name


class Schedule(NamedTuple):
    """Where a run begins and ends and how often it writes, in steps; `save_every` 0 is by time.

    `score_every` 0 is never.
    """

    first: int
    total: int
    per_epoch: int
    grid_every: int
    save_every: int
    score_every: int

    def next_event(self, step):
        """Returns the step after which something is due next."""
        every = [n for n in (self.grid_every, self.save_every, self.score_every) if n]
        return min(self.total, *(step + n - step % n for n in every))

    def scores(self, step):
        """Returns whether the samples are scored after a step: now and then, and at the end."""
        return self.score_every and (step % self.score_every == 0 or step == self.total)


def describe_run(gan, dataset, config, outdir):
    """Returns the lines that say what a run will do."""
    n = len(dataset.images)
    steps = config.epochs * gan.rule.steps_per_epoch(n, config.batch_size)
    shape = "x".join(str(side) for side in dataset.image_shape)
    yield f"preset {gan.preset.name}: {gan.preset.source}"
    yield f"data {dataset.name}: {n} images of {shape} from {dataset.source}"
    yield f"{_epochs(gan.rule, config, steps, n)}, seed {config.gan.seed}"
    device = f"device {get_device_name()}, engine {config.engine}"
    yield f"{device}; writes to {outdir}{f', from step {gan.step} on' if gan.step else ''}"


def _epochs(rule, config, steps, n_images):
    passes = steps * config.batch_size / n_images
    over = f"{_count(f'{passes:.3g}' if passes < 100 else f'{passes:.0f}', 'pass')} over {n_images} images"
    batches = f"{_count(steps, 'batch')} of {config.batch_size}"
    epochs = _count(config.epochs, "epoch")
    if rule.epoch_is_one_batch:
        return f"{epochs} = {batches} = {over}"
    return f"{epochs} = {_count(config.epochs, 'pass')} over {n_images} images = {batches}"


def _count(n, thing):
    """Returns "1 batch", "2 batches"."""
    ending = "" if str(n) == "1" else "s" if thing == "epoch" else "es"
    return f"{n} {thing}{ending}"


def check_fit(gan, dataset, config):
    """Raises ValueError where images fit neither the networks nor the batch size."""
    if dataset.image_shape != gan.image_shape:
        raise ValueError(
            f"Images must be of the shape the networks were built for, {gan.image_shape}. "
            f"Received: {dataset.image_shape}; build GAN(image_shape={dataset.image_shape})."
        )
    if config.batch_size > len(dataset.images):
        raise ValueError(
            f"batch_size must be at most the number of images ({len(dataset.images)}). "
            f"Received: batch_size={config.batch_size}."
        )
    last = len(dataset.images) % config.batch_size
    if last == 1 and not gan.rule.batches_with_replacement and gan.preset.normalises():
        raise ValueError(
            "A pass must not end in a batch of one image, which has no variance to normalise by. "
            f"Received: batch_size={config.batch_size} for {len(dataset.images)} images."
        )


def make_schedule(gan, dataset, config, info):
    """Returns the configuration with its epochs in total, and the `Schedule`."""
    per_epoch = gan.rule.steps_per_epoch(len(dataset.images), config.batch_size)
    total = config.epochs * per_epoch + (0 if info else gan.step)
    save_every = (config.checkpoint_interval or 0) * per_epoch
    score_every = (config.fid_interval or 0) * per_epoch
    config = dataclasses.replace(config, epochs=-(-total // per_epoch))  # a part of one, too
    return config, Schedule(gan.step, total, per_epoch, config.sample_interval, save_every, score_every)
