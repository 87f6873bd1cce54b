"""Two presets compared fact by fact, and presets that take some facts over from another, by name."""

from collections.abc import Iterator

from keras_gan.preset_facts import FACTS
from keras_gan.presets import PRESETS, Preset
from keras_gan.setting_checks import check_choice


def list_differences(a: Preset, b: Preset) -> Iterator[tuple[str, str, str]]:
    """Yields (name of a fact, its text for a, its text for b) for all that two presets do differently."""
    for fact in FACTS:
        if fact.format(a) != fact.format(b):
            yield fact.name, fact.format(a), fact.format(b)


def list_changes(a: Preset, b: Preset) -> list[str]:
    """Returns the keys of the facts that, each taken over alone from b, make another preset of a.

    What only counts, such as the number of epochs, is left out, and so is what defines an epoch.
    """
    return [f.key for f in FACTS if f.take and f.key != "epoch" and f.format(f.take(a, b)) != f.format(a)]


def mix(a: Preset, b: Preset, keys: list[str]) -> Preset:
    """Returns preset a with some facts of preset b, under its own name: "keras,order=pytorch-gan"."""
    takes = {fact.key: fact.take for fact in FACTS}
    mixed = a
    for key in keys:
        mixed = takes[key](mixed, b)
    return mixed._replace(name=",".join([a.name, *(f"{key}={b.name}" for key in keys)]))


def get_preset(name: str) -> Preset:
    """Returns the preset of that name; hyphen and underscore are the same.

    "keras,order=pytorch-gan" is the preset keras with one fact of pytorch-gan, see `preset_facts.FACTS`;
    more may follow, each after a comma.

    Raises:
        ValueError: there is no such preset or fact; the message suggests the nearest.
    """
    base, *changes = str(name).split(",")
    preset = PRESETS[check_choice("preset", base, PRESETS)]
    for change in changes:
        key, _, other = change.partition("=")
        key = check_choice("preset's fact", key, [fact.key for fact in FACTS if fact.take])
        preset = mix(preset, PRESETS[check_choice("preset", other, PRESETS)], [key])
    return preset
