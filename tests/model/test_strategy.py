import json

import pytest
import tensorflow as tf

from keras_gan.model import strategy


def test_no_strategy_is_started_where_none_is_asked_for():
    assert strategy.start_strategy("none") is None and not strategy.is_started("mirrored")


def test_mirrored_without_enough_gpus_is_refused(monkeypatch):
    monkeypatch.setattr(strategy.tf.config, "get_visible_devices", lambda kind: ["gpu"])
    with pytest.raises(ValueError, match="needs 2 GPUs. Received: 1; --device cpu --replicas 2 makes"):
        strategy.start_strategy("mirrored", 2)
    with pytest.raises(ValueError, match="needs one or more GPUs. Received: 0; --device cpu --replicas 2"):
        strategy.start_strategy("mirrored", None, "cpu")


def test_all_gpus_are_taken_unless_a_number_is_given(monkeypatch):
    monkeypatch.setattr(strategy.tf.config, "get_visible_devices", lambda kind: ["gpu"] * 4)
    assert strategy._list_devices(None, "auto") == ["GPU:0", "GPU:1", "GPU:2", "GPU:3"]
    assert strategy._list_devices(2, "gpu") == ["GPU:0", "GPU:1"]


def test_logical_devices_after_the_first_computation_are_refused():
    tf.constant(0)
    with pytest.raises(ValueError, match="mirrored must be started before TensorFlow computes anything"):
        strategy.start_strategy("mirrored", 7, "cpu")


def set_cluster(monkeypatch, cluster, kind, index):
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}}))


def test_cluster_of_tf_config(monkeypatch):
    set_cluster(monkeypatch, {"worker": ["a:1", "b:2"]}, "worker", 1)
    assert strategy.read_cluster() == (["a:1", "b:2"], 1)
    set_cluster(monkeypatch, {"chief": ["c:3"], "worker": ["a:1"]}, "worker", 0)
    assert strategy.read_cluster() == (["c:3", "a:1"], 1)


@pytest.mark.parametrize(
    "cluster, kind, index, reason",
    [
        ({"worker": ["a:1"]}, "worker", 1, "it has 1 workers and this is the one of index 1"),
        ({"worker": ["a:1"], "ps": ["b:1"]}, "worker", 0, "it has jobs worker, ps"),
        ({"worker": ["a"]}, "worker", 0, "'a' is not host:port"),
        ({"worker": ["a:99999"]}, "worker", 0, "'a:99999' is not host:port"),
        ({"worker": ["a:1"]}, "evaluator", 0, "its task is of type evaluator, which is none of its jobs"),
        ({"worker": 3}, "worker", 0, "not iterable"),
        ([], "worker", 0, "keys"),
        ({"worker": ["a:1"]}, "worker", "x", "invalid literal"),
    ],
)
def test_damaged_tf_config_is_refused(cluster, kind, index, reason, monkeypatch):
    set_cluster(monkeypatch, cluster, kind, index)
    with pytest.raises(ValueError, match=f"TF_CONFIG must be .*Received: .*{reason}") as error:
        strategy.read_cluster()
    assert "\n" not in str(error.value)


def test_tf_config_that_is_no_json_is_refused(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", "{")
    with pytest.raises(ValueError, match="TF_CONFIG must be .*Received: { \\(no 'cluster'\\)"):
        strategy.read_cluster()


def test_cluster_of_slurm(monkeypatch):
    for name in ("TF_CONFIG", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="needs the addresses of the workers. Received: neither TF_CONFIG"):
        strategy.read_cluster()
    variables = dict(NODELIST="node[1-2]", NUM_TASKS="3", TASKS_PER_NODE="2,1")
    for name, value in variables.items():
        monkeypatch.setenv(f"SLURM_STEP_{name}", value)
    monkeypatch.setenv("SLURM_PROCID", "2")
    monkeypatch.setenv("SLURM_JOB_ID", "1230045")
    assert strategy.read_cluster() == (["node1:20045", "node1:20046", "node2:20045"], 2)
    assert "CUDA_VISIBLE_DEVICES" not in strategy.os.environ
