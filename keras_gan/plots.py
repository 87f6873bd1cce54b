"""Pictures: sample grids and charts as PNG files."""

import math
import textwrap

import numpy as np
from matplotlib import image as mpl_image
from matplotlib.figure import Figure

from keras_gan import checkpoint, images

GRIDS_IN_A_ROW = 4
FEW = 100  # values of a curve: up to there its points are drawn as they are
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


def save_curves(path, curves, dashed=(), unit="step"):
    """Writes a chart of some runs, a panel a quantity: smoothed lines, each over its values in pale.

    Args:
        curves: {quantity: {run: (x, y)}}, x and y float (n,), n at least 1; a quantity that is
            measured now and then only, fewer than 100 times, is drawn with its points, unsmoothed.
        dashed: the runs whose smoothed lines are dashed.
        unit: of x.
    """
    runs = list(dict.fromkeys(run for lines in curves.values() for run in lines))
    figure = Figure(figsize=(9, 0.5 + 2.8 * len(curves)), layout="constrained")
    panels = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
    for panel, (quantity, lines) in zip(panels, curves.items(), strict=True):
        for run, (x, y) in lines.items():
            if len(x) >= FEW:
                panel.plot(x, y, color=f"C{runs.index(run)}", alpha=0.25, linewidth=0.6)
        for run, (x, y) in lines.items():  # over all that is pale
            style = "--" if run in dashed else "-"
            few = {"marker": "."} if len(x) < FEW else {}
            smooth = y if few else smoothed(y)
            panel.plot(x, smooth, style, color=f"C{runs.index(run)}", label=run, **few)
        panel.grid(alpha=0.3)
        panel.set_ylabel(textwrap.fill(quantity, 24))
    panels[-1].set_xlabel(unit)
    found = {name: line for panel in panels for line, name in zip(*panel.get_legend_handles_labels())}
    figure.legend(found.values(), found.keys(), loc="outside lower center", ncols=min(len(found), 4))
    with checkpoint.replacing(path) as beside:
        figure.savefig(beside, format="png", dpi=110)


def losses_of(histories, unit=None):
    """Returns the curves of both losses and of the discriminator's accuracy for `save_curves`.

    Args:
        histories: {run: dict as `history.read` returns it}; a run without rows is left out.
        unit: {run: steps of an epoch}, by which steps are divided; None leaves them.
    """
    tables = {run: table for run, table in histories.items() if table and len(table["step"])}
    x = {run: table["step"] / (unit[run] if unit else 1) for run, table in tables.items()}
    accuracy = {r: (x[r], (t["d_acc_real"] + t["d_acc_fake"]) / 2) for r, t in tables.items()}
    curves = {
        what: {run: (x[run], table[column]) for run, table in tables.items()}
        for column, what in _LOSSES.items()
    }
    return curves | {"accuracy of the discriminator": accuracy}


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
