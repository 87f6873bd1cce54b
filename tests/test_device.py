import importlib
import json
import os
import subprocess
import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_gan import device
from keras_gan.data import datasets
from keras_gan.device import check_precision, keras_settings, use_device
from keras_gan.model.gan import GAN
from tests.conftest import REPOSITORY, forbidden, run

HOSTILE = {
    "backend": "jax",
    "floatx": "float16",
    "epsilon": 1e-2,
    "image_data_format": "channels_first",
}


def settings():
    """Returns all settings of Keras that numbers depend on."""
    config = keras.config
    return config.floatx(), config.dtype_policy().name, config.epsilon(), config.image_data_format()


def test_settings_hold_in_their_block_and_are_undone_after_it():
    before = settings()
    with keras_settings("float64"):
        assert settings() == ("float64", "float64", 1e-7, "channels_last")
        assert keras.layers.Dense(1).compute_dtype == "float64"
    assert settings() == before == ("float32", "float32", 1e-7, "channels_last")


@pytest.fixture
def hostile_settings():
    """Keras's settings as a hostile keras.json makes them."""
    device._set_keras("float16", 1e-2, "channels_first", "float16")
    yield settings()
    device._set_keras("float32", 1e-7, "channels_last", "float32")


def test_settings_of_a_keras_json_are_replaced_in_the_block_and_stand_after_it(hostile_settings):
    with keras_settings("float32"):
        assert settings() == ("float32", "float32", 1e-7, "channels_last")
    assert settings() == hostile_settings == ("float16", "float16", 1e-2, "channels_first")


PROGRAM = """\
import json, sys
from keras_gan.commands.main import main
from keras_gan.commands.options import start_tensorflow

start_tensorflow()
from keras_gan.model import gan
gan.JIT_COMPILE = False
if sys.argv[2:]:
    import torch
    torch.set_num_threads(1)
for words in json.loads(sys.argv[1]):
    main(words, standalone_mode=False)
"""
COMMANDS = [
    "train --data ../digits.npz --preset kmnist --batch-size 40 --epochs 2 --outdir run --quiet",
    "fid run ../digits.npz --features classifier --count 50 --offline --json",
    "parity --data ../digits.npz --preset kmnist --batch-size 16 --steps 2 --mode float64 --json",
]


def read_written(folder, home):
    """Returns the arrays of a run and of its classifier, and the run's history."""
    with np.load(folder / "run/checkpoint.npz") as arrays, np.load(next(home.glob("*/classifier*"))) as c:
        written = {name: arrays[name] for name in arrays} | {f"classifier {name}": c[name] for name in c}
    return written, (folder / "run/history.csv").read_text()


def without_times(printed):
    return [line for line in printed.splitlines() if not line.strip().startswith(('"keras"', '"torch"'))]


