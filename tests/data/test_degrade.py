"""Volumes made worse on purpose: what is drawn, and that it stays."""

import shutil
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from auxcpvloss.config.tables.data import Degrade
from auxcpvloss.data.annotated import IGNORED
from auxcpvloss.data.decoded_files import Truth
from auxcpvloss.data.degrade import OFF, check_degrade, degraded, in_words, of_split, record_of
from auxcpvloss.data.intensities import normalize
from auxcpvloss.data.label_share import keep_share
from auxcpvloss.data.objects import measure
from auxcpvloss.data.samples import LABELS
from auxcpvloss.data.sources.find import find_sources
from auxcpvloss.data.store import expected_made_from, write_sample
from auxcpvloss.data.use import count_of
from auxcpvloss.data.verify import verify
from auxcpvloss.system.errors import InputError
from tests.conftest import blobs as balls
from tests.conftest import configure
from tests.data.volumes import blobs, configured, make_folder, preprocessing

SHAPE = (8, 60, 70)
FLAT = np.full(SHAPE, 100, np.uint8)


def made(raw: np.ndarray = FLAT, name: str = "a", checksum: str = "0", size=(1.0, 1.0, 1.0), **keys: Any):
    return degraded(raw, Degrade(**(OFF | keys)), name, checksum, size)


def noise(**keys: Any) -> np.ndarray:
    image, clean = made(**keys)
    assert clean is not None
    return image - clean


@pytest.mark.parametrize("sigma", [10.0, 200.0])
def test_gaussian_noise_has_the_standard_deviation_that_was_asked_for(sigma):
    """In units of the stored intensities, unclipped, and independent from voxel to voxel."""
    found = noise(gaussian=sigma)
    assert found.dtype == np.float32
    assert abs(found.mean()) < 4 * sigma / FLAT.size**0.5
    assert found.std() == pytest.approx(sigma, rel=4 / (2 * FLAT.size) ** 0.5)
    for axis in range(3):
        first, second = np.split(np.moveaxis(found, axis, 0)[: SHAPE[axis] // 2 * 2].reshape(-1, 2, found.size // SHAPE[axis]), 2, axis=1)  # fmt: skip
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 4 / first.size**0.5


@pytest.mark.parametrize("length", [2, 3])
def test_noise_is_correlated_along_x_as_far_as_was_asked_for(length):
    found = noise(gaussian=10.0, gaussian_length=length)
    assert found.shape == SHAPE
    assert found.std() == pytest.approx(10, rel=0.05)
    for axis, far in ((2, 1), (2, 2), (2, 3), (1, 1), (0, 1)):
        size = found.shape[axis]
        first, second = (np.take(found, np.arange(size - far) + step, axis) for step in (0, far))
        expected = max(0.0, 1 - far / length) if axis == 2 else 0.0
        assert np.corrcoef(first.ravel(), second.ravel())[0, 1] == pytest.approx(expected, abs=0.03)
    # Without noise it is nothing to depend on.
    assert not record_of(Degrade(**OFF | {"gaussian_length": length}))
    assert "data.degrade.gaussian_length" in record_of(Degrade(**OFF | {"gaussian": 1.0, "gaussian_length": length}))
    assert "data.degrade.gaussian_length" not in record_of(Degrade(**OFF | {"gaussian": 1.0}))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"poisson": 1e-9}, "data.degrade.poisson = 1e-09: less than one photon"),
        ({"brightness": 0.001, "clip": True}, "data.degrade.brightness = 0.001 makes all voxels 0"),
        ({"brightness": 0.001}, ""),
        ({"brightness": 0.001, "clip": True, "gaussian": 5.0}, ""),
        ({"brightness": 0.1, "clip": True}, ""),
    ],
)
def test_images_of_which_nothing_is_left_are_refused(keys, said):
    raw = np.arange(60, dtype=np.uint8).reshape(3, 4, 5)
    if not said:
        check_degrade(Degrade(**(OFF | keys)), raw, "a.tif")
        return
    with pytest.raises(InputError, match=f"a.tif: {said}"):
        check_degrade(Degrade(**(OFF | keys)), raw, "a.tif")


