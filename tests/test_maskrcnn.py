"""The baseline Mask R-CNN: from detections in tiles to labels, its patches, and its command; see scripts/baselines."""

import argparse
import math
from pathlib import Path

import numpy as np
import pytest
from baselines.command import Baseline, made_once
from baselines.environment import Environment
from baselines.maskrcnn import training
from baselines.maskrcnn.environment import MASK_RCNN
from baselines.maskrcnn.instances import Instance, Tile, draw, is_cut, paste, tiles_of, unite
from baselines.maskrcnn.patches import SMALLEST, ZOOM, draw_patch, targets_of
from baselines.maskrcnn.segment import best_threshold, instances_in, plane_of, scaled, zoom_of
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage as ndi
from skimage.measure import regionprops

from auxcpvloss.system.errors import InputError


def discs(shape: tuple[int, int], number: int, radii: tuple[float, float], seed: int) -> np.ndarray:
    """Labels of discs that do not touch."""
    rng, labels = np.random.default_rng(seed), np.zeros(shape, np.int32)
    grid = np.indices(shape)
    for _ in range(number):
        center, radius = rng.random(2) * shape, rng.uniform(*radii)
        inside = np.hypot(*(grid - center[:, None, None])) < radius
        if inside.any() and not labels[ndi.binary_dilation(inside, iterations=2)].any():
            labels[inside] = labels.max() + 1
    return labels


def instance(mask: np.ndarray, score: float = 1.0, tile: int = 0, cut: bool = False) -> Instance:
    """An instance of a mask of the whole image."""
    (rows, columns) = np.nonzero(mask)
    place = Tile(rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
    return Instance(score, place, mask[place.top : place.bottom, place.left : place.right], tile, cut)


def whole(shape: tuple[int, int], each: Instance) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[each.place.top : each.place.bottom, each.place.left : each.place.right] = each.mask
    return mask


def seen_in_tiles(labels: np.ndarray, tiles: list[Tile], rng: np.random.Generator) -> list[Instance]:
    """What a network without fault finds in tiles."""
    found = []
    for number, tile in enumerate(tiles):
        inside = np.zeros(labels.shape, bool)
        inside[tile.top : tile.bottom, tile.left : tile.right] = True
        for label in np.unique(labels[inside & (labels > 0)]):
            mask = (labels == label) & inside
            found.append(instance(mask, rng.random(), number, is_cut(instance(mask).place, tile, labels.shape)))
    return found


def same_partition(one: np.ndarray, other: np.ndarray) -> bool:
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1)
    return bool(((one > 0) == (other > 0)).all()) and all(np.unique(side).size == side.size for side in pairs)


@given(size=st.tuples(st.integers(1, 90), st.integers(1, 90)), side=st.integers(1, 40), data=st.data())
def test_whatever_is_at_most_as_large_as_the_overlap_lies_whole_in_a_tile(size, side, data):
    overlap = data.draw(st.integers(0, side - 1))
    tiles = tiles_of(size, side, overlap)
    assert all((tile.bottom - tile.top, tile.right - tile.left) == tuple(min(side, n) for n in size) for tile in tiles)
    assert all(tile.top >= 0 and tile.left >= 0 and tile.bottom <= size[0] and tile.right <= size[1] for tile in tiles)
    box = max(1, overlap)
    for axis in (0, 1):
        spans = {(tile[axis], tile[axis + 2]) for tile in tiles}
        for start in range(max(1, size[axis] - box + 1)):
            end = min(size[axis], start + box)
            assert any(low <= start and end <= high for low, high in spans)


def test_an_overlap_as_large_as_the_tile_is_refused():
    with pytest.raises(ValueError, match="overlap 5"):
        tiles_of((9, 9), 5, 5)


@given(seed=st.integers(0, 10_000))
def test_a_mask_is_drawn_as_the_definition_of_bilinear_interpolation_says(seed):
    rng = np.random.default_rng(seed)
    probabilities = rng.random((5, 5)).astype(np.float32)
    left, top = rng.uniform(-4, 12, 2)
    box = (left, top, left + rng.uniform(0.2, 14), top + rng.uniform(0.2, 14))
    tile = Tile(2, 3, 14, 13)
    expected = np.zeros((16, 16), bool)
    for y in range(tile.top, tile.bottom):
        for x in range(tile.left, tile.right):
            at = [
                (place + 0.5 - low) / (high - low) * 5 - 0.5 for place, low, high in ((y, *box[1::2]), (x, *box[::2]))
            ]
            value = sum(
                probabilities[i, j] * max(0, 1 - abs(at[0] - i)) * max(0, 1 - abs(at[1] - j))
                for i in range(5)
                for j in range(5)
            )
            in_box = math.floor(box[1]) <= y < math.ceil(box[3]) and math.floor(box[0]) <= x < math.ceil(box[2])
            expected[y, x] = in_box and value > 0.5
    drawn = paste(probabilities, box, tile)
    if drawn is None:
        assert not expected.any()
    else:
        np.testing.assert_array_equal(whole(expected.shape, Instance(1, *drawn, 0, False)), expected)
        assert drawn[1].any(axis=0)[[0, -1]].all()
        assert drawn[1].any(axis=1)[[0, -1]].all()


