"""Losses of other programs, under the names that people give them."""

import numpy as np
import pytest
import tensorflow as tf

from keras_gan.run import losses

EXPECTED = {"step": [1, 2, 3], "d_loss": [0.5, 0.25, 0.125], "g_loss": [1, 2, 3]}


def check(table):
    assert set(table) == set(EXPECTED)
    for name, values in EXPECTED.items():
        np.testing.assert_array_equal(table[name], values)


@pytest.mark.parametrize(
    "name",
    "d_loss loss_d loss_D D_loss Loss_D errD lossD dLoss dloss lossd discriminator_loss loss_discriminator "
    "Loss/D loss/d train/d_loss Loss/Discriminator disc_loss netD_loss lossDiscriminator d-loss".split(),
)
def test_name_of_a_discriminator_s_loss_is_known(name):
    assert losses.name_loss(name) == "d_loss"


@pytest.mark.parametrize(
    "name", "g_loss loss_G errG G_loss gen_loss Loss/generator lossg Train/G_loss".split()
)
def test_name_of_a_generator_s_loss_is_known(name):
    assert losses.name_loss(name) == "g_loss"


@pytest.mark.parametrize(
    "name", ["d_loss_real", "D(x)", "d_acc", "loss", "lr", "d", "errD_fake", "gp_loss", "dg_loss", ""]
)
def test_other_names_are_no_losses(name):
    assert losses.name_loss(name) is None


@pytest.mark.parametrize("header", ["step,d_loss,g_loss", "Epoch,loss_D,loss_G", "iter,errD,errG"])
def test_csv_is_read(header, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n1,0.5,1\n2,0.25,2\n3,0.125,3\n")
    assert losses.is_loss_log(path)
    check(losses.read_losses(path))


def test_csv_with_other_columns_or_without_steps_or_with_repeated_epochs(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("G_loss,note,D_loss\n1,a,0.5\n2,b,0.25\n3,c,0.125\n")
    check(losses.read_losses(path))
    path.write_text("epoch,G_loss,D_loss\n1,1,0.5\n1,2,0.25\n2,3,0.125\n")
    check(losses.read_losses(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step,a,b\n1,2,3\n", "Expected losses such as d_loss and g_loss.* with a, b"),
        ("step,d_loss,loss_D\n1,2,3\n", "Expected one d_loss. Received: .* with d_loss, loss_D"),
        ("step,d_loss\n1,two\n", "Expected numbers in the column d_loss"),
        ("step,d_loss\n1\n", "Expected a value for each column"),
        ("", "Expected a value for each column"),
    ],
)
def test_csv_that_holds_no_losses_is_refused(text, message, tmp_path):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        losses.read_losses(tmp_path / "a.csv")


def write_events(folder, tags, simple):
    with tf.summary.create_file_writer(str(folder)).as_default():
        for i, step in enumerate(EXPECTED["step"]):
            for tag, loss in tags.items():
                value = tf.compat.v1.Summary.Value(tag=tag, simple_value=EXPECTED[loss][i])
                if not simple:
                    tensor = tf.make_tensor_proto(np.float32(EXPECTED[loss][i]))
                    value = tf.compat.v1.Summary.Value(tag=tag, tensor=tensor)
                event = tf.compat.v1.Summary(value=[value]).SerializeToString()
                tf.summary.experimental.write_raw_pb(event, step=step)


@pytest.mark.parametrize("simple", [True, False])
def test_event_files_of_either_kind_are_read(simple, tmp_path):
    write_events(tmp_path / "log", {"Loss/D": "d_loss", "Loss/G": "g_loss"}, simple)
    assert losses.is_loss_log(tmp_path / "log")
    check(losses.read_losses(tmp_path / "log"))


def test_events_in_a_folder_for_each_loss_are_read(tmp_path):
    for name, loss in (("D", "d_loss"), ("G", "g_loss")):
        write_events(tmp_path / "log" / name, {"loss": loss}, simple=True)
    check(losses.read_losses(tmp_path / "log"))


def test_damaged_event_file_is_refused(tmp_path):
    (tmp_path / "events.out.tfevents.1").write_bytes(b"no events at all, but some text")
    with pytest.raises(ValueError, match="Expected"):
        losses.read_losses(tmp_path)
