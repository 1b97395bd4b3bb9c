import random

import gunpowder as gp
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from auxcpvloss.augment import switched_off
from auxcpvloss.config import dump
from auxcpvloss.data.sources.find import find_sources
from auxcpvloss.data.store import write_sample
from auxcpvloss.methods import METHODS, OUTSIDE, method_of
from auxcpvloss.methods.threeclass import THREECLASS
from auxcpvloss.network import losses
from auxcpvloss.pipeline.batch_maker import BatchMaker, chances_by_nuclei
from auxcpvloss.pipeline.context import output_shape, target_context
from auxcpvloss.pipeline.patch import RandomPatch, SeededRequest
from tests.conftest import blobs, configure, make_sample

SMALL = {
    "train_input_shape": [28, 28, 28],
    "test_input_shape": [28, 28, 28],
    "downsample_factors": [[2, 2, 2]],
    "fmap_inc_factors": [2],
    "fmap_dec_factors": [2],
}


def make_maker(folder, method, voxel_size=(1, 1, 1), **augmentation):
    labels = blobs((34, 40, 50), 40, seed=1)
    # A smooth image that is above 1/2 just where the labels are.
    sample = make_sample(folder, ndimage.gaussian_filter((labels > 0).astype(float), 0.5), labels, voxel_size)
    augmentation["intensity"] = {"scale": [1, 1], "shift": [0, 0]}
    config = configure(model={**SMALL, "method": method}, training={"augmentation": augmentation})
    return BatchMaker([sample], method_of(config), config)


MAKERS = {
    "isotropic": {},
    "anisotropic": {"voxel_size": (2.18, 1, 1)},
    "zoomed": {"zoom": {"probability": 1.0, "factor": [0.6, 1.7]}},
}


@pytest.fixture(scope="module", params=MAKERS.values(), ids=MAKERS)
def maker(request, tmp_path_factory):
    return make_maker(tmp_path_factory.mktemp("maker"), "threeclass_cpv", **request.param)


@pytest.fixture(scope="module", params=["sdt_edt", "affinities", "nedt_border", "threeclass_outer", "gauss"])
def other_maker(request, tmp_path_factory):
    return make_maker(tmp_path_factory.mktemp("maker"), request.param)


def with_all_labels(maker, number):
    """Batch `number`, with the deformed labels far around it: the targets' patch lies in their middle."""
    patch = output_shape(maker.config)
    request = gp.BatchRequest()
    request.add(maker.raw, maker.config.model.train_input_shape)
    for key in (*maker.targets, maker.region):
        request.add(key, patch)
    # Not larger than what the targets ask for anyhow, so that it fits into the padded volume.
    contexts = [target_context(head, maker.samples, maker.config) for head in maker.targets.values()]
    around = tuple(p + 2 * c for p, c in zip(patch, np.max(contexts, axis=0).tolist(), strict=True))
    request.add(maker.labels, around)
    batch = maker.pipeline.request_batch(SeededRequest(request.array_specs, random_seed=number))
    targets = {head.name: batch[key].data for key, head in maker.targets.items()}
    return batch[maker.labels].data, targets, batch[maker.region].data, batch[maker.raw].data


