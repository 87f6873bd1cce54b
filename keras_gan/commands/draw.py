"""What the outputs of `sample` share: the GAN of a checkpoint, its samples, their number and mode."""

import json
import math

from keras_gan.commands.options import start_tensorflow

MAX_IN_PICTURE = 10_000  # images: 46 million pixels at 28x28
MAX_NPZ_BYTES = 2**31  # which take four times as much memory while they are drawn


def check_count(file, options):
    """Refuses more images than a file may hold, before TensorFlow is imported."""
    n = len(options["seeds"] or []) or options["count"] or math.prod(options["grid"] or (1,))
    most = MAX_IN_PICTURE
    if options["npz"] and not options["out"]:
        most = MAX_NPZ_BYTES // _read_image_bytes(file)
    if n > most:
        raise ValueError(
            f"A file must hold at most {most} images. Received: {n}; --png DIR takes any number."
        )


def _read_image_bytes(file):
    """Returns the bytes of an image of a checkpoint's GAN; 1 where that is not known, which is said later."""
    from keras_gan.files import npz

    try:
        header = npz.load(file, ["gan"])["gan"]
        return max(1, math.prod(json.loads(str(header))["image_shape"]))
    except (OSError, ValueError, KeyError, TypeError):
        return 1


def load_gan(file):
    """Returns the GAN of a checkpoint."""
    if not file.is_file():
        raise FileNotFoundError(f"RUN must be a run directory or a checkpoint. Received: no file {file}.")
    start_tensorflow()
    from keras_gan.model.saved_generator import load_gan_or_generator

    return load_gan_or_generator(file)


def draw_samples(gan, options, count):
    """Returns the images of --seeds or, where there are none, of --count or `count`."""
    n = len(options["seeds"] or []) or options["count"] or count
    return gan.sample(gan.noise(options["seeds"] or n), options["mode"])


def describe_mode(gan, options, n):
    """Returns what is said of the mode in which n samples were drawn; nothing of inference mode."""
    from keras_gan.model import sampling

    return sampling.describe_mode(gan, options["mode"], n)
