import keras
import pytest
import tensorflow as tf

from keras_gan import device
from keras_gan.device import check_precision, dtype_policy, use_device


def settings():
    return keras.config.floatx(), keras.config.dtype_policy().name


def test_policy_holds_in_its_block_and_is_undone_after_it():
    before = settings()
    with dtype_policy("float64"):
        assert settings() == ("float64", "float64")
        assert keras.layers.Dense(1).compute_dtype == "float64"
    assert settings() == before == ("float32", "float32")


def test_policy_is_undone_after_an_exception():
    with pytest.raises(KeyError), dtype_policy("float64"):
        raise KeyError
    assert settings() == ("float32", "float32")


def test_gpu_without_a_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    with pytest.raises(ValueError, match="gpu needs a GPU.*Received: none"):
        use_device("gpu")


def test_cpu_hides_the_gpus(monkeypatch):
    hidden = []
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *words: hidden.append(words))
    use_device("cpu")
    assert hidden == [([], "GPU")]


def test_mixed_bfloat16_is_refused_where_the_processor_cannot(monkeypatch):
    for flags, refused in (("fma avx2", True), ("avx2 avx512_bf16", False)):
        monkeypatch.setattr(device.Path, "is_file", lambda path: True)
        monkeypatch.setattr(device.Path, "read_text", lambda path, flags=flags: f"flags : {flags}\n")
        check_precision("float32")
        if refused:
            with pytest.raises(ValueError, match="without AVX512_BF16 or AMX; --precision float32"):
                check_precision("mixed_bfloat16")
        else:
            check_precision("mixed_bfloat16")


def test_mixed_bfloat16_is_refused_on_an_old_gpu(monkeypatch):
    monkeypatch.setattr(device.tf.config, "get_visible_devices", lambda kind: ["gpu"])
    for capability, name in (((7, 5), "T4"), ((8, 0), "A100")):
        details = {"compute_capability": capability, "device_name": name}
        monkeypatch.setattr(device.tf.config.experimental, "get_device_details", lambda gpu, d=details: d)
        if capability < (8, 0):
            with pytest.raises(ValueError, match="Received: T4, below compute capability 8.0"):
                check_precision("mixed_bfloat16")
        else:
            check_precision("mixed_bfloat16")


def test_kind_of_a_processor_is_its_architecture_and_widest_vectors(monkeypatch):
    monkeypatch.setattr(device.platform, "machine", lambda: "x86_64")
    kinds = {"fma avx avx2 avx512f": "x86_64 AVX-512", "avx avx2": "x86_64 AVX2", "sse": "x86_64"}
    for flags, kind in kinds.items():
        monkeypatch.setattr(device, "_read_cpu_flags", lambda flags=flags: set(flags.split()))
        assert device.get_cpu_kind() == kind


def test_cores_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(device.os, "sched_getaffinity", lambda pid: {0, 5}, raising=False)
    assert device.get_cpu_count() == 2
