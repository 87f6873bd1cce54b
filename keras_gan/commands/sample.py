"""`sample`: draws images from the generator of a run."""

import math
from pathlib import Path

import click

from keras_gan import progress
from keras_gan.commands.draw import (
    MAX_IN_PICTURE,
    check_count,
    describe_mode,
    draw_samples,
    load_gan,
)
from keras_gan.commands.option_types import SEED, DatasetName, Integer, Seeds, Size, UserPath
from keras_gan.commands.options import (
    DATA,
    OFFLINE,
    gan_option,
    get_checkpoint_file,
    get_png_path,
    image_options,
    mode_option,
    warn,
)

_GRID_OPTIONS = {"seeds", "count", "grid", "npz", "mode"}
_DATA_OPTIONS = {"dataset", "data", "fit", "background", "offline"}

_OUTPUTS = {  # what is written in place of a grid, and the options that each takes
    "png": {"seeds", "count", "mode"},
    "gif": {"frames"},
    "interpolate": {"frames"},
    "nearest": {"seeds", "count", "mode", *_DATA_OPTIONS},
    "real": {"seeds", "count", "grid", "mode", *_DATA_OPTIONS},
}

_NEIGHBOURS = 3
_FRAMES = {"gif": 60, "interpolate": 9}  # a GIF of 60 grids of 28x28 images has 5 MB


@click.command(short_help="Draw images from the generator of a run.")
@gan_option
@click.argument("run", type=UserPath())
@click.option("--seeds", type=Seeds(), help="One image a seed: 0-63 or 0,1,4-6.")
@click.option("--count", type=Integer(), help="Number of images, instead of --seeds.")
@click.option("--grid", type=Size(), help="Rows x columns of the picture, such as 8x8.")
@click.option(
    "--npz", type=UserPath(), metavar="FILE.npz", help="Write the array `images`, uint8 (n, h, w, c)."
)
@click.option(
    "--png",
    type=UserPath(),
    metavar="DIR",
    help="Write each image as a PNG, 00000.png and so on, into a new DIR.",
)
@click.option("--gif", is_flag=True, help="Write the sample grids of the run as a GIF: RUN/training.gif.")
@click.option(
    "--interpolate",
    nargs=2,
    type=SEED,
    metavar="A B",
    help="Interpolate from the noise of seed A to that of seed B: RUN/interpolation.png.",
)
@click.option(
    "--frames",
    type=Integer(2, MAX_IN_PICTURE),
    help="Grids in --gif at most (default {gif}), or images in --interpolate (default {interpolate}).".format(
        **_FRAMES
    ),
)
@click.option(
    "--nearest", is_flag=True, help="Show each sample beside its nearest training images: RUN/nearest.png."
)
@click.option("--real", is_flag=True, help="Show the samples beside as many real images: RUN/real.png.")
@click.option("--dataset", type=DatasetName(), help="Real images, see `datasets`. Default: those of the run.")
@click.option("--data", type=UserPath(), help=DATA)
@image_options
@mode_option
@click.option("--offline", is_flag=True, help=OFFLINE)
@click.option(
    "--out",
    type=UserPath(),
    metavar="FILE",
    help="Picture to write. Default: RUN/samples.png, or the name above.",
)
def sample(run, out, **options):
    """Draws images from the generator of a run; the same seed gives the same image.

    \b
    python cli.py sample images --seeds 0-63 --grid 8x8 --out digits.png
    python cli.py sample images --count 10000 --npz fakes.npz
    python cli.py sample images --count 10000 --png fakes/
    python cli.py sample images --gif
    python cli.py sample images --interpolate 3 8
    python cli.py sample images --nearest
    python cli.py sample images --real --grid 5x5
    """
    output = _choose_output(options)
    options["frames"] = options["frames"] or _FRAMES.get(output)
    options["mode"] = options["mode"] or "inference"
    file = get_checkpoint_file(run)
    if output == "gif":  # of grids that are there: no checkpoint is needed, nor TensorFlow
        _save_gif(file.parent if file.is_file() else Path(run), out, options["frames"])
        return
    if output not in ("png", "interpolate"):
        check_count(file, options | {"out": out})
    save = {
        "png": _save_pngs,
        "interpolate": _save_interpolation,
        "nearest": _save_nearest,
        "real": _save_real,
    }
    save.get(output, _save_grid)(load_gan(file), file, out, options)


