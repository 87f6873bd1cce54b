"""What the numbers of an evaluation say about a run, in one sentence."""

# Bounds of the diagnoses. With them the runs of the five presets in docs/results.md are called as their
# samples look.
COPIES = 0.9  # of the samples and test images; 0.37 at most in those runs, 1 of a copied training set
RECALLS = 0.05  # of the real images: 0.44 and 0.60 in those that look like digits, 0.00 in the others
WON = 0.98  # accuracies of the discriminator, as in `WON_ACCURACY`


def diagnose(rows):
    """Returns a sentence on the rows of an evaluation, which begins with the diagnosis: "Healthy: ..."."""
    value = {row["metric"]: row["value"] for row in rows}
    real = {row["metric"]: row["real"] for row in rows}
    classes = value.get("classes")
    ratio = value["frechet_distance"] / max(real["frechet_distance"], 1e-9)
    parts = [
        f"Fréchet distance {ratio:.3g} times that of test images",
        f"{classes} of {real['classes']} classes" if classes else "",
        f"copying {value['copying']:.2f} (copies have 1)",
        _describe_losses(value),
        f"{value['fooled']:.0%} of the samples fool the discriminator" if "fooled" in value else "",
    ]
    return f"{_name(value, real)}: {', '.join(part for part in parts if part)}."


def _name(value, real):
    if value["copying"] >= COPIES:
        return "Copying"
    few = "classes" in value and 2 * value["classes"] <= real["classes"]
    if few or value["pixel_std"] < ALIKE or value["distinct"] < 0.5:
        return "Collapsed"
    if min(value.get("d_acc_real", 0), value.get("d_acc_fake", 0)) >= WON:  # unknown of a generator alone
        return "The discriminator has won"
    if value["recall"] < RECALLS:
        return "Unfinished"
    return "Healthy"


def _describe_losses(value):
    if "d_loss_trend" not in value:
        return ""
    moving = [n for n in ("d_loss", "g_loss") if abs(value[f"{n}_trend"]) > value[f"{n}_std"]]
    return f"{' and '.join(moving)} still moving" if moving else "both losses steady"


# From runs of each preset on MNIST, seed 0 (aioz: 1 as well, 600 steps). Pixel std of the samples over
# that of the images, 49 grey levels; and steps in a row with the three WON_ numbers below passed:
#   keras        6,000 steps   0.53 or more from step 200       none
#   kmnist       9,380 steps   0.61 or more from step 938       none
#   pytorch-gan  9,380 steps   0.49 or more from step 400       none
#   tutorial     1,876 steps   0.01-0.17 to step 1200, 0.38 at most    38
#   aioz         9,700 steps   0.03-0.17 to step 9200, 0.23 at most     6
# So a young generator makes samples that are alike for long, and is not warned of. With lr=0.01
# keras fell from 0.54 to 0.14 in 50 steps, then to 0.00, and lost 500 steps in a row; with lr=0.005
# aioz lost 2,187.
DIVERSE, ALIKE = 0.4, 0.15  # pixel std of the samples / that of the images trained on
ALIKE_STEPS = 200
LATE = 20_000
WON_ACCURACY, WON_G_LOSS, WON_STEPS = 0.98, 5.0, 500
