"""Imports TensorFlow without its start-up noise, and without hiding anything else."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

# Written before TensorFlow's logger exists, so that no environment variable reaches these lines.
_NOISE = "|".join(
    (
        r"^WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR",
        r"^I0000 .*\.cc:[0-9]+\]",
        r"^To enable the following instructions: .*rebuild TensorFlow",
        r"^E0000 .*cuda_platform\.cc:[0-9]+\] failed call to cuInit",  # a machine without a GPU
    )
)


def import_tensorflow() -> None:
    """Imports TensorFlow and lets it look for devices; only known noise is dropped from stderr."""
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors stay
    with _without_noise():
        import tensorflow

        tensorflow.config.list_physical_devices()


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