@pytest.mark.slow
def test_train_fid_and_parity_give_the_same_bits_under_hostile_settings(tmp_path, monkeypatch, keras_home):
    """In a process of its own, with a keras.json and a KERAS_BACKEND of something else; it is ignored."""
    digits = datasets.load_dataset("digits")
    images, labels = digits.images[:120, 7:21, 7:21, 0], digits.labels[:120]
    np.savez(tmp_path / "digits.npz", x_train=images[:80], y_train=labels[:80], x_test=images[80:])
    has_torch = bool(find_spec("torch"))
    commands = [line.split() for line in COMMANDS[: 2 + has_torch]]
    if has_torch:  # whose sums depend on the number of its threads
        importlib.import_module("torch").set_num_threads(1)
    clean, hostile, home = (tmp_path / name for name in ("clean", "hostile", "home"))
    for folder in (clean, hostile, home):
        folder.mkdir()

    monkeypatch.chdir(clean)
    results = [run(*words) for words in commands]
    assert [result.exit_code for result in results] == [0] * len(commands), results[-1].output
    written, history = read_written(clean, keras_home)

    (home / "keras.json").write_text(json.dumps(HOSTILE))
    environment = os.environ | {"KERAS_HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
    environment["KERAS_BACKEND"] = "torch"
    command = [sys.executable, "-c", PROGRAM, json.dumps(commands), *["torch"] * has_torch]
    result = subprocess.run(command, cwd=hostile, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    first = "KERAS_BACKEND=torch is ignored: the commands compute through TensorFlow."
    assert result.stderr.splitlines()[0] == first
    assert without_times(result.stdout) == without_times("".join(result.stdout for result in results))
    hostile_written, hostile_history = read_written(hostile, home)
    assert hostile_history == history
    assert hostile_written.keys() == written.keys() and len(written) > 20
    for name, array in written.items():
        np.testing.assert_array_equal(hostile_written[name], array, err_msg=name)


def test_settings_are_undone_after_an_exception():
    with pytest.raises(KeyError), keras_settings("float64"):
        raise KeyError
    assert settings()[:2] == ("float32", "float32")


def test_gpu_without_a_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    with pytest.raises(ValueError, match="gpu needs a GPU.*Received: none"):
        use_device("gpu")


def test_cpu_hides_the_gpus(monkeypatch):
    hidden = []
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *words: hidden.append(words))
    use_device("cpu")
    assert hidden == [([], "GPU")]


@pytest.mark.parametrize(
    "flags, onednn, gpus, multiplies",
    [
        ("avx512f avx512_bf16", None, [], True),
        ("avx512f amx_bf16", "1", [], True),
        ("avx512f avx512_bf16", "0", [], False),
        ("avx512f", None, [], False),
        ("avx512f avx512_bf16", None, ["gpu"], False),
    ],
)
def test_bfloat16_is_computed_by_the_routines_that_gain(flags, onednn, gpus, multiplies, monkeypatch):
    monkeypatch.setattr(device, "_read_cpu_flags", lambda: set(flags.split()))
    monkeypatch.setattr(device.tf.config, "get_visible_devices", lambda kind: gpus)
    details = {"compute_capability": (8, 0)}
    monkeypatch.setattr(device.tf.config.experimental, "get_device_details", lambda gpu: details)
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    if onednn:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", onednn)
    assert device.is_faster_with_xla("mixed_bfloat16") is not multiplies
    assert device.is_faster_with_xla("float32")
    # A line on a CPU that gains nothing
    lines = []
    check_precision("float32", forbidden)
    check_precision("mixed_bfloat16", lines.append)
    gain = "dense networks time on this CPU only in" if multiplies else "no time on this CPU"
    assert len(lines) == (not gpus)
    assert all(line.startswith(f"precision mixed_bfloat16 gains {gain}") for line in lines)


@pytest.mark.parametrize(
    "flags, name, isa, onednn, refuses",
    [
        ("avx512f", "ONEDNN_MAX_CPU_ISA", "avx2", None, True),
        ("avx512f avx512_bf16", "DNNL_MAX_CPU_ISA", "SSE41", "1", True),
        ("avx512f", "ONEDNN_MAX_CPU_ISA", "AVX2_VNNI_2", None, True),
        ("avx512f", "ONEDNN_MAX_CPU_ISA", "AVX2", "0", False),
        ("avx512f", "ONEDNN_MAX_CPU_ISA", "AVX512_CORE", None, False),
        ("avx2", "ONEDNN_MAX_CPU_ISA", "AVX2", None, False),
    ],
)
def test_mixed_bfloat16_is_refused_where_tensorflow_would_crash(
    flags, name, isa, onednn, refuses, monkeypatch
):
    monkeypatch.setattr(device, "_read_cpu_flags", lambda: set(flags.split()))
    for variable in ("TF_ENABLE_ONEDNN_OPTS", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(name, isa)
    if onednn:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", onednn)
    check_precision("float32", forbidden)
    if not refuses:
        check_precision("mixed_bfloat16", id)
        return
    with pytest.raises(ValueError, match=f"AVX-512 routines on this CPU. Received: {name}={isa.upper()}; "):
        GAN(precision="mixed_bfloat16")


def test_mixed_bfloat16_is_refused_on_an_old_gpu(monkeypatch):
    monkeypatch.setattr(device.tf.config, "get_visible_devices", lambda kind: ["gpu"])
    for capability, name in (((7, 5), "T4"), ((8, 0), "A100")):
        details = {"compute_capability": capability, "device_name": name}
        monkeypatch.setattr(device.tf.config.experimental, "get_device_details", lambda gpu, d=details: d)
        if capability < (8, 0):
            with pytest.raises(ValueError, match="Received: T4, below compute capability 8.0"):
                check_precision("mixed_bfloat16", forbidden)
        else:
            check_precision("mixed_bfloat16", forbidden)


def test_kind_of_a_processor_is_its_architecture_and_widest_vectors(monkeypatch):
    monkeypatch.setattr(device.platform, "machine", lambda: "x86_64")
    kinds = {"fma avx avx2 avx512f": "x86_64 AVX-512", "avx avx2": "x86_64 AVX2", "sse": "x86_64"}
    for flags, kind in kinds.items():
        monkeypatch.setattr(device, "_read_cpu_flags", lambda flags=flags: set(flags.split()))
        assert device.get_cpu_kind() == kind


def test_cores_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(device.os, "sched_getaffinity", lambda pid: {0, 5}, raising=False)
    assert device.get_cpu_count() == 2
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "abc")  # which TensorFlow ignores
    assert device.get_cpu_count() == 2
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    assert device.get_cpu_count() == 1


@pytest.mark.parametrize(
    ("flags", "kind"), [("sse avx avx2", "AVX2"), ("avx avx2 avx512f", "AVX-512"), ("avx", "AVX")]
)
def test_processors_are_told_by_model_widest_registers_and_number(monkeypatch, flags, kind):
    text = f"processor\t: 0\nmodel name\t: A Chip: 2.0 GHz\nflags\t\t: {flags}\n\nprocessor\t: 1\n"
    monkeypatch.setattr(device.Path, "is_file", lambda path: True)
    monkeypatch.setattr(device.Path, "read_text", lambda path: text)
    monkeypatch.setattr(device.os, "sched_getaffinity", lambda process: {0, 3, 5}, raising=False)
    monkeypatch.setattr(device.os, "environ", {"TF_ENABLE_ONEDNN_OPTS": "0", "HOME": "/", "XLA_FLAGS": ""})
    expected = {"cpu": f"A Chip: 2.0 GHz ({kind})", "cores": "3", "flags": "TF_ENABLE_ONEDNN_OPTS=0"}
    assert device.get_processors() == expected
    monkeypatch.setattr(device.os, "environ", {})
    assert device.get_processors() == expected | {"flags": "none"}
