"""Label images that other programs wrote, by the names of the volumes: TIFF, .npy, zarr, N5 and HDF5 files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.data.label_values import EXPECTED, whole_numbers
from auxcpvloss.data.sources.arrays import ArrayImage
from auxcpvloss.data.sources.axes import Axes
from auxcpvloss.data.sources.find import FORMATS
from auxcpvloss.data.sources.format import by_stem, visible
from auxcpvloss.data.sources.source import Image
from auxcpvloss.data.sources.tif import TiffImage
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.system.errors import InputError

OURS = "volumes/instances"
"""Array in which this program stores instances."""
SUFFIX = ".npy"


@dataclass(frozen=True)
class NumpyImage(Image):
    """An array in a .npy file."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def read(self) -> NDArray[Any]:
        """Read it; the header is checked before anything is loaded."""
        with reading(self.path):
            array = np.load(self.path, mmap_mode="r")
            check_declared(self.path, array.shape, array.dtype)
            return np.array(Axes().cut(self.path, array.shape).of(array))

    def files(self) -> dict[str, Path]:
        """Give the file."""
        return {"labels": self.path}


def find_label_images(folder: Path, data: Data, key: str) -> dict[str, Image]:
    """Give the label images in a folder, by the names of their files without the suffix; reads no voxel.

    Parameters
    ----------
    folder : Path
    data : Data
        How missing chunks are taken.
    key : str
        Array in zarr, N5 and HDF5 files; "": the usual one, or the only one.

    Raises
    ------
    InputError
        There is no such folder, or two files have the same name.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; expected one with a label image for each test volume.")
    files = visible(folder)
    # Axes and channel are those of the images, not of what another program made of them.
    plain = data.model_copy(update={"axes": "", "channel": -1, "gt_key": key or OURS})
    found: dict[Path, Image] = {path: NumpyImage(path) for path in files if path.suffix.lower() == SUFFIX}
    for each in FORMATS.values():
        found |= each.files(files, plain) if each.files else {}
    by_stem(found, sorted({path.suffix.lower() for path in found}))
    return {path.stem: _as_labels(image, key) for path, image in found.items()}


def read_labels(image: Image) -> NDArray[np.uint32]:
    """Read a label image: (Z, Y, X). Labels that are too large are renumbered.

    Raises
    ------
    InputError
        It cannot be read, or has other values than 0 and a positive whole number for each instance.
    """
    if isinstance(image, ArrayImage) and not image.is_there:
        raise InputError(f"{image}: no such array; name it with --key (model.results_key); {image.there()}.")
    stored, _ = whole_numbers(image.read())
    assert stored is not None
    if stored.dtype.kind not in "iu" or stored.min(initial=0) < 0:
        what = f"negative labels, {stored.min()}" if stored.dtype.kind == "i" else f"values of type {stored.dtype}"
        raise InputError(f"{image}: {what}; {EXPECTED}.")
    if stored.max(initial=0) < 2**31:
        return stored.astype(np.uint32)
    ids, numbers = np.unique(stored, return_inverse=True)
    return (numbers.reshape(stored.shape) + (ids[0] > 0)).astype(np.uint32)


def _as_labels(image: Image, key: str) -> Image:
    if isinstance(image, TiffImage):
        return replace(image, role="mask")
    if not isinstance(image, ArrayImage):
        return image
    labels = replace(image, role="labels")
    if not (key or labels.is_there) and len(only := labels.keys()) == 1:
        return replace(labels, data=labels.data.model_copy(update={"gt_key": only[0]}))
    return labels
