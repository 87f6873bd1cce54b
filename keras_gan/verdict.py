"""The numbers of an evaluation in words: what each is called, their table, and a verdict in a sentence."""

from keras_gan import health

LINES = {  # metric: (group, what it is called, how it is written, what is better)
    "frechet_distance": ("quality", "Fréchet distance", ".2f", "lower"),
    "kernel_distance": ("quality", "kernel distance (KID)", ".4f", "lower"),
    "inception_score": ("quality", "Inception Score", ".2f", "higher"),
    "precision": ("quality", "precision", ".3f", "higher"),
    "recall": ("quality", "recall", ".3f", "higher"),
    "ssim": ("quality", "SSIM to the nearest real image", ".3f", "higher"),
    "psnr": ("quality", "PSNR to the nearest real image, dB", ".2f", "higher"),
    "distinct": ("diversity", "distinct images, share", ".3f", "higher"),
    "pairwise_ssim": ("diversity", "SSIM of two samples", ".3f", "lower"),
    "classes": ("diversity", "classes that occur", "d", "higher"),
    "class_entropy": ("diversity", "entropy of the classes, nats", ".3f", "higher"),
    "spread": ("diversity", "spread of the pixels, share of the real images'", ".3f", "higher"),
    "copying": ("copying", "nearer to a training image than a test image is", ".3f", ""),
    "d_loss_trend": ("stability", "d_loss, change in 1000 steps", "+.4f", ""),
    "d_loss_spread": ("stability", "d_loss, spread", ".4f", ""),
    "g_loss_trend": ("stability", "g_loss, change in 1000 steps", "+.4f", ""),
    "g_loss_spread": ("stability", "g_loss, spread", ".4f", ""),
    "d_acc_real": ("interplay", "real images that D takes for real", ".3f", ""),
    "d_acc_fake": ("interplay", "samples that D takes for fake", ".3f", ""),
    "fooled": ("interplay", "samples that fool D", ".3f", ""),
}

# What the verdict calls by a name; the five presets' runs of the README are called as their pictures look.
COPIES = 0.9  # of the samples and test images; 0.37 at most in those runs, 1 of a copied training set
RECALLS = 0.05  # of the real images: 0.44 and 0.60 in those that look like digits, 0.00 in the others
WON = 0.98  # accuracies of the discriminator, as in `health`


def sentence(rows):
    """Returns one plain sentence on the rows of an evaluation, its first words the verdict itself."""
    value = {row["metric"]: row["value"] for row in rows}
    real = {row["metric"]: row["real"] for row in rows}
    classes = value.get("classes")
    ratio = value["frechet_distance"] / max(real["frechet_distance"], 1e-9)
    said = [
        f"its samples are {ratio:.3g} times as far from the training images as test images are",
        f"{classes} of {real['classes']} classes occur" if classes else "",
        f"copying is {value['copying']:.2f} where copies have 1",
        _losses_in_words(value),
        f"{value['fooled']:.0%} of the samples fool the discriminator",
    ]
    return f"{_name(value, real)}: {', '.join(part for part in said if part)}."


def _name(value, real):
    if value["copying"] >= COPIES:
        return "Copying"
    few = "classes" in value and 2 * value["classes"] <= real["classes"]
    if few or value["spread"] < health.ALIKE or value["distinct"] < 0.5:
        return "Collapsed"
    if min(value["d_acc_real"], value["d_acc_fake"]) >= WON:
        return "The discriminator has won"
    if value["recall"] < RECALLS:
        return "Unfinished"
    return "Healthy"


def _losses_in_words(value):
    if "d_loss_trend" not in value:
        return ""
    moving = [n for n in ("d_loss", "g_loss") if abs(value[f"{n}_trend"]) > value[f"{n}_spread"]]
    return f"{' and '.join(moving)} still moving" if moving else "both losses steady"


def in_words(rows, about):
    """Returns the lines of the table of an evaluation, by group, with its verdict."""
    first = rows[0]
    yield f"step {first['step']}, epoch {first['epoch']}: {first['n']} samples, seed {first['seed']}"
    yield f"real images: {first['n_real']} trained on, {first['n_test']} others; judge: {about}"
    group = None
    for row in rows:
        of, what, form, better = LINES[row["metric"]]
        if of != group:
            yield f"{of:54} {'samples':>16} {'test images':>16}"
            group = of
        cells = [_cell(row, form), "-" if row["real"] is None else f"{row['real']:{form}}"]
        yield f"  {what:52} {cells[0]:>16} {cells[1]:>16}  {better and better + ' is better'}".rstrip()
    yield sentence(rows)


def _cell(row, form):
    spread = "" if row["spread"] is None else f" +- {row['spread']:{form}}"
    return f"{row['value']:{form}}{spread}"
