"""metrics.jsonl: a line for each metric of a run's step, with all that the number depends on."""

import json
import math
from pathlib import Path

from keras_gan.files.atomic import atomic_write
from keras_gan.streams import format_error

_MAX_BYTES = 64 * 2**20
_MAX_STEP = 2**53  # up to there float64 tells steps apart
_FOUND = ("value", "std", "real")  # the rest of a row says what the number is of

_EARLIER_WORDS = {
    "metric": {"spread": "pixel_std", "d_loss_spread": "d_loss_std", "g_loss_spread": "g_loss_std"},
    "features": {"digits": "classifier"},
}


def read(path):
    """Returns the rows of a file as a list of dicts with `step`, `metric` and `value`; [] without one.

    Raises:
        ValueError: it holds anything else.
    """
    path = Path(path)
    if not path.is_file():
        return []
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"it has more than {_MAX_BYTES} bytes")
        return [_row(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        reason = format_error(error)
        raise ValueError(f"Expected a line of JSON for each metric. Received: {path} ({reason}).") from None


def _row(line):
    row = _rename(json.loads(line))
    if not isinstance(row, dict) or type(row.get("step")) is not int or type(row.get("metric")) is not str:
        raise ValueError("a row without a step and a metric")
    if "value" not in row:
        raise ValueError("a row without a value")
    if not 0 <= row["step"] < _MAX_STEP:
        raise ValueError("a step that no run has")
    values = [row.get(name) for name in _FOUND]
    if not all(v is None or type(v) in (int, float) and math.isfinite(v) for v in values):
        raise ValueError(f"values {values} that are no finite numbers")
    return row


def _rename(row):
    """Returns a row in today's words, where an earlier version wrote others."""
    if not isinstance(row, dict):
        return row
    row = {"std" if name == "spread" else name: value for name, value in row.items()}
    for name, words in _EARLIER_WORDS.items():
        if isinstance(row.get(name), str):
            row[name] = words.get(row[name], row[name])
    return row


def add(path, rows):
    """Adds rows; one of the same step, metric and feature spec is replaced."""
    new = {_key(row) for row in rows}
    _write(path, [row for row in read(path) if _key(row) not in new] + rows)


def drop_after(path, step):
    """Removes the rows of later steps."""
    if Path(path).is_file():
        _write(path, [row for row in read(path) if row["step"] <= step])


def get_spec(row):
    """Returns all that a row's numbers depend on but the step: equal for those that can be compared."""
    kept = {name: value for name, value in row.items() if name not in (*_FOUND, "step", "epoch")}
    return json.dumps(kept, sort_keys=True)


def _key(row):
    return row["step"], get_spec(row)


def _write(path, rows):
    with atomic_write(path) as beside:
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        text = "".join(lines)  # a name that is no UTF-8 becomes JSON's own escape
        beside.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def describe_samples(row):
    """Returns the words for how samples were drawn, of a row, or a result of `fid`, that holds a mode."""
    return f"samples drawn in {row['mode']} mode, in batches of {row['sample_batch_size']}"


def select_training_scores(rows):
    """Returns the Fréchet distances that `train` measured, in the order of their steps.

    Those of `evaluate`, which have test images beside them, depend on more.
    """
    rows = select(rows, "frechet_distance")
    return [row for row in rows if "n_test" not in row and row["value"] is not None]


def select(rows, metric):
    """Returns the rows of a metric, in the order of their steps."""
    return sorted((row for row in rows if row["metric"] == metric), key=lambda row: row["step"])
