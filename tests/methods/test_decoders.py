"""Decoders against literal transcriptions of the table "From prediction to instances": slow, and to the letter."""

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.special import expit, softmax

from auxcpvloss.methods import AUXILIARY, METHODS
from auxcpvloss.methods.watershed_params import WatershedParams
from tests.segmentation.test_instances import relabelled_equal

NEIGHBOURS = [(-1, 0, 0), (0, -1, 0), (0, 0, -1), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
WATERSHED = [name for name, method in METHODS.items() if issubclass(method.params, WatershedParams)]
THRESHOLDS = {
    "affinities": {"fg_thresh": 0.45, "seed_thresh": 0.6},
    "threeclass": {"fg_thresh": 0.5, "seed_thresh": 0.5},
    "sdt": {"fg_thresh": 0.1, "seed_thresh": -0.15},
    "nedt_border": {"fg_thresh": 0.05, "seed_thresh": 0.1, "tolerance": 0.05},
}
smooth = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from([(1, 9, 10), (5, 6, 7), (8, 8, 8)]))


def maps(method, seed, shape):
    """Smooth maps of every head, no two voxels of which are equal (so that no watershed has a choice)."""
    rng = np.random.default_rng(seed)
    scale = {"cpv": 3.0, "sdt": 0.5, "nedt": 0.5, "border": 0.2}

    def channel(name):
        values = ndimage.gaussian_filter(rng.normal(size=shape), 1)
        return (scale.get(name, 3.0) * values / max(values.std(), 1e-9)).astype(np.float32)

    return {head.name: np.stack([channel(head.name) for _ in range(head.channels)]) for head in method.heads}


def inside(voxel, shape):
    return all(0 <= place < size for place, size in zip(voxel, shape, strict=True))


def around(voxel, shape):
    for step in NEIGHBOURS:
        neighbour = tuple(np.add(voxel, step))
        if inside(neighbour, shape):
            yield neighbour


def components(mask):
    labels = np.zeros(mask.shape, int)
    for start in np.ndindex(mask.shape):
        if mask[start] and not labels[start]:
            labels[start] = labels.max() + 1
            stack = [start]
            while stack:
                for neighbour in around(stack.pop(), mask.shape):
                    if mask[neighbour] and not labels[neighbour]:
                        labels[neighbour] = labels[start]
                        stack.append(neighbour)
    return labels


def flooded(surface, markers, allowed):
    """Water rises; a voxel belongs to the basin that reaches it first."""
    labels = np.where(allowed, markers, 0)
    queue = [(surface[voxel], number, voxel) for number, voxel in enumerate(np.ndindex(labels.shape)) if labels[voxel]]
    heapq.heapify(queue)
    count = labels.size
    while queue:
        _, _, voxel = heapq.heappop(queue)
        for neighbour in around(voxel, labels.shape):
            if allowed[neighbour] and not labels[neighbour]:
                labels[neighbour] = labels[voxel]
                count += 1
                heapq.heappush(queue, (max(surface[neighbour], surface[voxel]), count, neighbour))
    return labels


def basins(base, prediction, params):
    if base == "sdt":
        surface = prediction["sdt"][0]
        return surface, surface < params.seed_thresh, surface < params.fg_thresh
    if base == "threeclass":
        background, interior, _ = softmax(prediction["threeclass"], axis=0)
        return 1 - interior, interior > params.seed_thresh, 1 - background > params.fg_thresh
    if base == "nedt_border":
        surface, depths = prediction["border"][0], prediction["nedt"][0]
        foreground = depths > params.fg_thresh
        seeds = shaped((depths > params.seed_thresh) & foreground, params)
        return surface, joined(seeds, foreground & (surface <= params.tolerance)), foreground
    affs = expit(prediction["affs"])
    high = sum((channel > params.seed_thresh).astype(int) for channel in affs)
    return 1 - affs.mean(axis=0), high >= 2, expit(prediction["fgbg"][0]) > params.fg_thresh


