"""Bad input: one message that names the place, exit status 2, and nothing left behind."""

import zipfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tifffile
import toml

from auxcpvloss.cli import INPUT_ERROR, main
from tests.conftest import TINY, blobs, merge
from tests.data.l1_zip import make_l1_zip

SHAPE = (20, 24, 30)


def volume(folder: Path, name: str = "a", image: Any = None, mask: Any = None) -> None:
    """One image with its mask."""
    labels = blobs(SHAPE, 6, seed=0)
    arrays = {"images": image if image is not None else labels > 0, "masks": mask if mask is not None else labels}
    for kind, array in arrays.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        array = np.asarray(array)
        # Brighter in one split than in another, so that their images differ.
        array = array.astype(np.uint8) * (200 + len(folder.name)) if array.dtype == bool else array
        tifffile.imwrite(folder / kind / f"{name}.tif", array, photometric="minisblack")


def listing(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else b"" for p in sorted(folder.rglob("*"))}


class Place:
    """A user's folder with good data, to be made bad."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.root = folder, folder / "data", folder / "root"
        for split in ("train", "val", "test"):
            volume(self.data / split)
        self.tables: dict[str, Any] = merge(deepcopy(TINY), {"data": {"path": str(self.data), "input_format": "auto"}})

    def run(self, *arguments: str) -> int:
        config = self.folder / "my.toml"
        config.write_text(toml.dumps(self.tables))
        return main(["-c", str(config), "-r", str(self.root), "-d", "prepare", "mknet", *arguments])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def not_a_number(place: Place) -> None:
    image = np.random.default_rng(0).random(SHAPE).astype(np.float32)
    image[3, 4, 5] = np.nan
    volume(place.data / "test", image=image)


def four_dimensional(place: Place) -> None:
    image = np.arange(500, dtype=np.uint16).reshape(2, 2, 5, 25)
    volume(place.data / "train", image=image, mask=np.ones(image.shape, np.uint8))


def corrupt_tiff(place: Place) -> None:
    path = place.data / "train/images/a.tif"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def use_zip(place: Place) -> Path:
    path = place.folder / "l1.zip"
    make_l1_zip(path)
    place.tables["data"]["path"] = str(path)
    return path


def truncated_zip(place: Place) -> None:
    path = use_zip(place)
    path.write_bytes(path.read_bytes()[:-200])


def climbing_zip(place: Place) -> None:
    with zipfile.ZipFile(use_zip(place), "a") as file:
        file.writestr("c_elegans_nuclei/train/images/../../../../evil.tif", b"x")


def hdf_without_array(place: Place) -> None:
    folder = place.folder / "hdf"
    folder.mkdir()
    with h5py.File(folder / "a.hdf", "w") as file:
        file["volumes/image"] = np.zeros(SHAPE)
        file["volumes/gt_labels"] = blobs(SHAPE, 6, 0)
    place.tables["data"].update(path="", train_data=str(folder), input_format="hdf")


def set_key(*keys: str, value: Any) -> Any:
    def change(place: Place) -> None:
        tables = place.tables
        for key in keys[:-1]:
            tables = tables.setdefault(key, {})
        tables[keys[-1]] = value

    return change


def broken_toml(place: Place) -> None:
    place.run = lambda *arguments: main(["-c", str(place.folder / "broken.toml"), "-d", "all"])  # type: ignore[method-assign]
    (place.folder / "broken.toml").write_text("[data\n")


CASES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "unknown key": (set_key("training", "max_iteration", value=3), ("my.toml", "training.max_iteration", "max_iterations")),
    "unknown table": (set_key("trainning", "lr", value=3), ("my.toml", "trainning", "training")),
    "wrong type": (set_key("training", "batch_size", value="two"), ("my.toml", "training.batch_size", "whole number")),
    "out of range": (set_key("optimizer", "lr", value=-1.0), ("my.toml", "optimizer.lr", "-1")),
    "impossible input shape": (set_key("model", "train_input_shape", value=[45, 44, 44]), ("my.toml", "model.train_input_shape", "44 or 48")),
    "unknown method": (set_key("model", "method", value="unet"), ("my.toml", "model.method", "threeclass")),
    "coefficient of another head": (set_key("model", "loss_sdt_coeff", value=1.0), ("my.toml", "loss_sdt_coeff", "threeclass, cpv")),
    "threshold above one": (set_key("postprocessing", "fg_thresh", value=2.0), ("my.toml", "postprocessing.fg_thresh")),
    "grids of different length": (set_key("validation", value={"fg_thresh": [0.5], "seed_thresh": [0.5, 0.6]}), ("my.toml", "validation.")),
    "missing folder": (set_key("data", "path", value="/nowhere/at/all"), ("data.path", "/nowhere/at/all")),
    "voxel size unknown": (set_key("data", "voxel_size", value=[]), ("a.tif", "data.voxel_size")),
    "no data": (set_key("data", "path", value=""), ("data.path",)),
    "float labels": (lambda place: volume(place.data / "train", mask=blobs(SHAPE, 6, 0) + np.float32(0.5)), ("train/masks/a.tif", "whole number")),
    "not a number": (not_a_number, ("test/images/a.tif", "NaN")),
    "4D image": (four_dimensional, ("train/images/a.tif", "2 x 2 x 5 x 25")),
    "empty mask": (lambda place: volume(place.data / "train", mask=np.zeros(SHAPE, np.uint8)), ("train/masks/a.tif",)),
    "shapes differ": (lambda place: volume(place.data / "val", mask=blobs((20, 24, 31), 6, 0)), ("val/masks/a.tif", "31")),
    "constant image": (lambda place: volume(place.data / "train", image=np.full(SHAPE, 7, np.uint8)), ("train/images/a.tif",)),
    "negative labels": (lambda place: volume(place.data / "train", mask=-blobs(SHAPE, 6, 0).astype(np.int16)), ("train/masks/a.tif", "negative")),
    "mask without image": (lambda place: (place.data / "train/images/a.tif").rename(place.data / "train/images/b.tif"), ("train",)),
    "truncated tiff": (corrupt_tiff, ("train/images/a.tif",)),
    "no tiff": (lambda place: (place.data / "train/images/a.tif").write_text("this is no image"), ("train/images/a.tif",)),
    "truncated zip": (truncated_zip, ("l1.zip",)),
    "zip that climbs out": (climbing_zip, ("l1.zip", "..")),
    "hdf5 without the array": (hdf_without_array, ("a.hdf", "volumes/raw")),
    "broken toml": (broken_toml, ("broken.toml", "toml")),
}  # fmt: skip


@pytest.mark.parametrize(("change", "named"), CASES.values(), ids=CASES)
def test_bad_input_is_refused_in_words(place, change, named, capsys):
    change(place)
    before = listing(place.folder)
    assert place.run() == INPUT_ERROR
    output = capsys.readouterr()
    for name in named:
        assert name in output.err
    assert "Traceback" not in output.err + output.out
    after = listing(place.folder)
    after.pop("my.toml", None)
    before.pop("my.toml", None)
    assert after == before


def test_the_good_input_that_the_bad_ones_are_made_from_is_taken(place):
    assert place.run() == 0
    assert (place.root / "my" / "train" / "network.json").is_file()


def test_a_bad_command_on_an_existing_experiment_leaves_it_as_it_was(place, capsys):
    assert place.run() == 0
    before = listing(place.root)
    corrupt_tiff(place)
    assert place.run() == INPUT_ERROR
    after = listing(place.root)
    log = "my/run.log"
    assert after.pop(log).startswith(before.pop(log))
    assert after == before
    assert "a.tif" in capsys.readouterr().err
