import json
import os
import shutil

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from auxcpvloss.data import intensities, publish, store
from auxcpvloss.data.decoded_files import Content
from auxcpvloss.data.intensities import check_range, normalize
from auxcpvloss.data.open_samples import open_sample
from auxcpvloss.data.sources.find import find_sources
from auxcpvloss.data.store import expected_made_from, write_sample
from auxcpvloss.system.errors import InputError
from tests.conftest import configure
from tests.data.volumes import REAL, blobs, configured, preprocessing, write_tiff

DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int64", "uint64", "float16", "float32", "float64"]


def source_of(folder, **changes):
    data = configured(test_data=folder, **changes)
    return find_sources(data, ["test"])["test"][0], data


def written(folder, path, normalization=None, **changes):
    source, data = source_of(folder, **changes)
    return write_sample(source, path, data, normalization or preprocessing())


def folder_content(path):
    return sorted(file.name for file in path.parent.iterdir())


def truth_of(sample):
    return sample.has_labels, sample.has_points, sample.has_truth, sample.is_sparse, sample.truth_key


# What is stored
def test_a_sample_holds_the_volume(folder, path):
    raw, labels = blobs()
    sample = written(folder, path, voxel_size=(2, 0.5, 0.5))
    assert (sample.name, sample.path, sample.shape, sample.voxel_size) == ("a", path, (20, 22, 40), (2, 0.5, 0.5))
    assert truth_of(sample) == (True, False, True, False, "volumes/gt_labels")
    assert (sample.raw.dtype, sample.labels.dtype) == (np.float32, np.uint32)
    np.testing.assert_array_equal(sample.raw[:], normalize(raw, preprocessing()))
    np.testing.assert_array_equal(sample.labels[:], labels)
    assert (open_sample(path), folder_content(path)) == (sample, ["a.csv", "a.zarr"])


def test_the_layout_on_disk(folder, path):
    written(folder, path, voxel_size=(2, 0.5, 0.5))
    root = zarr.open_group(zarr.DirectoryStore(str(path)), mode="r")
    for key in ("volumes/raw", "volumes/gt_labels"):
        assert (root[key].chunks, root[key].compressor.codec_id) == ((64, 64, 64), "blosc")
        assert dict(root[key].attrs) == {"offset": [0, 0, 0], "resolution": [2, 0.5, 0.5]}
    assert (root.attrs["source"], root.attrs["origin"]) == ("a.tif", str(folder / "images" / "a.tif"))
    assert root.attrs["checksum"] == source_of(folder)[0].checksum()
    assert path.with_suffix(".csv").read_text().startswith("z,y,x,id\n")


def test_centers_of_mass_and_extent(folder, path):
    _, labels = blobs()
    sample = written(folder, path)
    ids = np.unique(labels)[1:]
    centers = sample.centers()
    assert centers[:, 3].tolist() == ids.tolist()
    np.testing.assert_allclose(centers[:, :3], [np.argwhere(labels == i).mean(axis=0) for i in ids], atol=0.001)
    voxels = [np.argwhere(labels == i) for i in ids]
    assert sample.max_extent == tuple(np.max([there.max(axis=0) - there.min(axis=0) + 1 for there in voxels], axis=0))


def test_annotated_centers_go_before_centers_of_mass(folder, path):
    (folder / "centers").mkdir()
    (folder / "centers" / "a.csv").write_text("7.125, 5.25, 12.50, 3\n8, 9, 10, 5\n")
    sample = written(folder, path)
    np.testing.assert_array_equal(sample.centers(), [[7.125, 5.25, 12.5, 3], [8, 9, 10, 5]])
    assert sample.max_extent == (7, 7, 7)


