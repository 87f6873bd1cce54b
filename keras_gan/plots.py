"""Pictures: sample grids as PNG files."""

from matplotlib import image as mpl_image

from keras_gan import checkpoint, images


def save_grid(path, samples, rows, columns):
    """Writes a PNG of rows x columns images, black at 0 and white at 255 for every picture.

    Args:
        samples: uint8 (n, h, w, c), grey for c = 1, colour for c = 3.
    """
    picture = images.grid(samples, rows, columns)
    if picture.shape[2] == 1:
        picture = picture.repeat(3, axis=2)
    with checkpoint.replacing(path) as beside:
        mpl_image.imsave(beside, picture, format="png")