def test_correlated_noise_needs_noise():
    with pytest.raises(InputError, match=r"data\.degrade\.gaussian_length.*data\.degrade\.gaussian"):
        configure(data={"degrade": {"gaussian_length": 3}})
    configure(data={"degrade": {"gaussian_length": 3, "gaussian": 1.0}})


def test_poisson_noise_is_of_the_photons():
    for photons in (0.1, 2.0):
        image = made(poisson=photons).image
        assert image.mean() == pytest.approx(100, rel=4 / (100 * photons * FLAT.size) ** 0.5)
        assert image.var() == pytest.approx(100 / photons, rel=0.05)
        np.testing.assert_allclose(image * photons, np.rint(image * photons), atol=1e-3)
    # The dimmer, the noisier.
    assert made(poisson=2.0, brightness=0.5).image.var() == pytest.approx(50 / 2, rel=0.05)


def test_noise_is_the_same_for_a_volume_and_another_one_for_others():
    one = noise(gaussian=10.0)
    np.testing.assert_array_equal(one, noise(gaussian=10.0))
    np.testing.assert_allclose(2 * one, noise(gaussian=20.0), atol=1e-4)
    # Poisson noise before it draws from elsewhere.
    both = made(gaussian=10.0, poisson=0.5).image - made(poisson=0.5).image
    np.testing.assert_allclose(both, one, atol=1e-4)
    for other in ({"seed": 1}, {"name": "b"}, {"checksum": "1"}):
        assert abs(np.corrcoef(one.ravel(), noise(gaussian=10.0, **other).ravel())[0, 1]) < 0.05


def test_the_order_and_the_clean_image():
    raw = np.zeros((1, 41, 41), np.uint16)
    raw[0, 20, 20] = 1000
    image, clean = made(raw, brightness=0.5, blur=2.0)
    np.testing.assert_array_equal(clean, raw * np.float32(0.5))
    np.testing.assert_allclose(image[0], ndimage.gaussian_filter(clean[0], 2.0, mode="nearest"), atol=1e-4)
    assert made(raw, brightness=0.5).clean is None
    # As wide in space along all axes: less voxels along z.
    cube = np.zeros((21, 21, 21), np.float32)
    cube[10, 10, 10] = 1
    blurred = made(cube, size=(2.0, 1.0, 1.0), blur=2.0).image
    spread = [(blurred * (np.indices(cube.shape)[axis] - 10) ** 2).sum() for axis in range(3)]
    np.testing.assert_allclose(spread, [1, 4, 4], rtol=0.02)


def test_clipped_to_what_the_files_could_hold():
    image, clean = made(FLAT * 2, gaussian=80.0, clip=True)
    assert (image.dtype, image.min() < 50, image.max()) == (np.uint8, True, 255)
    assert clean.dtype == np.uint8
    assert made(FLAT * 2, gaussian=80.0).image.max() > 300
    assert made(FLAT.astype(np.float32), gaussian=80.0, clip=True).image.min() < 0
    large = np.full((1, 4, 4), 2**32 - 1, np.uint32)
    assert (made(large, brightness=2.0, clip=True).image == 2**32 - 1).all()


def test_records_hold_what_matters():
    def record(**keys):
        return record_of(Degrade(**(OFF | keys)))

    assert record() == record(seed=3, clip=True) == record_of(None) == {}
    assert record(blur=1.0, seed=3) == {"data.degrade.blur": 1.0}
    assert record(gaussian=1.0, seed=3, clip=True) == {"data.degrade.gaussian": 1.0, "data.degrade.clip": True, "data.degrade.seed": 3}  # fmt: skip
    data = configured(degrade=OFF | {"gaussian": 5.0, "labels": 0.5, "splits": ["test"], "label_splits": ["train"]})
    kinds = {split: set(record_of(of_split(data.degrade, split))) for split in ("train", "val", "test")}
    assert kinds == {"train": {"data.degrade.labels"}, "val": set(), "test": {"data.degrade.gaussian"}}
    assert len(list(in_words(data.degrade))) == 2
    more = configured(unlabelled_data="more", degrade=OFF | {"gaussian": 5.0, "splits": ["unlabelled"]}).degrade
    assert [split for split in ("train", "test", "unlabelled") if of_split(more, split)] == ["unlabelled"]
    assert [words.partition(" ")[0] for words in in_words(more)] == ["unlabelled"]
    assert not list(in_words(configured().degrade))


