import numpy as np
import pytest

from keras_gan.evaluation import diversity
from keras_gan.training import monitor

WON = [0.7, 0.0, 1.0, 1.0, 9.0]  # d_loss, d_loss_fake, accuracies on real and fake, g_loss
HEALTHY = [0.7, 0.6, 0.6, 0.7, 0.9]


def images(contrast, n=25, seed=0):
    """Returns uint8 (n, 2, 2, 1) that differ by at most `contrast` grey levels either way."""
    noise = np.random.default_rng(seed).uniform(-contrast, contrast, (n, 2, 2, 1))
    return (128 + noise).astype(np.uint8)


ALIKE, BETWEEN, DIVERSE = images(5), images(28), images(100)  # real ones: contrast 100


@pytest.fixture
def said():
    return []


@pytest.fixture
def watch(said):
    return monitor.Monitor(images(100, n=1000), said.append)


def see(watch, grids):
    for step, samples in grids.items():
        watch.see_samples(step, samples)


def losses(watch, values, first, last):
    """Shows the watch the same values at the steps first .. last, in calls of seven steps."""
    rows = [[step, 1, values[0], 0.1, *values[1:]] for step in range(first, last + 1)]
    for i in range(0, len(rows), 7):
        watch.see_losses(rows[i : i + 7])


# standard deviation


def test_std_is_the_mean_over_pixels_of_the_standard_deviation_over_images():
    pixels = np.array([[0, 10], [4, 10]], np.uint8).reshape(2, 1, 2, 1)  # deviations 2 and 0
    assert diversity.pixel_std(pixels) == 1.0


def test_std_of_equal_images_is_zero_and_of_black_and_white_half_the_range():
    assert diversity.pixel_std(np.full((25, 3, 3, 3), 77, np.uint8)) == 0
    half = np.repeat(np.array([0, 255], np.uint8), 10).reshape(20, 1, 1, 1)
    assert diversity.pixel_std(half) == 127.5


# collapse


def test_collapse_is_said_once_with_the_step_of_its_first_grid(watch, said):
    see(watch, {200: DIVERSE, 400: DIVERSE, 600: ALIKE, 800: ALIKE, 1000: ALIKE, 1200: DIVERSE})
    see(watch, {1400: ALIKE, 1600: ALIKE})
    [line] = said
    assert line.startswith("The generator has collapsed: since step 600 its samples all look alike")
    assert "\n" not in line and line.endswith(".")


def test_diverse_samples_are_no_collapse(watch, said):
    see(watch, dict.fromkeys(range(0, 60_000, 200), DIVERSE))
    assert said == []


def test_generator_that_has_not_got_going_yet_is_no_collapse(watch, said):
    see(watch, dict.fromkeys(range(0, 20_000, 200), ALIKE))
    assert said == []


def test_generator_that_never_gets_going_is_told_late(watch, said):
    see(watch, dict.fromkeys(range(600, 20_001, 200), ALIKE))
    [line] = said
    assert "since step 600 at the latest its samples" in line


def test_untrained_noise_that_differs_a_little_does_not_count_as_diverse(watch, said):
    see(watch, {0: BETWEEN, 200: ALIKE, 400: ALIKE, 600: ALIKE})
    assert said == []


def test_samples_that_are_alike_for_a_moment_are_no_collapse(watch, said):
    see(watch, {100: DIVERSE} | dict.fromkeys(range(101, 300), ALIKE) | {300: BETWEEN, 301: ALIKE})
    assert said == []


def test_std_is_judged_by_that_of_the_images_trained_on(said):
    watch = monitor.Monitor(images(8, n=1000), said.append)  # pale pictures
    see(watch, dict.fromkeys(range(200, 2000, 200), ALIKE))
    assert said == []


def test_images_trained_on_that_are_all_the_same_raise_no_alarm(said):
    watch = monitor.Monitor(np.zeros((7, 2, 2, 1), np.uint8), said.append)
    see(watch, {200: DIVERSE} | dict.fromkeys(range(400, 30_000, 200), images(1)))
    assert said == []


def test_grids_of_a_subclass_that_returns_no_samples_are_passed_over(watch, said):
    see(watch, {0: None, 200: DIVERSE, 400: ALIKE, 600: None, 800: ALIKE})
    assert "since step 400 " in said[0]


# a discriminator that has won


def test_win_is_said_once_with_the_step_where_it_began(watch, said):
    losses(watch, HEALTHY, 1, 99)
    losses(watch, WON, 100, 598)
    assert said == []
    losses(watch, WON, 599, 599)
    [line] = said
    assert line.startswith("The discriminator has won: since step 100 it classifies")
    losses(watch, HEALTHY, 600, 700)
    losses(watch, WON, 701, 3000)
    assert said == [line]


@pytest.mark.parametrize(
    "values",
    [[0.7, 0.0, 0.96, 1.0, 9.0], [0.7, 0.0, 1.0, 0.96, 9.0], [0.7, 0.0, 1.0, 1.0, 4.9]],
    ids=["real", "fake", "g_loss"],
)
def test_one_step_that_is_not_won_begins_the_count_anew(watch, said, values):
    losses(watch, WON, 1, 499)
    losses(watch, values, 500, 500)
    losses(watch, WON, 501, 999)
    assert said == []
    losses(watch, WON, 1000, 1000)
    assert "since step 501 " in said[0]


def test_both_troubles_are_said(watch, said):
    see(watch, {0: DIVERSE, 200: ALIKE, 400: ALIKE})
    losses(watch, WON, 1, 500)
    assert [line.split(":")[0] for line in said] == [
        "The generator has collapsed",
        "The discriminator has won",
    ]


# losses


def test_first_value_that_is_not_finite_is_named_with_its_step():
    values = np.ones((4, 5))
    monitor.check_finite(10, values)
    values[2, 2], values[3, 0] = np.nan, np.inf
    with pytest.raises(FloatingPointError, match="Received: g_loss=nan at step 13; a smaller lr"):
        monitor.check_finite(10, values)
