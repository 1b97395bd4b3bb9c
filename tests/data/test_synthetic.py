import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from auxcpvloss.data.synthetic.worms import dataset, make_worm
from auxcpvloss.system.errors import InputError

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_synthetic.py"
FULL, DEFAULT, TINY = (140, 140, 1160), (80, 80, 240), (40, 40, 60)


@dataclass(frozen=True)
class Worm:
    raw: NDArray[np.uint8]
    labels: NDArray[np.uint16]

    @cached_property
    def numbers(self) -> NDArray[np.int_]:
        return np.arange(1, self.labels.max() + 1)

    @cached_property
    def means(self) -> NDArray[np.float64]:
        return ndimage.mean(self.raw, self.labels, self.numbers)

    @cached_property
    def centers(self) -> NDArray[np.float64]:
        return np.array(ndimage.center_of_mass(self.labels > 0, self.labels, self.numbers))

    def far_from_nuclei(self, distance: int) -> NDArray[np.bool_]:
        return ~ndimage.binary_dilation(self.labels > 0, iterations=distance)


@pytest.fixture(scope="module")
def full() -> Worm:
    return Worm(*make_worm(FULL, seed=7, nuclei=541))


@pytest.fixture(scope="module")
def default() -> Worm:
    return Worm(*make_worm(DEFAULT, seed=7, nuclei=250))


def touching(labels: NDArray[np.uint16]) -> set[tuple[int, int]]:
    """Pairs of labels that share a face."""
    pairs: set[tuple[int, int]] = set()
    for axis in range(labels.ndim):
        there, here = (np.moveaxis(labels, axis, 0)[part] for part in (slice(1, None), slice(-1)))
        is_border = (there != here) & (there > 0) & (here > 0)
        pairs |= {(min(p), max(p)) for p in zip(there[is_border].tolist(), here[is_border].tolist(), strict=True)}
    return pairs


def statistics(labels: NDArray[np.uint16]) -> dict[str, float]:
    """Measure the quantities of the table of the L1 data set."""
    planes = [labels[:, :, x] for x in range(labels.shape[2])]
    areas = [np.bincount(plane.ravel())[1:] for plane in planes]
    counts = np.array([np.count_nonzero(a) for a in areas])
    area = np.concatenate([a[a > 0] for a in areas])
    foreground = np.array([a.sum() for a in areas]) / planes[0].size * 100
    extents = np.array([[s.stop - s.start for s in box] for box in ndimage.find_objects(labels)])
    dense = [plane for plane, count in zip(planes, counts, strict=True) if count >= 14]
    touched = [len({label for pair in touching(plane) for label in pair}) for plane in dense]
    return {
        "nuclei": len(extents),
        "foreground %, mean": foreground.mean(),
        "foreground %, max": foreground.max(),
        "nuclei a section, median": float(np.median(counts)),
        "nuclei a section, mean": counts.mean(),
        "nuclei a section, max": counts.max(),
        "empty sections %": (counts == 0).mean() * 100,
        "area, 5th percentile": float(np.percentile(area, 5)),
        "area, median": float(np.median(area)),
        "area, 95th percentile": float(np.percentile(area, 95)),
        "volume": np.bincount(labels.ravel())[1:].mean(),
        "extent across": extents[:, :2].mean(),
        "extent along": extents[:, 2].mean(),
        "planes with nuclei, z": np.count_nonzero(labels.any(axis=(1, 2))),
        "planes with nuclei, y": np.count_nonzero(labels.any(axis=(0, 2))),
        "touching part of a dense section": sum(touched) / counts[counts >= 14].sum(),
    }


def test_a_worm_is_a_function_of_its_seed() -> None:
    raw, labels = make_worm(TINY, seed=3, nuclei=6)
    again, other = make_worm(TINY, seed=3, nuclei=6), make_worm(TINY, seed=4, nuclei=6)
    assert (raw.dtype, labels.dtype, raw.shape, labels.shape) == (np.uint8, np.uint16, TINY, TINY)
    assert np.array_equal(raw, again[0])
    assert np.array_equal(labels, again[1])
    assert not np.array_equal(raw, other[0])
    assert not np.array_equal(labels, other[1])


def test_a_full_size_worm_has_the_statistics_of_l1(full: Worm) -> None:
    expected = {  # the value of L1 in the middle of what is accepted, where it is known to a digit
        "nuclei": (541, 541),
        "foreground %, mean": (2.2, 2.8),
        "foreground %, max": (7.7, 11.7),
        "nuclei a section, median": (4, 6),
        "nuclei a section, mean": (6.2, 7.6),
        "nuclei a section, max": (22, 30),
        "empty sections %": (0.7, 2.7),
        "area, 5th percentile": (5, 13),
        "area, median": (62, 76),
        "area, 95th percentile": (125, 153),
        "volume": (950, 1150),
        "extent across": (12, 14),
        "extent along": (14, 16),
        "planes with nuclei, z": (56, 72),
        "planes with nuclei, y": (56, 72),
        "touching part of a dense section": (0.59, 0.79),
    }
    measured = statistics(full.labels)
    assert {k: v for k, v in measured.items() if not expected[k][0] <= v <= expected[k][1]} == {}