def _choose_output(options):
    """Returns the one of `_OUTPUTS` that is asked for, None for a grid, once all options go together."""
    given = [name for name, value in options.items() if value]
    output = next((name for name in _OUTPUTS if name in given), None)
    other = next((n for n in given if n != output and n not in _OUTPUTS.get(output, _GRID_OPTIONS)), None)
    if output and other:
        raise click.UsageError(f"give --{output} or --{other}, not both.")
    if other:
        outputs = " or ".join(f"--{name}" for name, names in _OUTPUTS.items() if other in names)
        raise click.UsageError(f"--{other} goes with {outputs} alone.")
    if options["seeds"] and options["count"]:
        raise click.UsageError("give --seeds or --count, not both.")
    return output


def _save_grid(gan, file, out, options):
    from keras_gan.figures.grid import fit_grid, save_grid
    from keras_gan.files import npz

    path = get_png_path(out, file.with_name("samples.png"))
    grid, npz_path = options["grid"], options["npz"]
    if npz_path:
        npz.check_may_replace(npz_path, ["images"])
    samples = draw_samples(gan, options, math.prod(grid or (8, 8)))
    if npz_path:
        npz.save(npz_path, {"images": samples})
        click.echo(f"{npz_path}: images, uint8 {samples.shape}{describe_mode(gan, options, len(samples))}")
    if out or not npz_path:
        save_grid(path, samples, *(grid or fit_grid(len(samples))))
        mode = describe_mode(gan, options, len(samples))
        click.echo(f"{path}: {len(samples)} images of step {gan.step}{mode}")


def _save_pngs(gan, file, out, options):
    from keras_gan.figures import png_folder
    from keras_gan.model import sampling

    if out:
        raise click.UsageError("give --png or --out, not both.")
    folder, n = options["png"], len(options["seeds"] or []) or options["count"] or 64
    png_folder.check_new_folder(folder)
    multiple = sampling.get_batch_size(gan, options["mode"]) or 1
    noise = png_folder.draw_noise_in_parts(gan, options["seeds"], n, multiple)
    batches = sampling.draw_batches(gan, noise, options["mode"])
    png_folder.save_png_folder(folder, progress.show_progress(batches, n, "samples"), n)
    click.echo(f"{folder}: {n} images of step {gan.step}, each a PNG{describe_mode(gan, options, n)}")


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
    sources, where = _describe_real_images(gan, file, options)
    train, test = load_real_images(sources, **where)
    match_shape(sources, train.image_shape)
    samples = draw_samples(gan, options, 24)
    distances, rows = nearest.find_nearest(samples, train.images, _NEIGHBOURS)
    save_image(path, montage.draw_nearest(samples, train.images[rows]))
    mode = describe_mode(gan, options, len(samples))
    click.echo(
        f"{path}: {len(samples)} images of step {gan.step} and the {_NEIGHBOURS} nearest to each{mode}"
    )
    click.echo(nearest.format_distances(distances[:, 0], train.images, None if test is None else test.images))


def _save_real(gan, file, out, options):
    from keras_gan.evaluation.inputs import ImageSet, load_training_images, match_shape
    from keras_gan.figures import montage
    from keras_gan.figures.grid import fit_grid, save_image

    path = get_png_path(out, file.with_name("real.png"))
    sources, where = _describe_real_images(gan, file, options)
    train = load_training_images(sources, **where)
    match_shape(sources, train.image_shape)
    grid = options["grid"]
    samples = draw_samples(gan, options, math.prod(grid or (8, 8)))
    real = ImageSet(train.name, train.images).draw(gan.seed, len(samples))
    picture = montage.draw_real(samples, real, *(grid or fit_grid(len(samples))), gan.step)
    save_image(path, picture)
    mode = describe_mode(gan, options, len(samples))
    click.echo(
        f"{path}: {len(samples)} images of step {gan.step}{mode}, {len(real)} real ones of {train.name}"
    )


def _describe_real_images(gan, file, options):
    """Returns a list of the GAN as a source, and the arguments that say where its real images are."""
    from keras_gan.evaluation.inputs import RunInput
    from keras_gan.run import info

    where = {name: options[name] for name in ("dataset", "fit", "background", "offline")}
    where["path"] = options["data"]
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
        raise FileNotFoundError(
            f"RUN must hold sample grids such as 0.png. Received: {folder}, which holds none."
        )
    steps = gif.choose_evenly_spaced(list(grids), most)
    captions = [gif.make_caption(step, run.info) for step in steps]
    path = Path(out or folder / "training.gif")
    gif.save_gif(path, [grids[step] for step in steps], captions)
    some = f"{len(steps)} of {len(grids)}, evenly spaced; --frames takes more"
    which = some if len(steps) < len(grids) else f"all {len(grids)}"
    click.echo(f"{path}: grids from {captions[0]} to {captions[-1]} ({which})")


COMMANDS = (sample,)
