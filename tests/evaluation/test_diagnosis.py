import pytest

from keras_gan.evaluation import diagnosis

VALUES = dict(copying=0.3, classes=10, pixel_std=1, distinct=1, d_acc_real=0.6, d_acc_fake=0.6, recall=0.5)
VALUES |= dict(frechet_distance=6.0, fooled=0.4)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({}, "Healthy"),
        ({"copying": 0.95}, "Copying"),
        ({"classes": 5}, "Collapsed"),
        ({"pixel_std": 0.1}, "Collapsed"),
        ({"distinct": 0.4}, "Collapsed"),
        ({"d_acc_real": 0.99, "d_acc_fake": 0.99}, "The discriminator has won"),
        ({"d_acc_real": 0.99}, "Healthy"),
        ({"recall": 0.01}, "Unfinished"),
    ],
)
def test_diagnosis_names_what_is_wrong(change, name):
    values = (VALUES | change).items()
    rows = [{"metric": m, "value": v, "real": {"classes": 10}.get(m, 2.0)} for m, v in values]
    line = diagnosis.diagnose(rows)
    assert line.startswith(f"{name}: Fréchet distance 3 times that of") and "40% of the samples fool" in line


def test_generator_without_a_discriminator_has_a_diagnosis_too():
    values = {name: v for name, v in VALUES.items() if name not in ("fooled", "d_acc_real", "d_acc_fake")}
    rows = [{"metric": m, "value": v, "real": 2.0} for m, v in values.items()]
    assert diagnosis.diagnose(rows).startswith("Healthy: ") and "fool" not in diagnosis.diagnose(rows)


def test_losses_that_still_move_are_named():
    losses = {"d_loss_trend": 2.0, "d_loss_std": 1.0, "g_loss_trend": -0.5, "g_loss_std": 1.0}
    assert diagnosis._describe_losses(losses) == "d_loss still moving"
    assert diagnosis._describe_losses(losses | {"d_loss_trend": -0.5}) == "both losses steady"
