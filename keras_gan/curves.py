"""The chart of one or more runs from the files they left: history.csv, metrics.jsonl, config.json."""

from pathlib import Path

import numpy as np

from keras_gan import history, plots, presets, record, scores


def draw(path, runs):
    """Writes the chart of run directories as a PNG and returns a line on what is in it.

    Distances of other features, or of another number of samples, get a panel of their own.

    Raises:
        FileNotFoundError: a run has no history.csv.
        ValueError: a file of a run is damaged, or has no row.
    """
    names = [Path(run).absolute().name for run in runs]
    names = [n if names.count(n) == 1 else str(run) for n, run in zip(names, runs)]
    folders = {name: Path(run) for name, run in zip(names, runs)}
    tables = {name: _history(folder) for name, folder in folders.items()}
    per_epoch = {name: steps_per_epoch(folder) for name, folder in folders.items()}
    alike = len(set(per_epoch.values())) == 1
    units = per_epoch if alike else dict.fromkeys(per_epoch, 1)
    found = plots.losses_of(tables, units) | scores_of(folders, units)
    dashed = {name for name, folder in folders.items() if _framework(folder) == "torch"}
    plots.save_curves(path, found, dashed, "epoch" if alike else "step")
    return f"{', '.join(found)} of {', '.join(names)}"


def _history(folder):
    path = folder / "history.csv"
    if not path.is_file():
        raise FileNotFoundError(f"Expected a run with a history.csv. Received: {folder}, without one.")
    table = history.read(path)
    if not len(table["step"]):
        raise ValueError(f"Expected a run of at least one step. Received: {folder}, without a row.")
    return table


def steps_per_epoch(folder):
    """Returns the steps of an epoch as a run's preset counts them; 1 where there is no config.json."""
    if not (folder / "config.json").is_file():
        return 1
    run = record.read(folder)
    return presets.get(run.config.preset).rule.steps_per_epoch(run.data["images"], run.config.batch_size)


def _framework(folder):
    return record.read(folder).framework if (folder / "config.json").is_file() else None


def scores_of(folders, units):
    """Returns the curves of the distances that `train` measured: {quantity: {run: (x, y)}}.

    Args:
        folders: {run: path}.
        units: {run: what its steps are divided by}.
    """
    curves = {}
    for name, folder in folders.items():
        for row in scores.while_training(scores.read(folder / "metrics.jsonl")):
            quantity = f"Fréchet distance, {row.get('features')} features, {row.get('n')} samples"
            curves.setdefault(quantity, {}).setdefault(name, []).append((row["step"], row["value"]))
    return {
        quantity: {name: tuple(np.array(points).T / [[units[name]], [1]]) for name, points in of.items()}
        for quantity, of in curves.items()
    }
