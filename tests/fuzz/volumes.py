"""Valid folders of volumes made bad: what is in the arrays, for every format, and the files themselves."""

import os
import shutil
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import tifffile
import zarr

SHAPE = (8, 10, 12)
FORMATS = ("tif", "zarr", "n5", "hdf", "zip")
LAYOUTS = ("splits", "flat")
SPLITS = ("train", "val", "test")

Arrays = tuple[Any, Any]


@dataclass(frozen=True)
class Volumes:
    """A folder of small volumes, one a split, or three in one folder.

    Attributes
    ----------
    place : Path
        Folder or zip, as data.path names it.
    format : str
    layout : str
    """

    place: Path
    format: str
    layout: str

    @property
    def first(self) -> Path:
        """The file or folder of the first volume's image."""
        return next(iter(sorted((self._folder("train") / self._kind("images")).glob("a*"))))

    @property
    def second(self) -> Path:
        """The file of its labels, where it is another."""
        return next(iter(sorted((self._folder("train") / self._kind("masks")).glob("a*"))))

    @property
    def tables(self) -> Path:
        """Folder for tables of centers."""
        return self._folder("train") / self._kind("centers")

    def _folder(self, split: str) -> Path:
        return self.place if self.layout == "flat" else self.place / split

    def _kind(self, name: str) -> str:
        return name if self.format in ("tif", "zip") else ""

    def write(self, change: Callable[[Any, Any], Arrays] | None = None, name: str = "a") -> None:
        """Write all volumes, the first with its arrays changed and under a name."""
        for number, split in enumerate(SPLITS):
            arrays = good(number)
            if number == 0 and change:
                arrays = change(*arrays)
            folder = self._folder(split)
            folder.mkdir(parents=True, exist_ok=True)
            self._store(folder, name if number == 0 else "abc"[number], *arrays)

    def _store(self, folder: Path, name: str, raw: Any, labels: Any) -> None:
        if self.format in ("tif", "zip"):
            for kind, array in (("images", raw), ("masks", labels)):
                (folder / kind).mkdir(exist_ok=True)
                tifffile.imwrite(folder / kind / f"{name}.tif", array, photometric="minisblack", metadata=None)
            return
        path = folder / f"{name}.{self.format}"
        arrays = {"volumes/raw": raw, "volumes/gt_labels": labels}
        if self.format == "hdf":
            with h5py.File(path, "w") as file:
                for key, array in arrays.items():
                    file.create_dataset(
                        key,
                        data=array,
                        **({"chunks": True, "compression": "gzip"} if array.ndim and array.size else {}),
                    )
            return
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The N5Store is deprecated")
            root = zarr.open_group(zarr.N5Store(str(path)) if self.format == "n5" else str(path), "w")
            for key, array in arrays.items():
                root.create_dataset(key, data=array)

    def packed(self) -> Path:
        """What data.path is to name; a zip is made of the folder now."""
        if self.format != "zip":
            return self.place
        archive = self.place.with_name("packed.zip")
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted(self.place.rglob("*")):
                if path.is_file():
                    file.write(path, path.relative_to(self.place.parent))
        shutil.rmtree(self.place)
        return archive


def good(seed: int = 0) -> Arrays:
    """An image with two nuclei, and their labels."""
    labels = np.zeros(SHAPE, np.uint16)
    labels[2:5, 2:5, 2:5], labels[3:7, 5:9, 7:11] = 1, 3
    noise = np.random.default_rng(seed).integers(0, 50, SHAPE)
    return ((labels > 0) * 150 + noise).astype(np.uint8), labels


def _raw(change: Callable[[Any], Any]) -> Callable[[Any, Any], Arrays]:
    return lambda raw, labels: (change(raw), labels)


def _labels(change: Callable[[Any], Any]) -> Callable[[Any, Any], Arrays]:
    return lambda raw, labels: (raw, change(labels))


def _both(change: Callable[[Any], Any]) -> Callable[[Any, Any], Arrays]:
    return lambda raw, labels: (change(raw), change(labels))


def _put(value: Any, dtype: Any) -> Callable[[Any], Any]:
    def change(array: Any) -> Any:
        array = array.astype(dtype)
        array[1, 1, 1] = value
        return array

    return change


RECORD = [("x", "<i4"), ("y", "<f4")]

