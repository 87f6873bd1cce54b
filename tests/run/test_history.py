import numpy as np
import pytest

from keras_gan.presets import PRESETS
from keras_gan.run import history

HEADER = "step,epoch,d_loss,d_loss_real,d_loss_fake,d_acc_real,d_acc_fake,g_loss"
VALUES = np.array([[0.5, 0.25, 2.0, 0.75, 1.0], [1 / 3, 1e-7, 3.5, 0.0, 0.125]])


def test_rows_of_a_mean_rule_by_hand():
    rows = history.make_rows(PRESETS["keras"].rule, 1, 1, VALUES[:1])
    assert rows == [[1, 1, 0.375, 0.5, 0.25, 0.75, 1.0, 2.0]]


def test_rows_of_a_sum_rule_by_hand():
    rows = history.make_rows(PRESETS["aioz"].rule, 1, 4, VALUES[:1])
    assert rows == [[1, 1, 0.75, 0.5, 0.25, 0.75, 1.0, 2.0]]


def test_epochs_are_counted_from_1_and_change_after_their_last_step():
    rows = history.make_rows(PRESETS["aioz"].rule, 3, 3, np.zeros((5, 5)))
    assert [row[:2] for row in rows] == [[3, 1], [4, 2], [5, 2], [6, 2], [7, 3]]


def test_file_begins_with_its_header_once_and_has_one_row_a_step(tmp_path):
    path, rule = tmp_path / "history.csv", PRESETS["keras"].rule
    history.begin(path)
    assert path.read_text() == HEADER + "\n"
    history.append(path, history.make_rows(rule, 1, 1, VALUES))
    history.append(path, history.make_rows(rule, 3, 1, VALUES[:1]))
    lines = path.read_text().splitlines()
    assert lines[0] == HEADER and len(lines) == 4
    assert lines[1] == "1,1,0.375,0.5,0.25,0.75,1,2"
    assert [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3"]


def test_float32_values_are_read_back_exactly(tmp_path):
    path = tmp_path / "history.csv"
    values = np.random.default_rng(0).lognormal(0, 9, (50, 5)).astype(np.float32)
    history.begin(path)
    history.append(path, history.make_rows(PRESETS["keras"].rule, 1, 1, values.astype(float)))
    table = history.read(path)
    columns = ("d_loss_real", "d_loss_fake", "g_loss", "d_acc_real", "d_acc_fake")
    for column, written in zip(columns, values.T, strict=True):
        np.testing.assert_array_equal(table[column].astype(np.float32), written)
    assert list(table) == HEADER.split(",") and table["step"].tolist() == list(range(1, 51))
    kinds = [column.dtype for column in table.values()]
    assert kinds == [np.int64] * 2 + [np.float64] * 6  # as a table shows them


def test_history_without_rows_is_read_as_empty_columns(tmp_path):
    (tmp_path / "history.csv").write_text(HEADER + "\n")
    assert [column.shape for column in history.read(tmp_path / "history.csv").values()] == [(0,)] * 8


@pytest.mark.parametrize(
    "text",
    ["", "a,b\n1,2\n", HEADER + "\n1,1,0.5\n", HEADER + "\n1,1,a,b,c,d,e,f\n", HEADER + "\ninf" + ",1" * 7,
     HEADER + "\n1,1.5" + ",1" * 6, "1" * 200000],
)  # fmt: skip
def test_file_that_is_no_history_is_refused(tmp_path, text):
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(ValueError):
        history.read(tmp_path / "history.csv")


def test_missing_history_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="history.csv"):
        history.read(tmp_path / "history.csv")


def test_rows_are_added_to_no_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="history.csv"):
        history.append(tmp_path / "history.csv", [])
    assert not list(tmp_path.iterdir())


def written(path, first_step, steps):
    """Writes a history of so many steps and returns its lines."""
    history.begin(path)
    rule = PRESETS["keras"].rule
    history.append(path, history.make_rows(rule, first_step + 1, 1, np.resize(VALUES, (steps, 5))))
    return path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize("first_step", [0, 7])
def test_end_of_a_step_is_behind_its_row_and_of_the_first_behind_the_header(tmp_path, first_step):
    path = tmp_path / "history.csv"
    lines = written(path, first_step, 12)
    for number in range(13):
        end = history.find_end(path, first_step + number, first_step)
        assert end == len(b"".join(lines[: number + 1]))
    assert history.find_end(path, first_step + 13, first_step) is None


def test_cut_history_reaches_its_last_whole_row_alone(tmp_path):
    path = tmp_path / "history.csv"
    lines = written(path, 0, 3)
    path.write_bytes(b"".join(lines)[:-1])
    assert history.find_end(path, 3) is None
    assert history.find_end(path, 2) == len(b"".join(lines[:3]))
    path.write_bytes(lines[0][:9])
    assert history.find_end(path, 0) is None


@pytest.mark.parametrize("damage", [b"", b"3,1,2\n", bytes(20), b"9,1,1,1,1,1,1,1\n"])
def test_row_that_is_missing_or_another_ends_the_history(tmp_path, damage):
    path = tmp_path / "history.csv"
    lines = written(path, 0, 4)
    path.write_bytes(b"".join([*lines[:3], damage, *lines[4:]]))
    assert history.find_end(path, 2) is not None and history.find_end(path, 4) is None


def test_history_that_is_not_there_reaches_nothing(tmp_path):
    assert history.find_end(tmp_path / "history.csv", 0) is None
