"""TensorFlow without its start-up chatter, and without hiding anything else."""

import contextlib
import os
import shutil
import subprocess
import sys

# Written before TensorFlow's logger exists, so that no environment variable reaches these lines.
_CHATTER = "|".join(
    (
        r"^WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR",
        r"^I0000 .*\.cc:[0-9]+\]",
        r"^To enable the following instructions: .*rebuild TensorFlow",
        r"^E0000 .*cuda_platform\.cc:[0-9]+\] failed call to cuInit",  # a machine without a GPU
    )
)


def import_tensorflow():
    """Imports TensorFlow, makes it Keras's backend, whatever keras.json says, and starts its devices.

    Only the known chatter is dropped from stderr.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    if "tensorflow" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # errors stay
    with _without_chatter():
        import tensorflow

        tensorflow.config.list_physical_devices()


@contextlib.contextmanager
def _without_chatter():
    """Sends stderr through a filter in a process of its own, which outlives a crash of this one."""
    grep = shutil.which("grep")
    if grep is None:
        yield
        return
    sys.stderr.flush()
    stderr = os.dup(2)
    command = [grep, "--line-buffered", "-avE", _CHATTER]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stderr, stderr=subprocess.DEVNULL)
    os.dup2(child.stdin.fileno(), 2)
    child.stdin.close()
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(stderr, 2)
        os.close(stderr)
        child.wait()
