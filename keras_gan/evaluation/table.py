"""The metrics of an evaluation: the name and format of each, and their table as text."""

from keras_gan import progress
from keras_gan.evaluation import diagnosis
from keras_gan.run.metrics_log import describe_samples

METRICS = {  # metric: (group, name, format, which direction is better)
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
    "pixel_std": ("diversity", "std of the pixels, share of the real images'", ".3f", "higher"),
    "copying": ("copying", "copying (0.5 by chance, 1 of copies)", ".3f", ""),
    "d_loss_trend": ("stability", "d_loss, change in 1000 steps", "+.4f", ""),
    "d_loss_std": ("stability", "d_loss, std", ".4f", ""),
    "g_loss_trend": ("stability", "g_loss, change in 1000 steps", "+.4f", ""),
    "g_loss_std": ("stability", "g_loss, std", ".4f", ""),
    "d_acc_real": ("discriminator", "real images that D takes for real", ".3f", ""),
    "d_acc_fake": ("discriminator", "samples that D takes for fake", ".3f", ""),
    "fooled": ("discriminator", "samples that fool D", ".3f", ""),
}


def format_evaluation(rows, extractor_description):
    """Yields the lines of the table of an evaluation, by group, and its diagnosis."""
    first = rows[0]
    yield f"step {first['step']}, epoch {first['epoch']}: {first['n']} samples, seed {first['seed']}"
    if "mode" in first:
        yield describe_samples(first)
    yield f"real images: {first['n_real']} trained on, {first['n_test']} others"
    yield progress.fold(f"features: {extractor_description}")
    cells, group = [], None
    for row in rows:
        own, name, form, better = METRICS[row["metric"]]
        if own != group:
            cells.append([own, "", "", ""])
            group = own
        real = None if row["real"] is None else f"{row['real']:{form}}"
        cells.append([f"  {name}", _cell(row, form), real, better])
    yield progress.format_table(["", "samples", "test images", "better"], cells, "lrrl")
    yield progress.fold(diagnosis.diagnose(rows))


def _cell(row, form):
    std = "" if row["std"] is None else f" +- {row['std']:{form}}"
    return f"{row['value']:{form}}{std}"
