"""Pictures: sample grids and charts as PNG files."""

import math
import textwrap

import numpy as np
from matplotlib import image as mpl_image
from matplotlib.figure import Figure

from keras_gan import checkpoint, images

GRIDS_IN_A_ROW = 4
_LOSSES = {"d_loss": "loss of the discriminator", "g_loss": "loss of the generator"}


def save_grid(path, samples, rows, columns):
    """Writes a PNG of rows x columns images, black at 0 and white at 255 for every picture.

    Args:
        samples: uint8 (n, h, w, c), grey for c = 1, colour for c = 3.
    """
    save_picture(path, images.grid(samples, rows, columns))


def save_picture(path, picture):
    """Writes a picture, uint8 (h, w, 1 or 3), as a PNG of those very pixels."""
    with checkpoint.replacing(path) as beside:
        mpl_image.imsave(beside, _rgb(picture), format="png")


def _rgb(picture):
    """Returns a picture (h, w, 1 or 3) in colour."""
    return picture.repeat(3, axis=2) if picture.shape[2] == 1 else picture


def save_side_by_side(path, left, right):
    """Writes two 5x5 grids of uint8 (25, h, w, c) images beside each other as one PNG."""
    grids = [images.grid(samples, 5, 5) for samples in (left, right)]
    save_picture(path, images.joined(grids, axis=1, gap=24))


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
        floor = np.maximum(trace.floor, 1e-17)
        panel.plot(steps, floor, ":", color="grey", label="losses, PyTorch - itself", linewidth=1)
        panel.set(yscale="log", xlabel="step", ylabel="|Keras - PyTorch|", title=trace.mode)
        panel.legend()
    with checkpoint.replacing(path) as beside:
        figure.savefig(beside, format="png", dpi=100)


def save_titled_grids(path, titles, samples):
    """Writes a grid of each of some sets of images, side by side under their titles, as one PNG.

    Args:
        samples: list of uint8 (n, h, w, c), all shown, as squares of ceil(sqrt(n)) images a side.
    """
    titles = [textwrap.fill(title, 40) for title in titles]
    columns = min(len(samples), GRIDS_IN_A_ROW)
    rows = math.ceil(len(samples) / columns)
    side, gap = 4.0, 0.25  # in inches
    above = 0.25 * max(title.count("\n") + 1 for title in titles)
    width, height = columns * (side + gap) + gap, rows * (side + gap + above) + gap
    figure = Figure(figsize=(width, height))
    for i, (title, pictures) in enumerate(zip(titles, samples, strict=True)):
        left = gap + i % columns * (side + gap)
        bottom = height - (i // columns + 1) * (side + gap + above)
        panel = figure.add_axes((left / width, bottom / height, side / width, side / height))
        squares = math.ceil(math.sqrt(len(pictures)))
        panel.imshow(_rgb(images.grid(pictures, squares, squares)), interpolation="nearest")
        panel.set_axis_off()
        panel.set_title(title, fontsize=11)
    with checkpoint.replacing(path) as beside:
        figure.savefig(beside, format="png", dpi=110)


def save_losses(path, histories, dashed=()):
    """Writes a chart of the losses of some runs: smoothed lines, each over its values in pale.

    Args:
        histories: {name: dict as `history.read` returns it, with a step or more}.
        dashed: the names whose smoothed lines are dashed.
    """
    figure = Figure(figsize=(9, 7), layout="constrained")
    panels = figure.subplots(2, 1, sharex=True)
    for panel, (column, what) in zip(panels, _LOSSES.items(), strict=True):
        for i, table in enumerate(histories.values()):
            panel.plot(table["step"], table[column], color=f"C{i}", alpha=0.15, linewidth=0.6)
        for i, (name, table) in enumerate(histories.items()):  # over all that is pale
            style = "--" if name in dashed else "-"
            panel.plot(table["step"], smoothed(table[column]), style, color=f"C{i}", label=name)
        panel.grid(alpha=0.3)
        panel.set_ylabel(what)
    panels[1].set_xlabel("step")
    lines, names = panels[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower center", ncols=min(len(names), 4))
    with checkpoint.replacing(path) as beside:
        figure.savefig(beside, format="png", dpi=110)


def smoothed(values):
    """Returns the mean of the values within a fiftieth of their number on either side of each.

    Args:
        values: float (n,).
    """
    n = len(values)
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    first = np.maximum(np.arange(n) - n // 50, 0)
    end = np.minimum(np.arange(n) + n // 50 + 1, n)
    return (sums[end] - sums[first]) / (end - first)