def test_head_and_tail_are_dense_and_the_middle_has_two_rows(full: Worm) -> None:
    z, y, x = full.centers.T
    head, middle, tail = ((x > a) & (x < b) for a, b in ((40, 400), (420, 910), (930, 1080)))
    density = [nuclei.sum() / length for nuclei, length in ((head, 360), (middle, 490), (tail, 150))]
    assert min(density[0], density[2]) > 2 * density[1]
    # With two rows on opposite sides the doubled angles agree; anywhere around the axis they cancel out.
    angle = np.arctan2(z - np.median(z), y - np.median(y))
    assert abs(np.exp(2j * angle[middle]).mean()) > 0.5
    assert abs(np.exp(2j * angle[head]).mean()) < 0.3


def test_the_body_is_bent(full: Worm) -> None:
    body = ndimage.uniform_filter(full.raw.astype(np.float32), 7) > 11
    centers = np.array([ndimage.center_of_mass(body[:, :, x : x + 60])[:2] for x in range(100, 1060, 60)])
    assert (np.ptp(centers, axis=0) > 4).any()


@pytest.mark.parametrize(
    ("shape", "nuclei"),
    [(DEFAULT, 250), (DEFAULT, 1165), (TINY, 5), (TINY, 86), ((16, 16, 32), 7), ((13, 13, 13), 1), ((14, 80, 40), 20)],
)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_label_is_one_piece_of_some_size(shape: tuple[int, int, int], nuclei: int, seed: int) -> None:
    _, labels = make_worm(shape, seed, nuclei)
    assert np.array_equal(np.unique(labels), np.arange(nuclei + 1))
    assert np.bincount(labels.ravel()).min() >= 20
    assert [ndimage.label(labels[box] == i)[1] for i, box in enumerate(ndimage.find_objects(labels), 1)] == [1] * nuclei


def test_the_default_size_is_plausible_and_quick() -> None:
    start = time.process_time()
    _, labels = make_worm(DEFAULT, seed=5, nuclei=250)
    assert time.process_time() - start < 2
    assert 0.08 < (labels > 0).mean() < 0.12


def test_neighbours_differ_severalfold_in_brightness(default: Worm) -> None:
    light = default.means - np.median(default.raw[default.far_from_nuclei(6)])
    low, high = np.percentile(light, [5, 95])
    assert high > 3 * low
    pairs = np.array(sorted(touching(default.labels))) - 1
    assert ((light[pairs].max(axis=1) / light[pairs].min(axis=1)) > 2).mean() > 0.15


def test_some_nuclei_are_dim_yet_visible(default: Worm) -> None:
    background = default.raw[default.far_from_nuclei(3)]
    dim = np.sort(default.means)[:12]
    assert dim.max() < np.percentile(default.means, 95) / 3
    assert dim.min() > background.mean() + 2 * background.std()


def test_touching_nuclei_can_be_told_apart(default: Worm) -> None:
    smooth = ndimage.gaussian_filter(default.raw.astype(float), 0.7)
    is_distinct = []
    for pair in np.array(sorted(touching(default.labels))) - 1:
        start, stop = default.centers[pair]
        light = ndimage.map_coordinates(smooth, np.linspace(start, stop, 40).T, order=1)
        dip = light[8:32].argmin() + 8
        peaks = min(light[: dip + 1].max(), light[dip:].max())
        is_distinct.append(light[dip] < 0.9 * peaks or default.means[pair].max() > 1.5 * default.means[pair].min())
    assert np.mean(is_distinct) > 0.9


def test_the_background_is_hazy_and_low(full: Worm) -> None:
    bright = np.percentile(full.raw[full.labels > 0], 98)
    near = full.raw[full.far_from_nuclei(6) & ~full.far_from_nuclei(10)].mean()
    far = full.raw[full.far_from_nuclei(30)].mean()
    assert 0.05 < near / bright < 0.15
    assert near > 1.75 * far


def test_noise_is_low_and_grows_with_the_light(full: Worm) -> None:
    noise = full.raw - ndimage.uniform_filter(full.raw.astype(np.float32), 3)
    dark = noise[full.far_from_nuclei(30)].std()
    light = noise[ndimage.binary_erosion(full.labels > 0, iterations=4) & (full.raw > 100)].std()
    assert 1.8 < dark < 3
    assert 4 < light < 9


