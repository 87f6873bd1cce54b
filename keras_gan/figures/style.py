"""The look of the charts, which is always the same."""

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def fixed_style() -> Iterator[None]:
    """Draws in matplotlib's own style, whatever a matplotlibrc or a program has set; also a decorator."""
    from matplotlib import style

    with style.context("default"):
        yield


def make_figure(**settings: Any) -> Any:
    """Returns an empty `matplotlib.figure.Figure`, which is imported here: no training needs charts."""
    from matplotlib.figure import Figure

    return Figure(**settings)