def test_a_sample_without_labels(folder, path):
    """Also where one with labels was: beside a volume taken as input again, its table would say what is not so."""
    written(folder, path)
    shutil.rmtree(folder / "masks")
    sample = written(folder, path)
    assert truth_of(sample) == (False, False, False, False, None)
    assert (sample.labels, sample.truth) == (None, None)
    assert (sample.max_extent, sample.centers().shape) == ((0, 0, 0), (0, 4))
    assert (open_sample(path), folder_content(path)) == (sample, ["a.zarr"])


def test_a_sample_without_instances(folder, path):
    write_tiff(folder / "masks" / "a.tif", np.zeros((20, 22, 40), np.uint8))
    sample = written(folder, path)
    assert truth_of(sample) == (True, False, True, False, "volumes/gt_labels")
    assert (sample.max_extent, sample.centers().shape) == ((0, 0, 0), (0, 4))


def test_large_labels_are_kept(folder, path):
    labels = blobs()[1].astype(np.uint64)
    labels[labels == 3] = 2**32 - 3
    write_tiff(folder / "masks" / "a.tif", labels)
    sample = written(folder, path)
    np.testing.assert_array_equal(sample.labels[:], labels)
    assert sample.centers()[-1, 3] == 2**32 - 3


def test_offset_and_resolution_of_arrays_are_kept(tmp_path, path):
    root = zarr.open_group(str(tmp_path / "a.zarr"), "w")
    for key, array in zip(("volumes/raw", "volumes/gt_labels"), blobs(), strict=True):
        root.create_dataset(key, data=array[None]).attrs.update(offset=(10, 0, 5), resolution=(2, 1, 1))
    sample = written(tmp_path, path, voxel_size=())
    for volume in (sample.raw, sample.labels):
        assert (volume.offset, volume.voxel_size) == ((10, 0, 5), (2, 1, 1))


def test_a_sample_can_be_imported_again(folder, path, tmp_path):
    sample = written(folder, path, voxel_size=(2, 1, 1))
    again = written(path.parent, tmp_path / "again" / "a.zarr", preprocessing(normalize="none"), voxel_size=())
    np.testing.assert_array_equal(again.raw[:], sample.raw[:])
    np.testing.assert_array_equal(again.labels[:], sample.labels[:])
    assert again.voxel_size == (2, 1, 1)


# Points without labels
def with_points(folder, text):
    shutil.rmtree(folder / "masks", ignore_errors=True)
    (folder / "centers").mkdir(exist_ok=True)
    (folder / "centers" / "a.csv").write_text(text)
    return folder


def test_points_are_stored_as_balls(folder, path):
    sample = written(with_points(folder, "z,y,x,id\n7.2, 5, 12.5, 30\n0, 0, 0, 5\n"), path)
    assert truth_of(sample) == (False, True, True, True, "volumes/gt_points")
    assert sample.labels is None
    np.testing.assert_array_equal(sample.centers(), [[7.2, 5, 12.5, 30], [0, 0, 0, 5]])
    expected = np.zeros((20, 22, 40), np.uint32)
    for voxel in np.ndindex(expected.shape):
        if np.sum((np.array(voxel) - (7, 5, 12)) ** 2) <= 4:
            expected[voxel] = 30
        if np.sum(np.square(voxel)) <= 4:
            expected[voxel] = 5
    np.testing.assert_array_equal(sample.truth[:], expected)
    assert sample.max_extent == (5, 5, 5)
    assert (sample.truth.offset, sample.truth.voxel_size) == ((0, 0, 0), (1, 1, 1))
    assert open_sample(path) == sample


@pytest.mark.parametrize("text", ["7, 5, 12\n1, 2, 3\n", "7, 5, 12, 4\n1, 2, 3\n", "7, 5, 12, 4\n1, 2, 3, 4\n"])
def test_points_without_numbers_of_their_own_are_numbered(folder, path, text):
    sample = written(with_points(folder, text), path)
    np.testing.assert_array_equal(sample.centers(), [[7, 5, 12, 1], [1, 2, 3, 2]])
    assert (sample.truth[7, 5, 12], sample.truth[1, 2, 3]) == (1, 2)


