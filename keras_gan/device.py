"""The device, the precision and the settings of Keras that the numbers depend on."""

import contextlib
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

from keras_gan.start_tensorflow import FLAGS, check_backend, settle_imports
from keras_gan.streams import Warn, ignore

settle_imports()  # TensorFlow is here: PyTorch must not import triton any more
check_backend(keras.backend.backend())


@contextlib.contextmanager
def keras_settings(precision: str) -> Iterator[None]:
    """Gives what is built, traced and called in the block Keras's own defaults, whatever keras.json says.

    Layers, losses and metrics take Keras's data format, floatx, epsilon and dtype policy when they are
    made, operations when they are traced. The settings are as before after the block.

    Args:
        precision: the dtype policy, one of `config.PRECISIONS`.
    """
    config = keras.config
    before = config.floatx(), config.epsilon(), config.image_data_format(), config.dtype_policy()
    _set_keras("float64" if precision == "float64" else "float32", 1e-7, "channels_last", precision)
    try:
        yield
    finally:
        _set_keras(*before)


def _set_keras(floatx, epsilon, image_data_format, dtype_policy):
    keras.config.set_floatx(floatx)
    keras.config.set_epsilon(epsilon)
    keras.config.set_image_data_format(image_data_format)
    keras.config.set_dtype_policy(dtype_policy)  # floatx alone is ignored once a layer exists


def use_device(name: str) -> None:
    """Makes TensorFlow use "cpu", "gpu" or "auto", which is a GPU if there is one.

    Raises:
        ValueError: "gpu" is asked for and TensorFlow sees none.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if name == "gpu" and not gpus:
        raise ValueError(
            "device gpu needs a GPU that TensorFlow sees. Received: none; docs/speed.md says how to "
            "install TensorFlow for one, and --device cpu trains without."
        )
    if name == "cpu":
        tf.config.set_visible_devices([], "GPU")
    for gpu in tf.config.get_visible_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)  # else it takes all memory at once


def has_bfloat16_products() -> bool:
    """Returns whether TensorFlow computes on a CPU that multiplies bfloat16, by oneDNN's routines."""
    on_cpu = not tf.config.get_visible_devices("GPU")
    return on_cpu and _has_onednn() and not _read_cpu_flags().isdisjoint(("avx512_bf16", "amx_bf16"))


def _has_onednn():
    return os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1").lower() not in ("0", "false")


def is_faster_with_xla(precision: str) -> bool:
    """Returns whether training is faster with XLA than without.

    On a CPU XLA widens bfloat16 to float32 before it multiplies, even if the processor multiplies bfloat16.
    """
    return precision != "mixed_bfloat16" or not has_bfloat16_products()


def check_precision(precision: str, warn: Warn = ignore) -> None:
    """Warns if "mixed_bfloat16" is not, or not always, faster on this machine: on CPUs.

    Raises:
        ValueError: the GPU cannot multiply bfloat16, or oneDNN is kept from what TensorFlow asks it for.
    """
    if precision != "mixed_bfloat16":
        return
    gpus = tf.config.get_visible_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    if not gpus:
        _check_onednn()
        gain = "gains no time on this CPU: float32 is as fast, or faster."
        if has_bfloat16_products():
            gain = "gains dense networks time on this CPU only in batches of more than 256 images."
        warn(f"precision mixed_bfloat16 {gain}")
    elif min(detail.get("compute_capability", (8, 0)) for detail in details) < (8, 0):
        raise ValueError(
            "precision mixed_bfloat16 needs a device that multiplies bfloat16. Received: "
            f"{get_device_name()}, below compute capability 8.0; --precision float32 is as fast there."
        )


def _check_onednn():
    """Raises ValueError for settings of oneDNN with which bfloat16 crashes the process (exit code 139)."""
    for name in ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"):
        isa = os.environ.get(name, "").upper()
        below = isa == "AVX" or isa.startswith(("SSE", "AVX2"))
        if below and _has_onednn() and "avx512f" in _read_cpu_flags():
            raise ValueError(
                "precision mixed_bfloat16 needs oneDNN's AVX-512 routines on this CPU. Received: "
                f"{name}={isa}; unset it, or set TF_ENABLE_ONEDNN_OPTS=0, too."
            )


def get_processors() -> dict[str, str]:
    """Returns the kind of CPU, the number of cores and `FLAGS` of the environment: rounding depends on them.

    Sums are cut by the cores, and by the registers and the caches of the kind; flags of the environment
    choose the routines.
    """
    cpuinfo, model = Path("/proc/cpuinfo"), platform.processor() or platform.machine()
    if cpuinfo.is_file() and (named := re.search(r"^model name\s*: (.+)$", cpuinfo.read_text(), re.M)):
        model = named[1].strip()
    vectors = _find_vectors() or platform.machine()
    flags = [f"{name}={os.environ[name]}" for name in FLAGS if os.environ.get(name)]
    return {"cpu": f"{model} ({vectors})", "cores": str(get_cpu_count()), "flags": " ".join(flags) or "none"}


def get_device_name() -> str:
    """Returns the name of the device that TensorFlow computes on, "CPU" if it has no GPU."""
    for gpu in tf.config.get_visible_devices("GPU"):
        return tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return "CPU"


def get_cpu_kind() -> str:
    """Returns the processor's architecture and widest vectors, such as "x86_64 AVX-512".

    Two kinds round sums differently: TensorFlow, oneDNN and BLAS have other code for each.
    """
    return f"{platform.machine()} {_find_vectors()}".strip()


def _find_vectors():
    """Returns the name of the widest vectors that the processor computes with, "" where it is unknown."""
    flags = _read_cpu_flags()
    return next((name for flag, name in _VECTORS.items() if flag in flags), "")


_VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "sve": "SVE", "asimd": "NEON"}


def get_cpu_count() -> int:
    """Returns the number of cores that TensorFlow computes on.

    They are those that this process may use, unless the program or TF_NUM_INTRAOP_THREADS says otherwise.
    """
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    with contextlib.suppress(ValueError):
        threads = threads or int(os.environ.get("TF_NUM_INTRAOP_THREADS", ""))
    if threads > 0:
        return threads
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read_cpu_flags() -> set[str]:
    """Returns the words of /proc/cpuinfo, none where the system has no such file."""
    cpuinfo = Path("/proc/cpuinfo")
    return set(cpuinfo.read_text().split()) if cpuinfo.is_file() else set()
