import numpy as np
import pytest

from keras_gan.data import datasets
from keras_gan.data.options import DEFAULTS, ImageOptions
from keras_gan.evaluation import feature_stats, fid, fid_text, metrics
from keras_gan.evaluation.inputs import ImageSet
from keras_gan.evaluation.score import Scorer
from keras_gan.evaluation.sides import Side, find_reference_images, open_side
from keras_gan.rng import Stream, choose_rows, draw_noise
from tests.conftest import Corner, forbidden

PIXELS = np.random.default_rng(3).integers(0, 200, (60, 4, 4, 1), np.uint8)
TIMED = 2 * Corner.batch_size  # images that tell how long the others take


def ignored(line):
    """Takes the place of a warning that may come."""


OFFLINE = dict(options=DEFAULTS, assumed=None, offline=True, warn=forbidden)


def side_of(pixels, other=None, name="b"):
    dataset = datasets.Dataset.from_array(pixels, name)
    other = None if other is None else datasets.Dataset.from_array(other, "other")
    return Side(name, None, ImageSet(name, pixels), dataset, other)


def shifted(pixels, by):
    moved = pixels.copy()
    moved[:, 0, :3] += np.uint8(by)
    return moved


def test_distance_of_a_shift_is_its_square_times_the_features_that_are_shifted():
    found = fid.compute_fid(side_of(shifted(PIXELS, 5)), side_of(PIXELS), Corner(), None, 0, ignored)
    assert found["frechet_distance"] == pytest.approx(3 * 25, rel=1e-9)
    assert (found["n_a"], found["n_b"], found["seed"], found["note"]) == (60, 60, 0, "")
    assert found["feature_spec"]["features"] == "corner"


def test_real_baseline_is_of_the_other_part_at_the_number_of_images_of_a():
    other = np.random.default_rng(4).integers(0, 200, (50, 4, 4, 1), np.uint8)
    found = fid.compute_fid(side_of(PIXELS[:20]), side_of(PIXELS, other), Corner(), None, 0, ignored)
    rows = choose_rows(50, 0, 20)
    flat = [p.reshape(len(p), -1)[:, :3].astype(float) for p in (other[rows], PIXELS)]
    expected = metrics.frechet_distance(*map(metrics.gaussian, flat), "symmetric").value
    assert found["real_baseline"] == {"value": pytest.approx(expected), "n": 20, "n_reference": 60}


def test_real_baseline_without_another_part_is_of_some_of_b_to_the_rest_and_b_is_all_of_it():
    corner = Corner()
    found = fid.compute_fid(side_of(PIXELS[:20] ^ 1, name="a"), side_of(PIXELS), corner, None, 0, ignored)
    assert (found["real_baseline"]["n"], found["real_baseline"]["n_reference"], found["n_b"]) == (20, 40, 60)
    assert corner.seen == TIMED + 20 + 60 and found["real_baseline"]["value"] > 0
    same = fid.compute_fid(side_of(PIXELS), side_of(PIXELS), Corner(), None, 0, ignored)
    assert same["frechet_distance"] == pytest.approx(0, abs=1e-6 * 3 * 200**2)
    assert same["real_baseline"]["n"] == 30


def test_count_bounds_both_sides_and_seed_chooses_the_rows():
    other = PIXELS[:40]
    one, two = (
        fid.compute_fid(side_of(PIXELS), side_of(PIXELS ^ 1, other), Corner(), 25, s, ignored) for s in (0, 1)
    )
    assert (one["n_a"], one["n_b"], one["real_baseline"]["n"]) == (25, 25, 25)
    assert one["frechet_distance"] != two["frechet_distance"]


def test_statistics_stand_in_for_the_images_they_are_of(tmp_path):
    feature_stats.save_stats(tmp_path / "b.npz", feature_stats.compute_stats(Corner(), [PIXELS]))
    b = open_side(str(tmp_path / "b.npz"), **OFFLINE)
    images = fid.compute_fid(side_of(PIXELS ^ 3), side_of(PIXELS), Corner(), None, 0, ignored)
    found = fid.compute_fid(side_of(PIXELS ^ 3), b, Corner(), None, 0, ignored)
    assert found["frechet_distance"] == pytest.approx(images["frechet_distance"], rel=1e-9)
    assert found["real_baseline"] is None and found["n_b"] == 60
    alone = fid.compute_fid(b, b, None, None, 0, ignored)
    assert alone["frechet_distance"] == pytest.approx(0, abs=1e-3)


def test_sides_are_paths_and_data_sets_with_their_parts(tmp_path):
    one = open_side("digits:test", **OFFLINE)
    assert (len(one.dataset.images), len(one.other.images)) == (360, 1437)
    assert (one.count(None), one.count(100), one.dataset.split) == (360, 100, "test")
    assert len(open_side("digits", **OFFLINE).dataset.images) == 1437
    np.savez(tmp_path / "m.npz", x_train=PIXELS[:40], x_test=PIXELS[40:])
    for text, n in (("m.npz", 40), ("m.npz:train", 40), ("m.npz:test", 20)):
        assert len(open_side(str(tmp_path / text), **OFFLINE).dataset.images) == n
    np.save(tmp_path / "x.npy", PIXELS)
    assert open_side(str(tmp_path / "x.npy"), **OFFLINE).other is None
    with pytest.raises(ValueError, match="with a test part"):
        open_side(str(tmp_path / "x.npy:test"), **OFFLINE)


