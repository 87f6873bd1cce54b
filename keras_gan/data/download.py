"""The data sets that have a name and InceptionV3's weights: where they are and come from.

They lie in Keras's own cache. What is in the files is not looked at here, but for the published
checksum of a download.
"""

import hashlib
import http.client
import urllib.error
import urllib.request
from typing import NamedTuple

from keras_gan.files.atomic import atomic_write
from keras_gan.files.cache import get_keras_home

_KERAS_FILES = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_INCEPTION = "inception_v3_weights_tf_dim_ordering_tf_kernels"
_TIMEOUT_SECONDS = 10  # of silence, before a connection is given up
_PARTS = {"train": "train", "test": "t10k"}  # of the names of idx files


class Source(NamedTuple):
    """A data set that has a name, or the weights of a network.

    Attributes:
        files: pairs of file name and "algorithm:checksum"; none for the bundled digits. A data
            set needs all of a split, a network one, best the first.
        addresses: where the files are downloaded from, tried in turn.
        folder: where Keras's cache holds them.
    """

    title: str
    files: tuple[tuple[str, str], ...]
    addresses: tuple[str, ...]
    folder: str
    licence: str
    note: str


def _idx_files(*md5):
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple((f"{name}-ubyte.gz", f"md5:{digest}") for name, digest in zip(names, md5))


