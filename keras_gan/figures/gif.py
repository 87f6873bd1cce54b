"""The sample grids of a run as an animated GIF, which tells under which step each was drawn."""

import numpy as np
from PIL import Image

from keras_gan.data.image_file import read_image
from keras_gan.figures.grid import add_caption
from keras_gan.files.atomic import atomic_write

_LAST_MS = 2000  # that the last frame stays
_TOTAL_MS, _SHORTEST_MS, _LONGEST_MS = 12000, 80, 500  # of all others together, of each of them


def choose_evenly_spaced(steps, most):
    """Returns at most `most` (2 or more) of a list, evenly spread, the first and last among them."""
    if len(steps) <= most:
        return list(steps)
    rows = np.rint(np.linspace(0, len(steps) - 1, most)).astype(int)  # over 1 apart, so all different
    return [steps[row] for row in rows]


def make_caption(step, info):
    """Returns how far a run was, as its preset counts epochs: as in history.csv, the first is 1.

    Args:
        info: `RunInfo` of the run, None where it is not known.
    """
    if info is None:
        return f"step {step}"
    if info.preset.rule.epoch_is_one_batch:
        return f"epoch {step}"
    return f"epoch {-(-step // info.steps_per_epoch)}, step {step}"


def save_gif(path, paths, captions):
    """Writes pictures of one size as an endless GIF, the last of which stays for two seconds.

    Greys are kept as they are; of other colours each picture gets the 256 that suit it best.

    Args:
        paths: of the pictures; captions: a line of text above each.

    Raises:
        ValueError: one cannot be read, or their sizes differ.
    """
    shown = [_frame(*both) for both in zip(paths, captions, strict=True)]
    odd = next((i for i, frame in enumerate(shown) if frame.size != shown[0].size), None)
    if odd is not None:
        raise ValueError(f"Sample grids must be of one size. Received: {paths[odd]} unlike {paths[0]}.")
    duration = min(max(_TOTAL_MS // len(shown), _SHORTEST_MS), _LONGEST_MS) // 10 * 10  # a GIF's unit
    durations = [duration] * (len(shown) - 1) + [_LAST_MS]
    with atomic_write(path) as beside:
        first, *others = shown
        first.save(beside, format="GIF", save_all=True, append_images=others, duration=durations, loop=0)


def _frame(path, text):
    """Returns a captioned picture as Pillow's, of at most 256 colours."""
    picture = add_caption(read_image(path), text)
    return Image.fromarray(picture).quantize(256, kmeans=2)  # exact where there are no more
