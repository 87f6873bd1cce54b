"""The types of options that several commands take: integers, seeds, sizes, paths and names."""

import os
import re

import click
from click.shell_completion import CompletionItem

from keras_gan.preset_diff import get_preset
from keras_gan.presets import PRESETS
from keras_gan.setting_checks import check_choice

MAX_SEED = 2**63 - 1  # as in `config`
MAX_SEEDS = 100_000  # of a list
MAX_INTEGER = 10**9  # of every other number


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


def _shorten(value):
    return repr(value if len(value) <= 60 else f"{value[:57]}...")
