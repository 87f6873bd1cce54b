"""Samples side by side: on the way from one noise to another, beside near or real images, of some runs."""

import math
import textwrap

import numpy as np

from keras_gan.figures.grid import add_caption, draw_grid, join_images, to_pil
from keras_gan.figures.style import fixed_style, make_figure
from keras_gan.files.atomic import atomic_write

GRIDS_IN_A_ROW = 4


def draw_interpolation(gan, a, b, columns):
    """Returns samples from the noise of seed a to that of seed b, as a captioned picture (h, w, c).

    Both rows have `columns` images, the first along a straight line, the second along an arc.
    """
    t = np.linspace(0, 1, columns)
    rows = []
    for word, interpolate in (("linear", interpolate_linear), ("spherical", interpolate_spherical)):
        strip = draw_grid(gan.sample(interpolate(*gan.noise([a, b]), t)), 1, columns)
        rows.append(add_caption(strip, f"{word}, seed {a} to seed {b}"))
    return join_images(rows, axis=0, gap=8)


def draw_nearest(samples, neighbours):
    """Returns samples, each apart from its neighbours to its right, as a captioned picture (h, w, c).

    Args:
        samples: uint8 (n, h, w, c).
        neighbours: uint8 (n, k, h, w, c), images of the training set.
    """
    n, k = neighbours.shape[:2]
    height = math.ceil(n / max(1, round(math.sqrt(n / 3))))  # of columns that fill a broad page
    columns = []
    for some in (slice(first, first + height) for first in range(0, n, height)):
        left = draw_grid(samples[some], height, 1)
        right = draw_grid(neighbours[some].reshape(-1, *samples.shape[1:]), height, k)
        both = [add_caption(left, "sample"), add_caption(right, "nearest training images")]
        columns.append(join_images(both, axis=1, gap=8))
    return join_images(columns, axis=1, gap=32)


def draw_real(samples, real, rows, columns, step):
    """Returns two grids of rows x columns images as a captioned picture (h, w, c), samples left.

    Args:
        samples, real: uint8 (n, h, w, c), n at most rows * columns.
        step: of the samples.
    """
    named = {f"samples, step {step}": samples, "real images": real}
    grids = [add_caption(draw_grid(p, rows, columns), name) for name, p in named.items()]
    return join_images(grids, axis=1, gap=32)


@fixed_style()
def save_titled_grids(path, titles, samples):
    """Writes a grid of each of some sets of images, side by side under their titles, as one PNG.

    Args:
        samples: list of uint8 (n, h, w, c), all shown, as squares of ceil(sqrt(n)) images a side.
    """
    titles = [textwrap.fill(title, 40) for title in titles]
    columns = min(len(samples), GRIDS_IN_A_ROW)
    rows = math.ceil(len(samples) / columns)
    side, gap = 4.0, 0.25  # in inches
    above = 0.25 * max(title.count("\n") + 1 for title in titles)
    width, height = columns * (side + gap) + gap, rows * (side + gap + above) + gap
    figure = make_figure(figsize=(width, height))
    for i, (title, pictures) in enumerate(zip(titles, samples, strict=True)):
        left = gap + i % columns * (side + gap)
        bottom = height - (i // columns + 1) * (side + gap + above)
        panel = figure.add_axes((left / width, bottom / height, side / width, side / height))
        squares = math.ceil(math.sqrt(len(pictures)))
        panel.imshow(to_pil(draw_grid(pictures, squares, squares)), interpolation="nearest")
        panel.set_axis_off()
        panel.set_title(title, fontsize=11)
    with atomic_write(path) as beside:
        figure.savefig(beside, format="png", dpi=110)


def interpolate_linear(a, b, t):
    """Returns the points (1 - t) a + t b as float32 (n, latent_dim).

    In many dimensions noise lies near a sphere of radius sqrt(latent_dim), and the middle of a
    straight line well inside it, at 0.7 of the radius where a and b are independent.

    Args:
        a, b: float (latent_dim,), neither all zeros.
        t: float (n,) in [0, 1].
    """
    t = np.asarray(t)[:, None]
    return ((1 - t) * a + t * b).astype(np.float32)


def interpolate_spherical(a, b, t):
    """Returns points on the arc from a to b, float32 (n, latent_dim); arguments as of `interpolate_linear`.

    slerp(a, b; t) = (sin((1 - t) w) a + sin(t w) b) / sin w, with w the angle between a and b:
    Shoemake 1985, Animating rotation with quaternion curves; for the noise of generative networks
    White 2016 (arXiv:1609.04468). Between vectors of one length it keeps the length. Parallel
    vectors have no angle, opposite ones no shortest arc: between them the line is straight.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    angle = np.arccos(np.clip(cosine, -1, 1))
    if np.sin(angle) < 1e-6:
        return interpolate_linear(a, b, t)
    t = np.asarray(t)[:, None]
    arc = np.sin((1 - t) * angle) * a + np.sin(t * angle) * b
    return (arc / np.sin(angle)).astype(np.float32)
