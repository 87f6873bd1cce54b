"""The device or devices, the precision and the settings of Keras that the numbers depend on."""

import contextlib
import json
import os
import platform
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from keras_gan.start_tensorflow import settle_imports

settle_imports()  # TensorFlow is here: PyTorch must not import triton any more

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"Keras must compute through TensorFlow. Received: {keras.backend.backend()}; set "
        "KERAS_BACKEND=tensorflow before Keras is imported."
    )


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
            "device gpu needs a GPU that TensorFlow sees. Received: none; the README says how to "
            "install TensorFlow for one, and --device cpu trains without."
        )
    if name == "cpu":
        tf.config.set_visible_devices([], "GPU")
    for gpu in tf.config.get_visible_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)  # else it takes all memory at once


def check_precision(precision: str) -> None:
    """Raises ValueError for "mixed_bfloat16" if the device cannot multiply bfloat16.

    Such a device would round to bfloat16 and compute in float32, which gains no time.
    """
    if precision != "mixed_bfloat16":
        return
    gpus = tf.config.get_visible_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    if details and min(detail.get("compute_capability", (8, 0)) for detail in details) < (8, 0):
        raise ValueError(_NO_BFLOAT16.format(f"{get_device_name()}, below compute capability 8.0"))
    flags = _read_cpu_flags()
    if not gpus and flags and not _BFLOAT16_FLAGS & flags:
        raise ValueError(_NO_BFLOAT16.format("a CPU without AVX512_BF16 or AMX"))


_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}  # the last is Arm's name

_NO_BFLOAT16 = (
    "precision mixed_bfloat16 needs a device that multiplies bfloat16. Received: {}; "
    "--precision float32 is as fast there."
)


def get_processors() -> dict[str, str]:
    """Returns the kind of CPU and the number of cores that TensorFlow uses, on which rounding depends.

    Sums are cut by the cores, and by the registers and the caches of the kind.
    """
    cpuinfo, model, flags = Path("/proc/cpuinfo"), platform.processor() or platform.machine(), set()
    if cpuinfo.is_file():
        lines = dict(line.split(":", 1) for line in cpuinfo.read_text().splitlines() if ":" in line)
        facts = {name.strip(): value.strip() for name, value in lines.items()}
        model, flags = facts.get("model name", model), set(facts.get("flags", "").split())
    vectors = next((name for flag, name in _VECTORS.items() if flag in flags), platform.machine())
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"cpu": f"{model} ({vectors})", "cores": str(cores)}


_VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX"}  # the widest first


def get_device_name() -> str:
    """Returns the name of the device that TensorFlow computes on, "CPU" if it has no GPU."""
    for gpu in tf.config.get_visible_devices("GPU"):
        return tf.config.experimental.get_device_details(gpu).get("device_name", "GPU")
    return "CPU"


def get_cpu_kind() -> str:
    """Returns the processor's architecture and widest vectors, such as "x86_64 AVX-512".

    Two kinds round sums differently: TensorFlow, oneDNN and BLAS have other code for each.
    """
    flags = _read_cpu_flags()
    vectors = next((name for flag, name in _VECTORS.items() if flag in flags), "")
    return f"{platform.machine()} {vectors}".strip()


_VECTORS = {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "sve": "SVE", "asimd": "NEON"}


