"""The chart of one or more runs from the files they left: history.csv, metrics.jsonl, config.json."""

import textwrap
from pathlib import Path

import numpy as np

from keras_gan.figures.style import fixed_style, make_figure
from keras_gan.files.atomic import atomic_write
from keras_gan.run import info, losses, metrics_log


def draw_curves(path, runs, labels=None):
    """Writes the chart of run directories as a PNG and returns a line on what is in it.

    Distances of other features, or of another number of samples, get a panel of their own.

    Args:
        runs: paths of run directories, or of losses that another program wrote: see `run.losses`.
        labels: names of the runs, in their order; None is the last part of each path.

    Raises:
        FileNotFoundError: a run has no history.csv.
        ValueError: a file of a run is damaged, or has no row.
    """
    last = [Path(run).absolute().name for run in runs]
    names = labels or [n if last.count(n) == 1 else str(run) for n, run in zip(last, runs)]
    logs = {name: losses.read_losses(run) for name, run in zip(names, runs) if losses.is_loss_log(run)}
    runs = {name: info.read(run) for name, run in zip(names, runs) if name not in logs}
    tables = {name: logs[name] if name in logs else _read_history(runs[name]) for name in names}
    per_epoch = {name: run.steps_per_epoch for name, run in runs.items()}
    alike = len(set(per_epoch.values())) == 1 and not logs
    units = per_epoch if alike else dict.fromkeys(names, 1)
    scores = {name: run.read_metrics() for name, run in runs.items()}
    found = collect_losses(tables, units) | collect_scores(scores, units)
    dashed = {name for name, run in runs.items() if run.framework == "torch"} | set(logs)
    save_curves(path, found, dashed, "epoch" if alike else "step")
    return f"{', '.join(found)} of {', '.join(names)}"


def _read_history(run):
    table = run.read_history()
    if table is None:
        raise FileNotFoundError(f"Expected a run with a history.csv. Received: {run.folder}, which has none.")
    if not len(table["step"]):
        raise ValueError(
            f"Expected a run of at least one step. Received: {run.folder}, whose history.csv has no row."
        )
    return table


def collect_scores(scores, units):
    """Returns the curves of the distances that `train` measured: {quantity: {run: (x, y)}}.

    Args:
        scores: {run: rows of its metrics.jsonl}.
        units: {run: what its steps are divided by}.
    """
    curves = {}
    selected = {name: metrics_log.select_training_scores(rows) for name, rows in scores.items()}
    hashes = {}  # of the weights of each feature extractor: two are not drawn in one panel
    for row in (row for rows in selected.values() for row in rows):
        hashes.setdefault(row.get("features"), set()).add(row.get("weights"))
    for name, rows in selected.items():
        for row in rows:
            features = row.get("features")
            weights = f" of weights {str(row.get('weights'))[:8]}" if len(hashes[features]) > 1 else ""
            quantity = f"Fréchet distance, {features} features{weights}, {row.get('n')} samples"
            curves.setdefault(quantity, {}).setdefault(name, []).append((row["step"], row["value"]))
    return {
        quantity: {name: tuple(np.array(points).T / [[units[name]], [1]]) for name, points in of.items()}
        for quantity, of in curves.items()
    }


FEW = 100  # values of a curve: up to there its points are drawn as they are
_PARTS = 2000  # of a curve, twice the pixels that it is wide: more cannot be seen, and takes seconds
_LOSSES = {"d_loss": "loss of the discriminator", "g_loss": "loss of the generator"}


@fixed_style()
def save_differences(path, traces):
    """Writes a chart of the differences of two frameworks over the steps, one panel per mode.

    Differences below half a unit in the last place of 1 are drawn there: a logarithm has no zero.

    Args:
        traces: list of `parity.Trace`.
    """
    figure = make_figure(figsize=(6 * len(traces), 4), layout="constrained")
    panels = figure.subplots(1, len(traces), squeeze=False)[0]
    for panel, trace in zip(panels, traces, strict=True):
        steps = np.arange(1, len(trace.d_loss) + 1)
        smallest = np.finfo("float64" if trace.mode == "float64" else "float32").eps / 2  # of a loss near 1
        for name in ("d_loss", "g_loss", "weights"):
            panel.plot(steps, np.maximum(getattr(trace, name), smallest), label=name, linewidth=1)
        noise = np.maximum(trace.rounding_noise, smallest)
        panel.plot(steps, noise, ":", color="grey", label="losses, PyTorch - itself", linewidth=1)
        panel.set(yscale="log", xlabel="step", ylabel="|Keras - PyTorch|", title=trace.mode)
        panel.legend()
    with atomic_write(path) as beside:
        figure.savefig(beside, format="png", dpi=100)