def test_no_point_is_ground_truth_too(folder, path):
    sample = written(with_points(folder, ""), path)
    assert truth_of(sample) == (False, True, True, True, "volumes/gt_points")
    assert (sample.max_extent, sample.centers().shape, sample.truth[:].any()) == ((0, 0, 0), (0, 4), False)


def test_labels_go_before_points(folder, path):
    (folder / "centers").mkdir()
    (folder / "centers" / "a.csv").write_text("7, 5, 12, 3\n")
    sample = written(folder, path)
    assert truth_of(sample) == (True, True, True, False, "volumes/gt_labels")
    np.testing.assert_array_equal(sample.truth[:], blobs()[1])


def test_a_sample_of_points_can_be_imported_again(folder, path, tmp_path):
    sample = written(with_points(folder, "7.125, 5, 12\n1, 2, 3\n"), path)
    again = written(path.parent, tmp_path / "again" / "a.zarr", preprocessing(normalize="none"))
    assert truth_of(again) == truth_of(sample)
    np.testing.assert_array_equal(again.centers(), sample.centers())
    np.testing.assert_array_equal(again.truth[:], sample.truth[:])


# Padding
@pytest.mark.parametrize("normalization", ["percentile", "mean_std"])
def test_padding_is_added_around_a_volume(folder, path, tmp_path, normalization):
    way = preprocessing(normalize=normalization)
    padded = written(folder, path, way, padding=(1, 0, 5), voxel_size=(2, 1, 0.5))
    plain = written(folder, tmp_path / "plain" / "a.zarr", way, voxel_size=(2, 1, 0.5))
    assert padded.shape == (22, 22, 50)
    inner = (slice(1, -1), slice(None), slice(5, -5))
    for key in ("raw", "labels"):
        np.testing.assert_array_equal(getattr(padded, key)[inner], getattr(plain, key)[:])
        around = np.ones(padded.shape, bool)
        around[inner] = False
        assert (getattr(padded, key)[:][around] == 0).all()
    np.testing.assert_allclose(padded.centers(), np.add(plain.centers(), (1, 0, 5, 0)), atol=0.002)
    assert (padded.max_extent, padded.made_from["padding"]) == (plain.max_extent, [1, 0, 5])


def test_places_in_units_stay_where_they_are(tmp_path, path):
    root = zarr.open_group(str(tmp_path / "a.zarr"), "w")
    for key, array in zip(("volumes/raw", "volumes/gt_labels"), blobs(), strict=True):
        root.create_dataset(key, data=array).attrs.update(offset=(10, 0, 5), resolution=(2, 1, 0.5))
    sample = written(tmp_path, path, voxel_size=(), padding=(3, 0, 4))
    for array in (sample.raw, sample.labels):
        assert (array.offset, array.voxel_size) == ((4, 0, 3), (2, 1, 0.5))
    assert sample.offset == (4, 0, 3)


def test_padding_moves_points(folder, path):
    sample = written(with_points(folder, "0, 5, 12.25, 7\n"), path, padding=(3, 0, 2))
    np.testing.assert_array_equal(sample.centers(), [[3, 5, 14.25, 7]])
    assert sample.truth[3, 5, 14] == 7
    # The ball ends where the image does.
    assert not sample.truth[:3].any()


# What it was made from
def after_reading(monkeypatch, source, change):
    """Have something happen between the reading of the image and that of the labels."""
    read = type(source).read_raw

    def and_then(self):
        raw = read(self)
        change()
        return raw

    monkeypatch.setattr(type(source), "read_raw", and_then)