def inner(labels, patch):
    first = (np.array(labels.shape) - patch) // 2
    return tuple(slice(f, f + p) for f, p in zip(first, patch, strict=True))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_targets_of_a_patch_are_cut_out_of_the_deformed_whole(maker, seed):
    """Brute force over all voxels, for nuclei inside, cut by the patch, and cut by the end of the volume."""
    labels, targets, region, _ = with_all_labels(maker, seed)
    patch = output_shape(maker.config)
    window = inner(labels, patch)
    expected = np.zeros((3, *patch))
    for label in set(labels[window].ravel().tolist()) - {0, int(OUTSIDE)}:
        center = np.argwhere(labels == label).mean(axis=0) - [w.start for w in window]
        for voxel in np.argwhere(labels[window] == label):
            expected[(slice(None), *voxel)] = center - voxel
    np.testing.assert_allclose(targets["cpv"], expected, atol=1e-4)
    np.testing.assert_array_equal(targets["threeclass"][0], THREECLASS.heads[0].target(labels)[0][window])
    known = np.where(labels[window] == 0, losses.BACKGROUND, losses.INSTANCE)
    np.testing.assert_array_equal(region[0], np.where(labels[window] == OUTSIDE, losses.OUTSIDE, known))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_targets_of_every_method_are_cut_out_of_the_deformed_whole(other_maker, seed):
    labels, targets, _, _ = with_all_labels(other_maker, seed)
    window = inner(labels, output_shape(other_maker.config))
    for head in other_maker.targets.values():
        whole = head.target(labels).astype(float)[(slice(None), *window)]
        np.testing.assert_allclose(targets[head.name], whole, atol=1e-4)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_the_context_holds_all_of_every_nucleus_in_the_patch(maker, seed):
    labels, _, _, _ = with_all_labels(maker, seed)
    inside = set(labels[inner(labels, output_shape(maker.config))].ravel().tolist()) - {0, int(OUTSIDE)}
    shell = np.ones(labels.shape, bool)
    shell[1:-1, 1:-1, 1:-1] = False
    assert not inside & set(labels[shell].tolist())


def test_image_and_labels_stay_on_top_of_each_other(maker):
    agree, shifted = [], []
    for number in range(30):
        batch = maker.make(number)
        nucleus = batch.region[0, 0] == losses.INSTANCE
        image = batch.raw[0, 0][inner(batch.raw[0, 0], nucleus.shape)] > 0.5
        known = batch.region[0, 0] != losses.OUTSIDE
        agree.append((image == nucleus)[known].mean())
        shifted.append((np.roll(image, 1, axis=number % 3) == nucleus)[known].mean())
    assert np.mean(agree) > 0.97
    assert np.mean(agree) > np.mean(shifted) + 0.03


def test_a_batch_depends_on_its_number_and_the_seed_alone(maker):
    again, other = maker.make(3), maker.make(4)
    for _ in range(2):
        batch = maker.make(3)
        assert (batch.raw == again.raw).all()
        assert all((batch.targets[name] == again.targets[name]).all() for name in batch.targets)
    assert not (other.raw == again.raw).all()


def test_patches_do_not_come_back(maker):
    """gunpowder's own handing-down of seeds leaves a few places only."""
    assert len({maker.make(number).raw.tobytes() for number in range(100)}) == 100


def test_seeds_stay_apart_however_often_a_request_is_copied():
    requests = [SeededRequest(random_seed=seed) for seed in range(200)]
    for _ in range(30):
        requests = [request.copy() for request in requests]
    assert len({request.random_seed for request in requests}) == 200


def test_patches_lie_inside_the_volume_and_hold_nuclei(maker):
    regions = [maker.make(number).region for number in range(60)]
    outside = np.mean([(region == losses.OUTSIDE).mean() for region in regions])
    nonempty = np.mean([(region == losses.INSTANCE).any() for region in regions])
    assert outside < 0.1
    assert nonempty > 0.95


def test_every_place_of_the_volume_is_seen(tmp_path):
    """A ramp as image tells where a patch comes from."""
    shape = (20, 20, 60)
    ramp = np.broadcast_to(np.linspace(0, 1, shape[2]), shape)
    labels = np.zeros(shape, np.uint32)
    labels[8:12, 8:12, 2:6] = 1
    sample = make_sample(tmp_path, ramp, labels)

    def places(p_nonempty):
        config = switched_off(configure(model=SMALL, training={"p_nonempty": p_nonempty}))
        maker = BatchMaker([sample], METHODS["threeclass"], config)
        return [float(maker.make(number).raw[0, 0, 14, 14, 14]) * 59 for number in range(150)]

    anywhere = places(0)
    assert min(anywhere) < 9
    assert max(anywhere) > 51
    assert np.std(anywhere) > 10
    assert max(places(1)) <= 4 + 6 + 1