ARRAYS: dict[str, Callable[[Any, Any], Arrays]] = {
    "nothing changed": lambda raw, labels: (raw, labels),
    "swapped": lambda raw, labels: (labels, raw),
    **{f"raw as {t}": _raw(lambda a, t=t: a.astype(t)) for t in ("u2", "i8", "u8", "f2", "f8", "c8", "c16", "?", "S3", "U3", "<M8[s]", ">f4", ">u2")},
    **{f"labels as {t}": _labels(lambda a, t=t: a.astype(t)) for t in ("i2", "i8", "u8", "f4", "c8", "?", "S3", "U3", "<m8[s]", ">i4", "f2")},
    "raw of records": _raw(lambda a: a.astype(RECORD)),
    "labels of records": _labels(lambda a: a.astype(RECORD)),
    "raw of one plane": _raw(lambda a: a[0]),
    "one plane": _both(lambda a: a[2]),
    "raw of four axes": _raw(lambda a: np.stack([a, a])),
    "four axes": _both(lambda a: np.stack([a] * 5)),
    "an axis of one more": _both(lambda a: a[np.newaxis]),
    "five axes": _both(lambda a: a[np.newaxis, np.newaxis]),
    "raw of one axis": _raw(lambda a: a.reshape(-1)),
    "one number": _both(lambda a: a[0, 0, 0]),
    "nothing in it": _both(lambda a: a[:0]),
    "nothing in the raw": _raw(lambda a: a[:, :0]),
    "nothing in the labels": _labels(lambda a: a[:, :, :0]),
    "labels smaller": _labels(lambda a: a[:-1]),
    "labels turned": _labels(lambda a: a.T),
    "a single voxel": _both(lambda a: a[3:4, 3:4, 3:4]),
    "two voxels": _both(lambda a: a[1:3, 2:3, 2:3]),
    "negative labels": _labels(lambda a: -a.astype(np.int32)),
    "one negative label": _labels(_put(-1, np.int64)),
    "label 2**31": _labels(_put(2**31, np.int64)),
    "label 2**32 - 1": _labels(_put(2**32 - 1, np.uint64)),
    "label 2**40": _labels(_put(2**40, np.int64)),
    "label 2**63": _labels(_put(2**63, np.uint64)),
    "gaps": _labels(lambda a: a.astype(np.uint32) * 1_000_003),
    "no labels": _labels(np.zeros_like),
    "all one label": _labels(np.ones_like),
    "each voxel a label": _labels(lambda a: np.arange(1, a.size + 1, dtype=np.uint32).reshape(a.shape)),
    "constant raw": _raw(lambda a: np.full_like(a, 7)),
    **{f"raw with {value}": _raw(_put(value, np.float32)) for value in (np.nan, np.inf, -np.inf, 3e38, -3e38)},
    "raw with 1e308": _raw(_put(1e308, np.float64)),
    "raw from -1e308 to 1e308": _raw(lambda a: np.where(a > 100, 1e308, -1e308)),
    "raw all nan": _raw(lambda a: np.full(a.shape, np.nan)),
    "raw of smallest numbers": _raw(lambda a: (a > 100) * 5e-324),
    "raw of largest integers": _raw(lambda a: np.where(a > 100, 2**64 - 1, 2**64 - 2).astype(np.uint64)),
}  # fmt: skip

NAMES = {
    "other letters": "aゼブラ",
    "a space": "a b",
    "dots": "a..b",
    "two dots": "a..",
    "a new line": "a\nb",
    "an escape": "a\x1b[31mb",
    "no UTF-8": "a\udcff",
    "a backslash": "a\\..\\b",
    "long": "a" * 240,
    "markup": "a[bold]",
    "a quote": "a'\"b",
    "percent": "a%s{0}",
    "turned": "a\u202eb",
}

CENTERS = {
    "empty": "",
    "a header": "z,y,x,id\n",
    "another header": "x,y,z,id\n3,3,3,1\n",
    "too few columns": "3,3\n",
    "too many columns": "3,3,3,1,1\n",
    "not a number": "3,nan,3,1\n",
    "infinite": "3,inf,3,1\n",
    "text": "3,three,3,1\n",
    "outside": "3,3,300,1\n",
    "negative": "-3,3,3,1\n",
    "far": "1e300,3,3,1\n",
    "no id": "3,3,3\n",
    "id 0": "3,3,3,0\n",
    "id 1.5": "3,3,3,1.5\n",
    "id 2**63": f"3,3,3,{2**63}\n",
    "id 1e300": "3,3,3,1e300\n",
    "twice": "3,3,3,1\n3,3,3,1\n",
    "no label there": "0,0,0,77\n",
    "right": "3,3,3,1\n5,7,9,3\n",
    "binary": "\x00\x01\x02",
    "long line": "3," * 100_000,
    "semicolons": "3;3;3;1\n",
}


