"""Tests of the extractors of PyTorch's packages; `benchmarks.package_agreement` runs the packages."""

import functools

import keras
import numpy as np
import pytest

from keras_gan.evaluation import package_inception, torch_inception, weights
from keras_gan.evaluation.package_inception import PACKAGES, convert_weights, load_package_extractor
from keras_gan.evaluation.resize import resize_as_pytorch, resize_as_tensorflow_1, resize_bilinear

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("narrow_inception")]
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 28, 28, 1), np.uint8)


def make_arrays():
    """Returns random weights of the network of 2015 by name, gammas not 1, that keep signals alive."""
    layers = torch_inception.build_inception(1008).layers
    convolutions = [layer for layer in layers if type(layer) is keras.layers.Conv2D]
    kernels = [layer.kernel.shape for layer in sorted(convolutions, key=torch_inception._get_number)]
    arrays = {"fc.weight": RNG.normal(0, 0.02, (1008, 128))}
    for name, (height, width, n_in, n_out) in zip(torch_inception.CONVOLUTIONS, kernels, strict=True):
        std = np.sqrt(2 / (height * width * n_in))
        arrays[f"{name}.conv.weight"] = RNG.normal(0, std, (n_out, n_in, height, width))
        for part, array in {
            "weight": RNG.uniform(0.5, 1.5, n_out),
            "bias": RNG.normal(0, 0.2, n_out),
            "running_mean": RNG.normal(0, 0.2, n_out),
            "running_var": RNG.uniform(0.5, 1.5, n_out),
        }.items():
            arrays[f"{name}.bn.{part}"] = array
    return {name: array.astype(np.float32) for name, array in arrays.items()}


@pytest.fixture(scope="module", autouse=True)
def build_once(narrow_inception):
    """Builds once what every network is cloned from, which takes as long as all else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch_inception, "build_inception", functools.cache(torch_inception.build_inception))
        yield


@pytest.fixture(scope="module")
def arrays(build_once):
    return make_arrays()


@pytest.fixture(scope="module")
def converted(arrays, tmp_path_factory):
    """Path of the weights as `convert-weights` writes them."""
    path = tmp_path_factory.mktemp("weights") / "random.npz"
    np.savez(path, **arrays)
    return path


def test_features_of_the_file_and_of_its_conversion_are_the_same_bit_for_bit(arrays, tmp_path, torch):
    path = tmp_path / "random.pth"
    torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, path)
    path.with_suffix(".npz").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="must be new, or an .npz file of sha256"):
        convert_weights(path)
    path.with_suffix(".npz").unlink()
    pth, npz = (
        load_package_extractor("pytorch-fid", file, True, pytest.fail)
        for file in (path, convert_weights(path))
    )
    np.testing.assert_array_equal(pth(IMAGES)[0], npz(IMAGES)[0])
    assert pth.sha256 == npz.sha256 and pth(IMAGES)[0].shape == (3, 128)
    assert pth.description == f"InceptionV3 of pytorch-fid, unpublished weights from {path}"


def test_extractors_are_of_their_own_input_and_say_what_they_do(converted):
    said = []
    extractors = {name: load_package_extractor(name, converted, True, said.append) for name in PACKAGES}
    features = {name: extractor(IMAGES)[0] for name, extractor in extractors.items()}
    for name, extractor in extractors.items():
        assert extractor.name == name and len(extractor.sizes) == 1 + PACKAGES[name].with_logits
        assert all(np.abs(features[name] - features[n]).max() > 1e-3 for n in features if n != name)
    assert [line.split()[0] for line in said] == ["clean-fid's", "Sums"] and "2.4 %" in said[1]
    probabilities = extractors["torch-fidelity"](IMAGES)[1]
    kernel = weights.read_arrays(converted)["fc.weight"]
    logits = features["torch-fidelity"].astype(float) @ kernel.T.astype(float)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-4)  # of float32 sums of 128 terms


def test_weights_of_something_else_are_refused_by_name(arrays, tmp_path):
    name = "Mixed_5b.branch1x1.conv.weight"
    for change, found in ((None, "none"), (np.zeros((2, 2), np.float32), "(2, 2)")):
        others = arrays | {name: change}
        np.savez(tmp_path / "x.npz", **{n: a for n, a in others.items() if a is not None})
        with pytest.raises(ValueError, match=f"must have {name} of shape .* Received: .*") as error:
            load_package_extractor("torchmetrics", tmp_path / "x.npz", True, print)
        assert found in str(error.value)


def test_torchscript_of_clean_fid_is_run_by_pytorch(tmp_path, torch):
    class Layers(torch.nn.Module):
        def forward(self, x):
            return torch.nn.functional.adaptive_avg_pool2d(x, 1).repeat(1, 43, 1, 1)[:, :128]

    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = Layers()

        def forward(self, x):
            return self.layers(x)

    path = tmp_path / "inception.pt"
    torch.jit.script(Whole()).save(str(path))
    extractor = load_package_extractor("clean-fid", path, True, pytest.fail)
    features, none = extractor(np.full((2, 9, 9, 3), 192, np.uint8))
    np.testing.assert_allclose(features, np.full((2, 128), 0.5), rtol=1e-5)
    assert none is None and extractor(IMAGES[:0])[0].shape == (0, 128)


# agreement with PyTorch and TensorFlow 1


@pytest.mark.parametrize("shape", [(28, 28, 1), (48, 64, 3), (200, 300, 3), (400, 320, 3)])
def test_resizes_are_those_of_pytorch(shape, torch):
    """Bilinear with and without an antialiasing filter, to 0.001 grey levels of 255."""
    images = RNG.integers(0, 256, (2, *shape), np.uint8)
    tensor = torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32))
    for resize, antialias in ((resize_bilinear, False), (resize_as_pytorch, True)):
        expected = torch.nn.functional.interpolate(tensor, (299, 299), mode="bilinear", antialias=antialias)
        found = resize(images)[..., : shape[2]]
        np.testing.assert_allclose(found, expected.numpy().transpose(0, 2, 3, 1), atol=4e-3)


def test_tensorflow_1_resize_shifts_by_the_corner():
    edge = np.array([0, 255], np.uint8).reshape(1, 1, 2, 1)
    share = np.minimum(np.arange(299) * 2 / 299, 1)  # of the right-hand pixel
    found = resize_as_tensorflow_1(edge).numpy()[0, 0, :, 0]
    np.testing.assert_allclose(found, 255 * share, atol=1e-3)


def test_package_inputs_are_in_their_ranges():
    black_and_white = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)
    for name, (low, high) in {"pytorch-fid": (-1, 1), "torch-fidelity": (-1, 127 / 128)}.items():
        prepared = package_inception.PACKAGES[name].prepare(black_and_white).numpy()
        np.testing.assert_allclose(prepared[:, 0, 0, 0], [low, high], rtol=1e-6)
    normalized = PACKAGES["torcheval"].prepare(black_and_white).numpy()[:, 0, 0]
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    np.testing.assert_allclose(normalized, [(mean - 0.5) / 0.5, (std + mean - 0.5) / 0.5], atol=1e-6)
