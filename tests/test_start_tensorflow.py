"""TensorFlow's start-up noise is dropped from stderr, and nothing else."""

import os
import subprocess
import sys

from tests.conftest import REPOSITORY

NOISE = """\
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
 I0000 00:00 indented.cc:1] from another program
the bytes \xff and é

"""


def run_python(body, **options):
    """Runs lines of Python after the import of `_without_noise` and `os`."""
    lines = "import os\nfrom keras_gan.start_tensorflow import _without_noise\n" + body
    command = [sys.executable, "-c", lines]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, **options)


def test_known_noise_alone_is_dropped():
    body = (
        "with _without_noise():\n    os.write(2, os.environb[b'TEXT'])\nos.write(2, os.environb[b'TEXT'])\n"
    )
    text = (NOISE + WORTH_READING + NOISE + "last\n").encode("latin-1")
    result = run_python(body, env={**os.environb, b"TEXT": text}, check=True)
    assert result.stderr == (WORTH_READING + "last\n").encode("latin-1") + text


def test_last_words_before_an_abort_are_seen():
    body = "with _without_noise():\n    os.write(2, b'last words\\n')\n    os.abort()\n"
    result = run_python(body)
    assert result.returncode < 0 and result.stderr.startswith(b"last words\n")


def test_traceback_out_of_the_block_is_seen():
    result = run_python("with _without_noise():\n    raise KeyError('lost')\n")
    assert result.returncode == 1 and result.stderr.endswith(b"KeyError: 'lost'\n")


def test_nothing_is_filtered_where_there_is_no_grep():
    body = "os.environ['PATH'] = ''\nwith _without_noise():\n    os.write(2, b'I0000 a.cc:1] b\\n')\n"
    assert run_python(body, check=True).stderr == b"I0000 a.cc:1] b\n"


def test_packages_are_hidden_from_this_thread_until_tensorflow_is_imported(tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import threading\n"
        "try:\n    import colorsys\nexcept ModuleNotFoundError as error:\n    print(error)\n"
        "thread = threading.Thread(target=__import__, args=['colorsys'])\n"
        "thread.start(), thread.join()\n"
        "class config:\n    list_physical_devices = print\n"
    )
    body = (
        "from keras_gan.start_tensorflow import import_tensorflow\n"
        "import sys\n"
        "before = list(sys.meta_path)\n"
        "import_tensorflow(['colorsys', 'os'])\n"
        "print(sys.meta_path == before)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    found = run_python(body, env=environment, check=True).stdout.decode().splitlines()
    assert found == ["No module named 'colorsys'", "", "True"]


def test_library_refuses_another_backend_before_it_is_imported():
    result = run_python("import keras_gan\nkeras_gan.GAN\n", env=os.environ | {"KERAS_BACKEND": "numpi"})
    expected = b"ImportError: Keras must compute through TensorFlow. Received: numpi; set KERAS_BACKEND="
    assert result.stderr.splitlines()[-1].startswith(expected)