def test_images_are_resized_as_they_are_read(tmp_path):
    np.save(tmp_path / "x.npy", PIXELS)
    assert open_side(
        str(tmp_path / "x.npy"), ImageOptions((6, 5), fit="stretch"), None, True, forbidden
    ).dataset.image_shape == (6, 5, 1)


def test_extractor_is_fitted_to_labelled_images_of_b_and_else_of_a_and_else_to_others():
    digits, plain, more = open_side("digits:test", **OFFLINE), side_of(PIXELS), side_of(PIXELS ^ 1)
    for sides in ([plain, digits], [digits, plain]):
        train, test = find_reference_images(sides, True, forbidden)
        assert (len(train.images), len(test.images), train.split) == (1437, 360, "train")
    assert find_reference_images([plain, more], True, forbidden) == (more.dataset, None)
    of_digits = find_reference_images([Side("x", statistics=object())], True, forbidden)
    assert [len(part.images) for part in of_digits] == [1437, 360]


def test_words_name_the_network_and_never_say_FID_without_it():
    found = fid.compute_fid(side_of(PIXELS[:20]), side_of(PIXELS), Corner(), None, 0, ignored)
    lines = list(fid_text.format_result(found, "for tests"))
    assert (
        lines[0].startswith("Fréchet distance (corner features): ")
        and lines[-1] == "feature extractor: for tests"
    )
    assert "20 images of b to 60 of b, seed 0" in lines[1]
    of_inception = {"features": "inception"}
    assert (
        fid_text.name_distance(of_inception, assumed=False)
        == "Fréchet Inception Distance (Keras's InceptionV3)"
    )
    assert (
        fid_text.name_distance(of_inception, assumed=True)
        == "Fréchet distance (inception features, as assumed)"
    )
    assert (
        fid_text.name_distance({"assumed": "x"}, assumed=True) == "Fréchet distance (x features, as assumed)"
    )


def test_few_images_and_a_real_baseline_of_fewer_are_warned_of():
    found = {"n_a": 5000, "n_b": 2048, "real_baseline": {"n": 5000}}
    assert list(fid_text.list_warnings(found)) == []
    assert len(list(fid_text.list_warnings(found | {"n_b": 2047}))) == 1
    [line] = fid_text.list_warnings(found | {"n_b": None, "real_baseline": {"n": 360}})
    assert line.startswith("The real baseline has 360 images")
    assert list(fid_text.list_warnings(found | {"n_a": None, "real_baseline": None})) == []


class Constant:
    """What `Scorer` uses of a GAN: its samples are images of a data set moved by its step."""

    seed, latent_dim = 4, 2

    def __init__(self, step):
        self.step, self.z = step, []

    def sample(self, z):
        self.z.append(z)
        return shifted(PIXELS, self.step)


def test_score_of_a_gan_is_a_row_with_all_it_depends_on():
    scorer = Scorer(Corner(), datasets.Dataset.from_array(PIXELS), 60, forbidden)
    gan = Constant(2)
    row = scorer(gan, epoch=1)
    assert (row.pop("value"), row.pop("weights")) == (pytest.approx(3 * 4, rel=1e-9), "0" * 64)
    assert row == {
        **{"step": 2, "epoch": 1, "metric": "frechet_distance", "n": 60, "n_real": 60, "seed": 4},
        **{"data": scorer._dataset.sha256, "features": "corner", "preprocessing": "none"},
    }
    scorer(gan, epoch=2)
    np.testing.assert_array_equal(gan.z[0], gan.z[1])
    np.testing.assert_array_equal(gan.z[0], draw_noise(4, Stream.EVALUATION, 0, 60, 2))


def test_value_that_rounds_to_0_has_no_sign():
    result = fid.compute_fid(side_of(PIXELS[:20]), side_of(PIXELS), Corner(), None, 0, ignored)
    lines = list(fid_text.format_result(result | {"frechet_distance": -1e-9}, "for tests"))
    assert lines[0] == "Fréchet distance (corner features): 0.0000"


def test_root_is_computed_once_and_the_baseline_does_without(monkeypatch):
    calls, sqrtm = [], metrics.scipy.linalg.sqrtm
    monkeypatch.setattr(metrics.scipy.linalg, "sqrtm", lambda product: calls.append(1) or sqrtm(product))
    other = np.random.default_rng(4).integers(0, 200, (50, 4, 4, 1), np.uint8)
    result = fid.compute_fid(side_of(PIXELS ^ 1), side_of(PIXELS, other), Corner(), None, 0, ignored)
    assert len(calls) == 1 and result["method"] == "sqrtm" and result["real_baseline"]