def get_cpu_count() -> int:
    """Returns the number of cores that this process may use, which TensorFlow takes as its threads."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _read_cpu_flags() -> set[str]:
    """Returns the words of /proc/cpuinfo, none where the system has no such file."""
    cpuinfo = Path("/proc/cpuinfo")
    return set(cpuinfo.read_text().split()) if cpuinfo.is_file() else set()


# several devices and machines


def start_strategy(name: str, replicas: int | None = None, device: str = "auto") -> Any:
    """Returns the `tf.distribute` strategy of one of `config.STRATEGIES`; None for "none".

    TensorFlow divides a CPU and starts the server of a worker only before its first computation: call this
    before a GAN is built. Later calls with the same name and number return the same strategy.

    Args:
        replicas: number of devices for "mirrored"; None is all GPUs.
        device: as for `use_device`; "cpu" makes logical CPU devices of the one CPU.

    Raises:
        ValueError: there are fewer devices, no cluster is described, or it is too late.
        OSError: the server of this worker cannot start.
    """
    if name == "none":
        return None
    if (name, replicas) not in _strategies:
        try:
            if name == "mirrored":
                strategy = tf.distribute.MirroredStrategy(_list_devices(replicas, device))
            else:
                os.environ["TF_CONFIG"] = json.dumps(_find_cluster())
                strategy = tf.distribute.MultiWorkerMirroredStrategy()
        except RuntimeError:
            raise ValueError(
                f"strategy {name} must be started before TensorFlow computes anything. Received: it has; "
                f'call keras_gan.model.workers.join_workers("{name}", ...) before the first GAN.'
            ) from None
        except tf.errors.OpError as error:
            reason = " ".join(str(error).split())
            raise OSError(f"TensorFlow's server does not start on this worker: {reason}") from None
        _strategies[name, replicas] = strategy
    return _strategies[name, replicas]


_strategies: dict[tuple[str, int | None], Any] = {}  # TensorFlow can start its server once in a process


def is_started(name: str, replicas: int | None = None) -> bool:
    """Returns whether `start_strategy` has started this strategy."""
    return (name, replicas) in _strategies


def _list_devices(replicas, device):
    """Returns the names of the devices of "mirrored"; makes them of the CPU where that is asked for."""
    gpus = [] if device == "cpu" else tf.config.get_visible_devices("GPU")
    if device == "cpu" and replicas:
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * replicas
        if len(tf.config.get_logical_device_configuration(cpu) or ()) < replicas:
            tf.config.set_logical_device_configuration(cpu, parts)
        return [f"CPU:{i}" for i in range(replicas)]
    if not gpus or (replicas or 1) > len(gpus):
        raise ValueError(
            f"strategy mirrored needs {replicas or 'one or more'} GPUs. Received: {len(gpus)}; "
            f"--device cpu --replicas {replicas or 2} makes logical devices of the CPU."
        )
    return [f"GPU:{i}" for i in range(replicas or len(gpus))]


class Cluster(NamedTuple):
    """The workers of "multi-worker": "host:port" of each, and which of them this process is."""

    addresses: list[str]
    own: int


def read_cluster() -> Cluster:
    """Returns the `Cluster` that TF_CONFIG describes or, where it is not set, SLURM.

    Raises:
        ValueError: neither does.
    """
    content = _find_cluster()
    try:
        jobs, task = content["cluster"], content["task"]
        if jobs.keys() - {"chief", "worker"}:
            raise ValueError(f"it has jobs {', '.join(jobs)}")
        addresses = [str(address) for job in ("chief", "worker") for address in jobs.get(job, [])]
        index = int(task["index"]) + (len(jobs.get("chief", [])) if task["type"] == "worker" else 0)
        if not 0 <= index < len(addresses):
            raise ValueError(f"it has {len(addresses)} workers and this is the one of index {index}")
        if bad := [address for address in addresses if not re.fullmatch(r".+:\d{1,5}", address)]:
            raise ValueError(f"{bad[0]!r} is not host:port")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        raise ValueError(
            'TF_CONFIG must be {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", '
            f'"index": 0}}}}. Received: {os.environ.get("TF_CONFIG")} ({reason}).'
        ) from None
    return Cluster(addresses, index)


def _find_cluster():
    """Returns the content of TF_CONFIG, made from SLURM's variables where it is not set."""
    if "TF_CONFIG" in os.environ:
        try:
            return json.loads(os.environ["TF_CONFIG"])
        except ValueError:
            return {}
    if "SLURM_STEP_NODELIST" not in os.environ:
        raise ValueError(
            "strategy multi-worker needs the addresses of the workers. Received: neither TF_CONFIG nor "
            "SLURM's variables; docs/distributed.md shows both."
        )
    # Two jobs on one node must not take the same port; SLURM itself binds GPUs to tasks.
    port = 20000 + int(os.environ.get("SLURM_JOB_ID", 0)) % 10000
    many = dict(gpus_per_node=2**10, gpus_per_task=1, auto_set_gpu=False)  # it cuts its list where GPUs end
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(port_base=port, **many)
    cluster = resolver.cluster_spec().as_dict()
    kind, index = resolver.get_task_info()
    return {"cluster": cluster, "task": {"type": kind, "index": index}}
