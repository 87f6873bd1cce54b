import numpy as np
import pytest

from keras_gan.figures import montage
from keras_gan.rng import Stream, draw_noise

A, B = draw_noise(3, Stream.GRID, 0, 2, 100)
PATHS = pytest.mark.parametrize("path", [montage.interpolate_linear, montage.interpolate_spherical])


def test_line_has_the_means_of_its_ends():
    points = montage.interpolate_linear(np.array([0.0, 4.0]), np.array([8.0, 0.0]), [0, 0.25, 0.5, 1])
    assert points.tolist() == [[0, 4], [2, 3], [4, 2], [8, 0]] and points.dtype == np.float32


def test_arc_between_the_axes_is_the_quarter_circle():
    degrees = np.radians([0, 30, 45, 60, 90])
    points = montage.interpolate_spherical(
        np.array([1.0, 0.0]), np.array([0.0, 1.0]), degrees / np.radians(90)
    )
    np.testing.assert_allclose(points, np.stack([np.cos(degrees), np.sin(degrees)], axis=1), atol=1e-7)
    assert points.dtype == np.float32


@PATHS
def test_ends_are_the_two_noises_to_the_bit(path):
    points = path(A, B, np.linspace(0, 1, 9))
    np.testing.assert_array_equal(points[[0, -1]], [A, B])


def test_arc_between_vectors_of_one_length_keeps_it_and_the_line_does_not():
    a, b = A / np.linalg.norm(A), B / np.linalg.norm(B)
    t = np.linspace(0, 1, 21)
    np.testing.assert_allclose(np.linalg.norm(montage.interpolate_spherical(a, b, t), axis=1), 1, atol=1e-6)
    assert np.linalg.norm(montage.interpolate_linear(a, b, t), axis=1).min() < 0.8


def test_arc_goes_in_equal_angles():
    points = montage.interpolate_spherical(A / np.linalg.norm(A), B / np.linalg.norm(B), np.linspace(0, 1, 8))
    cosines = (points[1:] * points[:-1]).sum(axis=1)
    np.testing.assert_allclose(cosines, cosines[0], atol=1e-6)


@pytest.mark.parametrize("factor", [1, 3, 1 + 1e-12, -2])
def test_arc_between_parallel_or_opposite_vectors_is_the_line(factor):
    t = np.linspace(0, 1, 5)
    np.testing.assert_array_equal(
        montage.interpolate_spherical(A, factor * A, t), montage.interpolate_linear(A, factor * A, t)
    )


def test_arc_of_a_small_angle_is_near_the_line():
    nearly, t = A + 1e-4 * B, np.linspace(0, 1, 5)
    arc, line = montage.interpolate_spherical(A, nearly, t), montage.interpolate_linear(A, nearly, t)
    np.testing.assert_allclose(arc, line, rtol=0, atol=1e-6)
