"""The first steps of a run made again, to see whether its history.csv holds the same numbers."""

from typing import NamedTuple

from keras_gan.model import engines
from keras_gan.model.checkpoint import load_first_weights
from keras_gan.model.gan import GAN
from keras_gan.model.gan_class import describe_gan_class
from keras_gan.run import history


class Difference(NamedTuple):
    """Where a repetition first differs from a run: step, column and both values."""

    step: int
    column: str
    recorded: float
    repeated: float


def repeat_steps(info, images, steps, kind=GAN):
    """Trains a new GAN for some steps as a run did; returns their rows as `history.make_rows` does.

    Args:
        info: `RunInfo` of the run.
        images: uint8 (n, h, w, c), those of the run.
        steps: number of steps.
        kind: the class of the run, `GAN` or a subclass.

    Raises:
        ValueError: the run did not begin with a new GAN of Keras, was trained on several devices, is of
            another class, or began with weights that are no longer in their file.
    """
    if info.first_step:
        raise ValueError(f"RUN must begin at step 0. Received: a run that begins at step {info.first_step}.")
    if info.framework != "keras":
        raise ValueError("RUN must be one that Keras trained. Received: a run of PyTorch.")
    if info.config.strategy != "none":
        raise ValueError(
            "RUN must be one that one device trained, as several round sums in another order. Received: "
            f"strategy {info.config.strategy}."
        )
    gan = kind(**info.config.gan.to_dict())
    info.check_class("RUN", describe_gan_class(gan))
    load_first_weights(gan, info.weights_from)
    engine = engines.ENGINES[info.config.engine](gan, images, info.config.batch_size)
    return history.make_rows(gan.rule, 1, info.steps_per_epoch, engine(0, steps))


def find_difference(recorded, repeated):
    """Returns the first `Difference` of a history and repeated rows, or None where all are equal.

    Compared are the nine digits that history.csv holds, which tell any two float32 numbers apart.

    Args:
        recorded: dict of column name to array (steps,), as `history.read` gives it.
        repeated: rows as `repeat_steps` gives them, no more than there are steps.
    """
    for i, row in enumerate(repeated):
        for column, value in zip(history.COLUMNS, row, strict=True):
            ours, theirs = float(recorded[column][i]), float(f"{value:.9g}")
            if ours != theirs:
                return Difference(int(row[0]), column, ours, theirs)
    return None
