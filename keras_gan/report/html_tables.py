"""The tables of a report as HTML: settings, and every row of metrics.jsonl with its feature spec."""

import html
import json
from typing import NamedTuple

from keras_gan.evaluation.table import METRICS
from keras_gan.run import metrics_log

_SHOWN = {"metric", "value", "std", "real", "step", "epoch"}  # of a row in its table; the rest is its spec

_SPEC_NAMES = {  # of the feature spec, and what else a number depends on
    "features": "features",
    "weights": "SHA-256 of the network",
    "preprocessing": "preprocessing",
    "cpu": "kind of CPU that trained the network",
    "n": "samples",
    "n_test": "test images",
    "n_real": "training images",
    "data": "SHA-256 of the images",
    "seed": "seed",
    "mode": "mode of the generator",
    "sample_batch_size": "batch size of the samples",
}

_ARROWS = {"lower": "&nbsp;<small>↓</small>", "higher": "&nbsp;<small>↑</small>", "": ""}


class Marked(NamedTuple):
    """A value to stand out in a table."""

    value: object


def escape(value):
    """Returns any value as text for HTML."""
    return html.escape(str(value))


def format_pairs(content):
    """Returns a table of names and values, which may be `Marked`."""
    rows = (f'<tr><th scope="row">{_name(name)}</th>{_value(v)}</tr>' for name, v in content.items())
    return f'<div class="box"><table class="pairs"><tbody>{"".join(rows)}</tbody></table></div>'


def format_networks(layers):
    """Yields a table of the layers of each network, as config.json has them of a subclass."""
    for network, rows in layers.items():
        lines = [
            f'<tr><th scope="row">{escape(row["layer"])}</th><td class="number">{escape(row["output"])}</td>'
            f'<td class="number">{row["weights"]:,}</td></tr>'
            for row in rows
        ]
        table = _table(("layer", "output", "weights"), lines)
        yield f'<h3>Layers of the {escape(network)}</h3><div class="box">{table}</div>'


def _name(name):
    """Returns a name as HTML that may go on in the next line after an underscore, or before a dot."""
    return escape(name).replace("_", "_<wbr>").replace(".", "<wbr>.")


def _value(value):
    if isinstance(value, Marked):
        return f"<td><strong>{escape(_text(value.value))}</strong></td>"
    return f"<td>{escape(_text(value))}</td>"


def _text(value):
    if isinstance(value, (list, tuple)):
        return "x".join(map(str, value))
    return "–" if value is None else value


def find_newest_evaluation(rows):
    """Returns the rows of the evaluation of the latest step, of these the last written; [] without one."""
    found = [group for group in _groups(rows) if _is_evaluation(group)]
    return max(reversed(found), key=lambda group: group[0]["step"], default=[])


def _groups(rows):
    """Returns lists of rows: evaluations, each of a step and feature spec, and series of one metric."""
    groups = {}
    for row in rows:
        key = (row["step"] if "n_test" in row else row["metric"], json.dumps(_about(row), sort_keys=True))
        groups.setdefault(key, []).append(row)
    return list(groups.values())


def _is_evaluation(rows):
    return "n_test" in rows[0]


def _about(row):
    return {name: value for name, value in row.items() if name not in _SHOWN}


def format_metrics(rows):
    """Yields the HTML of all rows of metrics.jsonl: evaluations, the newest step first, then series."""
    groups = _groups(rows)
    evaluations = [group for group in groups if _is_evaluation(group)]
    for group in sorted(evaluations, key=lambda group: -group[0]["step"]):
        yield _evaluation(group) + _format_spec(group)
    for group in groups:
        if not _is_evaluation(group):
            yield _series(group) + _format_spec(group)


def _evaluation(rows):
    lines, group = [], None
    for row in sorted(rows, key=_place):
        of, what, form, better = _line(row["metric"])
        if of != group:
            lines.append(f'<tr><th colspan="3" scope="colgroup">{of}</th></tr>')
            group = of
        cells = _number(row, form) + _number({"value": row.get("real")}, form)
        lines.append(f'<tr><th scope="row">{escape(what)}{_ARROWS[better]}</th>{cells}</tr>')
    baseline = (
        f"Test images: the numbers of {escape(rows[0]['n_test'])} real images that were not trained on."
    )
    note = f'<p class="muted">{baseline} ↓ lower is better, ↑ higher is better.</p>'
    table = _table(("", "samples", "test images"), lines)
    return f'<h3>Evaluation at {_when(rows[0])}</h3><div class="box">{table}</div>{note}'


def _line(metric):
    """Returns group, name, form and direction of a metric, which may be of a later version."""
    return METRICS.get(metric, ("other", metric, ".6g", ""))


def _place(row):
    order = list(METRICS)
    return order.index(row["metric"]) if row["metric"] in order else len(order)


def _table(names, lines):
    cells = (f'<th scope="col" class="number">{name}</th>' for name in names)
    head = f"<thead><tr>{''.join(cells)}</tr></thead>"
    return f'<table class="numbers">{head}<tbody>{"".join(lines)}</tbody></table>'


def _when(row):
    return f"step {row['step']:,}" + (f", epoch {escape(row['epoch'])}" if "epoch" in row else "")


def _number(row, form):
    """Returns the cell of a value and its std, rounded to read and in full in `data` elements."""
    parts = [_rounded(row.get("value"), form)]
    if row.get("std") is not None:
        parts.append(f"<small>± {_rounded(row['std'], form.lstrip('+'))}</small>")
    return f'<td class="number">{"".join(parts)}</td>'


def _rounded(value, form):
    if value is None:
        return "–"
    form = ".6g" if form == "d" and isinstance(value, float) else form
    return f'<data value="{value!r}" title="{value!r}">{value:{form}}</data>'


def _series(rows):
    metric = rows[0]["metric"]
    _, what, form, better = _line(metric)
    real = any(row.get("real") is not None for row in rows)
    lines = (
        f'<tr><td class="number">{row["step"]}</td><td class="number">{escape(row.get("epoch", "–"))}</td>'
        + _number(row, form)
        + (_number({"value": row.get("real")}, form) if real else "")
        + "</tr>"
        for row in metrics_log.select(rows, metric)
    )
    table = _table(("step", "epoch", "samples", *(["test images"] if real else [])), lines)
    title = f"{escape(what)} while training" + (f", {better} is better" if better else "")
    return f'<h3>{title}</h3><div class="box series" tabindex="0">{table}</div>'


def _format_spec(rows):
    about = _about(rows[0])
    named = {_SPEC_NAMES[name]: about[name] for name in _SPEC_NAMES if name in about}
    others = {name: json.dumps(value) for name, value in about.items() if name not in _SPEC_NAMES}
    return f'<div class="spec">{format_pairs(named | others)}</div>'
