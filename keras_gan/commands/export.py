"""`export` and `import`: a run's networks for other programs, and PyTorch's weights as a run."""

import os
import shlex
from pathlib import Path

import click

from keras_gan import progress
from keras_gan.commands.option_types import PresetName, Size, UserPath
from keras_gan.commands.options import gan_option, get_checkpoint_file, start_tensorflow, warn
from keras_gan.preset_diff import get_preset

_FORMATS = ("keras", "savedmodel", "onnx", "html", "torch")


@click.command(short_help="Write the generator of a run for other programs.")
@gan_option
@click.argument("run", type=UserPath())
@click.option("--format", type=click.Choice(_FORMATS), required=True, help="Format to write; see above.")
@click.option("--out", type=UserPath(), metavar="DIR", help="Folder to write to. Default: RUN.")
@click.option("--overwrite", is_flag=True, help="Replace files of these names.")
def export(run, format, out, overwrite):
    """Writes the trained networks of a run for other programs.

    \b
    python cli.py export images --format onnx

    \b
    keras        generator.keras, for keras.models.load_model
    savedmodel   the folder savedmodel, for TensorFlow and TensorFlow Serving
    onnx         generator.onnx, for onnxruntime and others
    html         generator.html, a page that makes images in any browser, offline
    torch        generator.pt, discriminator.pt, for the published PyTorch modules

    The first three take noise z, float32 (n, latent_dim), and return images, float32 (n, h, w, c)
    in [-1, 1], whatever the precision of the run. All but torch are loaded again and compared on
    1,000 images.
    """
    start_tensorflow()
    from keras_gan.export import generator
    from keras_gan.model.saved_generator import load_gan_or_generator
    from keras_gan.pytorch import state_dict

    file = get_checkpoint_file(run)
    gan = load_gan_or_generator(file)
    folder = Path(out or file.parent)
    folder.mkdir(parents=True, exist_ok=True)
    if format == "torch":
        _check_free([folder / f"{network}.pt" for network in state_dict.NETWORKS], overwrite)
        for path in state_dict.export_state_dicts(gan, folder):
            click.echo(str(path))
        return
    path = folder / generator.FORMATS[format].name
    if not _is_of_run(path, file):
        _check_free([path], overwrite)
    path, difference = generator.export_generator(gan, format, folder)
    runtime = generator.FORMATS[format].runtime
    click.echo(f"{path}: 1,000 images in {runtime} differ by {difference:.1e} at most")


def _is_of_run(path, checkpoint):
    """Returns whether a file, such as generator.keras, was written by the run that a checkpoint is of."""
    from keras_gan.run import config_json, own_files

    folder = path.parent
    info = config_json.find_info(folder) if folder.samefile(checkpoint.parent) else None
    return info is not None and path in own_files.list_own_files(folder, info)


def _check_free(paths, overwrite):
    """Raises FileExistsError where one of the paths is taken and may not be replaced."""
    taken = next((path for path in paths if os.path.lexists(path)), None)
    if taken and not overwrite:
        raise FileExistsError(
            f"{taken} must not exist. Received: a file or folder of that name; --overwrite replaces it, "
            "--out names another folder."
        )


@click.command("import", short_help="Read the weights of a PyTorch GAN into a run.")
@click.argument("run", type=UserPath())
@click.option("--preset", type=PresetName(), required=True, help="Published GAN that the weights are of.")
@click.option(
    "--generator",
    type=UserPath(),
    metavar="FILE.pt",
    required=True,
    help="File with the generator's state_dict.",
)
@click.option(
    "--discriminator",
    type=UserPath(),
    metavar="FILE.pt",
    help="File with the discriminator's; may be the same file.",
)
@click.option(
    "--key", "keys", multiple=True, help="Which weights in a file to take if several fit; repeatable."
)
@click.option("--image-size", type=Size(), help="Size of the images, 32 or 64x48. Default: 28x28, grey.")
def import_(run, preset, generator, discriminator, keys, image_size):
    """Reads state_dicts of the published modules into RUN/checkpoint.npz, to sample from or train on.

    \b
    python cli.py import torch-run --preset pytorch-gan --generator generator.pt
    python cli.py import torch-run --preset kmnist --generator gan.pth \\
        --discriminator gan.pth

    A file may hold more than one network, in dicts under any key; PyTorch is not needed. The length
    of the noise follows from the weights; so does whether images of --image-size are grey or RGB.
    """
    from keras_gan.run import own_files

    own_files.check_no_run(Path(run))
    chosen = get_preset(preset)
    start_tensorflow()
    from keras_gan.pytorch import state_dict
    from keras_gan.run.info import CHECKPOINT
    from keras_gan.training.run_dir import open_run_dir

    files = {"generator": generator} | ({"discriminator": discriminator} if discriminator else {})
    weights = {name: state_dict.read_weights(file, chosen, name, keys) for name, file in files.items()}
    if unknown := set(keys) - {found.key for found in weights.values()}:
        raise ValueError(f"--key must name weights that fit. Received: {', '.join(sorted(unknown))}.")
    gan = state_dict.build_gan_for(chosen, weights["generator"], image_size)
    for name, found in weights.items():
        state_dict.import_weights(gan, name, found)
    with open_run_dir(run, warn) as folder:
        own_files.check_no_run(folder.path)
        path = folder.path / CHECKPOINT
        gan.save(path)
    for name, found in weights.items():
        click.echo(f"{name}: {found.path}{f', key {found.key}' if found.key else ''}")
    program, words = progress.get_program(), shlex.quote(run)
    click.echo(
        f"{path}: draw images with `{program} sample {words}`, train with `{program} train --from {words}`"
    )


COMMANDS = (export, import_)
