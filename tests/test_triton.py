"""PyTorch, TensorFlow and triton in one process: `settle_imports`."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

STAND_IN = """\
import os, sys
if "tensorflow" in sys.modules:
    os._exit(139)  # as triton 3.7.1 does beside TensorFlow 2.21
"""
TORCH_FIRST = """\
import sys
sys.modules.setdefault("torch", __import__("types").ModuleType("torch"))  # where it is not installed
import keras_gan
assert sys.modules["triton"], "PyTorch needs it for torch.compile"
from keras_gan.model.gan import GAN
import triton
"""
TENSORFLOW_FIRST = """\
import tensorflow
import keras_gan
try:
    import triton
except ImportError:
    print("hidden")
"""
NO_TENSORFLOW = """\
import keras_gan, triton
keras_gan.PRESETS
"""


def run_beside_triton(body, tmp_path):
    """Runs Python beside the installed triton, or a stand-in that also ends the process after TensorFlow."""
    environment = os.environ | {"KERAS_HOME": str(tmp_path / "keras"), "TF_CPP_MIN_LOG_LEVEL": "2"}
    if importlib.util.find_spec("triton") is None:
        (tmp_path / "triton").mkdir()
        (tmp_path / "triton/__init__.py").write_text(STAND_IN)
        environment["PYTHONPATH"] = str(tmp_path)
    command = [sys.executable, "-c", body]
    result = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_triton_is_left_alone_until_tensorflow_is_imported(tmp_path):
    run_beside_triton(NO_TENSORFLOW, tmp_path)


@pytest.mark.slow
def test_triton_is_imported_before_tensorflow_where_pytorch_came_first(tmp_path):
    run_beside_triton("import torch\n" * bool(importlib.util.find_spec("torch")) + TORCH_FIRST, tmp_path)


@pytest.mark.slow
def test_triton_is_hidden_where_tensorflow_came_first(tmp_path):
    assert run_beside_triton(TENSORFLOW_FIRST, tmp_path) == "hidden\n"


@pytest.mark.slow
def test_parity_trains_pytorch_beside_triton(tmp_path):
    pytest.importorskip("torch", reason="needs PyTorch: pip install torch==2.13.0")
    words = ["parity", "--preset", "aioz", "--steps", "1", "--batch-size", "8", "--dataset", "digits"]
    words += ["--offline", "--outdir", str(tmp_path / "parity")]
    body = f"import sys\nfrom keras_gan.commands.main import main\nsys.argv[1:] = {words}\nmain()\n"
    assert "float64" in run_beside_triton(body, tmp_path)
