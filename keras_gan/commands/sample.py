"""The commands that draw."""

import math
from pathlib import Path

import click

from keras_gan.commands.options import (
    SEED,
    Seeds,
    Sides,
    get_checkpoint_file,
    get_png_path,
    start_tensorflow,
    warn,
)

_GRIDS = {"seeds", "count", "grid", "npz"}  # options of plain grids
_REAL = {"dataset", "data", "offline"}  # of real images

_WAYS = {  # of drawing something else, and the options of each
    "gif": {"frames"},
    "interpolate": {"frames"},
    "nearest": {"seeds", "count", *_REAL},
    "real": {"seeds", "count", "grid", *_REAL},
}

_NEIGHBOURS = 3
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
    type=SEED,
    metavar="A B",
    help="Draw the way from the noise of seed A to that of B: RUN/interpolation.png.",
)
@click.option(
    "--frames",
    type=click.IntRange(2),
    help="Grids of --gif at most, images of --interpolate. Default: {gif}, {interpolate}.".format(**_FRAMES),
)
@click.option("--nearest", is_flag=True, help="Beside each, its nearest training images: RUN/nearest.png.")
@click.option("--real", is_flag=True, help="Beside as many real images: RUN/real.png.")
@click.option("--dataset", help="Real images, see `datasets`. Default: those of the run.")
@click.option("--data", metavar="PATH", help="mnist.npz, idx(.gz), .npz, .npy or a folder of pictures.")
@click.option("--offline", is_flag=True, help="Download nothing.")
@click.option("--out", metavar="FILE", help="Picture to write. Default: RUN/samples.png.")
def sample(run, out, **options):
    """Draws images from the generator of a run; the same seed gives the same image.

    \b
    python cli.py sample images --seeds 0-63 --grid 8x8 --out digits.png
    python cli.py sample images --count 10000 --npz fakes.npz
    python cli.py sample images --gif
    python cli.py sample images --interpolate 3 8
    python cli.py sample images --nearest
    python cli.py sample images --real --grid 5x5
    """
    way = _way(options)
    options["frames"] = options["frames"] or _FRAMES.get(way)
    file = get_checkpoint_file(run)
    if way == "gif":  # of grids that are there: no checkpoint is needed, nor TensorFlow
        _save_gif(file.parent if file.is_file() else Path(run), out, options["frames"])
        return
    others = {"interpolate": _save_interpolation, "nearest": _save_nearest, "real": _save_real}
    others.get(way, _save_grid)(_gan(file), file, out, options)


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
    start_tensorflow()
    from keras_gan.model.gan import GAN

    return GAN.load(file)


def _save_grid(gan, file, out, options):
    from keras_gan.figures.grid import save_grid
    from keras_gan.files import npz as arrays

    path = get_png_path(out, file.with_name("samples.png"))
    grid, npz = options["grid"], options["npz"]
    samples = _samples(gan, options, math.prod(grid or (8, 8)))
    if npz:
        arrays.save(npz, {"images": samples})
        click.echo(f"{npz}: images, uint8 {samples.shape}")
    if out or not npz:
        save_grid(path, samples, *_sides(grid, len(samples)))
        click.echo(f"{path}: {len(samples)} images of step {gan.step}")


def _samples(gan, options, count):
    """Returns the images of --seeds or, where there are none, of --count or `count`."""
    return gan.sample(gan.noise(options["seeds"] or options["count"] or count))


def _sides(grid, n):
    """Returns rows and columns: those of --grid, or those of a square of n images."""
    columns = math.ceil(math.sqrt(n))
    return grid or (math.ceil(n / columns), columns)


def _save_interpolation(gan, file, out, options):
    from keras_gan.figures import montage
    from keras_gan.figures.grid import save_image

    path = get_png_path(out, file.with_name("interpolation.png"))
    (a, b), columns = options["interpolate"], options["frames"]
    save_image(path, montage.draw_interpolation(gan, a, b, columns))
    click.echo(f"{path}: {columns} images from seed {a} to seed {b}, of step {gan.step}")


def _save_nearest(gan, file, out, options):
    from keras_gan.evaluation import nearest
    from keras_gan.evaluation.inputs import load_real_images, match_shape
    from keras_gan.figures import montage
    from keras_gan.figures.grid import save_image

    path = get_png_path(out, file.with_name("nearest.png"))
    found, where = _real(gan, file, options)
    train, test = load_real_images(found, **where)
    match_shape(found, train.image_shape)
    samples = _samples(gan, options, 24)
    distances, rows = nearest.find_nearest(samples, train.images, _NEIGHBOURS)
    save_image(path, montage.draw_nearest(samples, train.images[rows]))
    click.echo(f"{path}: {len(samples)} images of step {gan.step} and the {_NEIGHBOURS} nearest to each")
    click.echo(nearest.format_distances(distances[:, 0], train.images, None if test is None else test.images))


def _save_real(gan, file, out, options):
    from keras_gan.evaluation.inputs import ImageSet, load_training_images, match_shape
    from keras_gan.figures import montage
    from keras_gan.figures.grid import save_image

    path = get_png_path(out, file.with_name("real.png"))
    found, where = _real(gan, file, options)
    train = load_training_images(found, **where)
    match_shape(found, train.image_shape)
    grid = options["grid"]
    samples = _samples(gan, options, math.prod(grid or (8, 8)))
    real = ImageSet(train.name, train.images).draw(gan.seed, len(samples))
    picture = montage.draw_real(samples, real, *_sides(grid, len(samples)), gan.step)
    save_image(path, picture)
    click.echo(f"{path}: {len(samples)} images of step {gan.step}, {len(real)} real ones of {train.name}")


def _real(gan, file, options):
    """Returns a list of the GAN as a source, and where real images beside its own are to be found."""
    from keras_gan.evaluation.inputs import RunInput
    from keras_gan.run import info

    where = {"dataset": options["dataset"], "path": options["data"], "offline": options["offline"]}
    return [RunInput(str(file.parent), info.read(file), gan)], where | {"warn": warn}


def _save_gif(folder, out, most):
    """Writes the sample grids in a folder as a GIF; neither a checkpoint nor TensorFlow is needed."""
    if out and Path(out).suffix.lower() != ".gif":
        raise click.UsageError(f"--out must end in .gif with --gif. Received: {out}.")
    from keras_gan.figures import gif
    from keras_gan.run import info

    run = info.read(folder)
    grids = run.list_grids()
    if not grids:
        raise FileNotFoundError(f"RUN must hold sample grids such as 0.png. Received: {folder}, without.")
    steps = gif.evenly_spaced(list(grids), most)
    captions = [gif.make_caption(step, run.info) for step in steps]
    path = Path(out or folder / "training.gif")
    gif.save_gif(path, [grids[step] for step in steps], captions)
    few = f"{len(steps)} of {len(grids)}, evenly spread; --frames takes more"
    which = few if len(steps) < len(grids) else f"all {len(grids)}"
    click.echo(f"{path}: grids from {captions[0]} to {captions[-1]} ({which})")


COMMANDS = (sample,)
