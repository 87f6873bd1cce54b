"""Which sample grids a run writes, and their names: `<step>.png`.

A schedule is a pair (sample interval, last step): grids at all multiples of the interval, and at the
last step. A run that was resumed with another interval, or to a later end, has more than one.
"""

import re

Schedules = tuple[tuple[int, int], ...]
MAX_STEP = 2**53  # up to it float64 holds every step


def parse_name(name: str) -> int | None:
    """Returns the step in the name of a grid such as "200.png", None for any other name."""
    match = re.fullmatch(r"(0|[1-9][0-9]{0,15})\.png", name, re.ASCII)
    return int(match[1]) if match else None


def has_grid(schedules: Schedules, first_step: int, step: int) -> bool:
    """Returns whether a run that began at `first_step` has a grid at `step`; only 0 is before training."""
    if step <= first_step:
        return step == first_step == 0
    return any(step == last or step < last and step % interval == 0 for interval, last in schedules)


def extend_schedules(schedules: Schedules, step: int, interval: int, last_step: int) -> Schedules:
    """Returns the schedules of a run that continues at `step` with another interval or last step.

    The earlier ones end there; those that the new one includes are left out.
    """
    ended = ((every, last if last <= step else step - step % every) for every, last in schedules)
    kept = ((every, last) for every, last in ended if last and (every != interval or last % every))
    return (*kept, (interval, last_step))


def read_schedules(content: list[list[int]]) -> Schedules:
    """Returns the schedules in JSON.

    Raises:
        ValueError, TypeError: they are not pairs of steps.
    """
    schedules = tuple((interval, last) for interval, last in content)
    if not all(type(number) is int and 1 <= number <= MAX_STEP for pair in schedules for number in pair):
        raise ValueError(f"its grids are {content!r}")
    return schedules