DATASETS = {
    "mnist": Source(
        "MNIST handwritten digits",
        (("mnist.npz", "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"),),
        (_KERAS_FILES,),
        "datasets",
        "CC BY-SA 3.0",
        "the file of keras.datasets.mnist, by LeCun, Cortes and Burges",
    ),
    "fashion-mnist": Source(
        "Fashion-MNIST, ten kinds of clothes",
        _idx_files(
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", _KERAS_FILES),
        "datasets/fashion-mnist",
        "MIT",
        "the files of keras.datasets.fashion_mnist, by Zalando Research",
    ),
    "kmnist": Source(
        "Kuzushiji-MNIST, ten hiragana",
        _idx_files(
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        "datasets/kmnist",
        "CC BY-SA 4.0",
        "made by ROIS-DS Center for Open Data in the Humanities, from the Kuzushiji Dataset",
    ),
    "digits": Source(
        "1,797 digits of 8x8, resized to 28x28",
        (),
        (),
        "",
        "CC BY 4.0",
        "bundled with scikit-learn, by Alpaydin and Kaynak, UCI Machine Learning Repository",
    ),
}

INCEPTION = Source(
    "InceptionV3's ImageNet weights, with the layer that names 1000 classes or without",
    (
        (f"{_INCEPTION}.h5", "md5:9a0d58056eeedaa3f26cb7ebd46da564"),
        (f"{_INCEPTION}_notop.h5", "md5:bcbd6486424b2319ff4ef7d526e38f63"),
    ),
    ("https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/",),
    "models",
    "Apache 2.0",
    "the files of keras.applications.InceptionV3",
)


def cache_folder(name):
    """Returns the folder below Keras's own cache that holds the files of a data set."""
    return get_keras_home() / DATASETS[name].folder


def describe_location(name):
    """Returns one line that says where a data set is, or where it would come from."""
    source = DATASETS[name]
    if not source.files:
        return "bundled with scikit-learn"
    path = find_cached(name)
    return f"at hand: {path}" if path else f"to be downloaded from {' or '.join(source.addresses)}"


def find_cached(name, split="train"):
    """Returns the path of the cached file with the images of a split, packed or not, or None."""
    return _present(cache_folder(name) / _files(name, split)[0][0])


def _present(path):
    """Returns the path, or that of the same file unpacked, or None where neither is there."""
    unpacked = path.with_name(path.name.removesuffix(".gz"))
    return next((p for p in (path, unpacked) if p.is_file()), None)


def _files(name, split):
    """Returns the (file, checksum) pairs of a split, that of the images first."""
    files = DATASETS[name].files
    return [f for f in files if f[0].endswith(".npz") or f[0].startswith(_PARTS[split])]


def download(name, split="train", offline=False):
    """Downloads what is missing of a split and returns the path of its images.

    Raises:
        FileNotFoundError: `offline` is set.
        OSError: no address delivered a whole file.
        ValueError: what was delivered has another checksum than the published one.
    """
    folder, files = cache_folder(name), _files(name, split)
    way_out = (
        f"Put {' and '.join(file for file, _ in files)} into {folder} by hand, "
        "give images with --data PATH, or another data set with --dataset NAME."
    )
    if offline:
        raise FileNotFoundError(f"{name} is not in the cache, and this is offline. {way_out}")
    folder.mkdir(parents=True, exist_ok=True)
    for file, checksum in reversed(files):  # the images last: their presence means completeness
        if not _present(folder / file):
            _fetch_from_any(DATASETS[name].addresses, folder / file, checksum, way_out)
    return folder / files[0][0]


def find_cached_weights():
    """Returns the path of InceptionV3's weights in Keras's cache, or None.

    Raises:
        ValueError: the file is not the published one.
    """
    files = (get_keras_home() / INCEPTION.folder / name for name, _ in INCEPTION.files)
    path = next((p for p in files if p.is_file()), None)
    if path and not are_published_weights(path):
        raise ValueError(
            f"Expected InceptionV3's published weights. Received: {path}, with another checksum. "
            "Delete it to have it downloaded again, or, if it is meant, name it in "
            "$KERAS_GAN_INCEPTION_WEIGHTS."
        )
    return path


def are_published_weights(path):
    """Returns whether a file is one of InceptionV3's two published ones, by its checksum."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
    return f"md5:{digest.hexdigest()}" in dict(INCEPTION.files).values()


def download_weights(offline, warn):
    """Downloads InceptionV3's weights into Keras's cache and returns their path.

    Raises:
        FileNotFoundError: `offline` is set.
        OSError: they were not delivered whole.
        ValueError: what was delivered has another checksum than the published one.
    """
    folder, (file, checksum) = get_keras_home() / INCEPTION.folder, INCEPTION.files[0]
    way_out = (
        f"Put it into {folder} by hand, name another file in $KERAS_GAN_INCEPTION_WEIGHTS, "
        "or do without: --features digits."
    )
    if offline:
        raise FileNotFoundError(f"{file} is not in the cache, and this is offline. {way_out}")
    warn(f"Downloading InceptionV3's weights, 96 MB, to {folder / file}.")
    folder.mkdir(parents=True, exist_ok=True)
    _fetch_from_any(INCEPTION.addresses, folder / file, checksum, way_out)
    return folder / file


def _fetch_from_any(addresses, target, checksum, way_out):
    errors = {}
    for address in addresses:
        try:
            return _fetch(address + target.name, target, checksum)
        except (OSError, http.client.HTTPException, ValueError) as error:
            errors[address + target.name] = error
    reasons = "; ".join(f"{url}: {_reason(error)}" for url, error in errors.items())
    kind = ValueError if all(isinstance(e, ValueError) for e in errors.values()) else OSError
    raise kind(f"{target.name} cannot be downloaded: {reasons}. {way_out}")


def _reason(error):
    if type(error) is urllib.error.URLError:
        error = error.reason
    return " ".join(str(error).split()) or type(error).__name__


def _fetch(url, target, checksum):
    """Downloads one file: beside its target, its checksum taken as it comes, then moved."""
    algorithm, expected = checksum.split(":")
    digest, size = hashlib.new(algorithm, usedforsecurity=False), 0
    with _opened(url) as response, atomic_write(target) as part, open(part, "wb") as file:
        while piece := response.read(2**16):
            digest.update(piece)
            size += file.write(piece)
        promised = int(response.headers.get("Content-Length") or size)
        if size < promised:
            raise OSError(f"the connection ended after {size} of {promised} bytes")
        if digest.hexdigest() != expected:
            raise ValueError(f"expected {checksum}, received {algorithm}:{digest.hexdigest()}")


def _opened(url):
    try:
        return urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        with error:  # it holds an open connection
            raise OSError(str(error)) from None