def prepared(root, name="a", folder="test", **keys):
    data = configured(**{f"{folder}_data": root / "data"}, degrade=OFF | keys)
    source = next(each for each in find_sources(data, [folder])[folder] if each.name == name)
    verify(source, folder, data, preprocessing())
    return write_sample(source, root / "made" / folder / f"{name}.zarr", data, preprocessing())


def voxels(sample) -> list[bytes]:
    """Of all arrays; how chunks are compressed may differ."""
    return [np.asarray(array).tobytes() for array in (sample.raw, sample.clean, sample.truth)]


def test_noise_is_frozen_and_the_clean_image_is_kept(tmp_path):
    """The same bytes after deletion, and whatever other volumes there are."""
    make_folder(tmp_path / "data", "ab")
    sample = prepared(tmp_path, gaussian=40.0, seed=1)
    before = voxels(sample)
    raw, image = blobs(seed=0)[0], sample.raw.read()
    worse = degraded(raw, Degrade(**(OFF | {"gaussian": 40.0, "seed": 1})), "a", sample.image_checksum, (1, 1, 1))
    np.testing.assert_array_equal(image, normalize(worse.image, preprocessing()))
    # Mapped alike, so that differences between the two are of the noise.
    inside = (image > 0) & (image < 1) & (sample.clean.read() > 0) & (sample.clean.read() < 1)
    scale = np.diff(np.percentile(worse.image, (3, 99.8))).item()
    np.testing.assert_allclose((image - sample.clean.read())[inside] * scale, (worse.image - raw)[inside], atol=1e-3)
    shutil.rmtree(tmp_path / "made")
    shutil.rmtree(tmp_path / "data")
    make_folder(tmp_path / "data", "a")
    assert voxels(prepared(tmp_path, gaussian=40.0, seed=1)) == before
    assert voxels(prepared(tmp_path, gaussian=40.0, seed=2)) != before


@pytest.mark.parametrize("keys", [{"normalize": "none"}, {"normalize": "mean_std"}, {"cuberoot": True}])
def test_the_clean_image_is_mapped_like_the_noisy_one(keys):
    """With as good as no noise, the two are alike; with twice the contrast, they are not."""
    clean, table = np.random.default_rng(0).uniform(0, 1, SHAPE).astype(np.float32), preprocessing(**keys)
    np.testing.assert_allclose(normalize(clean, table, clean + 1e-6), normalize(clean, table), atol=0.02)
    np.testing.assert_array_equal(normalize(clean, table, clean), normalize(clean, table))
    if keys != {"normalize": "none"}:
        assert np.abs(normalize(clean, table, 2 * clean) - normalize(clean, table)).max() > 0.1


def test_the_keys_at_their_defaults_leave_no_trace(tmp_path):
    make_folder(tmp_path / "data", "a")
    sample = prepared(tmp_path, seed=5, clip=True)
    assert sample.clean is None
    assert not any("degrade" in key for key in sample.made_from)
    data = configured(test_data=tmp_path / "data")
    (source,) = find_sources(data, ["test"])["test"]
    assert source.degrade is None
    assert expected_made_from(source, data, preprocessing()) == sample.made_from


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"gaussian": -1.0}, "gaussian: .*greater than or equal to 0"),
        ({"brightness": 0.0}, "brightness: .*greater than 0"),
        ({"labels": 0.0}, "labels: .*greater than 0"),
        ({"splits": []}, "splits: .*one split or more"),
        ({"splits": ["test", "test"]}, "splits: .*each once"),
        ({"label_splits": ["test"]}, "label_splits: .*'train' or 'val'"),
        ({"gausian": 1.0}, "did you mean 'gaussian'"),
    ],
)
def test_wrong_values_are_named(keys, message):
    with pytest.raises(InputError, match=rf"data\.degrade\.{message}" if "did" not in message else message):
        configure(data={"degrade": keys})