def test_large_nuclei_may_be_rings(full: Worm) -> None:
    sizes = np.bincount(full.labels.ravel())[1:]
    ratio = np.empty(len(sizes))
    for i, box in enumerate(ndimage.find_objects(full.labels)):
        depth = ndimage.distance_transform_edt(np.pad(full.labels[box] == i + 1, 1))[1:-1, 1:-1, 1:-1]
        raw = full.raw[box].astype(float)
        shell = raw[(depth > 0.35 * depth.max()) & (depth < 0.65 * depth.max())].mean()
        ratio[i] = raw[depth > 0.85 * depth.max()].mean() / shell
    rings = ratio < 0.95
    assert 0.03 < rings.mean() < 0.2
    assert sizes[rings].mean() > 1.2 * sizes[~rings].mean()


@pytest.mark.parametrize(("nuclei", "least", "most"), [(200, 3, 6), (99, 0, 0)])
def test_one_nucleus_in_a_hundred_more_is_without_label(nuclei: int, least: int, most: int) -> None:
    count = 0
    for seed in range(3):
        raw, labels = make_worm((80, 80, 600), seed, nuclei)
        smooth = ndimage.gaussian_filter(raw.astype(np.float32), 1.5)
        count += int(np.count_nonzero((smooth == ndimage.maximum_filter(smooth, 5)) & (smooth > 24) & (labels == 0)))
    assert least <= count <= most  # a blob beside a bright nucleus is no maximum, so some escape the count


def test_label_borders_are_jagged(full: Worm) -> None:
    mask = full.labels[20:120, 20:120, 400:900] > 0
    spikes = mask & ~ndimage.binary_opening(mask, ndimage.generate_binary_structure(3, 2))
    surface = mask & ~ndimage.binary_erosion(mask)
    assert 0.07 < spikes.sum() / surface.sum() < 0.3


@pytest.mark.parametrize(("shape", "seed", "nuclei", "words"), [
    ((0, 40, 60), 0, 5, "shape"), ((40, 40), 0, 5, "three"), ((8, 8, 60), 0, 1, "at most 0"), (TINY, 0, 0, "nuclei: 0"),
    (TINY, 0, -3, "nuclei: -3"), (TINY, 0, 70_000, "60000"), (TINY, -1, 5, "seed"), (TINY, 0, 500, "at most 86"),
])  # fmt: skip
def test_a_worm_that_cannot_be_is_refused(shape: tuple[int, int, int], seed: int, nuclei: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make_worm(shape, seed, nuclei)


def test_a_data_set_numbers_its_volumes_through_the_splits() -> None:
    volumes = dataset(train=2, val=1, test=2, seed=5)
    assert {split: list(names) for split, names in volumes.items()} == {
        "train": ["worm_00", "worm_01"],
        "val": ["worm_02"],
        "test": ["worm_03", "worm_04"],
    }
    assert volumes == dataset(train=2, val=1, test=2, seed=5)
    seeds = [seed for s in range(20) for names in dataset(2, 1, 2, s).values() for seed in names.values()]
    assert len(set(seeds)) == 100


@pytest.mark.parametrize("numbers", [(-1, 1, 1, 0), (1, 1, 1, -1)])
def test_a_data_set_of_negative_numbers_is_refused(numbers: tuple[int, int, int, int]) -> None:
    with pytest.raises(InputError, match="-1 is negative"):
        dataset(*numbers)


def run_script(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments), "--shape", "24", "24", "40"]
    return subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)


def test_the_script_writes_the_layout_of_l1(tmp_path: Path) -> None:
    out = tmp_path / "worms"
    done = run_script(out, "--nuclei", "4", "--train", "2", "--val", "1", "--test", "1", "--seed", "9")
    assert (done.returncode, done.stderr) == (0, "")
    volumes = dataset(train=2, val=1, test=1, seed=9)
    assert {str(p.relative_to(out)) for p in out.rglob("*.tif")} == {
        f"{split}/{kind}/{name}.tif" for split in volumes for kind in ("images", "masks") for name in volumes[split]
    }
    raw, labels = make_worm((24, 24, 40), volumes["val"]["worm_02"], nuclei=4)
    mask = out / "val/masks/worm_02.tif"
    assert np.array_equal(tifffile.imread(out / "val/images/worm_02.tif"), raw)
    assert np.array_equal(tifffile.imread(mask), labels)
    with tifffile.TiffFile(mask) as file:
        assert file.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE


def test_the_script_does_not_mix_two_data_sets_and_says_what_does_not_fit(tmp_path: Path) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "worm_00.tif").touch()
    done = run_script(tmp_path / "used", "--nuclei", "4")
    assert (done.returncode, done.stderr) == (2, f"{tmp_path}/used: not an empty folder; choose another or delete it first\n")  # fmt: skip
    done = run_script(tmp_path / "new", "--nuclei", "900")
    assert done.returncode == 2
    assert "900 do not fit into the shape (24, 24, 40)" in done.stderr
    assert "Traceback" not in done.stderr
