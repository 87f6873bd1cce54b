"""The commands that draw."""

import math
from pathlib import Path

import click

from keras_gan.options import LARGEST_SEED, Seeds, Sides, tensorflow

_GRIDS = {"seeds", "count", "grid", "npz"}  # options of plain grids
_WAYS = {  # of drawing something else, and the options of each
    "gif": {"frames"},
    "interpolate": {"frames"},
}
_FRAMES = {"gif": 60, "interpolate": 9}  # the first are 5 MB of 28x28 images


@click.command(short_help="Draw images from the generator of a run.")
@click.argument("run", type=click.Path())
@click.option("--seeds", type=Seeds(), help="One image a seed: 0-63 or 0,1,4-6.")
@click.option("--count", type=click.IntRange(1), help="Number of images, where no --seeds are given.")
@click.option("--grid", type=Sides(), help="Rows x columns of the picture, as 8x8.")
@click.option("--npz", metavar="FILE.npz", help="Write them as `images`, uint8 (N, h, w, c).")
@click.option("--gif", is_flag=True, help="Write the run's own grids as a GIF: RUN/training.gif.")
@click.option(
    "--interpolate",
    nargs=2,
    type=click.IntRange(0, LARGEST_SEED),
    metavar="A B",
    help="Draw the way from the noise of seed A to that of B: RUN/interpolation.png.",
)
@click.option(
    "--frames",
    type=click.IntRange(2),
    help="Grids of --gif at most, images of --interpolate. Default: {gif}, {interpolate}.".format(**_FRAMES),
)
@click.option("--out", metavar="FILE", help="Picture to write. Default: RUN/samples.png.")
def sample(run, out, **options):
    """Draws images from the generator of a run; the same seed gives the same image.

    \b
    python cli.py sample images --seeds 0-63 --grid 8x8 --out digits.png
    python cli.py sample images --count 10000 --npz fakes.npz
    python cli.py sample images --gif
    python cli.py sample images --interpolate 3 8
    """
    way = _way(options)
    frames = options["frames"] or _FRAMES.get(way)
    file = Path(run, "checkpoint.npz") if Path(run).is_dir() else Path(run)
    if way == "gif":
        _save_gif(file.parent if file.is_file() else Path(run), out, frames)
        return
    gan = _gan(file)
    if way == "interpolate":
        _save_interpolation(gan, Path(out or file.with_name("interpolation.png")), *options[way], frames)
    else:
        _save_grid(gan, out, file, **{name: options[name] for name in _GRIDS})


def _way(options):
    """Returns which of `_WAYS` is asked for, None for grids, once all that is given goes together."""
    given = [name for name, value in options.items() if value]
    way = next((name for name in _WAYS if name in given), None)
    other = next((n for n in given if n != way and n not in _WAYS.get(way, _GRIDS)), None)
    if way and other:
        raise click.UsageError(f"give --{way} or --{other}, not both.")
    if other:
        ways = " or ".join(f"--{name}" for name, names in _WAYS.items() if other in names)
        raise click.UsageError(f"--{other} goes with {ways} alone.")
    if options["seeds"] and options["count"]:
        raise click.UsageError("give --seeds or --count, not both.")
    return way


def _gan(file):
    """Returns the GAN of a checkpoint."""
    if not file.is_file():
        raise FileNotFoundError(f"RUN must be a run directory or a checkpoint. Received: no file {file}.")
    tensorflow()
    from keras_gan.gan import GAN

    return GAN.load(file)


def _save_grid(gan, out, file, seeds, count, grid, npz):
    from keras_gan import checkpoint, plots

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


def _save_interpolation(gan, path, a, b, columns):
    from keras_gan import montage, plots

    plots.save_picture(path, montage.interpolation(gan, a, b, columns))
    click.echo(f"{path}: {columns} images from seed {a} to seed {b}, of step {gan.step}")


def _save_gif(folder, out, most):
    """Writes the sample grids in a folder as a GIF; neither a checkpoint nor TensorFlow is needed."""
    if out and Path(out).suffix.lower() != ".gif":
        raise click.UsageError(f"--out must end in .gif with --gif. Received: {out}.")
    from keras_gan import animation, record

    grids = animation.grids(folder)
    if not grids:
        raise FileNotFoundError(f"RUN must hold sample grids such as 0.png. Received: {folder}, without.")
    recorded = record.read(folder) if (folder / "config.json").is_file() else None
    steps = animation.thinned(list(grids), most)
    captions = [animation.caption(step, recorded) for step in steps]
    path = Path(out or folder / "training.gif")
    animation.save_gif(path, [grids[step] for step in steps], captions)
    few = f"{len(steps)} of {len(grids)}, evenly spread; --frames takes more"
    which = few if len(steps) < len(grids) else f"all {len(grids)}"
    click.echo(f"{path}: grids from {captions[0]} to {captions[-1]} ({which})")