@fixed_style()
def save_curves(path, curves, dashed=(), unit="step"):
    """Writes a chart of some runs, a panel a quantity: smoothed lines, each over its values in pale.

    Args:
        curves: {quantity: {run: (x, y)}}, x and y float (n,), n at least 1; a quantity that is
            measured now and then only, fewer than 100 times, is drawn with its points, unsmoothed.
        dashed: the runs whose smoothed lines are dashed.
        unit: of x.
    """
    runs = list(dict.fromkeys(run for lines in curves.values() for run in lines))
    figure = make_figure(figsize=(9, 0.5 + 2.8 * len(curves)), layout="constrained")
    panels = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
    drawn = {}
    for panel, (quantity, lines) in zip(panels, curves.items(), strict=True):
        longest = max(len(x) for x, _ in lines.values())
        window = longest // 50  # one for all runs, so that equal losses are drawn equal
        for run, (x, y) in lines.items():
            if len(x) >= FEW:
                panel.plot(*thin_curve(x, y), color=f"C{runs.index(run)}", alpha=0.25, linewidth=0.6)
        for run, (x, y) in lines.items():  # over all that is pale
            style = "--" if run in dashed else "-"
            few = {"marker": "."} if len(x) < FEW else {}
            smooth = y if few else smooth_curve(y, window)
            [drawn[run]] = panel.plot(*thin_curve(x, smooth), style, color=f"C{runs.index(run)}", **few)
        panel.grid(alpha=0.3)
        panel.set_ylabel(textwrap.fill(quantity, 24), parse_math=False)
    panels[-1].set_xlabel(unit)
    _add_legend(figure, {run: drawn[run] for run in runs})
    with atomic_write(path) as beside:
        figure.savefig(beside, format="png", dpi=110)


def _add_legend(figure, lines):
    """Adds a legend that shows names as they are: Matplotlib hides "_a" and sets "$a$" as mathematics."""
    places = [str(i) for i in range(len(lines))]
    legend = figure.legend(lines.values(), places, loc="outside lower center", ncols=min(len(lines), 4))
    for text, name in zip(legend.get_texts(), lines, strict=True):
        text.set_parse_math(False)
        text.set_text(name)


def collect_losses(histories, unit=None):
    """Returns the curves of both losses and of the discriminator's accuracy for `save_curves`.

    Args:
        histories: {run: dict as `history.read` or `read_losses` returns it}; a run without rows is left out.
        unit: {run: steps of an epoch}, by which steps are divided; None leaves them.
    """
    tables = {run: table for run, table in histories.items() if table and len(table["step"])}
    x = {run: table["step"] / (unit[run] if unit else 1) for run, table in tables.items()}
    curves = {
        what: {run: (x[run], table[column]) for run, table in tables.items() if column in table}
        for column, what in _LOSSES.items()
    }
    curves["accuracy of the discriminator"] = {
        run: (x[run], (table["d_acc_real"] + table["d_acc_fake"]) / 2)
        for run, table in tables.items()
        if "d_acc_real" in table
    }
    return {quantity: lines for quantity, lines in curves.items() if lines}


def thin_curve(x, y):
    """Returns the points of a curve that are seen: the least and the greatest of each of `_PARTS` parts.

    Args:
        x, y: float (n,); nan is not drawn.

    Returns:
        float (m,) and (m,) of these points and both ends, in their order; all of them where they are few.
    """
    n = len(y)
    if n <= 2 * _PARTS:
        return x, y
    size = -(-n // _PARTS)
    parts = np.pad(np.asarray(y, np.float64), (0, -n % size), constant_values=np.nan).reshape(-1, size)
    starts = np.arange(0, n, size)
    least = starts + np.where(np.isnan(parts), np.inf, parts).argmin(axis=1)
    greatest = starts + np.where(np.isnan(parts), -np.inf, parts).argmax(axis=1)
    seen = np.unique(np.concatenate([[0], least, greatest, [n - 1]]))
    return x[seen], y[seen]


def smooth_curve(values, window=None):
    """Returns the mean of the values within `window` places, or a fiftieth of their number, of each.

    Args:
        values: float (n,).
    """
    n = len(values)
    window = n // 50 if window is None else window
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    first = np.maximum(np.arange(n) - window, 0)
    end = np.minimum(np.arange(n) + window + 1, n)
    return (sums[end] - sums[first]) / (end - first)
