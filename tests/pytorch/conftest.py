"""What the tests against PyTorch share."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """PyTorch on one thread: beside TensorFlow's a second one costs more than it gains."""
    torch = pytest.importorskip("torch", reason="needs PyTorch: pip install torch==2.13.0")
    torch.set_num_threads(1)
