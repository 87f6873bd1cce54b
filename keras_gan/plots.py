"""Pictures: sample grids and charts as PNG files."""

import numpy as np
from matplotlib import image as mpl_image
from matplotlib.figure import Figure

from keras_gan import checkpoint, images


def save_grid(path, samples, rows, columns):
    """Writes a PNG of rows x columns images, black at 0 and white at 255 for every picture.

    Args:
        samples: uint8 (n, h, w, c), grey for c = 1, colour for c = 3.
    """
    picture = images.grid(samples, rows, columns)
    if picture.shape[2] == 1:
        picture = picture.repeat(3, axis=2)
    with checkpoint.replacing(path) as beside:
        mpl_image.imsave(beside, picture, format="png")


def save_side_by_side(path, left, right):
    """Writes two 5x5 grids of uint8 (25, h, w, c) images beside each other as one PNG."""
    grids = [images.grid(samples, 5, 5) for samples in (left, right)]
    between = np.full((grids[0].shape[0], 24, grids[0].shape[2]), 255, np.uint8)
    picture = np.concatenate([grids[0], between, grids[1]], axis=1)
    if picture.shape[2] == 1:
        picture = picture.repeat(3, axis=2)
    with checkpoint.replacing(path) as beside:
        mpl_image.imsave(beside, picture, format="png")


def save_differences(path, traces):
    """Writes a chart of the differences of two frameworks over the steps, a panel a mode.

    Args:
        traces: list of `parity.Trace`.
    """
    figure = Figure(figsize=(6 * len(traces), 4), layout="constrained")
    panels = figure.subplots(1, len(traces), squeeze=False)[0]
    for panel, trace in zip(panels, traces, strict=True):
        steps = np.arange(1, len(trace.d_loss) + 1)
        for name in ("d_loss", "g_loss", "weights"):
            panel.plot(steps, np.maximum(getattr(trace, name), 1e-17), label=name, linewidth=1)
        panel.set(yscale="log", xlabel="step", ylabel="|Keras - PyTorch|", title=trace.mode)
        panel.legend()
    with checkpoint.replacing(path) as beside:
        figure.savefig(beside, format="png", dpi=100)
