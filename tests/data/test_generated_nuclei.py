"""Nuclei of no organism in particular: `data.synthetic.kind = "nuclei"`."""

from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from auxcpvloss.config import ConfigFile
from auxcpvloss.data.sources.find import Catalogue
from auxcpvloss.data.synthetic.nuclei import SMALLEST, make_nuclei
from auxcpvloss.data.synthetic.placement import apart
from auxcpvloss.data.synthetic.tissue import ARRANGEMENTS, DIAMETER, SPREAD
from auxcpvloss.experiment.configuration import load
from auxcpvloss.system.errors import InputError

SHAPE = (32, 48, 48)
SEEDS = range(10)


@cache
def made(seed: int) -> tuple[np.ndarray, np.ndarray]:
    return make_nuclei(SHAPE, seed, most=300)


def diameters(labels: np.ndarray) -> np.ndarray:
    return np.cbrt(6 * np.bincount(labels.ravel())[1:] / np.pi)


def test_a_volume_is_a_function_of_its_seed() -> None:
    raw, labels = made(3)
    again = make_nuclei(SHAPE, 3, most=300)
    assert (raw.dtype, labels.dtype, raw.shape, labels.shape) == (np.uint16, np.uint16, SHAPE, SHAPE)
    assert np.array_equal(raw, again[0])
    assert np.array_equal(labels, again[1])
    assert not np.array_equal(raw, made(4)[0])


@pytest.mark.parametrize("seed", SEEDS)
def test_every_label_is_one_piece_of_some_size(seed: int) -> None:
    _, labels = made(seed)
    numbers = np.unique(labels)
    assert np.array_equal(numbers, np.arange(len(numbers)))
    assert len(numbers) > 1
    assert np.bincount(labels.ravel()).min() >= SMALLEST
    assert all(ndimage.label(labels[box] == i)[1] == 1 for i, box in enumerate(ndimage.find_objects(labels), 1))


def test_nuclei_are_as_large_as_is_said() -> None:
    # In a volume that is large enough for whole nuclei; those that are cut are smaller.
    medians = [np.median(diameters(make_nuclei((48, 64, 64), seed, 300)[1])) for seed in range(100, 106)]
    assert all(DIAMETER / SPREAD / 1.25 < median < DIAMETER * SPREAD * 1.25 for median in medians)
    assert max(medians) > 1.2 * min(medians)


def test_volumes_differ_widely() -> None:
    filled = [(made(seed)[1] > 0).mean() for seed in SEEDS]
    assert max(filled) > 4 * min(filled)
    noise = []
    for seed in SEEDS:
        raw = made(seed)[0].astype(float)
        outside = ~ndimage.binary_dilation(made(seed)[1] > 0, iterations=3)
        noise.append((raw - ndimage.uniform_filter(raw, 3))[outside].std() / np.percentile(raw, 99.8))
    assert max(noise) > 3 * min(noise)


def test_nuclei_are_brighter_than_what_is_around_them() -> None:
    brighter = []
    for seed in SEEDS:
        raw, labels = made(seed)
        for i, box in enumerate(ndimage.find_objects(labels), 1):
            wide = tuple(slice(max(0, each.start - 3), each.stop + 3) for each in box)
            around = ndimage.binary_dilation(labels[wide] == i, iterations=3) & (labels[wide] == 0)
            if around.any():
                brighter.append(raw[wide][labels[wide] == i].mean() > raw[wide][around].mean())
    assert len(brighter) > 50
    assert np.mean(brighter) > 0.95


def test_there_are_never_more_nuclei_than_asked_for() -> None:
    # Those that divide become two.
    assert all(make_nuclei(SHAPE, seed, most=3)[1].max() <= 6 for seed in range(4))


@pytest.mark.parametrize("arrange", ARRANGEMENTS)
def test_every_arrangement_lies_in_and_around_the_volume(arrange) -> None:
    shape = np.array([40.0, 60, 60])
    for seed in range(5):
        centers, normals, flatness = arrange(np.random.default_rng(seed), shape, 6.0)
        assert centers.shape == normals.shape
        assert 0.3 < flatness < 2
        inside = ((centers > 0) & (centers < shape)).all(axis=1)
        assert inside.sum() >= 1


def test_ellipsoids_are_pushed_apart_along_their_own_axes() -> None:
    # Two that lie side by side along z, each long along its third axis.
    centers, half_axes = np.array([[0.0, 0, 0], [5, 0, 0]]), np.array([[2.0, 2, 6], [2, 2, 6]])
    along_x, along_z = np.eye(3), np.eye(3)[::-1]
    assert np.array_equal(apart(centers, half_axes, 1.0, np.stack([along_x] * 2)), centers)
    assert np.array_equal(apart(centers, half_axes, 1.0), centers)
    moved = apart(centers, half_axes, 1.0, np.stack([along_z] * 2))
    assert np.allclose(moved - centers, [[-7 / 4, 0, 0], [7 / 4, 0, 0]])


@pytest.mark.parametrize(("shape", "seed", "most", "words"), [
    ((8, 48, 48), 0, 5, "at least 16"), ((48, 48), 0, 5, "three"), (SHAPE, -1, 5, "seed"), (SHAPE, 0, 0, "nuclei: 0"),
])  # fmt: skip
def test_a_volume_that_cannot_be_is_refused(shape: tuple[int, ...], seed: int, most: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_nuclei(shape, seed, most)


def sources(**synthetic: object) -> list:
    table = {"shape": [20, 24, 40], "nuclei": 3, **synthetic}
    config = load([ConfigFile("test", {"data": {"input_format": "synthetic", "synthetic": table}})])
    return list(Catalogue(config.data).sources("train"))


def test_worms_are_those_that_they_were_before_there_were_others() -> None:
    checksums = [source.checksum() for source in sources(train=1, seed=1)]
    assert checksums == ["71c959c6e0daf9b20a2db125d8c83565c689dd14ab5150f26b536df6bdfd1dd0"]


def test_the_kinds_are_told_apart() -> None:
    (worm,), (nuclei,) = sources(train=1), sources(train=1, kind="nuclei")
    assert worm.checksum() != nuclei.checksum()
    assert (worm.name, nuclei.name) == ("worm_00", "nuclei_00")
    raw, labels = make_nuclei((20, 24, 40), nuclei.image.seed, 3)
    assert np.array_equal(nuclei.read_raw(), raw)
    assert np.array_equal(nuclei.labels.read(), labels)