def shaped(seeds, params):
    """Closed, without small components, eroded."""
    near = lambda mask, voxel: [mask[n] for n in around(voxel, mask.shape)] + [mask[voxel]]  # noqa: E731
    each = lambda mask, what: np.reshape([what(near(mask, v)) for v in np.ndindex(mask.shape)], mask.shape)  # noqa: E731
    for what in [any] * params.seed_closings + [all] * params.seed_closings:
        seeds = each(seeds, what)
    numbers = components(seeds)
    seeds = seeds & (np.bincount(numbers.ravel())[numbers] >= params.min_seed_size)
    for _ in range(params.seed_erosions):
        seeds = each(seeds, all)
    return seeds


def joined(seeds, low):
    """Seeds, and what they are connected with through low voxels."""
    numbers = components(seeds | low)
    return np.isin(numbers, numbers[seeds]) & (numbers > 0)


def votes(vectors):
    counts = np.zeros(vectors.shape[1:], int)
    for voxel in np.ndindex(counts.shape):
        end = [
            min(max(place + round(float(vectors[(axis, *voxel)])), 0), size - 1)
            for axis, (place, size) in enumerate(zip(voxel, counts.shape, strict=True))
        ]
        counts[tuple(end)] += 1
    return counts


def dilated(labels):
    grown = labels.copy()
    for voxel in np.ndindex(labels.shape):
        near = {labels[n] for n in around(voxel, labels.shape)} - {0}
        if labels[voxel] == 0 and len(near) == 1:
            grown[voxel] = near.pop()
    return grown


def transcription(name, prediction, params):
    surface, seeds, foreground = basins(METHODS[name].base, prediction, params)
    if getattr(params, "use_cpv_for_seeds", False):
        seeds = votes(prediction["cpv"]) > params.cpv_thresh
    if params.flood == "foreground":
        labels = flooded(surface, components(seeds & foreground), foreground)
    else:
        labels = np.where(foreground, flooded(surface, components(seeds), np.ones(seeds.shape, bool)), 0)
    for _ in range(params.num_dilations):
        labels = dilated(labels)
    return labels


@pytest.mark.parametrize("flood", ["foreground", "volume"])
@pytest.mark.parametrize("name", WATERSHED)
@given(smooth)
@settings(max_examples=12)
def test_instances_equal_the_transcription(name, flood, case):
    method = METHODS[name]
    prediction = maps(method, *case)
    params = method.params(**THRESHOLDS[METHODS[name].base], flood=flood)
    assert relabelled_equal(params.decode(prediction), transcription(name, prediction, params))


@pytest.mark.parametrize("name", [name for name in WATERSHED if METHODS[name].auxiliary])
@given(smooth, st.sampled_from([1, 2, 3]))
@settings(max_examples=12)
def test_instances_of_vectors_seeds_equal_the_transcription(name, case, threshold):
    method = METHODS[name]
    prediction = maps(method, *case)
    params = method.params(**THRESHOLDS[METHODS[name].base], use_cpv_for_seeds=True, cpv_thresh=threshold)
    assert relabelled_equal(params.decode(prediction), transcription(name, prediction, params))


def ends_of(vectors, foreground):
    """Where the vector of each voxel of the foreground ends, followed twice, and half the size of a nucleus."""
    last, ends = np.array(foreground.shape) - 1, {}
    for voxel in zip(*np.nonzero(foreground), strict=True):
        place = np.array(voxel, np.float32)
        for _ in range(2):
            place = np.clip(place + vectors[(slice(None), *np.rint(place).astype(int))], 0, last)
        ends[voxel] = place
    axes = sum(size > 1 for size in foreground.shape)
    squares = (vectors[:, foreground].astype(float) ** 2).mean(axis=1)
    return ends, np.maximum(np.sqrt((axes + 2) * squares), 1)