@pytest.mark.parametrize("radii", [(2, 6), (14, 20)], ids=["within the overlap", "larger than it"])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_found_in_tiles_without_fault_gives_the_true_labels(radii, seed):
    labels = discs((90, 110), 60, radii, seed)
    tiles = tiles_of(labels.shape, 48, 14)
    found = seen_in_tiles(labels, tiles, np.random.default_rng(seed))
    united = unite(found, tiles)
    assert len(united) == labels.max() < len(found)
    assert same_partition(draw(united, labels.shape), labels)


def test_the_best_whole_view_counts_and_not_a_better_cut_one():
    shape, tiles = (10, 30), [Tile(0, 0, 10, 20), Tile(0, 10, 10, 30)]
    mask = np.zeros((3, *shape), bool)
    mask[0, 2:6, 12:20] = mask[1, 2:6, 12:22] = mask[2, 2:7, 12:22] = True
    found = [instance(mask[0], 0.9, 0, True), instance(mask[1], 0.5, 1), instance(mask[2], 0.7, 1)]
    (united,) = unite(found, tiles)
    assert united.score == 0.7
    np.testing.assert_array_equal(whole(shape, united), mask[2])


def test_views_that_differ_where_both_tiles_look_stay_apart():
    tiles = [Tile(0, 0, 10, 20), Tile(0, 10, 10, 30)]
    upper, lower = np.zeros((2, 10, 30), bool)
    upper[1:4, 8:16] = lower[6:9, 14:26] = True
    # Only what both tiles show decides: beyond it, one view is always larger.
    long = np.zeros((10, 30), bool)
    long[1:4, 10:16] = True
    found = [instance(upper, tile=0), instance(lower, tile=1), instance(long, tile=1)]
    assert len(unite(found, tiles)) == 2


@given(seed=st.integers(0, 10_000))
def test_two_views_are_one_nucleus_by_the_iou_of_what_both_tiles_show(seed):
    rng, tiles = np.random.default_rng(seed), [Tile(0, 0, 8, 12), Tile(0, 5, 8, 17)]
    masks = np.zeros((2, 8, 17), bool)
    for number, mask in enumerate(masks):
        top, left = rng.integers(0, 3), rng.integers(3, 8)
        mask[top : top + rng.integers(2, 6), left : left + rng.integers(2, 8)] = True
        mask &= rng.random(mask.shape) < 0.95
        mask[:, : tiles[number].left] = mask[:, tiles[number].right :] = False
        mask[3, 8] = True
    one, other = masks[:, :, 5:12]
    same = (one & other).sum() > 0.5 * (one | other).sum()
    assert len(unite([instance(mask, tile=i) for i, mask in enumerate(masks)], tiles)) == (1 if same else 2)


@given(seed=st.integers(0, 10_000))
def test_overlapping_masks_are_drawn_as_sets_of_pixels_say(seed):
    rng = np.random.default_rng(seed)
    shape = (14, 15)
    scores = rng.permutation(8) / 8
    found = []
    for score in scores:
        y, x = rng.integers(0, 11, 2)
        mask = np.zeros(shape, bool)
        mask[y : y + rng.integers(1, 6), x : x + rng.integers(1, 6)] = True
        found.append(instance(mask, float(score), cut=bool(rng.random() < 0.2)))
    taken: set[tuple[int, int]] = set()
    expected = []
    for each in sorted(found, key=lambda each: (each.is_cut, -each.score)):
        pixels = set(zip(*np.nonzero(whole(shape, each)), strict=True))
        left = pixels - taken
        if each.score >= 0.25 and len(left) >= 0.5 * len(pixels) and left:
            image = np.zeros(shape, bool)
            image[tuple(zip(*left, strict=True))] = True
            pieces = regionprops(ndi.label(image)[0])
            expected.append({tuple(at) for at in max(pieces, key=lambda piece: piece.area).coords})
            taken |= expected[-1]
    labels = draw(found, shape, 0.25)
    drawn = [set(zip(*np.nonzero(labels == number), strict=True)) for number in range(1, labels.max() + 1)]
    assert drawn == expected


