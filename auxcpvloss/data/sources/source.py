"""What one volume of a data set can tell, wherever it is stored."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.config.tables.data import Degrade, check_proportions
from auxcpvloss.data.centers import read_centers
from auxcpvloss.data.untrusted.reading import reading
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.remembered import remembered

Vector = tuple[float, float, float]  # z, y, x
ROUNDING = 1e-5
"""Lengths that differ by less, relatively, are the same: one was stored in single precision, or as decimal digits."""


class Image(ABC):
    """An image, or the labels of one, as it is stored. Making one reads nothing; `str` gives its place, for people."""

    table: ClassVar[str] = "centers"
    """Name of the table of centers among the files; no other file can have this name."""

    @property
    def is_there(self) -> bool:
        """Whether there is anything to be read."""
        return True

    def there(self) -> str:
        """Say, for people, what there is in place of an image that is missing."""
        return str(self)

    @abstractmethod
    def read(self) -> NDArray[Any]:
        """Read it: (Z, Y, X), of the type that is stored. An `InputError` names the file."""

    def remarks(self) -> list[str]:
        """Say what people should know about how it was read."""
        return []

    @abstractmethod
    def files(self) -> Mapping[str, File]:
        """Give all that it is read from, by what it is for."""

    def voxel_size(self) -> Vector | None:
        """Size of a voxel, where it is recorded."""
        return None

    def offset(self) -> Vector | None:
        """Position of the first voxel, in the unit of the voxel size, where it is recorded."""
        return None


@dataclass(frozen=True)
class Source:
    """One volume: an image, and perhaps labels of its instances, or their center points, or both.

    Attributes
    ----------
    name : str
        Of the sample; unique within its split.
    origin : str
        What people are shown: the path of the image or of the container, or zip!member.
    image, labels : Image
    centers : Path or ZipMember, optional
        Table of the annotated centers.
    given_size : (z, y, x), optional
        Size of a voxel that was given for this volume, whatever is recorded.
    degrade : Degrade, optional
        How it is made worse when it is prepared; what is read is as it is stored.
    """

    name: str
    origin: str
    image: Image
    labels: Image | None = None
    centers: File | None = None
    given_size: Vector | None = None
    degrade: Degrade | None = None

    @property
    def has_labels(self) -> bool:
        """Whether `read_labels` gives an array."""
        return self.labels is not None and self.labels.is_there

    @property
    def has_points(self) -> bool:
        """Whether centers are annotated; without labels they are the ground truth for detection."""
        return self.centers is not None

    def read_raw(self) -> NDArray[Any]:
        """Read the image: (Z, Y, X), as it is stored."""
        return self.image.read()

    def read_labels(self) -> NDArray[Any] | None:
        """Read the labels: (Z, Y, X), of whatever type is stored; None where there are none."""
        return self.labels.read() if self.labels is not None and self.labels.is_there else None

    def read_centers(self) -> NDArray[Any] | None:
        """Read the annotated centers: (N, 4), z, y, x in voxels and the id of the label, 0 where there is none."""
        return None if self.centers is None else read_centers(self.centers)

    def voxel_size(self) -> Vector | None:
        """Size of a voxel as recorded in the files."""
        return self._agreed("voxel_size")

    def offset(self) -> Vector:
        """Position of the first voxel, in the unit of the voxel size; image and labels must agree in it."""
        return self._agreed("offset") or (0.0, 0.0, 0.0)

    def remarks(self) -> list[str]:
        """Say what people should know about how the files were read."""
        images = [self.image, *([] if self.labels is None else [self.labels])]
        return [remark for image in images for remark in image.remarks()]

    def checksum(self) -> str:
        """Sha256, in hex, of all that the volume is made from; computed once, unless a file changes."""
        files = {**self.image.files(), **(self.labels.files() if self.labels is not None else {})}
        if self.centers is not None:
            files[self.image.table] = self.centers
        with reading(self.origin):
            return remembered(_sha256, files)

    def _agreed(self, what: str) -> Vector | None:
        # An image that is missing says so, and what there is.
        images = [self.image, *([self.labels] if self.labels is not None and self.labels.is_there else [])]
        found = {str(image): value for image in images if (value := getattr(image, what)()) is not None}
        first = next(iter(found.values()), None)
        if first is not None and not np.allclose(list(found.values()), first, rtol=ROUNDING, atol=0):
            both = " and ".join(f"{list(value)} of {place}" for place, value in found.items())
            raise InputError(f"{self.origin}: {what}: {both} differ; image and labels must cover the same voxels")
        return first


def voxel_size(source: Source, data: Data) -> Vector:
    """Size of a voxel: as given for the volume, else as configured, else as recorded in the file.

    Raises
    ------
    InputError
        Neither is known.
    """
    size = source.given_size or data.voxel_size or source.voxel_size()
    try:
        check_proportions(size or ())
    except ValueError as error:
        raise InputError(f"{source.origin}: voxel size: {error} Set data.voxel_size.") from None
    if not size:
        raise InputError(
            f"{source.origin}: the file does not record the voxel size; set data.voxel_size (data.test_voxel_size, or "
            "--voxel-size, for test volumes alone), e.g. [1, 1, 1] for cubic voxels (z, y, x; only the ratios matter)"
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
