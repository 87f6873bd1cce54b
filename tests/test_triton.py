"""PyTorch, TensorFlow and triton in one process: `settle_imports`."""

import importlib.util
import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

TRITON = """\
import os, sys
if "tensorflow" in sys.modules:
    os._exit(139)  # as triton 3.7.1 does beside TensorFlow 2.21
"""
TENSORFLOW = "class config:\n    list_physical_devices = str\n"
TORCH_FIRST = """\
import sys, torch
import keras_gan
assert sys.modules["triton"], "PyTorch needs it for torch.compile"
from keras_gan.start_tensorflow import import_tensorflow
import_tensorflow()
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


def run_beside(stand_ins, body, tmp_path):
    """Runs Python beside modules of these names and texts; returns what it prints."""
    environment = os.environ | {"KERAS_HOME": str(tmp_path / "keras"), "TF_CPP_MIN_LOG_LEVEL": "2"}
    for name, text in stand_ins.items():
        (tmp_path / f"{name}.py").write_text(text)
    environment["PYTHONPATH"] = str(tmp_path)
    command = [sys.executable, "-c", body]
    result = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_triton_is_left_alone_until_tensorflow_is_imported(tmp_path):
    run_beside({"triton": TRITON}, NO_TENSORFLOW, tmp_path)


def test_triton_is_imported_before_tensorflow_where_pytorch_came_first(tmp_path):
    run_beside({"triton": TRITON, "tensorflow": TENSORFLOW, "torch": ""}, TORCH_FIRST, tmp_path)


def test_triton_is_hidden_where_tensorflow_came_first(tmp_path):
    stand_ins = {"triton": TRITON, "tensorflow": TENSORFLOW}
    assert run_beside(stand_ins, TENSORFLOW_FIRST, tmp_path) == "hidden\n"


@pytest.mark.slow
def test_parity_trains_pytorch_beside_triton(tmp_path):
    """The installed triton, or a stand-in that also ends the process after TensorFlow."""
    pytest.importorskip("torch", reason="needs PyTorch: pip install torch==2.13.0")
    stand_ins = {} if importlib.util.find_spec("triton") else {"triton": TRITON}
    words = ["parity", "--preset", "aioz", "--steps", "1", "--batch-size", "8", "--dataset", "digits"]
    words += ["--offline", "--mode", "float64", "--outdir", str(tmp_path / "parity")]
    body = f"import sys\nfrom keras_gan.commands.main import main\nsys.argv[1:] = {words}\nmain()\n"
    assert "float64" in run_beside(stand_ins, body, tmp_path)
