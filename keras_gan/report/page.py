"""The page of a run: what its files tell, in one HTML file that needs nothing else.

Its look is in report.html beside this module. Every text is escaped where it enters.
"""

import re
import string
from pathlib import Path
from typing import NamedTuple

import keras_gan
from keras_gan.data import image_folder
from keras_gan.evaluation import diagnosis
from keras_gan.figures import gif
from keras_gan.figures.curves import FEW, collect_losses, collect_scores, smooth_curve
from keras_gan.files.atomic import atomic_write
from keras_gan.report import html_tables, reproduce, svg
from keras_gan.run.info import (
    BEST,
    CHECKPOINT,
    CONFIG,
    GENERATOR,
    HISTORY,
    METRICS,
    PREVIOUS,
    REPORT,
    TENSORBOARD,
    RunInfo,
)
from keras_gan.run.info import read as read_run

GRIDS = 12  # in the gallery at most
_NEWEST_SIDE, _GALLERY_SIDE = 960, 480  # pixels of a grid that is larger

_FILES = {
    CONFIG: "every setting, the hash of the images, versions",
    HISTORY: "losses and accuracies, a row a step",
    METRICS: "scores and evaluations, a row a number",
    CHECKPOINT: "both networks, both optimizers and the step: what a run goes on from",
    PREVIOUS: "the checkpoint before",
    BEST: "the checkpoint of the lowest Fréchet distance while training",
    GENERATOR: "the generator for keras.models.load_model",
    "generator.onnx": "the generator for onnxruntime and others",
    "generator.pt": "the generator's weights for PyTorch",
    "discriminator.pt": "the discriminator's weights for PyTorch",
    "curves.png": "the chart of plot",
    "samples.png": "samples of one image a seed",
    "interpolation.png": "the way from one noise to another",
    "nearest.png": "samples beside their nearest training images",
    "real.png": "samples beside real images",
    "training.gif": "the grids, one after the other",
}

_FOLDERS = {
    "savedmodel": "the generator for tf.saved_model.load and TensorFlow Serving",
    TENSORBOARD: "losses, scores and grids for TensorBoard",
}


class Contents(NamedTuple):
    """What is read of a run; a file that is not there is None or empty."""

    folder: Path
    info: RunInfo | None
    history: dict | None
    scores: list
    grids: dict  # step to path

    def step(self):
        """Returns the newest step that a file tells of, None where none does."""
        in_history = [int(self.history["step"][-1])] if self.history else []
        return max([*in_history, *self.grids, *(row["step"] for row in self.scores)], default=None)

    def per_epoch(self):
        """Returns the steps of an epoch, None where no config.json tells."""
        return self.info.steps_per_epoch if self.info else None


def read(folder):
    """Returns the `Contents` of a run directory.

    Raises:
        FileNotFoundError: no file of a run is there.
        ValueError: one is damaged.
    """
    run = read_run(folder)
    table = run.read_history()
    contents = Contents(
        run.folder,
        run.info,
        table if table and len(table["step"]) else None,
        run.read_metrics(),
        run.list_grids(),
    )
    if not any(contents[1:]) and not run.checkpoint.is_file():
        raise FileNotFoundError(
            "RUN must be a run directory, with config.json, checkpoint.npz or sample grids. "
            f"Received: {folder}, without."
        )
    return contents


def write(folder, path=None):
    """Writes the page of the run in a folder, report.html in it unless a path is given.

    Returns:
        A line that says what is on the page.

    Raises:
        FileNotFoundError: no run is there.
        ValueError: a file of it is damaged.
    """
    run = read(folder)
    path = Path(path or run.folder / REPORT)
    text = page(run)
    with atomic_write(path) as beside:
        beside.write_text(text, encoding="utf-8", errors="xmlcharrefreplace", newline="\n")
    shown = min(GRIDS, len(run.grids))
    size = f"{len(text) / 1000:.0f} kB"
    return f"{path}: {_heading(run)}, {shown} of {len(run.grids)} grids, {len(run.scores)} scores, {size}"


def page(run):
    """Returns the page of a `Run`."""
    template = string.Template(Path(__file__).with_name(REPORT).read_text(encoding="utf-8"))
    parts = (_head, _settings, _curves, _gallery, _numbers, _commands, _files)
    title = f"{run.folder.absolute().name}: {_heading(run)}"
    body = "\n".join(part(run) for part in parts)
    return template.substitute(title=html_tables.escape(title), body=body, version=keras_gan.__version__)


def _section(title, *parts):
    return f"<section>\n<h2>{title}</h2>\n" + "\n".join(parts) + "\n</section>"


def _note(text):
    return f'<p class="muted">{html_tables.escape(text)}</p>'


def _heading(run):
    """Returns whose run it is, and how far it is."""
    name, step = run.info.preset.name if run.info else "run", run.step()
    if step is None:
        return name
    total = run.info.config.epochs * run.per_epoch() if run.info else step
    return f"{name} after {step:,} {f'of {total:,} ' if step < total else ''}steps"


def _head(run):
    lines = [_note(run.folder.absolute().name), f"<h1>{html_tables.escape(_heading(run))}</h1>"]
    if run.info:
        lines.append(_note(run.info.preset.source))
    lines.append(_verdict(run))
    if run.grids:
        step, path = list(run.grids.items())[-1]
        lines.append(_figure(run, step, path, _NEWEST_SIDE, 'class="newest"'))
    return "<header>\n" + "\n".join(lines) + "\n</header>"