def rolled(file):
    write_tiff(file, np.roll(tifffile.imread(file), 1, axis=2))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda folder: rolled(folder / "images" / "a.tif"), "changed while it was being read .*Repeat the command"),
        (lambda folder: rolled(folder / "masks" / "a.tif"), "changed while it was being read .*Repeat the command"),
        (shutil.rmtree, "cannot be read"),
    ],
    ids=["image", "mask", "gone"],
)
def test_a_volume_that_changes_while_it_is_read_is_not_stored(folder, path, monkeypatch, change, said):
    source, data = source_of(folder)
    after_reading(monkeypatch, source, lambda: change(folder))
    with pytest.raises(InputError, match=rf"a\.tif: {said}"):
        write_sample(source, path, data, preprocessing())
    assert not path.exists()


@pytest.mark.parametrize("settled", [False, True])
def test_a_volume_that_changed_since_it_was_verified_is_not_stored(folder, path, settled):
    if settled:
        for file in folder.rglob("*.tif"):
            os.utime(file, (0, 0))
    source, data = source_of(folder)
    verified, content = expected_made_from(source, data, preprocessing()), Content.of(source, data)
    rolled(folder / "images" / "a.tif")
    with pytest.raises(InputError, match="changed while it was being read"):
        write_sample(source, path, data, preprocessing(), verified, content)
    assert not path.exists()


def test_a_current_sample_is_known(folder, path):
    source, data = source_of(folder)
    sample = write_sample(source, path, data, preprocessing())
    assert sample.made_from == expected_made_from(source, data, preprocessing())
    assert (sample.made_from["version"], sample.made_from["preprocessing"]["normalize"]) == (2, "percentile")


@pytest.mark.parametrize("changes", [
    {"voxel_size": (2, 1, 1)}, {"raw_key": "x"}, {"gt_key": "x"}, {"padding": (0, 0, 1)}, {"lower_percentile": 1.0},
    {"square": True}, {"mask": 1},
], ids=str)  # fmt: skip
def test_whatever_changes_a_sample_makes_it_old(folder, path, changes):
    sample = written(folder, path)
    if "mask" in changes:
        write_tiff(folder / "masks" / "a.tif", blobs(seed=1)[1])
    source, data = source_of(folder, **{key: value for key, value in changes.items() if key in data_keys()})
    way = {key: value for key, value in changes.items() if key in ("lower_percentile", "square")}
    assert sample.made_from != expected_made_from(source, data, preprocessing(**way))


def data_keys():
    return type(configured()).model_fields.keys()


# Whole or not at all
def test_the_table_comes_before_the_volume_and_never_beside_an_old_one(folder, path, monkeypatch):
    written(folder, path)
    rolled(folder / "images" / "a.tif")
    seen = []
    monkeypatch.setattr(publish, "write_text", lambda table, text: seen.append(path.exists()) or table.write_text(text))
    written(folder, path)
    assert seen == [False]
    assert open_sample(path) is not None


@pytest.mark.parametrize("step", ["write_text", "_store", "normalize"])
def test_a_write_that_fails_leaves_a_whole_sample_or_none(folder, path, monkeypatch, step):
    before = written(folder, path).raw[:]
    write_tiff(folder / "images" / "a.tif", blobs(seed=5)[0])

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(publish if step == "write_text" else store, step, fail)
    with pytest.raises(OSError, match="disk full"):
        written(folder, path)
    left = open_sample(path)
    assert (left is None) == (step == "write_text")
    if left:
        np.testing.assert_array_equal(left.raw[:], before)
    assert not [name for name in folder_content(path) if name.startswith(".")]


@pytest.mark.parametrize("missing", ["", ".csv", "volumes", "volumes/raw/.zarray", "volumes/raw/0.0.0", ".zattrs"])
def test_a_part_of_a_sample_is_none(folder, path, missing):
    assert open_sample(path) is None
    written(folder, path)
    part = path.with_suffix(missing) if missing == ".csv" else path / missing
    shutil.rmtree(part) if part.is_dir() else part.unlink()
    assert open_sample(path) is None


