"""What an array that cannot be read as images probably is, and the NumPy call that mends it.

Each function returns the end of an error message, "" where nothing is likely.
"""

import math
from typing import Any

_DARK = 16  # of 255: images of 16 levels or fewer, such as scikit-learn's digits


def suggest_shape(shape: tuple[int, ...]) -> str:
    """Returns what an array x of a shape that is not (n, h, w[, c]) probably holds."""
    if 0 in shape:
        return "; it holds no images"
    suggest: Any = {2: _suggest_for_rows, 3: _suggest_for_3_axes, 4: _suggest_for_4_axes}.get(len(shape))
    if suggest:
        return suggest(*shape)
    ones = [axis for axis, side in enumerate(shape) if side == 1]
    return f"; an axis of length 1 is taken out by np.squeeze(x, axis={ones[0]})" if ones else ""


def _suggest_for_rows(n, d):
    picture = "x[None] is right for one grey image"
    if n == d:
        return f"; {picture}"
    hints = []
    if side := _square_side(d):
        hints.append(f"x.reshape(-1, {side}, {side}) is right where each row is an image")
    elif d % 3 == 0 and (side := _square_side(d // 3)):
        hints.append(
            f"x.reshape(-1, 3, {side}, {side}).transpose(0, 2, 3, 1) is right where each row is red, then "
            f"green, then blue, as in CIFAR's files; x.reshape(-1, {side}, {side}, 3) where colours alternate"
        )
    elif side := _square_side(d - 1):
        hints.append(f"x[:, 1:].reshape(-1, {side}, {side}) is right where each row is a label and an image")
    return "; " + "; ".join([*hints, picture])


def _suggest_for_3_axes(a, b, c):
    if c <= 4 < min(a, b):
        one = f"x[None] is right for one image of {a}x{b} with {c} channels"
        return f"; {one}, x[..., None] for {a} grey images of {b}x{c}"
    if 8 <= a == b != c:
        many = f"np.moveaxis(x, -1, 0) is right for {c} images of {a}x{b}"
        return f"; {many}, x[..., None] for {a} grey images of {b}x{c}"
    return ""


def _suggest_for_4_axes(a, b, c, d):
    if d in (1, 3, 4):
        return ""
    if b in (1, 3, 4):
        return "; np.moveaxis(x, 1, -1) is right where the channels come first, (n, c, h, w), as in PyTorch"
    if c in (1, 3, 4):
        return "; np.moveaxis(x, -1, 0) is right where the images come last, (h, w, c, n)"
    if d == 2:
        return "; x[..., :1] keeps the first channel alone"
    return ""


def _square_side(d):
    """Returns the side of square images of d pixels, at least 4, or None."""
    side = math.isqrt(max(d, 0))
    return side if side >= 4 and side * side == d else None


def suggest_range(kind: str, low: float, high: float) -> str:
    """Returns how numbers x from `low` to `high`, of NumPy's kind "u", "i" or "f", become pixels."""
    if math.isnan(low) or math.isinf(low) or math.isinf(high):
        return ""
    if low == high:
        return "; all of them are the same"
    if kind in "ui":
        if 0 <= low and high <= 1:
            return "; x * 255 makes white of 1"
        if -128 <= low and high <= 127:
            return "; x.astype(np.int16) + 128 is right for pixels from -128 to 127"
        if 0 <= low and 4095 < high <= 65535:
            return "; x // 257 is right for pixels of 16 bits"
    if kind == "f" and -0.5 <= low < 0 and high <= 0.5:
        return "; x + 0.5 is right for pixels from -0.5 to 0.5"
    if kind == "f" and low >= 0 and high < 2 / 255:
        return "; x * 255 is right where pixels were divided by 255 twice"
    clipped = "; np.clip(x, 0, 1) is right where a filter went a little beyond 0 to 1"
    if kind == "f" and -0.5 <= low < 0 and high <= 1:
        return f"{clipped}, (x + 1) / 2 for pixels from -1 to 1"
    if kind == "f" and low >= -0.2 and high <= 1.2:
        return clipped
    if 0 <= low:
        return "; x / x.max() is right where the largest number is white"
    return "; (x - x.min()) / (x.max() - x.min()) is right where they were normalised"


def describe_dark(kind: str, high: float) -> tuple[str, ...]:
    """Returns a note where integers are all so small that they may be of another scale than 0 to 255."""
    if kind not in "ui" or high > _DARK:
        return ()
    factor = 255 // high
    return (
        f"The largest number is {high} of 255, nearly black; x * {factor} is right where it means white.",
    )
