"""Line charts as inline SVG, which take their colours and their font from the page around them.

The curve is stretched to the width the page leaves; labels stay as large as the page's text.
"""

import html
import math

import numpy as np

from keras_gan.figures.curves import FEW, smooth_curve

PARTS = 250  # of a curve: the least, the greatest and the mean of each are drawn
_SIDE = 1000  # of the plane of the curve
_LARGEST = 1e300  # what is beyond it is left out, as nan is: differences stay finite


def draw_chart(x, y, unit, label):
    """Returns a chart as text: the smoothed curve over a pale band from least to greatest value.

    Args:
        x, y: float (n,). Fewer than `curves.FEW` are drawn as they are, with points.
        unit: of x; label: what y is.

    Returns:
        An svg element, or "" where no value is finite.
    """
    drawn = (np.abs(x) < _LARGEST) & (np.abs(y) < _LARGEST)  # false for nan, too
    x, y = x[drawn], y[drawn]
    if not len(x):
        return ""
    of_x, of_y = _ticks(x.min(), x.max()), _ticks(y.min(), y.max())
    span_x, span_y = (of_x[0], max(of_x[-1], x.max())), (of_y[0], of_y[-1])
    said = f"{label}: {y[0]:.4g} at {unit} {x[0]:,.6g}, {y[-1]:.4g} at {unit} {x[-1]:,.6g}"
    return (
        f'<svg class="chart" role="img" aria-label="{html.escape(said)}">'
        + "".join(_line_at(tick, 100 - 100 * _share(tick, span_y)) for tick in of_y)
        + "".join(_mark_at(tick, 100 * _share(tick, span_x)) for tick in of_x)
        + f'<svg viewBox="0 0 {_SIDE} {_SIDE}" preserveAspectRatio="none">'
        + _curve(x, y, span_x, span_y)
        + "</svg></svg>"
    )


def _ticks(low, high):
    """Returns some round numbers, about a quarter of the range apart, from below it to above it."""
    most = max(abs(low), abs(high))
    if high - low <= max(1e-9 * most, 1e-99):
        half = most / 2 if most > 1e-99 else 0.5
        low, high = low - half, high + half
    unit = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit * 4 >= (high - low) * 0.999)
    return np.arange(math.floor(low / step), math.ceil(high / step) + 1) * step


def _share(value, span):
    return (value - span[0]) / (span[1] - span[0])


def _line_at(tick, percent):
    at = f"{percent:.4g}%"
    return f'<line x2="100%" y1="{at}" y2="{at}"/><text class="y" y="{at}">{tick:,.6g}</text>'


def _mark_at(tick, percent):
    return f'<text class="x" x="{percent:.4g}%" y="100%">{tick:,.6g}</text>' if percent <= 100 else ""


def _curve(x, y, span_x, span_y):
    """Returns the paths of a curve, y growing upwards."""
    if len(x) < FEW:
        rows = _path(x, y, span_x, span_y)
        points = "".join(f"M{point}h0" for point in rows)
        return f'<path class="line" d="M{"L".join(rows)}"/><path class="points" d="{points}"/>'
    starts = np.unique(np.linspace(0, len(x), PARTS, endpoint=False).astype(int))
    lengths = np.diff(np.append(starts, len(x)))
    means = [np.add.reduceat(values, starts) / lengths for values in (x, smooth_curve(y))]
    least = _path(means[0], np.minimum.reduceat(y, starts), span_x, span_y)
    greatest = _path(means[0], np.maximum.reduceat(y, starts), span_x, span_y)
    band, line = "L".join(least + greatest[::-1]), "L".join(_path(*means, span_x, span_y))
    return f'<path class="band" d="M{band}z"/><path class="line" d="M{line}"/>'


def _path(x, y, span_x, span_y):
    across, down = _SIDE * _share(x, span_x), _SIDE * (1 - _share(y, span_y))
    return [f"{a:.1f},{b:.1f}" for a, b in zip(across, down, strict=True)]
