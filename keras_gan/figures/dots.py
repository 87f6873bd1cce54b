"""A chart of one number for each of some things: a dot, and a whisker of its standard deviation."""

from collections.abc import Sequence

from keras_gan.figures.style import fixed_style, make_figure
from keras_gan.files.atomic import atomic_write

_ROW_INCHES = 0.3


@fixed_style()
def save_dots(path, rows: Sequence[dict], title: str, label: str, reference: float) -> None:
    """Writes a chart as a PNG, the first row on top.

    Args:
        rows: dicts with `label`, `mean`, `std` (None without) and `scores`.
        title: above the chart; label: of the axis.
        reference: where a line is drawn from top to bottom.
    """
    figure = make_figure(figsize=(8, 1.2 + _ROW_INCHES * len(rows)), layout="constrained")
    axes = figure.add_subplot(title=title, xlabel=label)
    axes.axvline(reference, color="0.8", zorder=0)
    for place, row in enumerate(rows):
        axes.plot(row["scores"], [place] * len(row["scores"]), ".", color="0.7", zorder=1)
        axes.errorbar(row["mean"], place, xerr=row["std"], fmt="o", color="C0", capsize=3, zorder=2)
    axes.set_yticks(range(len(rows)), [row["label"] for row in rows], parse_math=False)
    axes.invert_yaxis()
    axes.spines[["top", "right", "left"]].set_visible(False)
    with atomic_write(path) as beside:
        figure.savefig(beside, dpi=120)
