"""What one volume of a data set can tell, wherever it is stored."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.config.tables.data import check_proportions
from auxcpvloss.data.centers import read_centers
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.remembered import remembered

Vector = tuple[float, float, float]  # z, y, x


@dataclass(frozen=True)
class Source(ABC):
    """One volume: an image, and perhaps labels of its instances, or their center points, or both.

    Making one reads nothing. Whatever is wrong with a file is an `InputError` that names it.

    Attributes
    ----------
    name : str
        Of the sample; unique within its split.
    origin : str
        What people are shown: the path of the image, or zip!member.
    centers : Path or ZipMember, optional
        Table of the annotated centers.
    """

    name: str
    origin: str
    centers: File | None = field(default=None, kw_only=True)

    @property
    @abstractmethod
    def has_labels(self) -> bool:
        """Whether `read_labels` gives an array."""

    @property
    def labels_origin(self) -> str:
        """What people are shown as the place of the labels."""
        return self.origin

    @property
    def has_points(self) -> bool:
        """Whether centers are annotated; without labels they are the ground truth for detection."""
        return self.centers is not None

    @abstractmethod
    def read_raw(self) -> NDArray[Any]:
        """Read the image: (Z, Y, X), as it is stored."""

    @abstractmethod
    def read_labels(self) -> NDArray[Any] | None:
        """Read the labels: (Z, Y, X), of whatever type is stored; None where there are none."""

    @abstractmethod
    def files(self) -> dict[str, File]:
        """Give all files that the volume is made from, by what they are for."""

    def checksum(self) -> str:
        """Sha256, in hex, of all that the volume is made from; computed once, unless a file changes."""
        with reading(self.origin):
            return remembered(_sha256, self.files())

    def read_centers(self) -> NDArray[Any] | None:
        """Read the annotated centers: (N, 4), z, y, x in voxels and the id of the label, 0 where there is none."""
        return None if self.centers is None else read_centers(self.centers)

    def voxel_size(self) -> Vector | None:
        """Size of a voxel as recorded in the file."""
        return None

    def offset(self) -> Vector:
        """Position of the first voxel, in the unit of the voxel size."""
        return (0.0, 0.0, 0.0)


def voxel_size(source: Source, data: Data) -> Vector:
    """Size of a voxel: as configured, else as recorded in the file.

    Raises
    ------
    InputError
        Neither is known.
    """
    size = data.voxel_size or source.voxel_size()
    try:
        check_proportions(size or ())
    except ValueError as error:
        raise InputError(f"{source.origin}: size of a voxel: {error} Set data.voxel_size.") from None
    if not size:
        raise InputError(
            f"{source.origin}: the file does not record the size of its voxels; "
            "set data.voxel_size, e.g. [1, 1, 1] for voxels as long as wide (z, y, x; only the ratios matter)"
        )
    z, y, x = size
    return z, y, x


def _sha256(files: Mapping[str, File]) -> str:
    whole = hashlib.sha256()
    for role in sorted(files):
        with reading(files[role]), files[role].open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        whole.update(f"{role}\0{digest.hexdigest()}\n".encode())
    return whole.hexdigest()
