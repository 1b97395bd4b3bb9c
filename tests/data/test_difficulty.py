"""What makes worms harder: the keys of [data.synthetic] from photons to annotation_error."""

from dataclasses import asdict
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from auxcpvloss.config import ConfigFile
from auxcpvloss.data.sources.find import Catalogue
from auxcpvloss.data.sources.synthetic import SyntheticSource
from auxcpvloss.data.synthetic.difficulty import RANGES, Difficulty
from auxcpvloss.data.synthetic.worms import make_worm
from auxcpvloss.experiment.configuration import configuration_record, load
from auxcpvloss.system.errors import InputError
from tests.data.test_synthetic import run_script, touching
from tests.data.volumes import DEFAULT

Worm = tuple[NDArray[np.uint8], NDArray[np.uint16]]
SHAPE = (48, 48, 96)
TABLE = {"train": 1, "val": 0, "test": 0, "shape": [24, 24, 40], "nuclei": 4, "seed": 3}


@cache
def worm(**difficulty: float) -> Worm:
    return make_worm(SHAPE, 5, 25, Difficulty(**difficulty))


def read(**synthetic: object) -> SyntheticSource:
    """Configure a generated volume, and give it."""
    tables = {"data": {"input_format": "synthetic", "voxel_size": [1, 1, 1], "synthetic": TABLE | synthetic}}
    (source,) = Catalogue(load([ConfigFile("f.toml", tables)]).data).sources("train")
    assert isinstance(source, SyntheticSource)
    return source


def digest(*arrays: NDArray[np.generic]) -> list[str]:
    return [sha256(each.tobytes()).hexdigest()[:16] for each in arrays]


def test_worms_are_by_default_as_they_were_before_they_could_be_harder() -> None:
    assert {name: DEFAULT["data"]["synthetic"][name] for name in RANGES} == asdict(Difficulty())
    assert digest(*make_worm((40, 40, 60), 3, 6)) == ["8344e2309da3a38c", "24ec51a6783c5d01"]
    assert digest(*make_worm((80, 80, 240), 7, 250)) == ["872f13cffd7356d0", "f45648e6269e67c9"]


def test_fewer_photons_are_noisier() -> None:
    (usual, labels), (noisy, same) = worm(), worm(photons=0.3)
    assert np.array_equal(labels, same)
    inside = ndimage.binary_erosion(labels > 0, iterations=2)
    noise = [(each - ndimage.uniform_filter(each.astype(float), 3))[inside].std() for each in (usual, noisy)]
    assert 2.2 < noise[1] / noise[0] < 3.3  # a tenth of the photons, and the noise of the camera


def test_blur_makes_edges_flatter_most_along_z() -> None:
    steepness = []
    for raw in (worm(photons=1000)[0], worm(photons=1000, blur=2)[0]):
        gradient = np.gradient(raw.astype(float))
        steepness.append([np.percentile(np.abs(each), 99) for each in gradient])
    z, y, x = np.array(steepness[1]) / steepness[0]
    assert z < y < 0.85
    assert z < x < 0.85


def test_the_dimmest_nuclei_are_as_dim_as_is_said() -> None:
    light = []
    for value in (0.18, 0.05):
        raw, labels = worm(photons=1000, blur=0.1, dimmest=value)
        means = ndimage.mean(raw - np.median(raw), labels, range(1, labels.max() + 1))
        light.append(np.array([means.min(), np.median(means)]) / means.max())
    assert (light[1] < 0.7 * light[0]).all()


def test_nuclei_that_may_be_nearer_touch_more() -> None:
    close, apart = (np.count_nonzero(contact(worm(spacing=value)[1])) for value in (0.8, 1.2))
    assert close > 2 * apart
    assert len(touching(worm(spacing=0.8)[1])) > len(touching(worm(spacing=1.2)[1]))


