"""What a setting may be: the checks of single values, each with its message.

Nothing heavy is imported here, not even NumPy: the command line checks its settings first.
"""

import difflib
import math
import numbers
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

MAX_VALUES = 2**18  # of an image: with 1,024 units before it a layer of 268 million weights


def check_image_shape(image_shape: Any) -> tuple[int, int, int]:
    """Returns the shape (h, w, c) of images as Python's integers.

    Raises:
        ValueError: it is none, c is not 1 or 3, or an image has more than `MAX_VALUES` values.
    """
    shape = tuple(image_shape) if isinstance(image_shape, Iterable) else (image_shape,)
    integers = all(isinstance(side, numbers.Integral) for side in shape)
    if not integers or len(shape) != 3 or shape[2] not in (1, 3) or min(shape) < 1:
        raise ValueError(f"image_shape must be (h, w, 1) or (h, w, 3). Received: {image_shape!r}.")
    if math.prod(shape) > MAX_VALUES:
        raise ValueError(
            f"image_shape must hold at most {MAX_VALUES} values, for dense layers. Received: "
            f"{image_shape!r}; --image-size makes images smaller."
        )
    h, w, c = (int(side) for side in shape)
    return h, w, c


def check_seeds(seeds: Any) -> int | list[int]:
    """Returns a number of samples, at least 1, or a list of seeds, as Python's integers.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(seeds, numbers.Integral) and not isinstance(seeds, bool) and int(seeds) >= 1:
        return int(seeds)
    found = list(seeds) if isinstance(seeds, Iterable) and not isinstance(seeds, (str, bytes)) else []
    if not found or not all(isinstance(seed, numbers.Integral) and 0 <= int(seed) < 2**63 for seed in found):
        received = repr(seeds) if len(repr(seeds)) < 60 else f"{repr(seeds)[:57]}..."
        raise ValueError(
            f"seeds must be a number of samples of at least 1, or seeds in [0, 2**63). Received: {received}."
        )
    return [int(seed) for seed in found]


def check_image_size(image_size: Any) -> tuple[int, ...]:
    """Returns a size in pixels as Python's integers.

    Raises:
        ValueError: a side is no integer from 1 to 4096.
    """
    whole = [isinstance(side, numbers.Integral) and not isinstance(side, bool) for side in image_size]
    if not all(whole) or not all(1 <= side <= 4096 for side in image_size):
        raise ValueError(
            f"image_size must be one or two integers from 1 to 4096. Received: image_size={image_size!r}."
        )
    return tuple(int(side) for side in image_size)


def check_field(config: Any, name: str, kind: type, holds: Callable[[Any], bool], expected: str) -> None:
    """Checks a field of a frozen dataclass and stores it as Python's own int, float or str; None stays.

    Args:
        kind: int, float or str.
        expected: what the field must be, for the message.

    Raises:
        ValueError: it is of another kind, or not `holds(value)`.
    """
    value = getattr(config, name)
    if value is None:
        return
    of_kind = isinstance(value, _KINDS[kind]) and not isinstance(value, bool)
    if not of_kind or not holds(value):
        raise ValueError(f"{name} must be {expected}. Received: {name}={value!r}.")
    if not isinstance(value, int):  # 1 stays 1 where a float is meant
        object.__setattr__(config, name, kind(value))


_KINDS = {int: numbers.Integral, float: numbers.Real, str: str}  # NumPy's numbers, too


def to_float32(value: float) -> float:
    """Returns a number as float32 rounds it, in which Adam takes it."""
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.inf


def check_choice(what: str, name: Any, known: Iterable[str]) -> str:
    """Returns the one of the known names that `name` spells; hyphen and underscore are the same.

    Args:
        what: the name is of, for the message.

    Raises:
        ValueError: it is none of them; the message lists them and suggests the nearest.
    """
    hyphened = str(name).replace("_", "-")
    by_name = {k.replace("_", "-"): k for k in known}
    if hyphened in by_name:
        return by_name[hyphened]
    near = difflib.get_close_matches(hyphened.lower(), known, n=1)
    hint = f"; did you mean {near[0]}?" if near else "."
    raise ValueError(f"{what} must be one of {', '.join(sorted(known))}. Received: {name!r}{hint}")


def check_distinct(what: str, values: Sequence[Any]) -> None:
    """Raises ValueError where a value is given twice; `what` the values are, for the message."""
    if len(set(values)) < len(values):
        raise ValueError(f"{what} must differ. Received: {', '.join(map(str, values))}.")


def check_strategy(strategy: str, replicas: int | None) -> None:
    """Raises ValueError where a number of replicas is given that the strategy does not take."""
    if replicas and strategy != "mirrored":
        raise ValueError(
            f"replicas are of strategy mirrored. Received: replicas={replicas} with strategy {strategy}, "
            f"which uses {_DEVICES_OF[strategy]}."
        )


_DEVICES_OF = {"none": "one device", "multi-worker": "all GPUs of each worker"}
