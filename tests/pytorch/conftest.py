"""What the tests against PyTorch share."""

import pytest

from keras_gan.presets import PRESETS, Dense


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """PyTorch on one thread: beside TensorFlow's a second one costs more than it gains."""
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch==2.13.0")
    torch.set_num_threads(1)


def narrow(preset):
    """Returns a preset with a sixteenth of its units, which trains in no time."""
    networks = {
        name: tuple(
            x._replace(units=x.units // 16) if isinstance(x, Dense) and (x.units or 0) > 1 else x
            for x in getattr(preset, name)
        )
        for name in ("generator", "discriminator")
    }
    return preset._replace(**networks)


@pytest.fixture
def narrow_presets(monkeypatch):
    """All presets with a sixteenth of their units."""
    for name, preset in PRESETS.items():
        monkeypatch.setitem(PRESETS, name, narrow(preset))