def test_a_box_is_cut_only_where_the_image_goes_on():
    tile, shape = Tile(0, 10, 20, 30), (20, 40)
    assert not is_cut(Tile(0, 12, 20, 28), tile, shape)
    assert is_cut(Tile(3, 10, 9, 15), tile, shape)
    assert is_cut(Tile(3, 15, 9, 30), tile, shape)
    assert is_cut(Tile(3, 12, 9, 15), tile, shape, margin=2)
    assert not is_cut(Tile(3, 25, 9, 40), Tile(0, 20, 20, 40), shape, margin=2)


def test_the_threshold_with_the_best_score_is_chosen_and_of_equals_the_one_near_a_half():
    assert best_threshold({0.1: 0.2, 0.5: 0.3, 0.8: 0.7}.get, (0.1, 0.5, 0.8)) == (0.8, 0.7)
    assert best_threshold(lambda threshold: 0.4, (0.1, 0.45, 0.9)) == (0.45, 0.4)


@pytest.mark.parametrize("side", [40, 100])
def test_in_patches_images_and_labels_go_together(side):
    labels = discs((70, 80), 30, (5, 7), 1)
    rng = np.random.default_rng(0)
    places = set()
    for _ in range(20):
        image, patch = draw_patch([(labels.astype(np.float32), labels)], side, rng)
        assert image.shape == patch.shape == (side, side)
        inside = ndi.minimum_filter(patch, 5) == ndi.maximum_filter(patch, 5)
        # Intensities are changed by one linear map.
        slope, offset = np.polyfit(patch[inside], image[inside], 1)
        np.testing.assert_allclose(image[inside], slope * patch[inside] + offset, atol=1e-4)
        areas = [each.area for each in regionprops(patch) if not _touches_edge(each.bbox, side)]
        assert all(0.7 * np.pi * 25 * ZOOM[0] ** 2 < area < 1.4 * np.pi * 49 * ZOOM[1] ** 2 for area in areas)
        places.add(tuple(np.flatnonzero(patch[0] + patch[-1])))
    assert len(places) > 10


def _touches_edge(box: tuple[int, ...], side: int) -> bool:
    return min(box[:2]) == 0 or max(box[2:]) == side


def test_patches_are_turned_and_flipped_in_all_eight_ways():
    labels = np.zeros((64, 64), np.int32)
    labels[4:12, 4:12], labels[4:12, 52:60], labels[52:60, 4:12] = 1, 2, 3
    rng, seen = np.random.default_rng(0), set()
    for _ in range(200):
        _, patch = draw_patch([(labels > 0, labels)], 84, rng)
        centers = [np.array(each.centroid) for each in regionprops(patch)]
        if len(centers) == 3:
            seen.add(tuple(np.sign(np.round((each - centers[0]) / 20)).tobytes() for each in centers[1:]))
    assert len(seen) == 8


def test_targets_are_the_boxes_and_masks_of_the_nuclei():
    labels = discs((50, 60), 20, (1, 6), 3)
    labels[0, 0] = 99
    boxes, masks = targets_of(labels)
    expected = [each for each in regionprops(labels) if each.area >= SMALLEST]
    assert len(boxes) == len(masks) == len(expected) > 5
    for box, mask, each in zip(boxes, masks, expected, strict=True):
        top, left, bottom, right = each.bbox
        assert box.tolist() == [left, top, right, bottom]
        np.testing.assert_array_equal(mask, labels == each.label)
    boxes, masks = targets_of(np.zeros((5, 6), np.int32))
    assert boxes.shape == (0, 4)
    assert masks.shape == (0, 5, 6)


def test_detections_on_the_scaled_image_come_back_on_the_grid_of_the_image(tmp_path):
    shape, seen = (100, 160), (50, 80)
    labels = discs(shape, 30, (6, 9), 5)
    tiles = tiles_of(seen, 32, 12)
    found: dict[str, list] = {"scores": [], "boxes": [], "masks": [], "tiles": []}
    for number, tile in enumerate(tiles):
        cut = np.zeros_like(labels)
        part = tuple(slice(2 * tile[i], 2 * tile[i + 2]) for i in (0, 1))
        cut[part] = labels[part]
        for each in regionprops(cut):
            top, left, bottom, right = each.bbox
            found["scores"].append(0.9)
            found["boxes"].append([left / 2, top / 2, right / 2, bottom / 2])
            found["masks"].append(scaled_mask(each.image))
            found["tiles"].append(number)
    np.savez(tmp_path / "a.npz", **{name: np.array(values) for name, values in found.items()})
    instances = instances_in(tmp_path / "a.npz", shape, seen, tiles)
    assert len(instances) == labels.max() < len(found["scores"])
    drawn = draw(instances, shape, 0.5)
    for number in range(1, labels.max() + 1):
        other = np.bincount(drawn[labels == number]).argmax()
        both = (drawn == other) & (labels == number)
        assert both.sum() / ((drawn == other) | (labels == number)).sum() > 0.9
    assert not draw(instances, shape, 0.95).any()