@pytest.mark.parametrize("file", [".zattrs", ".zgroup", "volumes/raw/.zarray", "volumes/raw/.zattrs"])
@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"other": 1}'])
def test_a_damaged_sample_is_none(folder, path, file, content):
    written(folder, path)
    (path / file).write_text(content)
    assert open_sample(path) is None


def test_an_error_names_the_file_and_leaves_nothing(folder, path):
    with pytest.raises(InputError) as caught:
        written(folder, path, preprocessing(normalize="none"))
    assert str(folder / "images" / "a.tif") in str(caught.value)
    assert "preprocessing.normalize = 'none'" in str(caught.value)
    assert not path.parent.exists()


def test_an_unknown_voxel_size_is_an_error(folder, path):
    with pytest.raises(InputError, match=r"data\.voxel_size"):
        written(folder, path, voxel_size=())


# Intensities

VOLUMES = st.sampled_from(DTYPES).flatmap(
    lambda dtype: arrays(
        dtype,
        st.tuples(*[st.integers(1, 4)] * 3),
        elements={"allow_nan": False, "allow_infinity": False, "min_value": -(2.0**100), "max_value": 2.0**100}
        if dtype in ("float32", "float64")
        else {"allow_nan": False, "allow_infinity": False}
        if dtype == "float16"
        else None,
    )
)
WAYS = st.one_of(
    st.just(preprocessing(normalize="min_max")),
    st.just(preprocessing(normalize="min_max", square=True)),
    st.tuples(st.floats(0, 49), st.floats(50, 100)).map(
        lambda two: preprocessing(lower_percentile=two[0], upper_percentile=two[1])
    ),
)


@settings(max_examples=200, deadline=None)
@given(VOLUMES, WAYS)
def test_normalized_intensities_are_in_range_and_in_order(raw, way):
    scaled = normalize(raw, way)
    assert (scaled.dtype, scaled.shape) == (np.float32, raw.shape)
    assert 0 <= scaled.min() <= scaled.max() <= 1
    assert (np.diff(scaled.ravel()[np.argsort(raw.ravel(), kind="stable")]) >= 0).all()
    if raw.min() < raw.max():
        assert scaled.min() < scaled.max()


@given(VOLUMES)
def test_mean_and_standard_deviation_become_0_and_1(raw):
    scaled = normalize(raw, preprocessing(normalize="mean_std"))
    assert scaled.dtype == np.float32
    assert np.isfinite(scaled).all()
    if raw.min() == raw.max():
        assert (scaled == 0).all()
    else:
        assert scaled.mean(dtype=float) == pytest.approx(0, abs=1e-5)
        assert scaled.std(dtype=float) == pytest.approx(1, abs=1e-5)


def test_mean_std_does_not_clip():
    raw = np.random.default_rng(0).normal(1000, 50, (10, 20, 20))
    scaled = normalize(raw, preprocessing(normalize="mean_std"))
    np.testing.assert_allclose(scaled, (raw - raw.mean()) / raw.std(), atol=1e-5)


@pytest.mark.parametrize(("key", "power"), [("square", np.square), ("cuberoot", np.cbrt)])
def test_powers_are_of_intensities_in_0_to_1(key, power):
    raw = np.random.default_rng(0).normal(1000, 50, (10, 20, 20))
    for way in ("percentile", "min_max"):
        base = normalize(raw, preprocessing(normalize=way))
        np.testing.assert_allclose(normalize(raw, preprocessing(normalize=way, **{key: True})), power(base), atol=1e-6)
    unit = normalize(raw, preprocessing(normalize="min_max"))
    np.testing.assert_allclose(normalize(unit, preprocessing(normalize="none", **{key: True})), power(unit), atol=1e-6)
    changed = power(unit.astype(float))
    np.testing.assert_allclose(
        normalize(raw, preprocessing(normalize="mean_std", **{key: True})),
        (changed - changed.mean()) / changed.std(),
        atol=1e-4,
    )


