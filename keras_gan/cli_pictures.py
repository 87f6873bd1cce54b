"""The commands that draw."""

import math
from pathlib import Path

import click

from keras_gan.options import Seeds, Sides, tensorflow


@click.command(short_help="Draw images from the generator of a run.")
@click.argument("run", type=click.Path())
@click.option("--seeds", type=Seeds(), help="One image a seed: 0-63 or 0,1,4-6.")
@click.option("--count", type=click.IntRange(1), help="Number of images, where no --seeds are given.")
@click.option("--grid", type=Sides(), help="Rows x columns of the picture, as 8x8.")
@click.option("--out", metavar="FILE.png", help="Picture to write. Default: RUN/samples.png.")
@click.option("--npz", metavar="FILE.npz", help="Write them as `images`, uint8 (N, h, w, c).")
def sample(run, seeds, count, grid, out, npz):
    """Draws images from the generator of a run; the same seed gives the same image.

    \b
    python cli.py sample images --seeds 0-63 --grid 8x8 --out digits.png
    python cli.py sample images --count 10000 --npz fakes.npz
    """
    if seeds and count:
        raise click.UsageError("give --seeds or --count, not both.")
    file = Path(run, "checkpoint.npz") if Path(run).is_dir() else Path(run)
    if not file.is_file():
        raise FileNotFoundError(f"RUN must be a run directory or a checkpoint. Received: no file {file}.")
    tensorflow()
    from keras_gan import checkpoint, plots
    from keras_gan.gan import GAN

    gan = GAN.load(file)
    rows, columns = grid or (None, None)
    pictures = gan.sample(gan.noise(seeds or count or (rows * columns if grid else 64)))
    if npz:
        checkpoint.save(npz, {"images": pictures})
        click.echo(f"{npz}: images, uint8 {pictures.shape}")
    if out or not npz:
        columns = columns or math.ceil(math.sqrt(len(pictures)))
        path = Path(out or file.with_name("samples.png"))
        plots.save_grid(path, pictures, rows or math.ceil(len(pictures) / columns), columns)
        click.echo(f"{path}: {len(pictures)} images of step {gan.step}")
