"""Imports TensorFlow: as Keras's backend, beside PyTorch, and without its start-up noise."""

import contextlib
import importlib.abc
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator

# Variables of the environment that choose routines or numbers of threads, on which rounding depends
FLAGS = (
    "TF_ENABLE_ONEDNN_OPTS",
    "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA",
    "XLA_FLAGS",
    "TF_XLA_FLAGS",
    "TF_NUM_INTRAOP_THREADS",
    "OMP_NUM_THREADS",  # PyTorch's
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",  # of NumPy and SciPy, which compute the distances
    "OPENBLAS_CORETYPE",
)

# Written before TensorFlow's logger exists, so that no environment variable reaches these lines.
_NOISE = "|".join(
    (
        r"^WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR",
        r"^I0000 .*\.cc:[0-9]+\]",
        r"^To enable the following instructions: .*rebuild TensorFlow",
        r"^E0000 .*cuda_platform\.cc:[0-9]+\] failed call to cuInit",  # a machine without a GPU
    )
)


def settle_imports() -> None:
    """Lets TensorFlow, Keras and PyTorch share the process, whichever was imported first.

    PyTorch for Linux brings triton, and `torch.optim` imports it. After TensorFlow that ends the process
    without a message (triton 3.7.1 and TensorFlow 2.21, exit code 139); before TensorFlow it does no
    harm. So it is imported here if PyTorch came first, for `torch.compile`, and is hidden otherwise.
    """
    if "triton" in sys.modules:
        return
    if "torch" in sys.modules and "tensorflow" not in sys.modules:
        with contextlib.suppress(Exception):  # whatever an incomplete installation raises
            importlib.import_module("triton")
    sys.modules.setdefault("triton", None)  # type: ignore[arg-type]  # makes its import an ImportError


def check_backend(name: str | None) -> None:
    """Raises ImportError where Keras computes, or is to compute, through something else than TensorFlow."""
    if name not in ("tensorflow", None, ""):
        raise ImportError(
            f"Keras must compute through TensorFlow. Received: {name}; set KERAS_BACKEND=tensorflow before "
            "Keras is imported."
        )


def import_tensorflow(hidden: Collection[str] = ()) -> None:
    """Imports TensorFlow and lets it look for devices; only known noise is dropped from stderr.

    Args:
        hidden: packages that Keras, which TensorFlow imports, is to think are not installed.

    Raises:
        ImportError: the environment names another backend of Keras.
    """
    check_backend(os.environ.get("KERAS_BACKEND"))  # which may not even be installed
    settle_imports()
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors stay
    with _without_noise(), _without_packages(hidden):
        import tensorflow

        tensorflow.config.list_physical_devices()


@contextlib.contextmanager
def _without_packages(names: Collection[str]) -> Iterator[None]:
    """Lets imports of packages by this thread fail until the block ends, unless they are imported already."""
    thread = threading.get_ident()

    class Finder(importlib.abc.MetaPathFinder):
        def find_spec(self, fullname, path, target=None):
            if fullname in names and threading.get_ident() == thread:
                raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)

    sys.meta_path.insert(0, finder := Finder())
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextlib.contextmanager
def _without_noise() -> Iterator[None]:
    """Sends stderr through grep until the block ends.

    A process of its own, unlike a thread, still passes on the last words of one that crashes.
    """
    grep = shutil.which("grep")
    if grep is None:
        yield
        return
    stderr = os.dup(2)
    command = [grep, "--line-buffered", "-avE", _NOISE]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stderr, stderr=subprocess.DEVNULL)
    os.dup2(child.stdin.fileno(), 2)
    child.stdin.close()
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        child.wait()
