"""What is printed of a Fréchet distance."""

from collections.abc import Iterator

from keras_gan.evaluation.package_inception import PACKAGES
from keras_gan.run.metrics_log import describe_samples

ENOUGH_IMAGES = 2048  # the number of Inception's features: with fewer images the covariance is singular


def name_distance(spec: dict[str, str], assumed: bool) -> str:
    """Returns what a distance of a feature spec is called: never FID without its network's name."""
    name = spec.get("features") or spec["assumed"]
    if assumed:
        return f"Fréchet distance ({name} features, as assumed)"
    if name == "inception":
        return "Fréchet Inception Distance (Keras's InceptionV3)"
    if name in PACKAGES:
        return f"Fréchet Inception Distance ({name}'s InceptionV3)"
    return f"Fréchet distance ({name} features)"


def format_result(result: dict, extractor_description: str) -> Iterator[str]:
    """Yields the lines that say the distance, its real baseline and what they are of.

    A value that rounds to 0 is written without a sign.
    """
    n_a, n_b = (n or "an unknown number of" for n in (result["n_a"], result["n_b"]))
    name = name_distance(result["feature_spec"], result["assumed_spec"])
    yield f"{name}: {result['frechet_distance']:z.4f}"
    yield f"  of {n_a} images of {result['a']} to {n_b} of {result['b']}, seed {result['seed']}"
    if "mode" in result:
        yield f"  {describe_samples(result)}"
    if result["note"]:
        yield f"  by the {result['method']} form, as {result['note']}"
    if real := result["real_baseline"]:
        real_images = f"{real['n']} real images to {real['n_reference']} others"
        yield f"real baseline: {real['value']:z.4f}, of {real_images}"
    else:
        yield f"real baseline: none, as {result['b']} is not a set of real images"
    yield f"feature extractor: {extractor_description}"


def list_warnings(result: dict) -> Iterator[str]:
    """Yields a line for each way in which there are too few images."""
    few = min(n for n in (result["n_a"], result["n_b"], ENOUGH_IMAGES) if n is not None)
    if few < ENOUGH_IMAGES:
        yield (
            f"With {few} images, fewer than {ENOUGH_IMAGES}, the bias of a small number dominates a Fréchet "
            "distance: compare it at equal numbers only, and with the real baseline."
        )
    real = result["real_baseline"]
    if real and result["n_a"] and real["n"] < result["n_a"]:
        yield (
            f"The real baseline has {real['n']} images, as there are no more; with {result['n_a']} it would "
            "be lower."
        )