@pytest.mark.parametrize("assign", ["vectors", "both"])
@pytest.mark.parametrize("name", [name for name in WATERSHED if METHODS[name].auxiliary])
@given(smooth)
@settings(max_examples=12)
def test_voxels_go_to_the_seed_that_their_vectors_end_nearest_to(name, assign, case):
    method = METHODS[name]
    prediction = maps(method, *case)
    params = method.params(**THRESHOLDS[method.base], assign=assign, assign_distance=0.8)
    surface, seeds, foreground = basins(method.base, prediction, params)
    if not (seeds & foreground).any():
        return
    ends, extent = ends_of(prediction["cpv"], foreground)
    own = components(seeds & foreground)
    centers = [np.mean([ends[tuple(v)] for v in np.argwhere(own == i)], axis=0) for i in range(1, own.max() + 1)]
    markers = np.zeros(own.shape, int)
    for voxel, end in ends.items():
        distances = [np.linalg.norm((end - center) / extent) for center in centers]
        if assign == "vectors" or min(distances) < 0.8:
            markers[voxel] = 1 + np.argmin(distances)
    for number in range(1, len(centers) + 1):
        pieces = components(markers == number)
        if pieces.any():
            markers[(pieces > 0) & (pieces != 1 + np.bincount(pieces.ravel())[1:].argmax())] = 0
    labels = flooded(surface, markers, foreground)
    for _ in range(params.num_dilations):
        labels = dilated(labels)
    assert relabelled_equal(params.decode(prediction), labels)


def test_vectors_part_nuclei_whose_interiors_touch():
    # Two balls in one piece of foreground, and one piece of interior.
    labels = np.zeros((15, 15, 26), np.uint32)
    z, y, x = np.indices(labels.shape)
    for number, middle in enumerate((7, 18), start=1):
        labels[((z - 7) ** 2 + (y - 7) ** 2 + (x - middle) ** 2 <= 36) & (labels == 0)] = number
    method = METHODS["threeclass_cpv"]
    inside = labels > 0
    logits = np.stack([np.where(inside, -9.0, 9.0), np.where(inside, 9.0, -9.0), np.full(labels.shape, -9.0)])
    prediction = {"threeclass": logits.astype(np.float32), "cpv": AUXILIARY["cpv"].head.target(labels)}
    assert method.params().decode(prediction).max() == 1
    for seeds in ("votes", "both"):
        for assign in ("vectors", "both"):
            found = method.params(seeds=seeds, assign=assign).decode(prediction)
            assert relabelled_equal(found, labels)
        assert method.params(seeds=seeds).decode(prediction).max() == 2


@given(smooth, st.sampled_from([0.2, 1.0]), st.integers(1, 3), st.booleans())
@settings(max_examples=25)
def test_points_equal_the_transcription(case, threshold, size, with_plateaus):
    method = METHODS["gauss"]
    values = maps(method, *case)["gauss"][0] / 3
    if with_plateaus:
        values = np.round(values, 1)
    found = method.params.model_construct(gauss_thresh=threshold, nms_size=size).decode({"gauss": values[np.newaxis]})
    maxima = np.zeros(values.shape, bool)
    for voxel in np.ndindex(values.shape):
        window = tuple(slice(max(0, place - size), place + size + 1) for place in voxel)
        maxima[voxel] = values[voxel] > threshold and values[voxel] == values[window].max()
    # Each plateau of maxima is one point, which lies in it.
    plateaus, count = ndimage.label(maxima, np.ones((3, 3, 3)))
    assert sorted(plateaus[found > 0]) == list(range(1, count + 1))
    assert sorted(found[found > 0]) == list(range(1, count + 1))


def test_a_plateau_is_one_point_in_its_middle():
    values = np.zeros((1, 5, 9, 9), np.float32)
    values[0, 2, 2:7, 2:7] = 0.8
    assert np.argwhere(METHODS["gauss"].params(nms_size=2).decode({"gauss": values})).tolist() == [[2, 4, 4]]


def test_vectors_that_end_outside_count_at_the_border():
    vectors = np.zeros((3, 2, 3, 4), np.float32)
    vectors[2] = 100
    vectors[0] = -7.6
    method = METHODS["sdt_cpv"]
    prediction = {"sdt": np.full((1, 2, 3, 4), -0.5, np.float32), "cpv": vectors}
    assert (method.params(use_cpv_for_seeds=True, cpv_thresh=7, num_dilations=0).decode(prediction) == 1).all()
    assert not method.params(use_cpv_for_seeds=True, cpv_thresh=8).decode(prediction).any()


@pytest.mark.parametrize("name", METHODS)
def test_an_empty_prediction_is_no_error(name):
    method = METHODS[name]
    background = np.zeros((6, 6, 6), np.uint32)
    prediction = {head.name: head.perfect(head.target(background)) for head in method.heads}
    assert not method.params().decode(prediction).any()
