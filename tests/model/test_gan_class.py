import pytest

from keras_gan.model import gan_class
from keras_gan.model.gan import GAN

SETTINGS = dict(image_shape=(4, 4, 1), latent_dim=7)
FILE = """\
import keras
from keras_gan import GAN

class Mine(GAN):
    units = 5

    def build_generator(self):
        layers = keras.layers
        return keras.Sequential([keras.Input((self.latent_dim,)), layers.Dense(self.units),
                                 layers.Dense(16, activation="tanh"), layers.Reshape(self.image_shape)])

class Other(Mine):
    units = 6

number = 3
"""


@pytest.fixture
def file(tmp_path):
    (tmp_path / "mine_of_a_test.py").write_text(FILE)
    return tmp_path / "mine_of_a_test.py"


def test_class_of_a_file_is_loaded_named_and_found_again(file, tmp_path):
    kind = gan_class.load_gan_class(f"{file}:Mine")
    assert issubclass(kind, GAN) and gan_class.name_gan_class(kind) == f"{file}:Mine"
    gan = kind("aioz", **SETTINGS)
    gan.save(tmp_path / "gan.npz")
    assert type(GAN.load(tmp_path / "gan.npz")) is kind and gan_class.name_gan_class(GAN) is None
    again = gan_class.load_gan_class(f"{file}:Mine")  # a class that is defined anew takes its place
    assert type(GAN.load(tmp_path / "gan.npz")) is again is not kind


@pytest.mark.parametrize("name", ["Nothing", "number"])
def test_what_is_no_class_of_a_gan_is_refused(file, name):
    with pytest.raises(ValueError, match=f"Received: .*:{name}"):
        gan_class.load_gan_class(f"{file}:{name}")


def test_file_of_a_class_that_is_not_imported_names_the_class_and_imports_nothing(
    file, tmp_path, monkeypatch
):
    gan_class.load_gan_class(f"{file}:Mine")("aioz", **SETTINGS).save(tmp_path / "gan.npz")
    from keras_gan.model import checkpoint

    monkeypatch.setattr(checkpoint, "find_gan_class", lambda name, kind: None)
    with pytest.raises(ValueError, match=f"not imported by itself: give --gan {file}:Mine"):
        GAN.load(tmp_path / "gan.npz")


def test_hash_of_the_networks_depends_on_them_and_not_on_the_names_of_layers(file):
    mine, other = (gan_class.load_gan_class(f"{file}:{name}") for name in ("Mine", "Other"))
    hashes = [gan_class.hash_networks(kind("aioz", **SETTINGS)) for kind in (mine, mine, other)]
    assert hashes[0] == hashes[1] != hashes[2]
