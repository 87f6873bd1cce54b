"""Tests of what a program holds in memory."""

import numpy as np
import pytest
from PIL import Image

from keras_gan.data import convert
from keras_gan.data.convert import read_data
from keras_gan.data.options import ImageOptions

GREY = np.random.default_rng(0).integers(0, 256, (20, 6, 5), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (20, 6, 5, 3), dtype=np.uint8)
LABELS = np.arange(20) % 4
FIRST = "The images are read as (n, c, h, w), PyTorch's order of the axes."


class ItemsOnly:
    """A data set with __len__ and __getitem__ alone, as PyTorch's are, that never ends by itself."""

    def __init__(self, get):
        self.get = get

    def __len__(self):
        return 20

    def __getitem__(self, i):
        return self.get(i % 20)


def check(data, images, labels=None, notes=()):
    loaded = read_data(data)
    np.testing.assert_array_equal(loaded.images, images if images.ndim == 4 else images[..., None])
    assert loaded.images.dtype == np.uint8 and loaded.notes == tuple(notes)
    assert (None if loaded.labels is None else loaded.labels.tolist()) == (
        None if labels is None else labels.tolist()
    )


@pytest.mark.parametrize("images", [GREY, COLOUR])
def test_images_one_by_one_and_in_batches_are_the_array(images):
    for data in (
        images,
        list(images),
        tuple(images),
        iter(images),
        (image for image in images),
        [images[:7], images[7:14], images[14:]],
        (images[i : i + 6] for i in range(0, 20, 6)),
        [Image.fromarray(image) for image in images],
        images.tolist(),
        np.array([*map(Image.fromarray, images), None], object)[:-1],
        ItemsOnly(lambda i: images[i]),
        {"images": images},
        memoryview(images),
    ):
        check(data, images)


@pytest.mark.parametrize("images", [GREY, COLOUR])
def test_labels_beside_images_are_kept(images):
    one_hot = np.eye(4)[LABELS]
    for data in (
        (images, LABELS),
        [images, LABELS],
        (images, one_hot),
        (images, LABELS[:, None], np.ones(20)),
        {"x_train": images, "y_train": LABELS, "x_test": images[:2]},
        {"image": images, "label": LABELS},
        list(zip(images, LABELS)),
        zip(images, one_hot),
        ((images[i : i + 6], LABELS[i : i + 6]) for i in range(0, 20, 6)),
        ([images[i : i + 6], one_hot[i : i + 6]] for i in range(0, 20, 6)),
        [{"img": Image.fromarray(image), "label": label} for image, label in zip(images, LABELS)],
        ItemsOnly(lambda i: (Image.fromarray(images[i]), int(LABELS[i]))),
    ):
        check(data, images, LABELS)


def test_labels_that_cannot_be_read_are_left_out_and_it_is_said():
    for labels in (LABELS[:3], np.ones((20, 6)), GREY):
        loaded = read_data((COLOUR, labels))
        assert loaded.labels is None and loaded.notes[0].startswith("The labels are left out")
    loaded = read_data([(GREY[:10], LABELS[:10]), (GREY[10:], np.eye(4)[LABELS[10:]])])
    assert loaded.labels is None and len(loaded.notes) == 1


def test_images_may_be_of_any_range_which_is_that_of_all_batches():
    batches = [(GREY[:10] / 127.5 - 1).clip(0), GREY[10:] / 127.5 - 1]  # none of the first is negative
    np.testing.assert_array_equal(read_data(batches).images[10:, ..., 0], GREY[10:])
    assert read_data(batches).images[:10].min() == 128  # and not 0


def test_pictures_are_read_as_image_files_are(tmp_path):
    pictures = [Image.new("RGBA", (4, 3), (0, 0, 0, 0)), Image.new("LA", (8, 3), (9, 255))]
    loaded = read_data(pictures, ImageOptions((3, 4), background="#0a0b0c"))
    assert loaded.images[:, 0, 0].tolist() == [[10, 11, 12], [9, 9, 9]]
    assert [note.partition(" ")[0] for note in loaded.notes] == ["1", "1"]  # composited, cropped
    pictures[0].save(tmp_path / "a.png")
    for source in (tmp_path / "a.png", str(tmp_path / "a.png")):
        assert read_data([source]).images.tolist() == [[[[255] * 3] * 4] * 3]


def test_picture_of_the_caller_stays_as_it_is():
    exif = Image.Exif()
    exif[274] = 6
    picture = Image.new("L", (4, 3), 9)
    picture._exif = exif
    assert read_data([picture]).images.shape == (1, 4, 3, 1) and picture.size == (4, 3)


def test_flat_and_single_images_are_refused_with_the_call_that_mends_them():
    with pytest.raises(ValueError, match=r"Received: shape \(20, 36\); x.reshape\(-1, 6, 6\)"):
        read_data(list(np.zeros((20, 36), np.uint8)))
    with pytest.raises(ValueError, match=r"x\[None\] is right for one grey image"):
        read_data(GREY[0])
    with pytest.raises(ValueError, match=r"np.moveaxis\(x, 1, -1\)"):
        read_data(np.moveaxis(COLOUR, -1, 1))


def test_training_and_test_images_together_are_refused():
    with pytest.raises(TypeError, match=r"Received: two, as load_data\(\) returns; give data\[0\]"):
        read_data(((GREY, LABELS), (GREY[:5], LABELS[:5])))


@pytest.mark.parametrize(
    "data", [5, 2.5, None, object(), b"x", "x", len, np.float32(3), True, {1, 2}, [None], [1, 2]]
)
def test_everything_else_is_refused_by_its_type(data):
    inner = data if not isinstance(data, (list, set)) else next(iter(data))
    with pytest.raises(TypeError, match=f"data must be .* Received: .*{type(inner).__name__}"):
        read_data(data)