def test_a_batch_of_several_patches_has_the_patches_of_as_many_batches_of_one(tmp_path):
    labels = blobs((30, 30, 30), 10, seed=2)
    sample = make_sample(tmp_path, labels > 0, labels)
    one, three = (BatchMaker([sample], METHODS["threeclass_cpv"], configure(model=SMALL, training={"batch_size": size})) for size in (1, 3))  # fmt: skip
    batch = three.make(2)
    assert batch.raw.shape[0] == 3
    for patch in range(3):
        single = one.make(6 + patch)
        assert (batch.raw[patch] == single.raw[0]).all()
        assert (batch.targets["cpv"][patch] == single.targets["cpv"][0]).all()


def test_where_patches_may_lie():
    node = RandomPatch((8, 8, 8), (40, 40, 40), np.array([[500.0, 5, 5], [5, 5, 5]]), 1.0, (0, 0, 0))
    assert (node.lowest == 3).all()
    assert (node.highest == 37).all()
    # A center beyond the volume would be looked for forever.
    assert node.centers.tolist() == [[5, 5, 5]]
    assert (RandomPatch((8, 8, 8), (40, 40, 40), np.empty((0, 3)), 1.0, (2, 2, 2)).lowest == 1).all()


@pytest.mark.parametrize("change", [{}, {"augmentation": dump(switched_off(configure()))["training"]["augmentation"]}])
def test_a_batch_of_two_holds_what_two_batches_do(tmp_path, change):
    labels = blobs((34, 40, 50), 40, seed=1)
    sample = make_sample(tmp_path, ndimage.gaussian_filter((labels > 0).astype(float), 0.5), labels)
    one, two = (
        BatchMaker([sample], METHODS["threeclass_cpv"], configure(model=SMALL, training={"batch_size": size, **change}))
        for size in (1, 2)
    )
    both, each = two.make(1), [one.make(number) for number in (2, 3)]
    np.testing.assert_array_equal(both.raw, np.concatenate([batch.raw for batch in each]))
    np.testing.assert_array_equal(both.region, np.concatenate([batch.region for batch in each]))
    for name, target in both.targets.items():
        np.testing.assert_array_equal(target, np.concatenate([batch.targets[name] for batch in each]))


def test_a_volume_smaller_than_a_patch_can_be_trained_on(tmp_path):
    labels = blobs((5, 9, 40), 5, seed=3)
    sample = make_sample(tmp_path, labels > 0, labels)
    batch = BatchMaker([sample], METHODS["threeclass_cpv"], configure(model=SMALL)).make(0)
    assert batch.raw.shape == (1, 1, 28, 28, 28)
    assert (batch.region == losses.OUTSIDE).any()
    assert (batch.region != losses.OUTSIDE).any()


def test_patches_of_a_same_network_reach_beyond_the_volume(tmp_path):
    """Predictions near the end of a volume are made from the padding too; valid networks see it around their output."""
    labels = blobs((40, 40, 40), 30, seed=6)
    sample = make_sample(tmp_path, labels > 0, labels)

    def outside(**model):
        maker = BatchMaker([sample], METHODS["threeclass"], configure(model=SMALL | model))
        return np.mean([(maker.make(number).region == losses.OUTSIDE).mean() for number in range(40)])

    assert outside(padding="same") > 0.15
    assert outside(padding="valid") < 0.1


def test_points_without_masks_can_be_trained_on(tmp_path):
    shape, points = (30, 32, 34), [(5, 6, 7), (15.4, 16, 17), (25, 9, 30), (28, 31, 2)]
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "a.tif", np.random.default_rng(0).random(shape, np.float32), photometric="minisblack")  # fmt: skip
    (tmp_path / "centers").mkdir()
    (tmp_path / "centers" / "a.csv").write_text("".join(f"{z}, {y}, {x}\n" for z, y, x in points))
    config = configure(model=SMALL, data={"input_format": "tif", "train_data": str(tmp_path)}, training={"p_nonempty": 1})  # fmt: skip
    (source,) = find_sources(config.data, ["train"])["train"]
    sample = write_sample(source, tmp_path / "a.zarr", config.data, config.preprocessing)
    maker = BatchMaker([sample], METHODS["gauss"], config)
    batches = [maker.make(number) for number in range(10)]
    assert np.mean([(batch.region == losses.INSTANCE).any() for batch in batches]) > 0.8
    for batch in batches:
        balls, number = ndimage.label(batch.region[0, 0] == losses.INSTANCE)
        assert number <= len(points)
        # Within 1.3 voxels of a point there is its ball, and in every whole ball there is such a voxel.
        peaks = batch.targets["gauss"][0, 0] > 0.8
        whole = [ball for ball in range(1, number + 1) if (balls == ball).sum() > 25]
        assert all(peaks[balls == ball].any() for ball in whole)
        assert not peaks[batch.region[0, 0] == losses.BACKGROUND].any()


