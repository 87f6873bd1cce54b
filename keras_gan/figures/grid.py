"""Sample grids, and pictures joined and captioned, as arrays and as PNG files."""

import math
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from keras_gan.files.atomic import atomic_write


def save_grid(path, samples, rows, columns):
    """Writes a PNG of rows x columns images, black at 0 and white at 255 for every picture.

    Args:
        samples: uint8 (n, h, w, c), grey for c = 1, colour for c = 3.
    """
    save_image(path, draw_grid(samples, rows, columns))


def save_sample_grid(folder, epoch, samples):
    """Writes the 5x5 grid <folder>/<epoch>.png of uint8 samples (25, h, w, c); returns them."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    save_grid(Path(folder, f"{epoch}.png"), samples, rows=5, columns=5)
    return samples


def save_image(path, picture):
    """Writes a picture, uint8 (h, w, 1 or 3), as a PNG of those very pixels."""
    with atomic_write(path) as beside:
        to_pil(picture).save(beside, "PNG")


def to_pil(picture):
    """Returns a picture, uint8 (h, w, 1 or 3), as Pillow's, which a notebook shows."""
    return Image.fromarray(_rgb(picture))


def _rgb(picture):
    """Returns a picture (h, w, 1 or 3) in colour."""
    return picture.repeat(3, axis=2) if picture.shape[2] == 1 else picture


def draw_grid(images, rows, columns):
    """Returns one uint8 picture (H, W, c) of rows x columns images on white.

    Small images are enlarged by a whole factor, without smoothing, to at least 64 pixels a side.

    Args:
        images: uint8 (n, h, w, c) with n <= rows * columns; places left over stay white.
    """
    n, h, w, c = images.shape
    if n > rows * columns:
        raise ValueError(f"A grid of {rows}x{columns} holds {rows * columns} images. Received: {n}.")
    scale, gap = max(1, -(-64 // min(h, w))), 4
    h, w = h * scale + gap, w * scale + gap
    picture = np.full((rows * h + gap, columns * w + gap, c), 255, np.uint8)
    for i, image in enumerate(images):
        top, left = gap + i // columns * h, gap + i % columns * w
        enlarged = image.repeat(scale, axis=0).repeat(scale, axis=1)
        picture[top : top + h - gap, left : left + w - gap] = enlarged
    return picture


def fit_grid(n):
    """Returns the rows and columns, near a square, of a grid of n images."""
    columns = math.ceil(math.sqrt(n))
    return math.ceil(n / columns), columns


def add_caption(picture, text):
    """Returns a picture with a line of black text above it, on white, widened where the text is wider.

    Args:
        picture: uint8 (h, w, c).
    """
    font, left, height = ImageFont.load_default(16), 4, 28
    strip = Image.new("L", (math.ceil(font.getlength(text)) + 2 * left, height), 255)
    ImageDraw.Draw(strip).text((left, height - 7), text, fill=0, font=font, anchor="ls")
    return join_images([np.asarray(strip)[..., None].repeat(picture.shape[2], axis=2), picture], axis=0)


def join_images(pictures, axis, gap=0):
    """Returns pictures below each other (axis 0) or side by side (axis 1), `gap` white pixels apart.

    Args:
        pictures: list of uint8 (h, w, c) of one c; those that are smaller are widened with white.
    """
    side = max(picture.shape[1 - axis] for picture in pictures)
    padded = []
    for i, picture in enumerate(pictures):
        white = [(0, 0), (0, 0), (0, 0)]
        white[axis] = (gap if i else 0, 0)
        white[1 - axis] = (0, side - picture.shape[1 - axis])
        padded.append(np.pad(picture, white, constant_values=255))
    return np.concatenate(padded, axis)
