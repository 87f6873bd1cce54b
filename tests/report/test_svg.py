import re
from xml.etree import ElementTree

import numpy as np
import pytest

from keras_gan.report import svg

STEPS = np.arange(1.0, 30001)


def drawn(x, y, unit="step", label="a loss"):
    return ElementTree.fromstring(svg.draw_chart(np.asarray(x, float), np.asarray(y, float), unit, label))


def points_of(element, kind):
    """Returns the points of a path, float (n, 2) in [0, 1000], y downwards."""
    [path] = [p for p in element.iter("path") if p.get("class") == kind]
    return np.array([point.split(",") for point in re.findall(r"[-\d.]+,[-\d.]+", path.get("d"))], float)


def labels_of(element, axis):
    return [text.text for text in element.iter("text") if text.get("class") == axis]


def test_few_points_stand_where_their_values_are():
    chart = drawn([0, 5, 10], [0, 4, 1])
    np.testing.assert_allclose(points_of(chart, "line"), [[0, 1000], [500, 0], [1000, 750]])
    np.testing.assert_allclose(points_of(chart, "points"), points_of(chart, "line"))
    assert labels_of(chart, "y") == ["0", "1", "2", "3", "4"] and labels_of(chart, "x") == ["0", "5", "10"]


def test_long_curve_is_a_few_hundred_points_and_loses_no_extreme():
    y = np.ones(30000)
    y[777], y[20000] = 5, -3
    chart = drawn(STEPS, y)
    band = points_of(chart, "band")
    assert len(points_of(chart, "line")) == 250 and len(band) == 500
    assert (
        band[:, 1].min() == 1000 * (6 - 5) / 10 and band[:, 1].max() == 1000 * (6 + 3) / 10
    )  # axis: -4 to 6
    assert len(svg.draw_chart(STEPS, y, "step", "a loss")) < 20000


def test_line_of_a_long_curve_is_its_mean():
    line = points_of(drawn(STEPS, np.where(STEPS % 2, 0.0, 4.0)), "line")
    np.testing.assert_allclose(line[:, 1], 500, atol=2)
    assert (np.diff(line[:, 0]) > 0).all() and line[0, 0] < 3 and line[-1, 0] > 997


def test_large_numbers_are_told_in_thousands():
    assert labels_of(drawn(STEPS, STEPS), "x") == ["0", "10,000", "20,000", "30,000"]


@pytest.mark.parametrize("y", [[0, 0], [7, 7], [-1e-300, 1e-300], [1e299, -1e299], [0.1, 0.1 + 1e-17]])
def test_curves_that_are_flat_or_huge_are_drawn_within_their_frame(y):
    points = points_of(drawn([1, 2], y), "line")
    assert ((0 <= points) & (points <= 1000)).all() and len(points) == 2


def test_values_that_are_no_numbers_are_left_out():
    chart = drawn([1, 2, 3, np.nan], [1, np.nan, 3, 4])
    assert len(points_of(chart, "line")) == 2
    assert svg.draw_chart(np.ones(2), np.array([np.nan, np.inf]), "step", "a loss") == ""


def test_chart_says_what_it_shows_and_escapes_it():
    text = svg.draw_chart(np.array([1.0, 20000]), np.array([0.5, 0.25]), "epoch", '<b> & "c"')
    assert "<b>" not in text
    said = ElementTree.fromstring(text).get("aria-label")
    assert said == '<b> & "c": 0.5 at epoch 1, 0.25 at epoch 20,000'
