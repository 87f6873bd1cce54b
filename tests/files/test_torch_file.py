"""Reading torch.save's files: written by hand, by PyTorch where it is installed, and hostile ones."""

import collections
import io
import pickle
import struct
import zipfile

import ml_dtypes
import numpy as np
import pytest

from keras_gan.files.torch_file import load_torch_file


class Storage:
    """What torch.save pickles as a persistent id."""

    def __init__(self, kind, key, n):
        self.pid = ("storage", Global("torch", kind), key, "cpu", n)


class Global:
    """A class or function by name, called or not."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Call:
    """The call of a global, as pickle writes an object."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments


class Pickler(pickle._Pickler):
    """Writes the above as torch.save does; Python's own pickler in Python, which can be extended."""

    dispatch = dict(pickle._Pickler.dispatch)

    def persistent_id(self, obj):
        """Returns the id of a storage."""
        return obj.pid if isinstance(obj, Storage) else None

    def save_global_name(self, obj):
        """Writes a global by its name."""
        self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())

    def save_call(self, obj):
        """Writes a call."""
        self.save(obj.function)
        self.save(obj.arguments)
        self.write(pickle.REDUCE)

    dispatch[Global] = save_global_name
    dispatch[Call] = save_call


def pickled(content):
    file = io.BytesIO()
    Pickler(file, protocol=2).dump(content)
    return file.getvalue()


REBUILD = Global("torch._utils", "_rebuild_tensor_v2")


def tensor(kind="FloatStorage", key="0", n=6, offset=0, size=(2, 3), stride=(3, 1)):
    hooks = Call(Global("collections", "OrderedDict"))
    return Call(REBUILD, Storage(kind, key, n), offset, size, stride, False, hooks)


def write_zip(path, content, storages, compression=zipfile.ZIP_STORED, **others):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled(content))
        for key, array in storages.items():
            archive.writestr(f"archive/data/{key}", array.tobytes())
        for name, text in others.items():
            archive.writestr(f"archive/{name}", text)
    return path


def write_stream(path, content, storages, magic=0x1950A86A20F9469CFC6C):
    parts = [magic, 1001, {"little_endian": True}, content, list(storages)]
    body = b"".join(map(pickled, parts))
    body += b"".join(struct.pack("<q", array.size) + array.tobytes() for array in storages.values())
    path.write_bytes(body)
    return path


SIX = np.arange(6, dtype=np.float32)
FORMS = pytest.mark.parametrize("write", [write_zip, write_stream])


@FORMS
def test_tensors_are_arrays_and_everything_else_is_as_it_was(tmp_path, write):
    parameter = Call(Global("torch._utils", "_rebuild_parameter"), tensor(), True, None)
    content = {"w": tensor(), "p": parameter, "epoch": 3, "lr": [0.5, None, True], "name": "é"}
    found = load_torch_file(write(tmp_path / "a.pt", content, {"0": SIX}))
    for name in "wp":
        np.testing.assert_array_equal(found.pop(name), [[0, 1, 2], [3, 4, 5]])
    assert found == {"epoch": 3, "lr": [0.5, None, True], "name": "é"}


@FORMS
def test_views_of_a_storage_are_taken_by_offset_and_stride(tmp_path, write):
    content = [
        tensor(size=(3, 2), stride=(1, 3)),
        tensor(offset=4, size=(2,), stride=(1,)),
        tensor(size=(), stride=()),
    ]
    transposed, tail, scalar = load_torch_file(write(tmp_path / "a.pt", content, {"0": SIX}))
    assert transposed.tolist() == [[0, 3], [1, 4], [2, 5]] and tail.tolist() == [4, 5] and scalar == 0


@FORMS
@pytest.mark.parametrize(
    "kind, dtype",
    [
        ("DoubleStorage", np.float64),
        ("HalfStorage", np.float16),
        ("BFloat16Storage", ml_dtypes.bfloat16),
        ("LongStorage", np.int64),
        ("BoolStorage", np.bool_),
        ("ComplexFloatStorage", np.complex64),
    ],
)
def test_numbers_of_every_kind_keep_their_dtype(tmp_path, write, kind, dtype):
    numbers = np.array([0, 1, 1, 0, 1, 1]).astype(dtype)
    found = load_torch_file(write(tmp_path / "a.pt", tensor(kind), {"0": numbers}))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found.astype(complex), numbers.reshape(2, 3).astype(complex))


