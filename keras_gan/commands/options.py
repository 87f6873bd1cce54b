"""What the commands share: texts of options, what they print and how they start TensorFlow."""

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from typing import TypeVar

import click

from keras_gan.commands.option_types import UserPath
from keras_gan.config import FITS, MODES
from keras_gan.start_tensorflow import import_tensorflow
from keras_gan.streams import escape_controls

DATA = "Folder, .zip, .npz, .npy, .csv or idx(.gz) file of images, instead of a data set."
IMAGE_SIZE = "Resize images to 64 or to 64x48 (height x width)."
FIT = "What is done to images of another aspect ratio than --image-size: crop at the centre, or stretch."
BACKGROUND = "Colour behind transparent pixels: a name or #rrggbb."
_DEFAULT = "Default: the run's, or as in `train`."
FEATURES = (
    "Feature extractor: inception, a package such as pytorch-fid (see `fid`), classifier, pca or FILE.keras. "
    "Default: the best one at hand."
)
WEIGHTS = (
    "File of InceptionV3's weights, as Keras or the package publishes it. Default: cached or downloaded."
)
_MODE = (
    "Mode of the generator; in training mode batch normalisation uses each batch's own statistics, as in "
    "PyTorch programs that never call eval(). Default: inference."
)
JSON = "Print the numbers as JSON."
_HIDDEN = ("sklearn", "matplotlib")  # Keras imports them for what no command uses: a second of three
OFFLINE = "Download nothing."

T = TypeVar("T")


class WrongValue(click.ClickException):
    """A value that an option cannot take: one line on stderr and exit code 2."""

    exit_code = 2


@contextlib.contextmanager
def reject_wrong_values():
    """Turns a ValueError of the block, in which options are checked, into a `WrongValue`."""
    try:
        yield
    except ValueError as error:
        raise WrongValue(str(error)) from None


def image_options(function):
    """Adds the options that say how images are read, which are None where they are not given."""
    function = click.option("--background", metavar="COLOUR", help=f"{BACKGROUND} {_DEFAULT}")(function)
    return click.option("--fit", type=click.Choice(FITS), help=f"{FIT} {_DEFAULT}")(function)


def mode_option(function: Callable) -> Callable:
    """Adds --mode, which is None where it is not given."""
    return click.option("--mode", type=click.Choice(MODES), help=_MODE)(function)


def get_checkpoint_file(run):
    """Returns the path of a run's checkpoint, or of the checkpoint that is given in a run's place."""
    from keras_gan.run.info import CHECKPOINT

    return Path(run, CHECKPOINT) if Path(run).is_dir() else Path(run)


def get_png_path(out, default):
    """Returns the path of a picture: what --out says, which must end in .png, or a default."""
    if out and Path(out).suffix.lower() != ".png":
        raise click.UsageError(f"--out must end in .png. Received: {out}.")
    return Path(out or default)


def warn(line):
    """Prints a line on stderr."""
    click.echo(escape_controls(line), err=True)


def start_tensorflow(device="auto", precision="float32", strategy="none"):
    """Imports TensorFlow quietly and chooses the device, which must be able to compute in the precision."""
    if strategy == "multi-worker":  # whose lost workers TensorFlow reports in ten lines, before its exception
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    _choose_backend()
    if "tensorflow" not in sys.modules and sys.stderr.isatty():
        warn("Starting TensorFlow ...")  # some seconds
    import_tensorflow(_HIDDEN)
    from keras_gan.device import check_precision, use_device  # which imports TensorFlow, too

    use_device(device)
    check_precision(precision, warn)


def _choose_backend():
    """Makes Keras, which is not imported yet, compute through TensorFlow, whatever the environment says."""
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend != "tensorflow":
        warn(f"KERAS_BACKEND={backend} is ignored: the commands compute through TensorFlow.")
    os.environ["KERAS_BACKEND"] = "tensorflow"


def start_tensorflow_while(work: Callable[[], T], device: str, precision: str) -> T:
    """Returns what `work` returns, which a thread does while this one calls `start_tensorflow`.

    What `work` refuses at once, such as a path where nothing is, is told before TensorFlow is imported.
    """
    done: Future[T] = Future()

    def run():
        try:
            done.set_result(work())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, daemon=True).start()  # which Ctrl-C need not wait for
    wait([done], timeout=0.05)
    if not (done.done() and done.exception()):
        start_tensorflow(device, precision)
    return done.result()


def gan_option(command: Callable) -> Callable:
    """Adds --gan to a command: the subclass of `GAN` that runs are of, or that is trained."""

    def load(ctx, param, value):
        if value and not ctx.resilient_parsing:
            _choose_backend()
            import_tensorflow()
            from keras_gan.model.gan_class import load_gan_class

            ctx.meta["gan_class"] = load_gan_class(value)

    what = "Your subclass of GAN: my_gan.py:DCGAN or module:DCGAN. Its file is executed."
    return click.option(
        "--gan", type=UserPath(), metavar="CLASS", expose_value=False, callback=load, help=what
    )(command)