def test_what_has_no_photons_is_refused(tmp_path):
    make_folder(tmp_path / "data", "a")
    with pytest.raises(InputError, match=r"a\.tif: data\.degrade\.poisson: more than 1e\+15 photons"):
        prepared(tmp_path, poisson=1e14)
    path = tmp_path / "data" / "images" / "a.tif"
    path.unlink()
    import tifffile

    tifffile.imwrite(path, blobs()[0].astype(np.int16) - 50)
    with pytest.raises(InputError, match=r"intensities down to -4\d, but data\.degrade\.poisson counts photons"):
        prepared(tmp_path, poisson=1.0)
    prepared(tmp_path, gaussian=1.0)


# Labels of a part of the nuclei.

CROWD = balls((10, 24, 40), 15, seed=1)


def truth(labels: np.ndarray) -> Truth:
    return Truth.of(LABELS, labels, None, measure(labels))


@settings(max_examples=20)
@given(st.floats(0.001, 1), st.floats(0.001, 1), st.integers(0, 9))
def test_labels_that_few_keep_more_keep(one, other, seed):
    less, more = sorted((one, other))
    few, many = (keep_share(truth(CROWD), share, seed, "a") for share in (less, more))
    ids = [set(each.centers[:, 3].astype(int)) for each in (few, many)]
    assert ids[0] <= ids[1]
    total = len(np.unique(CROWD)) - 1
    assert [len(each) for each in ids] == [count_of(less, total), count_of(more, total)]
    # What is known by less is known by more, and as it was.
    for each in (few, many):
        known = each.labels != IGNORED
        np.testing.assert_array_equal(each.labels[known], CROWD[known])
    assert not ((few.labels != IGNORED) & (many.labels == IGNORED)).any()


def test_around_a_nucleus_without_label_the_background_is_not_known_either():
    labels = np.zeros((12, 30, 30), np.uint32)
    labels[5:8, 5:8, 5:8], labels[5:8, 5:8, 8:11], labels[5:8, 20:23, 20:23] = 1, 2, 3
    for seed in range(20):
        found = keep_share(truth(labels), 1 / 3, seed, "a")
        kept = int(found.centers[0, 3])
        expected = labels.copy()
        lost = (labels > 0) & (labels != kept)
        for place in np.argwhere(lost):
            box = tuple(slice(max(0, each - 2), each + 3) for each in place)
            expected[box] = np.where(labels[box] == kept, kept, IGNORED)
        np.testing.assert_array_equal(found.labels, expected)
        assert found.max_extent == (3, 3, 3)
    assert keep_share(truth(labels), 1.0, 0, "a").labels is not None
    # Another volume and another seed draw others.
    drawn = {(seed, name): tuple(keep_share(truth(CROWD), 0.2, seed, name).centers[:, 3]) for seed in (0, 1) for name in "ab"}  # fmt: skip
    assert len(set(drawn.values())) == 4


def test_labels_are_for_training_and_validation_only(tmp_path):
    make_folder(tmp_path / "data", "a")
    whole, part = (prepared(tmp_path, folder=split, labels=0.25) for split in ("test", "val"))
    number = len(whole.centers())
    assert not whole.is_partly_annotated
    assert (len(part.centers()), part.is_partly_annotated) == (count_of(0.25, number), True)
    assert set(np.unique(part.labels.read())) - {0, IGNORED} == set(part.centers()[:, 3].astype(int))
    assert part.clean is None
    shutil.rmtree(tmp_path / "data" / "masks")
    (tmp_path / "data" / "centers").mkdir()
    (tmp_path / "data" / "centers" / "a.csv").write_text("z,y,x\n5,5,5\n5,5,15\n")
    with pytest.raises(InputError, match=r"a\.csv: data\.degrade\.labels .* center points alone"):
        prepared(tmp_path, folder="val", labels=0.25)
