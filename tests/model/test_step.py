import pytest

from keras_gan.model.step import gan_step
from keras_gan.presets import PRESETS

D_THEN_G_FRESH = [("generate", "z1"), ("D", "real", "fakes of z1"), ("G", "z2")]
CALLS = {
    "keras": D_THEN_G_FRESH,
    "kmnist": [("generate", "z1"), ("D", "real", "fakes of z1"), ("G", "z1")],
    "aioz": D_THEN_G_FRESH,
    "tutorial": D_THEN_G_FRESH,
    "pytorch-gan": [("generate", "z1"), ("G", "z1"), ("D", "real", "fakes of z1")],
}


class Recorder:
    """Stands for the networks and writes down what is asked of them."""

    def __init__(self):
        self.calls, self.step = [], 0

    def generate(self, z):
        self.calls.append(("generate", z))
        return f"fakes of {z}"

    def update_discriminator(self, real, fake):
        self.calls.append(("D", real, fake))
        return "d_loss_real", "d_loss_fake", "d_acc_real", "d_acc_fake"

    def update_generator(self, z):
        self.calls.append(("G", z))
        return "g_loss"


@pytest.mark.parametrize("name", list(PRESETS))
def test_calls_come_in_the_published_order_with_the_published_noise(name):
    nets = Recorder()
    rule = PRESETS[name].rule
    gan_step(rule, nets, "real", ("z1", "z2") if rule.fresh_noise else ("z1",))
    assert nets.calls == CALLS[name] and nets.step == 1


@pytest.mark.parametrize("name", list(PRESETS))
def test_five_values_come_back_in_one_order_for_every_rule(name):
    values = gan_step(PRESETS[name].rule, Recorder(), "real", ("z1", "z2"))
    assert values == ("d_loss_real", "d_loss_fake", "g_loss", "d_acc_real", "d_acc_fake")


def test_more_updates_of_the_discriminator_have_noise_of_their_own():
    def calls(name, *z):
        nets = Recorder()
        gan_step(PRESETS[name].rule, nets, "real", z)
        return nets.calls

    two = [("generate", "z1"), ("D", "real", "fakes of z1"), ("generate", "z2"), ("D", "real", "fakes of z2")]
    assert calls("keras", "z1", "z2", "z3") == [*two, ("G", "z3")]
    assert calls("kmnist", "z1", "z2") == [*two, ("G", "z2")]  # the fakes that the discriminator saw last
    assert calls("pytorch-gan", "z1", "z2") == [two[0], ("G", "z1"), *two[1:]]