def _verdict(run):
    rows = html_tables.find_newest_evaluation(run.scores)
    if not rows:
        return _note("Not evaluated yet: evaluate RUN measures it and adds a verdict.")
    step, n, features = (rows[0].get(name) for name in ("step", "n", "features"))
    of = f"Evaluation at step {step:,}, of {n} samples, {features} features"
    try:
        name, _, said = diagnosis.diagnose(rows).partition(":")
    except (KeyError, TypeError):  # rows are gone
        return _note(f"{of}: it lacks rows that a verdict needs.")
    text = f"<strong>{html_tables.escape(name)}:</strong>{html_tables.escape(said)}<small>{html_tables.escape(of)}.</small>"
    return f'<p class="verdict">{text}</p>'


def _figure(run, step, path, side, attributes=""):
    caption = html_tables.escape(gif.make_caption(step, run.info))
    image = f'<img alt="Samples, {caption}" src="{image_folder.data_uri(path, side)}">'
    return f"<figure {attributes}>{image}<figcaption>{caption}</figcaption></figure>"


def _settings(run):
    record = run.info
    if record is None:
        return _section("Settings", _note("No config.json: settings, data and versions are not known."))
    changed = reproduce.list_settings(record.config)
    settings = {
        name: html_tables.Marked(value) if name in changed else value
        for name, value in record.config.to_dict().items()
    }
    framework = {"keras": "Keras", "torch": "PyTorch"}.get(record.framework, record.framework)
    of_data = {"name": record.data["name"], "images": f"{record.data['images']:,}"}
    of_data |= {"shape of one": "x".join(map(str, record.config.gan.image_shape))}
    of_data |= {"SHA-256": record.data["sha256"], "source": record.data["source"]}
    made = {"trained by": framework, "device": record.device, **record.versions}
    return _section(
        "Settings",
        html_tables.format_pairs(settings),
        _note("Bold: not the preset's own, or not the usual."),
        "<h3>Data</h3>" + html_tables.format_pairs(of_data),
        "<h3>Made with</h3>" + html_tables.format_pairs(made),
    )


def _curves(run):
    name = {"run": run.folder}
    unit = run.per_epoch()
    found = collect_losses({"run": run.history}, {"run": unit or 1}) if run.history else {}
    measured = collect_scores(name, {"run": unit or 1})
    found |= {quantity: of for quantity, of in measured.items() if len(of["run"][0]) > 1}
    drawn = [_curve(what, *of["run"], "epoch" if unit else "step") for what, of in found.items()]
    notes = [] if run.history else [_note("No history.csv with rows: losses are not known.")]
    if run.history and len(run.history["step"]) >= FEW:
        notes.append(_note(
            "Lines: means over a fiftieth of the steps to either side. Bands: from the least to the "
            f"greatest value of each {svg.PARTS}th of the run."
        ))  # fmt: skip
    return _section("Curves", *drawn, *notes)


def _curve(what, x, y, unit):
    chart = svg.draw_chart(x, y, unit, what)
    if not chart:
        return _note(f"{what}: no finite value.")
    last = f"{y[-1]:.4g}" if len(y) < FEW else f"{smooth_curve(y)[-1]:.4g}"
    caption = f'<span>{html_tables.escape(what)}</span><span class="muted">{last} at the end</span>'
    return f'<figure class="curve"><figcaption>{caption}</figcaption><div class="plot">{chart}</div></figure>'


def _gallery(run):
    if not run.grids:
        return _section("Samples over time", _note("No sample grids such as 0.png."))
    steps = gif.evenly_spaced(list(run.grids), GRIDS)
    shown = "".join(_figure(run, step, run.grids[step], _GALLERY_SIDE) for step in steps)
    few = f"{len(steps)} of {len(run.grids)} grids, evenly spread." if len(steps) < len(run.grids) else ""
    return _section("Samples over time", f'<div class="strip">{shown}</div>', _note(few) if few else "")


def _numbers(run):
    if not run.scores:
        return _section("Numbers", _note("No metrics.jsonl: evaluate RUN measures the samples."))
    return _section("Numbers", *html_tables.format_metrics(run.scores))


def _commands(run):
    if run.info is None:
        return _section("Repeat", _note("No config.json: the command of this run is not known."))
    lines = [_shell(reproduce.train_command(run.info, run.folder))]
    lines += [_note(line) for line in reproduce.list_caveats(run.info)]
    lines += ["<p>Go on with it, to more epochs with <code>--epochs N</code>:</p>"]
    lines += [_shell(reproduce.resume_command(run.folder))]
    return _section("Repeat", "<p>The same run again, into a folder of its own:</p>", *lines)


def _shell(command):
    """Returns a command as HTML, whose lines do not end within the name of an option."""
    options = re.sub("(?<= )--[a-z0-9-]+", r'<span class="option">\g<0></span>', html_tables.escape(command))
    return f"<pre><code>{options}</code></pre>"


def _files(run):
    found = {}
    if run.grids:
        steps = list(run.grids)
        found[f"{steps[0]}.png to {steps[-1]}.png"] = f"{len(steps)} grids of the same noise, by step"
    for name, what in _FILES.items():
        if (path := run.folder / name).is_file():
            found[name] = f"{what} ({_size(path.stat().st_size)})"
    for name, what in _FOLDERS.items():
        if (run.folder / name).is_dir():
            found[f"{name}/"] = what
    return _section("Files", _note(f"In {run.folder}"), html_tables.format_pairs(found))


def _size(n):
    return f"{n / 1e6:.1f} MB" if n >= 1e6 else f"{max(1, round(n / 1000))} kB"
