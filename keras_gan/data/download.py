"""The data sets that have a name, where they are and come from, and downloads with a checksum.

They lie in Keras's own cache. What is in the files is not looked at here.
"""

import hashlib
import http.client
import urllib.error
import urllib.request
from typing import NamedTuple

from keras_gan import progress
from keras_gan.files.atomic import atomic_write
from keras_gan.files.cache import get_keras_home

_KERAS_FILES = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
_TIMEOUT_SECONDS = 10  # of silence, before a connection is given up
_PARTS = {"train": "train", "test": "t10k"}  # of the names of idx files


class Source(NamedTuple):
    """A data set that has a name.

    Attributes:
        files: pairs of file name and "algorithm:checksum"; none for the bundled digits. All of a
            split are needed.
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


def get_cache_folder(name):
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
    return _present(get_cache_folder(name) / _files(name, split)[0][0])


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
    folder, files = get_cache_folder(name), _files(name, split)
    way_out = (
        f"Put {' and '.join(file for file, _ in files)} into {folder} by hand, "
        "give images with --data PATH, or another data set with --dataset NAME."
    )
    if offline:
        raise FileNotFoundError(f"{name} is not in the cache, and this is offline. {way_out}")
    folder.mkdir(parents=True, exist_ok=True)
    for file, checksum in reversed(files):  # the images last: their presence means completeness
        if not _present(folder / file):
            fetch_from_any(DATASETS[name].addresses, folder / file, checksum, way_out)
    return folder / files[0][0]


def fetch_from_any(addresses, target, checksum, way_out):
    """Downloads a file to `target` from the first folder, of some addresses, that delivers it whole.

    Args:
        addresses: of folders, each ending in "/", that hold a file of the target's name.
        checksum: "algorithm:digits", of which the digits may be the first of them alone.
        way_out: sentence that ends the error.

    Raises:
        OSError: no address delivered a whole file.
        ValueError: all delivered files with another checksum.
    """
    errors = {}
    for address in addresses:
        try:
            return _fetch(address + target.name, target, checksum)
        except (OSError, http.client.HTTPException, ValueError) as error:
            errors[address + target.name] = error
    reasons = "; ".join(f"{url} cannot be downloaded: {_reason(error)}" for url, error in errors.items())
    kind = ValueError if all(isinstance(e, ValueError) for e in errors.values()) else OSError
    raise kind(f"{reasons}. {way_out}")


def _reason(error):
    if type(error) is urllib.error.URLError:
        error = error.reason
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split()) or type(error).__name__


def _fetch(url, target, checksum):
    """Downloads one file: beside its target, its checksum taken as it comes, then moved."""
    algorithm, expected = checksum.split(":")
    digest, size = hashlib.new(algorithm, usedforsecurity=False), 0
    with _opened(url) as response, atomic_write(target) as part, open(part, "wb") as file:
        promised = int(response.headers.get("Content-Length") or 0)
        pieces = iter(lambda: response.read(2**16), b"")
        for piece in progress.show_progress(pieces, promised or None, target.name):
            digest.update(piece)
            size += file.write(piece)
        if size < promised:
            raise OSError(f"the connection ended after {size} of {promised} bytes")
        if not digest.hexdigest().startswith(expected):
            raise ValueError(f"expected {checksum}, received {algorithm}:{digest.hexdigest()}")


def _opened(url):
    try:
        return urllib.request.urlopen(url, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        with error:  # it holds an open connection
            raise OSError(str(error)) from None