def contact(labels: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Voxels whose successor along an axis is of another nucleus."""
    pairs = [(np.roll(labels, 1, axis), labels) for axis in range(3)]
    return np.array([(a != b) & (a > 0) & (b > 0) for a, b in pairs])


@pytest.mark.parametrize(("error", "least", "most"), [(0.05, 0.85, 0.97), (0.12, 0.72, 0.88), (0.25, 0.5, 0.75)])
def test_annotators_err_in_the_labels_alone(error: float, least: float, most: float) -> None:
    (raw, true), (same, drawn) = worm(), worm(annotation_error=error)
    assert np.array_equal(raw, same)
    numbers = range(1, true.max() + 1)
    both = [
        np.count_nonzero((true == i) & (drawn == i)) / np.count_nonzero((true == i) | (drawn == i)) for i in numbers
    ]
    assert least < np.mean(both) < most
    sizes = np.bincount(drawn.ravel())[1:] / np.bincount(true.ravel())[1:]
    assert sizes.min() < 1 < sizes.max()


@pytest.mark.parametrize("name", RANGES)
def test_a_value_out_of_range_is_refused_by_key_and_value(name: str) -> None:
    least, largest = RANGES[name]
    with pytest.raises(
        InputError, match=rf"^{name}: {largest + 1:g} is out of range; expected {least:g} to {largest:g}$"
    ):
        Difficulty(**{name: largest + 1})
    with pytest.raises(InputError, match=rf"^f\.toml: data\.synthetic\.{name}: {largest + 1:g} is out of range"):
        read(**{name: largest + 1})
    for value in (least, largest):
        assert Difficulty(**{name: value}).changes() == ({name: value} if value != getattr(Difficulty(), name) else {})


@pytest.mark.parametrize("name", RANGES)
def test_other_nuclei_do_not_take_what_is_of_worms(name: str) -> None:
    usual = getattr(Difficulty(), name)
    read(kind="nuclei", **{name: usual})
    with pytest.raises(
        InputError, match=rf"data\.synthetic\.{name}: .* kind \"worms\" alone, not of 'nuclei'; leave it"
    ):
        read(kind="nuclei", **{name: RANGES[name][0] or 0.1})


@pytest.mark.parametrize("name", RANGES)
def test_a_changed_value_is_another_volume_and_another_record(name: str) -> None:
    value = RANGES[name][0] or 0.1
    usual, harder = read(), read(**{name: value})
    assert usual.checksum() != harder.checksum()
    raw, labels = make_worm((24, 24, 40), harder.image.seed, 4, Difficulty(**{name: value}))
    assert np.array_equal(harder.read_raw(), raw)
    assert np.array_equal(harder.read_labels(), labels)
    key = f"data.synthetic.{name}"
    records = [configuration_record(load([ConfigFile("f.toml", {"data": {"synthetic": each}})])) for each in ({}, {name: value})]  # fmt: skip
    assert [each.get(key) for each in records] == [None, value]


def test_the_script_writes_hard_worms_into_one_folder(tmp_path: Path) -> None:
    hard = {"photons": 0.5, "blur": 1.5, "dimmest": 0.1, "spacing": 0.8, "annotation_error": 0.2}
    options = [word for name, value in hard.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    out = tmp_path / "worms"
    done = run_script(out, "--nuclei", "4", "--flat", "2", *options)
    assert (done.returncode, done.stderr) == (0, "")
    written = {f"{kind}/worm_0{i}.tif" for kind in ("images", "masks") for i in (0, 1)}
    assert {str(each.relative_to(out)) for each in out.rglob("*.tif")} == written
    raw, labels = make_worm((24, 24, 40), 1, 4, Difficulty(**hard))
    assert np.array_equal(tifffile.imread(out / "images/worm_01.tif"), raw)
    assert np.array_equal(tifffile.imread(out / "masks/worm_01.tif"), labels)


def test_the_script_says_what_is_out_of_range(tmp_path: Path) -> None:
    done = run_script(tmp_path / "new", "--nuclei", "4", "--photons", "0")
    assert (done.returncode, done.stderr) == (2, "photons: 0 is out of range; expected 0.001 to 1000\n")