def scaled_mask(mask: np.ndarray) -> np.ndarray:
    return ndi.zoom(
        mask.astype(np.float32), [28 / size for size in mask.shape], order=1, grid_mode=True, mode="nearest"
    )


def test_images_are_scaled_so_that_the_median_nucleus_has_one_size():
    labels = discs((200, 240), 40, (9.5, 10.5), 2)
    zoom = zoom_of([labels])
    assert zoom == pytest.approx(2, rel=0.05)
    image = 100 + 50.0 * (labels > 0)
    small, small_labels = scaled(image, labels, 0.5)
    assert small.shape == small_labels.shape == (100, 120)
    assert set(np.unique(small_labels)) == set(np.unique(labels))
    assert small.min() == pytest.approx(0, abs=1e-3)
    assert small.max() == pytest.approx(1, abs=1e-3)
    assert zoom_of([np.arange(1, 10).reshape(3, 3)]) == 2
    with pytest.raises(InputError, match="no nuclei"):
        zoom_of([np.zeros((4, 4), int)])


def test_volumes_of_several_planes_are_refused():
    assert plane_of(np.zeros((1, 4, 5)), "a").shape == (4, 5)
    with pytest.raises(InputError, match=r"embryo: is 3 x 4 x 5.*one plane"):
        plane_of(np.zeros((3, 4, 5)), "embryo")


def test_the_learning_rate_rises_and_falls_to_nothing():
    rates = [training.factor(done) for done in np.linspace(0, 1, 101)]
    assert 0 < rates[0] < 0.2
    assert rates[10] == pytest.approx(1, abs=0.01)
    assert rates[-1] == pytest.approx(0, abs=1e-6)
    assert list(training._progress(0.0, 0.0, 4)) == [0, 0.25, 0.5, 0.75]
    # Time that is over makes one step.
    assert list(training._progress(0.0, 1.0, 0)) == [1.0]


def test_a_run_that_is_done_is_not_repeated_and_another_one_is_refused(tmp_path):
    runs = []

    def make(experiment, out, args):
        out.mkdir()
        runs.append(args.side)
        return {"steps": 3}

    program = Baseline(Environment("Toy", ("toy==1",), {}), "toy", ("side",), make, str)
    args = argparse.Namespace(minutes=0.0, steps=3, seed=1, side=32)
    first = made_once(program, None, tmp_path / "out", args)
    assert made_once(program, None, tmp_path / "out", args) == first
    assert first["packages"] == ["toy==1"]
    assert first["asked"] == {"minutes": 0.0, "steps": 3, "seed": 1, "side": 32}
    assert runs == [32]
    args.side = 64
    with pytest.raises(InputError, match=r"another --out"):
        made_once(program, None, tmp_path / "out", args)


def test_environments_lie_in_folders_of_their_own():
    folders = {Environment(name, (), {}).folder.parent.name for name in ("StarDist", "Mask R-CNN")}
    assert folders == {"stardist", "maskrcnn"}
    assert isinstance(Environment("StarDist", (), {}).folder, Path)


@pytest.mark.skipif(
    not (MASK_RCNN.folder / "whole").is_file(), reason="scripts/baselines/maskrcnn/run.py installs torch"
)
def test_the_same_seed_trains_the_same_network_which_finds_boxes_in_tiles(tmp_path):
    labels = discs((100, 90), 8, (8, 12), 0)
    file = tmp_path / "a.npz"
    np.savez(file, image=(labels > 0).astype(np.float32), labels=labels)
    tiles = tiles_of(labels.shape, 64, 20)
    network = {"backbone": "resnet18", "width": 32, "side": 64}
    options = {"images": [str(file)], "began": 0.0, "seconds": 0.0, "steps": 2, "batch": 1, "rate": 1e-3}
    runs = [
        MASK_RCNN.call(training.train, folder=str(tmp_path / name), seed=1, **options, **network).run()
        for name in ("0", "again")
    ]
    assert [run["steps"] for run in runs] == [2, 2]
    assert runs[0]["loss"] == runs[1]["loss"]
    given = {"images": [str(file)], "tiles": [tiles], "out": str(tmp_path / "found"), "folder": str(tmp_path / "0")}
    MASK_RCNN.call(training.detect, **given, **network).run()
    with np.load(tmp_path / "found" / "a.npz") as found:
        number = len(found["scores"])
        assert number > 0
        assert found["masks"].shape == (number, 28, 28)
        for box, tile in zip(found["boxes"], found["tiles"], strict=True):
            top, left, bottom, right = tiles[tile]
            assert left <= box[0] <= box[2] <= right
            assert top <= box[1] <= box[3] <= bottom
