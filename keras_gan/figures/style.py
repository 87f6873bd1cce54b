"""The look of the charts, which is always the same."""

import contextlib
from collections.abc import Iterator

from matplotlib import style


@contextlib.contextmanager
def fixed_style() -> Iterator[None]:
    """Draws in matplotlib's own style, whatever a matplotlibrc or a program has set; also a decorator."""
    with style.context("default"):
        yield