def _truncated(part: float) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, int(part * path.stat().st_size))


def _replaced(make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        _remove(path)
        make(path)

    return change


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 3, len(content), max(1, len(content) // 7)):
        content[place] ^= 0xFF
    path.write_bytes(content)


FILES: dict[str, Callable[[Path], Any]] = {
    **{f"cut off at {part}": _truncated(part) for part in (0, 0.01, 0.3, 0.6, 0.95)},
    "bits flipped": _flipped,
    "junk": lambda path: path.write_bytes(b"junk" * 1000),
    "junk at the end": lambda path: path.write_bytes(path.read_bytes() + b"junk" * 1000),
    "gone": _remove,
    "a folder": _replaced(lambda path: path.mkdir()),
    "a link in a circle": _replaced(lambda path: path.symlink_to(path.name)),
    "a link to nowhere": _replaced(lambda path: path.symlink_to("nowhere")),
    "a link to its folder": _replaced(lambda path: path.symlink_to(".")),
    "a pipe": _replaced(os.mkfifo),
}


@dataclass(frozen=True)
class Mutation:
    """A folder of volumes to be written, and to be made bad.

    Attributes
    ----------
    name : str
    format, layout : str
    make : callable
        Volumes -> None; writes them.
    """

    name: str
    format: str
    layout: str
    make: Callable[[Volumes], None]


def mutations() -> Iterator[Mutation]:
    """Every mutation of every format in both layouts."""
    for form in FORMATS:
        for layout in LAYOUTS:
            for what, make in _all(form):
                yield Mutation(f"{form}, {layout}: {what}", form, layout, make)


def _all(form: str) -> Iterator[tuple[str, Callable[[Volumes], None]]]:
    for what, change in ARRAYS.items():
        yield f"array: {what}", lambda volumes, change=change: volumes.write(change)
    for what, name in NAMES.items():
        yield f"name: {what}", lambda volumes, name=name: volumes.write(name=name)
    for what, text in CENTERS.items():
        yield f"centers: {what}", lambda volumes, text=text: _with_table(volumes, text)
    for what, change in FILES.items():
        for file in _files(form):
            if not (form == "zip" and what.startswith(("a ", "gone")) and file == ".zip"):
                yield f"file {file}: {what}", lambda volumes, c=change, f=file: _change(volumes, f, c)
    yield "the same name twice", _twice
    yield "the same name in two splits", _same_name
    yield "no permission", _locked


def _files(form: str) -> tuple[str, ...]:
    """The kinds of files of a format: the image, the labels, what describes them, a chunk."""
    return {
        "tif": ("images", "masks"),
        "zip": ("images", "masks", ".zip"),
        "hdf": ("whole",),
        "zarr": ("whole", "volumes/raw/.zarray", "volumes/raw/0.0.0", "volumes/gt_labels/.zarray", ".zgroup"),
        "n5": ("whole", "volumes/raw/attributes.json", "volumes/raw/0/0/0", "volumes/gt_labels/attributes.json"),
    }[form]


def _change(volumes: Volumes, file: str, change: Callable[[Path], Any]) -> None:
    volumes.write()
    if file == ".zip":
        change(volumes.packed())
        return
    path = {"images": volumes.first, "whole": volumes.first}.get(file)
    path = path or (volumes.second if file == "masks" else volumes.first / file)
    if path.is_dir():
        path = next(file for file in sorted(path.rglob("*")) if file.is_file())
    change(path)


def _with_table(volumes: Volumes, text: str) -> None:
    volumes.write()
    volumes.tables.mkdir(exist_ok=True)
    (volumes.tables / "a.csv").write_text(text)


def _twice(volumes: Volumes) -> None:
    volumes.write()
    other = volumes.first.with_suffix({".tif": ".TIFF", ".hdf": ".h5"}.get(volumes.first.suffix, volumes.first.suffix.upper()))  # fmt: skip
    shutil.copytree(volumes.first, other) if volumes.first.is_dir() else shutil.copy(volumes.first, other)


def _same_name(volumes: Volumes) -> None:
    volumes.write()
    for split in SPLITS[1:]:
        for path in sorted((volumes.place / split).rglob("[bc].*")) if volumes.layout == "splits" else ():
            if path.parent.name in (split, "images", "masks"):
                path.rename(path.with_name(f"a{path.suffix}"))


def _locked(volumes: Volumes) -> None:
    volumes.write()
    volumes.first.chmod(0)
