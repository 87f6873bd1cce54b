"""Pictures of samples beside what they are to be seen with."""

import numpy as np

from keras_gan import images, latent


def interpolation(gan, a, b, columns):
    """Returns samples from the noise of seed a to that of seed b, as a captioned picture (h, w, c).

    Both rows have `columns` images, the first along a straight line, the second along an arc.
    """
    t = np.linspace(0, 1, columns)
    rows = []
    for path in (latent.linear, latent.spherical):
        strip = images.grid(gan.sample(path(*gan.noise([a, b]), t)), 1, columns)
        rows.append(images.captioned(strip, f"{path.__name__}, seed {a} to seed {b}"))
    return images.joined(rows, axis=0, gap=8)
