"""The page of a run: what its files tell, in one HTML file that needs nothing else.

Its look is in report.html beside this module. Every text is escaped where it enters.
"""

import re
import string
from pathlib import Path

import keras_gan
from keras_gan import progress
from keras_gan.data.image_file import get_data_uri
from keras_gan.evaluation import diagnosis
from keras_gan.figures import gif
from keras_gan.figures.curves import FEW, collect_losses, collect_scores, smooth_curve
from keras_gan.files.atomic import atomic_write
from keras_gan.report import html_tables, reproduce, svg
from keras_gan.report.files import list_files
from keras_gan.run.info import REPORT
from keras_gan.run.info import read as read_run
from keras_gan.run.metrics_log import describe_samples

GRIDS = 12  # in the gallery at most
_NEWEST_SIDE, _GALLERY_SIDE = 960, 480  # pixels of a grid that is larger


def write(folder: str | Path, path: str | Path | None = None) -> str:
    """Writes the page of the run in a folder, by default to report.html in it.

    Returns:
        A line that says what is on the page.

    Raises:
        FileNotFoundError: the folder holds no run.
        ValueError: a file of the run is damaged.
    """
    run = read_run(folder)
    history, metrics, grids = run.read_history(), run.read_metrics(), run.list_grids()
    if not (run.info or history or metrics or grids or run.checkpoint.is_file()):
        raise FileNotFoundError(
            "RUN must be a run directory, with config.json, checkpoint.npz or sample grids. "
            f"Received: {folder}, which has none of them."
        )
    if history is not None and not len(history["step"]):
        history = None
    path = Path(path or run.folder / REPORT)
    heading = _heading(run, _find_last_step(history, metrics, grids))
    text = _page(run, heading, history, metrics, grids)
    with atomic_write(path) as beside:
        beside.write_text(text, encoding="utf-8", errors="xmlcharrefreplace", newline="\n")
    shown = f"{min(GRIDS, len(grids))} of {len(grids)} grids"
    return f"{path}: {heading}, {shown}, {len(metrics)} scores, {len(text) / 1000:.0f} kB"


def _page(run, heading, history, metrics, grids):
    parts = [
        _settings(run.info),
        _curves(run, history, metrics),
        _gallery(run.info, grids),
        _numbers(run, metrics),
        _commands(run),
        _section("Files", _note(f"In {run.folder}"), html_tables.format_pairs(list_files(run, grids))),
    ]
    template = string.Template(Path(__file__).with_name(REPORT).read_text(encoding="utf-8"))
    header = _head(run, heading, metrics, grids)
    title = html_tables.escape(f"{run.folder.absolute().name}: {heading}")
    return template.substitute(
        title=title, version=keras_gan.__version__, header=header, body="\n".join(parts)
    )


def _section(title, *parts):
    name = title.lower().replace(" ", "-")
    heading = f'<section aria-labelledby="{name}">\n<h2 id="{name}">{title}</h2>'
    return "\n".join([heading, *parts, "</section>"])


def _note(text):
    return f'<p class="muted">{html_tables.escape(text)}</p>'


def _find_last_step(history, metrics, grids):
    """Returns the last step that a file of the run mentions, None if none does."""
    in_history = [int(history["step"][-1])] if history else []
    return max([*in_history, *grids, *(row["step"] for row in metrics)], default=None)


def _heading(run, step):
    """Returns the preset and how far the run is."""
    name = run.info.preset.name if run.info else "run"
    if run.info and run.info.gan_class:
        name = f"{run.info.gan_class['path'].rpartition(':')[2]} ({name})"
    if step is None:
        return name
    if not run.info and not step:
        return "imported weights"
    total = run.info.config.epochs * run.steps_per_epoch if run.info else step
    return f"{name} after {step:,} {f'of {total:,} ' if step < total else ''}steps"


def _head(run, heading, metrics, grids):
    lines = [_note(run.folder.absolute().name), f"<h1>{html_tables.escape(heading)}</h1>"]
    if run.info:
        own = run.info.gan_class
        lines.append(_note(f"{own['path']}, on the settings of:" if own else run.info.preset.source))
        lines += [_note(run.info.preset.source)] if own else []
    started, seconds = run.read_times()
    if started and seconds is not None:
        trained = progress.format_duration(seconds)
        lines.append(_note(f"Began on {started:%Y-%m-%d} at {started:%H:%M}, trained for {trained}."))
    lines.append(_diagnosis(metrics, run))
    if grids:
        step, path = list(grids.items())[-1]
        lines.append(_figure(run.info, step, path, _NEWEST_SIDE, 'class="newest"'))
    return "<header>\n" + "\n".join(lines) + "\n</header>"


