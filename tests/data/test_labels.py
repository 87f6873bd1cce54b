"""Tests of labels as people store them."""

import numpy as np
import pytest

from keras_gan.data.labels import convert_labels

CLASSES = [2, 0, 1]


@pytest.mark.parametrize(
    "labels",
    [
        np.array(CLASSES, np.uint8),
        np.array(CLASSES, np.int64)[:, None],
        np.array(CLASSES, np.float32),
        np.eye(3)[CLASSES],
        np.eye(3, dtype=bool)[CLASSES],
        np.eye(5, dtype=np.uint8)[CLASSES],
        np.array(["c", "a", "b"]),
        np.array([b"c", b"a", b"b"])[:, None],
        CLASSES,
    ],
)
def test_labels_become_one_integer_an_image(labels):
    converted, notes = convert_labels(labels, 3)
    assert converted.tolist() == CLASSES and converted.dtype.kind in "ui" and notes == ()


def test_two_truth_values_are_two_classes():
    assert convert_labels(np.array([True, False]), 2)[0].tolist() == [1, 0]


@pytest.mark.parametrize(
    "labels",
    [
        np.array(CLASSES)[:2],
        np.array([0.5, 1, 2]),
        np.array([np.nan, 1, 2]),
        np.array([np.inf, 1, 2]),
        np.array([2**24, 1, 2], np.float32),  # which is 2**24 + 1, too
        np.ones((3, 40), np.int64),  # attributes of faces
        np.eye(3)[CLASSES] * 2,
        np.zeros((3, 2)),
        np.zeros((3, 8, 8)),
        np.array([None, {}, 1], object),
        np.array(5),
    ],
)
def test_others_are_left_out_with_a_note(labels):
    converted, notes = convert_labels(labels, 3)
    assert converted is None and len(notes) == 1
    assert notes[0].startswith("The labels are left out, as they are not one class for each of 3 images: ")


def test_no_labels_are_nothing_to_say():
    assert convert_labels(None, 3) == (None, ())
