import json

import pytest

from keras_gan.run import metrics_log


def row(step, value, **others):
    return {"step": step, "metric": "frechet_distance", "value": value, "n": 10, **others}


def test_rows_are_read_as_they_were_added(tmp_path):
    path = tmp_path / "metrics.jsonl"
    assert metrics_log.read(path) == []
    metrics_log.add(path, [row(3, 1.5, features="é"), row(6, None)])
    metrics_log.add(path, [row(9, 1)])
    assert metrics_log.read(path) == [row(3, 1.5, features="é"), row(6, None), row(9, 1)]
    assert path.read_text(encoding="utf-8").count("\n") == 3


def test_name_that_is_no_utf_8_is_kept(tmp_path):
    metrics_log.add(tmp_path / "metrics.jsonl", [row(3, 1.5, features="x\udcff.keras")])
    assert metrics_log.read(tmp_path / "metrics.jsonl")[0]["features"] == "x\udcff.keras"


def test_row_of_the_same_step_metric_and_protocol_is_replaced(tmp_path):
    path = tmp_path / "metrics.jsonl"
    metrics_log.add(path, [row(3, 1.5), row(6, 2.5)])
    new = [row(3, 7.5, std=1.0), row(3, 1.5, seed=4)]
    metrics_log.add(path, new)
    assert metrics_log.read(path) == [row(6, 2.5), *new]


def test_rows_of_later_steps_are_dropped(tmp_path):
    path = tmp_path / "metrics.jsonl"
    metrics_log.drop_after(path, 3)
    assert not path.exists()
    metrics_log.add(path, [row(step, 1.0) for step in (3, 6, 4)])
    metrics_log.drop_after(path, 4)
    assert [r["step"] for r in metrics_log.read(path)] == [3, 4]


def test_rows_of_a_metric_come_in_the_order_of_their_steps():
    rows = [row(6, 1), row(3, 2), row(4, 3) | {"metric": "recall"}]
    assert metrics_log.select(rows, "frechet_distance") == [row(3, 2), row(6, 1)]


def test_protocol_is_all_but_the_numbers_and_when_they_were_measured():
    one, other = row(3, 1.0, epoch=1, real=2.0), row(6, 4.0, epoch=2, std=0.0)
    assert (
        metrics_log.get_spec(one) == metrics_log.get_spec(other) != metrics_log.get_spec(row(3, 1.0, seed=1))
    )


@pytest.mark.parametrize(
    "line",
    ["x", "[]", "{}", '{"step": 1}', '{"step": true, "metric": "x"}', '{"step": 1, "metric": 2}', "\udcff",
     '{"step": 1, "metric": "x", "value": NaN}', '{"step": 1, "metric": "x", "real": "1"}', "[" * 100000,
     '{"step": 1, "metric": "x", "value": 1%s}' % ("0" * 400), '{"step": 1, "metric": "x"}',
     '{"step": 1%s, "metric": "x", "value": 1}' % ("0" * 400), '{"step": -1, "metric": "x", "value": 1}'],
)  # fmt: skip
def test_anything_else_is_refused_in_one_line(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(line.encode(errors="surrogateescape"))
    with pytest.raises(
        ValueError, match="^Expected a line of JSON for each metric. Received: .*l .*"
    ) as error:
        metrics_log.read(path)
    assert "\n" not in str(error.value)


def test_words_of_earlier_versions_are_read_in_todays(tmp_path):
    earlier = {"step": 1, "metric": "d_loss_spread", "value": 2.0, "spread": 0.5, "features": "digits"}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(earlier) + "\n")
    today = {"step": 1, "metric": "d_loss_std", "value": 2.0, "std": 0.5, "features": "classifier"}
    assert metrics_log.read(tmp_path / "metrics.jsonl") == [today]
