"""When a run samples, scores and saves, whether its settings fit the images, and the lines that say so."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from keras_gan.config import TrainConfig
from keras_gan.data.datasets import Dataset
from keras_gan.device import get_device_name
from keras_gan.run.grids import MAX_STEP


class Schedule(NamedTuple):
    """The last step of a run, and the intervals between its events, all in steps."""

    total: int
    per_epoch: int
    grid_every: int
    save_every: int  # 0: about once a minute
    score_every: int  # 0: never

    def next_event(self, step: int) -> int:
        """Returns the next step after which something is due."""
        every = [n for n in (self.grid_every, self.save_every, self.score_every) if n]
        return min(self.total, *(step + n - step % n for n in every))

    def scores(self, step: int) -> bool:
        """Returns whether the samples are scored after a step: at every interval, and at the end."""
        return bool(self.score_every) and (step % self.score_every == 0 or step == self.total)


def describe_run(gan: Any, dataset: Dataset, config: TrainConfig, outdir: str | Path) -> Iterator[str]:
    """Yields the lines that say what a run is about to do."""
    n = len(dataset.images)
    steps = config.epochs * gan.rule.steps_per_epoch(n, config.batch_size)
    shape = "x".join(str(side) for side in dataset.image_shape)
    yield f"preset {gan.preset.name}: {gan.preset.source}"
    yield f"data {dataset.name}: {n} images of {shape} from {dataset.source}"
    yield f"{_epochs(gan.rule, config, steps, n)}, seed {config.gan.seed}"
    device = f"device {get_device_name()}, engine {config.engine}"
    yield f"{device}; writes to {outdir}{f', from step {gan.step} on' if gan.step else ''}"
    framework = getattr(gan, "framework", "keras")
    if (config.engine, config.strategy, framework) == ("train_on_batch", "none", "keras"):
        yield "engine compiled would make the same updates faster"


def _epochs(rule, config, steps, n_images):
    passes = steps * config.batch_size / n_images
    over = f"{_count(f'{passes:.3g}' if passes < 100 else f'{passes:.0f}', 'pass')} over {n_images} images"
    batches = f"{_count(steps, 'batch')} of {config.batch_size}"
    epochs = _count(config.epochs, "epoch")
    if rule.epoch_is_one_batch:
        return f"{epochs} = {batches} = {over}"
    return f"{epochs} = {_count(config.epochs, 'pass')} over {n_images} images = {batches}"


def _count(n, thing):
    """Returns "1 batch", "2 batches", "2 epochs"."""
    ending = "" if str(n) == "1" else "s" if thing == "epoch" else "es"
    return f"{n} {thing}{ending}"


def check_fit(gan: Any, dataset: Dataset, config: TrainConfig) -> None:
    """Raises ValueError if the images do not fit the networks or the batch size."""
    if dataset.image_shape != gan.image_shape:
        raise ValueError(
            f"Images must have the shape the networks were built for, {gan.image_shape}. "
            f"Received: {dataset.image_shape}; build GAN(image_shape={dataset.image_shape})."
        )
    if config.batch_size > len(dataset.images):
        raise ValueError(
            f"batch_size must be at most the number of images ({len(dataset.images)}). "
            f"Received: batch_size={config.batch_size}."
        )
    if config.batch_size == 1 and gan.preset.normalises():
        raise ValueError(
            f"batch_size must be at least 2, as the preset {gan.preset.name} has batch normalisation, which "
            "cannot take one image. Received: batch_size=1."
        )
    last = len(dataset.images) % config.batch_size
    if last == 1 and not gan.rule.batches_with_replacement and gan.preset.normalises():
        raise ValueError(
            "A pass must not end with a batch of one image, which batch normalisation cannot take. "
            f"Received: batch_size={config.batch_size} for {len(dataset.images)} images; choose another."
        )


def make_schedule(
    gan: Any, dataset: Dataset, config: TrainConfig, epochs_in_total: bool
) -> tuple[TrainConfig, Schedule]:
    """Returns the configuration, its epochs in total, and the `Schedule`.

    Args:
        epochs_in_total: whether `config.epochs` counts from step 0, and not from the GAN's step.
    """
    per_epoch = gan.rule.steps_per_epoch(len(dataset.images), config.batch_size)
    total = config.epochs * per_epoch + (0 if epochs_in_total else gan.step)
    if total > MAX_STEP:
        raise ValueError(f"A run must have at most 2**53 steps. Received: {total} steps.")
    save_every = (config.checkpoint_interval or 0) * per_epoch
    score_every = (config.fid_interval or 0) * per_epoch
    config = dataclasses.replace(config, epochs=-(-total // per_epoch))  # rounded up
    return config, Schedule(total, per_epoch, config.sample_interval, save_every, score_every)