@pytest.mark.parametrize(
    "data", [[], (), iter([]), {}, np.zeros((0, 8, 8)), {"other": GREY, "names": LABELS}]
)
def test_nothing_is_refused(data):
    with pytest.raises(ValueError, match="holds no images|must hold images|must have images"):
        read_data(data)


def test_loader_that_ends_before_its_length_is_refused():
    class Short(list):
        def __len__(self):
            return 30

    for data in (Short(GREY), ItemsOnly(lambda i: [][i])):
        with pytest.raises(ValueError, match="elements that len.. promises. Received: (20|0)."):
            read_data(data)


def test_images_that_do_not_fit_together_are_refused():
    for data in ([GREY[0], GREY[1, :3]], [GREY[0], GREY[1] / 255], [GREY, COLOUR]):
        with pytest.raises(ValueError, match="images of one size and dtype. Received: uint8 .* and "):
            read_data(data)
    with pytest.raises(TypeError, match="images of one kind. Received: arrays and PIL.Image.Image"):
        read_data([GREY[0], Image.fromarray(GREY[1])])


def test_loader_of_more_than_fits_in_memory_is_ended(monkeypatch):
    monkeypatch.setattr(convert, "MAX_BYTES", 10 * GREY.nbytes)

    def endless():
        while True:
            yield GREY

    with pytest.raises(ValueError, match="at most 0 GiB. Received: more, in 11 elements.*as an .npy file"):
        read_data(endless())


def test_tensors_and_data_sets_of_tensorflow_are_read():
    import tensorflow as tf

    slices = tf.data.Dataset.from_tensor_slices
    check(tf.constant(GREY), GREY)
    check(tf.Variable(COLOUR), COLOUR)
    check([tf.constant(image) for image in GREY], GREY)
    check(
        tf.constant(GREY / 255, tf.bfloat16), np.rint(np.float32(tf.constant(GREY / 255, tf.bfloat16)) * 255)
    )
    check(slices(COLOUR), COLOUR)
    check(slices((GREY, LABELS)), GREY, LABELS)
    check(slices((GREY[..., None] / 255, np.eye(4)[LABELS])).batch(6), GREY, LABELS)
    check(slices({"image": COLOUR, "label": LABELS}).batch(6).prefetch(1), COLOUR, LABELS)
    with pytest.raises(
        ValueError, match=r"data must end. Received: .*RepeatDataset without an end; leave out .repeat"
    ):
        read_data(slices(GREY).repeat())
    with pytest.raises(TypeError, match="RaggedTensor"):
        read_data(tf.ragged.stack([GREY[0], GREY[0, :3]]))


def test_objects_of_keras_are_read_or_refused_by_their_type():
    import keras

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return GREY[5 * i : 5 * i + 5], LABELS[5 * i : 5 * i + 5]

    check(Batches(), GREY, LABELS)
    for data in (keras.Input((8, 8)), keras.Sequential()):
        with pytest.raises(TypeError, match="Received: keras.src"):
            read_data(data)


def test_tensors_and_loaders_of_pytorch_are_read():
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

    first = torch.tensor(np.moveaxis(COLOUR, -1, 1))
    check(torch.tensor(GREY), GREY)
    check(torch.tensor(GREY / 255.0, requires_grad=True), GREY)
    check(torch.tensor(COLOUR), COLOUR)
    with pytest.raises(ValueError, match=r"x\[None\] is right for one image in colour"):
        read_data(first[0])
    check(first, COLOUR, notes=[FIRST])
    check(list(first), COLOUR, notes=[FIRST])
    check((first, torch.tensor(LABELS)), COLOUR, LABELS, [FIRST])
    check(DataLoader(TensorDataset(first), batch_size=6), COLOUR, notes=[FIRST])
    labelled = TensorDataset(torch.tensor(GREY)[:, None] / 255.0, torch.tensor(LABELS))
    check(DataLoader(labelled, batch_size=6), GREY, LABELS, [FIRST])
    check(labelled, GREY, LABELS, [FIRST])
    check(Subset(labelled, range(20)), GREY, LABELS, [FIRST])
    check(DataLoader(TensorDataset(torch.tensor(GREY)), batch_size=6), GREY)

    class Pictures(Dataset):
        def __len__(self):
            return 20

        def __getitem__(self, i):
            return Image.fromarray(COLOUR[i]), int(LABELS[i])

    check(Pictures(), COLOUR, LABELS)


def test_array_with_a_mask_is_refused_with_the_call_that_takes_it_off():
    with pytest.raises(TypeError, match="x.filled"):
        read_data(np.ma.masked_less(np.ones((3, 8, 8), np.uint8), 9))


def test_tensor_without_values_and_array_without_axes_are_refused_by_their_type(torch):
    for data in (torch.empty(3, 8, 8, device="meta"), torch.ones(3, 8, 8).to_sparse()):
        with pytest.raises(TypeError, match="data must be numbers. Received: torch.Tensor"):
            read_data(data)
    with pytest.raises(
        TypeError, match="iterable of images or batches. Received: an array of dtype object and shape"
    ):
        read_data(np.array(None))


def test_pictures_in_memory_are_named_by_what_they_are():
    sizes = [Image.new("L", (8, 8)), Image.new("L", (8, 4))]
    with pytest.raises(
        ValueError, match="Received: an image of mode L, 8x8, of 8x8 pixels and an image of mode L, 8x4"
    ):
        read_data(sizes)
