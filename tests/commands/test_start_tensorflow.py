import importlib.util
import os
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY

CHATTER = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795502098.067411    4373 port.cc:153] oneDNN custom operations are on. You may see [...]
I0000 00:00:1795502098.06    4373 cudart_stub.cc:31] Could not find cuda drivers on your machine [...]
To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow with [...]
E0000 00:00:1795502098.067411    4373 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error
"""
WORTH_READING = """\
E0000 00:00:1795502098.067411    4373 gpu_device.cc:52] failed to allocate memory
W0000 00:00:1795502098.067411    4373 numa.cc:52] NUMA node could not be read
F0000 00:00:1795502098.067411    4373 tensor.cc:52] Check failed
Traceback (most recent call last):
ValueError: I0000 is not a preset
 I0000 00:00 indented.cc:1] said by somebody else
the bytes \xff and é

"""


def program(body, **options):
    """Runs lines of Python after the import of `_without_chatter` and `os`."""
    lines = "import os\nfrom keras_gan.quiet import _without_chatter\n" + body
    command = [sys.executable, "-c", lines]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, **options)


def through_the_filter(text):
    """Returns what is left on stderr of a text written to file descriptor 2."""
    body = "with _without_chatter():\n    os.write(2, os.environb[b'TEXT'])\n"
    environment = {**os.environb, b"TEXT": text.encode("latin-1")}
    return program(body, env=environment, check=True).stderr.decode("latin-1")


@pytest.mark.parametrize("line", CHATTER.splitlines(keepends=True))
def test_known_chatter_is_dropped(line):
    assert through_the_filter(line) == ""


def test_everything_else_passes_unchanged_and_in_order():
    assert through_the_filter(WORTH_READING) == WORTH_READING


def test_other_lines_between_chatter_pass():
    mixed = "first\n" + CHATTER + "second\n" + CHATTER + "third\n"
    assert through_the_filter(mixed) == "first\nsecond\nthird\n"


def test_stderr_is_unfiltered_again_after_the_block():
    body = "with _without_chatter():\n    pass\nos.write(2, b'I0000 00:00 a.cc:1] after\\n')\n"
    assert program(body, check=True).stderr == b"I0000 00:00 a.cc:1] after\n"


def test_traceback_out_of_the_block_is_seen():
    result = program("with _without_chatter():\n    raise KeyError('lost')\n")
    assert result.returncode == 1 and result.stderr.endswith(b"KeyError: 'lost'\n")


def test_last_words_before_an_abort_are_seen():
    body = "with _without_chatter():\n    os.write(2, b'last words\\n')\n    os.abort()\n"
    result = program(body)
    assert result.returncode < 0 and result.stderr.startswith(b"last words\n")


def test_commands_compute_through_tensorflow_whatever_the_environment_says(tmp_path):
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    body = "from keras_gan.commands.options import start_tensorflow\nstart_tensorflow()\nimport keras\nprint(keras.backend.backend())\n"
    environment = os.environ | {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "jax"}
    result = program(body, env=environment, check=True)
    assert result.stdout == b"tensorflow\n"
    assert result.stderr == b"KERAS_BACKEND=jax is not followed: this computes through TensorFlow.\n"


def test_library_refuses_another_backend():
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    result = program("import keras_gan\nkeras_gan.GAN\n", env=os.environ | {"KERAS_BACKEND": "torch"})
    said = b"ImportError: Keras must compute through TensorFlow. Received: torch; set KERAS_BACKEND="
    assert result.stderr.splitlines()[-1].startswith(said)


def test_nothing_is_filtered_where_there_is_no_grep():
    body = "os.environ['PATH'] = ''\nwith _without_chatter():\n    os.write(2, b'I0000 a.cc:1] b\\n')\n"
    assert program(body, check=True).stderr == b"I0000 a.cc:1] b\n"