def test_places_with_many_nuclei_are_drawn_more_often():
    """In proportion to the nuclei in the patch: a histogram of locations against brute force."""
    centers = np.array([[4.0, 4, 4], [4, 6, 4], [6, 4, 4], [17, 17, 17], [17, 17, 4]])
    patch, volume = (8, 8, 8), (24, 24, 24)
    node = RandomPatch(patch, volume, centers, 1.0, (0, 0, 0), by_nuclei=True)
    node.nonempty = True
    request, tries = gp.BatchRequest(), 30_000
    rng, found = np.random.default_rng(0), []
    random.seed(0)
    for begin in rng.integers(0, 17, size=(tries, 3)):
        request[gp.ArrayKey("RAW")] = gp.ArraySpec(roi=gp.Roi(begin.tolist(), patch))
        if node.accepts(request):
            found.append((np.abs(centers - begin - 4) < 4).all(axis=1).sum())
    every = np.array(
        [(np.abs(centers - np.array(begin) - 4) < 4).all(axis=1).sum() for begin in np.ndindex(17, 17, 17)]
    )
    for number in range(1, every.max() + 1):
        expected = number * (every == number).sum() / every.sum()
        assert np.mean(np.array(found) == number) == pytest.approx(expected, abs=0.05)
    assert min(found) == 1
    assert node.most >= every.max()


@given(st.integers(0, 2**32 - 1))
def test_no_patch_has_more_nuclei_than_the_bound(seed):
    rng = np.random.default_rng(seed)
    centers, patch = rng.integers(0, 20, size=(rng.integers(0, 40), 3)).astype(float), rng.integers(1, 15, size=3)
    bound = RandomPatch(tuple(patch.tolist()), (20, 20, 20), centers, 1.0, (0, 0, 0), by_nuclei=True).most
    for center in rng.integers(0, 40, size=(200, 3)) / 2:
        assert (np.abs(centers - center) < patch / 2).all(axis=1).sum() <= bound


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.floats(0, 1))
def test_volumes_are_drawn_by_their_nuclei_as_far_as_patches_must_contain_some(numbers, p_nonempty):
    volumes, nonempty = chances_by_nuclei(numbers, p_nonempty)
    if not any(numbers):
        assert (volumes, nonempty) == (None, [0] * len(numbers))
        return
    assert sum(volumes) == pytest.approx(1)
    for chance, part, number in zip(volumes, nonempty, numbers, strict=True):
        assert chance * part == pytest.approx(p_nonempty * number / sum(numbers))
        assert chance * (1 - part) == pytest.approx((1 - p_nonempty) / len(numbers))


def test_drawn_by_nuclei_a_batch_depends_on_its_number_alone(tmp_path):
    """Volumes in proportion to their nuclei, also one without any where patches may be empty."""
    samples = []
    for name, number in (("many", 30), ("none", 0), ("few", 3)):
        labels = blobs((34, 40, 50), number, seed=1)
        samples.append(make_sample(tmp_path / name, np.full(labels.shape, number / 30), labels))
    change = {"sampling": "nuclei", "augmentation": dump(switched_off(configure()))["training"]["augmentation"]}
    config = configure(model={**SMALL, "method": "threeclass"}, training={"p_nonempty": 0.7, **change})
    makers = [BatchMaker(samples, METHODS["threeclass"], config) for _ in range(2)]
    batches = [makers[0].make(number) for number in range(80)]
    for number in (7, 3):
        assert (makers[1].make(number).raw == batches[number].raw).all()
    drawn = [round(float(batch.raw.max()) * 30) for batch in batches]
    assert drawn.count(30) > 3 * drawn.count(3)
    assert min(drawn.count(0), drawn.count(3)) > 0