def test_ordered_dict_with_metadata_as_a_state_dict_has_it(tmp_path):
    state = collections.OrderedDict(a=1)
    state._metadata = {"": {"version": 1}}
    assert load_torch_file(write_zip(tmp_path / "a.pt", state, {})) == {"a": 1}


@FORMS
@pytest.mark.parametrize(
    "content, reason",
    [
        (Call(Global("os", "system"), "false"), "Python object, os.system, which is never unpickled"),
        (Call(Global("builtins", "eval"), "1"), "builtins.eval"),
        (
            Call(Global("__main__", "Generator")),
            r"save weights alone: torch.save\(model.state_dict\(\), path\)",
        ),
        (Global("torch._utils", "_rebuild_tensor_v3"), "_rebuild_tensor_v3"),
        (tensor(size=(7,), stride=(1,)), r"shape \(7,\) is larger than its 6 numbers"),
        (tensor(offset=1), "larger than its 6"),
        (tensor(size=(10**9, 10**9), stride=(0, 0)), "larger than its 6"),
        (tensor(size=(2, -3)), "unknown shape"),
        (tensor(size=(2,), stride=(1.0,)), "unknown shape"),
        (tensor(size=(2, 2), stride=(1,)), "zip"),
        ([tensor(), tensor("HalfStorage")], "two dtypes"),
        (tensor(n=7), "storage 0 has 24 bytes|ends early"),
        (tensor(n=2**60), "storage 0 has 24 bytes|larger than the file"),
        (tensor("QInt8Storage"), "Python object, torch.QInt8Storage"),
    ],
)
def test_anything_else_is_refused_in_one_line(tmp_path, write, content, reason):
    path = write(tmp_path / "a.pt", content, {"0": SIX})
    with pytest.raises(ValueError, match=f"a.pt cannot be read as a file of torch.save: .*{reason}") as error:
        load_torch_file(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("cut", [0, 1, 30, 100, -1])
@FORMS
def test_cut_files_are_refused(tmp_path, write, cut):
    path = write(tmp_path / "a.pt", {"w": tensor()}, {"0": SIX})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match="cannot be read as a file of torch.save"):
        load_torch_file(path)


def test_packed_foreign_and_missing_files_are_refused(tmp_path):
    packed = write_zip(tmp_path / "a.pt", tensor(), {"0": SIX}, zipfile.ZIP_DEFLATED)
    big = write_zip(tmp_path / "b.pt", tensor(), {"0": SIX}, byteorder="big")
    other = write_stream(tmp_path / "c.pt", tensor(), {"0": SIX}, magic=7)
    np.savez(tmp_path / "d.npz", w=SIX)
    for path, reason in (
        (packed, "storage 0"),
        (big, "big-endian"),
        (other, "begin"),
        (tmp_path / "d.npz", "data.pkl"),
    ):
        with pytest.raises(ValueError, match=reason):
            load_torch_file(path)
    with pytest.raises(FileNotFoundError, match="no file .*gone.pt"):
        load_torch_file(tmp_path / "gone.pt")


@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_pytorch_itself_are_what_it_reads(tmp_path, zipped):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    weight = torch.arange(24.0).reshape(2, 3, 4)
    content = {
        "net": collections.OrderedDict(
            a=weight, b=weight.transpose(0, 2), c=torch.nn.Parameter(weight[1, 1:])
        ),
        "half": [weight.half(), weight.bfloat16(), weight.double(), weight.long(), weight > 3],
        "empty": torch.zeros(0, 3),
        "step": torch.tensor(7),
        "lr": 0.5,
    }
    torch.save(content, tmp_path / "a.pt", _use_new_zipfile_serialization=zipped)
    expected, found = torch.load(tmp_path / "a.pt", weights_only=True), load_torch_file(tmp_path / "a.pt")
    tensors = [*expected["net"].values(), *expected["half"], expected["empty"], expected["step"]]
    arrays = [*found["net"].values(), *found["half"], found["empty"], found["step"]]
    for ours, theirs in zip(arrays, tensors, strict=True):
        np.testing.assert_array_equal(ours.astype(np.float64), theirs.detach().double().numpy())
        assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.") and ours.shape == theirs.shape
    assert found["lr"] == 0.5


def test_a_whole_module_is_refused_with_the_line_that_saves_its_weights(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"torch.nn.modules.linear.Linear.*torch.save\(model.state_dict\(\)"):
        load_torch_file(tmp_path / "a.pt")