def _diagnosis(metrics, run):
    rows = html_tables.find_newest_evaluation(metrics)
    if not rows:
        return _note(f"Not evaluated yet: {_evaluate_command(run)} measures it and adds a diagnosis.")
    step, n, features = (rows[0].get(name) for name in ("step", "n", "features"))
    of = f"Evaluation at step {step:,}, of {n} samples, {features} features"
    of += f", {describe_samples(rows[0])}" if "mode" in rows[0] else ""
    try:
        name, _, said = diagnosis.diagnose(rows).partition(":")
    except (KeyError, TypeError):
        return _note(f"{of}: rows that a diagnosis needs are missing.")
    name, said, of = map(html_tables.escape, (name, said, of))
    return f'<p class="diagnosis"><strong>{name}:</strong>{said}<small>{of}.</small></p>'


def _evaluate_command(run):
    return f"{progress.get_program()} evaluate {reproduce.quote_folder(run.folder)}"


def _figure(info, step, path, side, attributes=""):
    caption = html_tables.escape(gif.make_caption(step, info))
    image = f'<img alt="Samples, {caption}" src="{get_data_uri(path, side)}">'
    return f"<figure {attributes}>{image}<figcaption>{caption}</figcaption></figure>"


def _settings(info):
    if info is None:
        return _section("Settings", _note("No config.json: settings, data and versions are not known."))
    changed = reproduce.list_settings(info.config)
    settings = {
        name: html_tables.Marked(value) if name in changed else value
        for name, value in info.config.to_dict().items()
    }
    framework = {"keras": "Keras", "torch": "PyTorch"}.get(info.framework, info.framework)
    of_data = {"name": info.data["name"], "images": f"{info.data['images']:,}"}
    of_data |= {"shape of one": info.config.gan.image_shape}
    of_data |= {"SHA-256": info.data["sha256"], "source": info.data["source"]}
    own = {"class": info.gan_class["path"]} if info.gan_class else {}
    made = own | {"trained by": framework, "device": info.device, **info.versions}
    return _section(
        "Settings",
        html_tables.format_pairs(settings),
        _note("Bold: differs from the preset or from the default."),
        *html_tables.format_networks((info.gan_class or {}).get("layers") or {}),
        "<h3>Data</h3>" + html_tables.format_pairs(of_data),
        "<h3>Made with</h3>" + html_tables.format_pairs(made),
    )


def _curves(run, history, metrics):
    units = {"run": run.steps_per_epoch}
    found = collect_losses({"run": history}, units) if history else {}
    scores = collect_scores({"run": metrics}, units)
    found |= {quantity: of for quantity, of in scores.items() if len(of["run"][0]) > 1}
    drawn = [_curve(what, *of["run"], "epoch" if run.info else "step") for what, of in found.items()]
    notes = [] if history else [_note("No history.csv with rows: losses are not known.")]
    if history and len(history["step"]) >= FEW:
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
    plot = f'<div class="plot">{chart}<p class="axis">{unit}</p></div>'
    return f'<figure class="curve"><figcaption>{caption}</figcaption>{plot}</figure>'


def _gallery(info, grids):
    if not grids:
        return _section("Samples over time", _note("No sample grids such as 0.png."))
    steps = gif.choose_evenly_spaced(list(grids), GRIDS)
    shown = "".join(_figure(info, step, grids[step], _GALLERY_SIDE) for step in steps)
    few = f"{len(steps)} of {len(grids)} grids, evenly spaced." if len(steps) < len(grids) else ""
    return _section("Samples over time", f'<div class="strip">{shown}</div>', _note(few) if few else "")


def _numbers(run, metrics):
    if not metrics:
        return _section("Numbers", _note(f"No metrics.jsonl: {_evaluate_command(run)} measures the samples."))
    return _section("Numbers", *html_tables.format_metrics(metrics))


def _commands(run):
    if run.info is None:
        return _section("Repeat", _note("No config.json: the command of this run is not known."))
    lines = [_shell(reproduce.train_command(run.info, run.folder))]
    lines += [_note(line) for line in reproduce.list_caveats(run.info)]
    lines += ["<p>Continue it, with <code>--epochs N</code> to more epochs:</p>"]
    lines += [_shell(reproduce.resume_command(run.folder))]
    return _section("Repeat", "<p>The same run again, in a folder of its own:</p>", *lines)


def _shell(command):
    """Returns a command as HTML, whose lines do not end within the name of an option."""
    options = re.sub("(?<= )--[a-z0-9-]+", r'<span class="option">\g<0></span>', html_tables.escape(command))
    return f"<pre><code>{options}</code></pre>"