def test_square_and_cube_root_contradict_each_other():
    with pytest.raises(InputError, match=r"test: preprocessing\.cuberoot: cannot be combined with square"):
        configure(preprocessing={"square": True, "cuberoot": True})


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_type_has_a_fixed_maximum(dtype):
    raw = np.linspace(10, 90, 1000).reshape(10, 10, 10).astype(dtype)
    np.testing.assert_allclose(normalize(raw, preprocessing(normalize="min_max")), (raw.astype(float) - 10) / 80, atol=1e-6)  # fmt: skip


def test_percentiles_become_0_and_1():
    raw = np.random.default_rng(0).normal(1000, 50, (20, 20, 20))
    scaled = normalize(raw, preprocessing(lower_percentile=5, upper_percentile=90))
    low, high = np.percentile(raw, (5, 90))
    np.testing.assert_allclose(scaled, ((raw - low) / (high - low)).clip(0, 1), atol=1e-6)
    assert (scaled == 0).mean() == pytest.approx(0.05, abs=0.001)
    assert (scaled == 1).mean() == pytest.approx(0.10, abs=0.001)


def test_an_image_that_is_nearly_all_background_keeps_its_nuclei():
    raw = np.zeros((20, 20, 20), np.uint16)
    raw[3, 3, 3:6] = 500, 1000, 250
    np.testing.assert_allclose(normalize(raw, preprocessing())[3, 3, 3:6], [0.5, 1, 0.25])


def test_a_constant_image_becomes_0():
    assert (normalize(np.full((2, 2, 2), 7), preprocessing()) == 0).all()


def test_large_numbers_that_differ_by_little():
    raw = 4_000_000_000 + np.arange(8, dtype=np.uint32).reshape(2, 2, 2)
    np.testing.assert_allclose(normalize(raw, preprocessing(normalize="min_max")).ravel(), np.arange(8) / 7, atol=1e-6)


@pytest.mark.parametrize(("dtype", "value"), [("int8", 100), ("int64", 2**62), ("float16", 60000), ("float32", 3e38)])
def test_intensities_whose_difference_does_not_fit_their_type(dtype, value):
    """numpy.percentile alone gives -106 and more for these, or infinity."""
    np.testing.assert_array_equal(normalize(np.array([[[-value, value]]], dtype), preprocessing()), [[[0, 1]]])


def test_none_leaves_an_image_as_it_is():
    raw = np.random.default_rng(0).random((3, 4, 5))
    np.testing.assert_array_equal(normalize(raw, preprocessing(normalize="none")), raw.astype(np.float32))
    for bad in (raw - 0.5, raw + 0.5):
        with pytest.raises(InputError, match=r"a\.tif: .*not in 0\.\.1"):
            check_range(bad, preprocessing(normalize="none"), "a.tif")
        check_range(bad, preprocessing(normalize="mean_std"), "a.tif")


def test_percentiles_of_a_large_volume_are_nearly_exact(monkeypatch):
    raw = np.sort(np.random.default_rng(0).normal(1000, 50, 75_000)).astype(np.float32).reshape(30, 50, 50)
    exact = normalize(raw, preprocessing())
    monkeypatch.setattr(intensities, "EXACT_VOXELS", 20_000)
    sampled = normalize(raw, preprocessing())
    assert (sampled != exact).any()
    np.testing.assert_allclose(sampled, exact, atol=0.02)


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real volumes are not here: {REAL}")
def test_a_real_volume(path):
    source, data = source_of(REAL / "mouse_embryo" / "test", voxel_size=())
    sample = write_sample(source, path, data, preprocessing())
    assert (sample.voxel_size, len(sample.centers())) == ((2.18, 1, 1), 8)
    assert sample.max_extent == (17, 19, 18)
    assert json.loads((path / ".zattrs").read_text())["source"] == "8_cell_stage.tif"
