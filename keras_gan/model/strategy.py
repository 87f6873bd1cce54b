"""The strategies of `tf.distribute`, and the cluster that the environment describes."""

import json
import os
import re
from typing import Any, NamedTuple

import tensorflow as tf

from keras_gan.streams import format_error


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
            reason = format_error(error)
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
        if task["type"] not in jobs:
            raise ValueError(f"its task is of type {task['type']}, which is none of its jobs")
        addresses = [str(address) for job in ("chief", "worker") for address in jobs.get(job, [])]
        index = int(task["index"]) + (len(jobs.get("chief", [])) if task["type"] == "worker" else 0)
        if not 0 <= index < len(addresses):
            raise ValueError(f"it has {len(addresses)} workers and this is the one of index {index}")
        if bad := [address for address in addresses if not _has_port(address)]:
            raise ValueError(f"{bad[0]!r} is not host:port")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        raise ValueError(
            'TF_CONFIG must be {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", '
            f'"index": 0}}}}. Received: {os.environ.get("TF_CONFIG")} ({reason}).'
        ) from None
    return Cluster(addresses, index)


def _has_port(address):
    match = re.fullmatch(r".+:(\d{1,5})", address)
    return bool(match) and 0 < int(match[1]) < 2**16


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
