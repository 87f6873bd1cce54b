"""What the commands share: the types of their options, what they print and how they start TensorFlow."""

import contextlib
import os
import re
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from typing import TypeVar

import click
from click.shell_completion import CompletionItem

from keras_gan.config import FITS, MODES
from keras_gan.preset_diff import get_preset
from keras_gan.presets import PRESETS
from keras_gan.setting_checks import check_choice
from keras_gan.start_tensorflow import import_tensorflow
from keras_gan.streams import escape_controls

MAX_SEED = 2**63 - 1  # as in `config`
MAX_SEEDS = 100_000  # of a list
MAX_INTEGER = 10**9  # of every other number
DATA = "Folder, .zip, .npz, .npy, .csv or idx(.gz) file of images, instead of a data set."
IMAGE_SIZE = "Resize images to 64 or to 64x48 (height x width)."
FIT = "How images of another aspect ratio become --image-size: crop at the centre, or stretch."
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
    "How the generator draws: in inference mode, or in training mode, where batches of the preset's size are "
    "normalised by their own statistics, as PyTorch's programs save them. Default: inference."
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


class Integer(click.ParamType):
    """An integer of at least `least`."""

    name = "N"

    def __init__(self, least=1, most=MAX_INTEGER):
        self.least, self.most = least, most

    def convert(self, value, param, ctx):
        """Returns the integer."""
        if isinstance(value, int):
            return value
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", value) or not self.least <= int(value) <= self.most:
            most = "2**63 - 1" if self.most == MAX_SEED else f"{self.most:,}"
            expected = f"expected an integer from {self.least} to {most}"
            self.fail(f"{expected}. Received: {_shorten(value)}.", param, ctx)
        return int(value)


SEED = Integer(0, MAX_SEED)


class Seeds(click.ParamType):
    """A list of seeds such as 0-63 or 0,1,4-6."""

    name = "LIST"

    def convert(self, value, param, ctx):
        """Returns the list of integers."""
        if isinstance(value, list):
            return value
        seeds, most = [], f"{MAX_SEEDS:,} seeds"
        for part in value.split(","):
            match = re.fullmatch(r"([0-9]{1,19})(?:-([0-9]{1,19}))?", part)
            first, last = map(int, (match[1], match[2] or match[1])) if match else (1, 0)
            if not first <= last <= MAX_SEED:
                expected = "expected seeds such as 0-63 or 0,1,4-6"
                self.fail(f"{expected}. Received: {_shorten(value)}.", param, ctx)
            if last - first >= MAX_SEEDS - len(seeds):
                self.fail(f"expected at most {most}. Received: {_shorten(value)}.", param, ctx)
            seeds.extend(range(first, last + 1))
        return seeds


class Size(click.ParamType):
    """A size such as 64 or 64x48, as a pair (height, width)."""

    name = "HxW"

    def get_metavar(self, param, ctx):
        """Returns what stands for the value in the help."""
        return self.name

    def convert(self, value, param, ctx):
        """Returns the pair of integers."""
        if isinstance(value, tuple):
            return value
        sides = value.lower().split("x")
        if len(sides) > 2 or not all(re.fullmatch("[0-9]{1,4}", side) and int(side) for side in sides):
            expected = "expected a size such as 64 or 64x48, of sides from 1 to 9999"
            self.fail(f"{expected}. Received: {_shorten(value)}.", param, ctx)
        return int(sides[0]), int(sides[-1])


class UserPath(click.ParamType):
    """A path, in which a leading ~ is the user's home; it need not exist."""

    name = "PATH"

    def convert(self, value, param, ctx):
        """Returns the path as a string."""
        if value == getattr(param, "flag_value", None):  # of --resume without a value
            return value
        if not value:
            self.fail("expected a path. Received: ''.", param, ctx)
        return os.path.expanduser(value)

    def shell_complete(self, ctx, param, incomplete):
        """Lets the shell complete files and folders."""
        return [CompletionItem(incomplete, type="file")]


class PresetName(click.ParamType):
    """The name of a preset; a hyphen and an underscore are the same."""

    name = "NAME"

    def convert(self, value, param, ctx):
        """Returns the name with hyphens."""
        try:
            return get_preset(value).name
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx, param, incomplete):
        """Returns the names that begin so."""
        return [CompletionItem(name) for name in PRESETS if name.startswith(incomplete)]


class DatasetName(click.ParamType):
    """The name of a data set, or "auto"; a hyphen and an underscore are the same."""

    name = "NAME"

    def convert(self, value, param, ctx):
        """Returns the name with hyphens."""
        try:
            return check_choice("dataset", value, self._names())
        except ValueError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(self, ctx, param, incomplete):
        """Returns the names that begin so."""
        return [CompletionItem(name) for name in self._names() if name.startswith(incomplete)]

    def _names(self):
        from keras_gan.data.download import DATASETS

        return ["auto", *DATASETS]


def image_options(function):
    """Adds the options that say how images are read, which are None where they are not given."""
    function = click.option("--background", metavar="COLOUR", help=f"{BACKGROUND} {_DEFAULT}")(function)
    return click.option("--fit", type=click.Choice(FITS), help=f"{FIT} {_DEFAULT}")(function)


def mode_option(function: Callable) -> Callable:
    """Adds --mode, which is None where it is not given."""
    return click.option("--mode", type=click.Choice(MODES), help=_MODE)(function)


def _shorten(value):
    return repr(value if len(value) <= 60 else f"{value[:57]}...")


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
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend != "tensorflow":
        warn(f"KERAS_BACKEND={backend} is ignored: the commands compute through TensorFlow.")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever keras.json says
    if "tensorflow" not in sys.modules and sys.stderr.isatty():
        warn("Starting TensorFlow ...")  # some seconds
    import_tensorflow(_HIDDEN)
    from keras_gan.device import check_precision, use_device  # which imports TensorFlow, too

    use_device(device)
    check_precision(precision, warn)


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
            import_tensorflow()
            from keras_gan.model.gan_class import load_gan_class

            ctx.meta["gan_class"] = load_gan_class(value)

    what = "Your subclass of GAN: my_gan.py:DCGAN or module:DCGAN. Its file is executed."
    return click.option(
        "--gan", type=UserPath(), metavar="CLASS", expose_value=False, callback=load, help=what
    )(command)
