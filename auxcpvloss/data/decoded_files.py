"""What the files of a volume hold, decoded once to verify it and to store it; and the ground truth that it gives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Data
from auxcpvloss.data.annotated import IGNORED, Mask, drop_ignored, set_apart, without_ignored
from auxcpvloss.data.centers import numbered
from auxcpvloss.data.grids import Grid, move_labels, move_points, nearest
from auxcpvloss.data.label_values import pieces_of, whole_numbers
from auxcpvloss.data.objects import Objects, measure
from auxcpvloss.data.points import paint_balls, voxels_of
from auxcpvloss.data.samples import LABELS, POINTS
from auxcpvloss.data.sources.source import Source
from auxcpvloss.data.untrusted.limits import available_memory


class Truth(NamedTuple):
    """Ground truth of a volume, as it is stored in a sample.

    Attributes
    ----------
    key : str
        `LABELS`, or `POINTS` where there are no labels.
    labels : (Z, Y, X) array of uint32
        Instances, or a small ball around every point; `IGNORED` where nobody annotated; 0 elsewhere.
    centers : (N, 4) array of float64
        z, y, x in voxels and the id: as annotated, else centers of mass; of annotated voxels.
    max_extent : tuple
        Largest extent of an instance or ball along z, y, x, in voxels.
    median_extent : tuple
        The median, likewise; zeros where there is none.
    nucleus : float or None
        Size of the median instance, in voxels.
    """

    key: str
    labels: NDArray[np.uint32]
    centers: NDArray[np.float64]
    max_extent: tuple[int, int, int]
    median_extent: tuple[float, ...]
    nucleus: float | None

    @classmethod
    def of(cls, key: str, labels: NDArray[np.uint32], centers: NDArray[np.float64] | None, objects: Objects) -> Truth:
        """Describe labels or balls, whose instances are `objects`; `centers` as annotated, else centers of mass."""
        if centers is None:
            centers = np.column_stack([objects.centers, objects.ids])
        z, y, x = objects.extents.max(axis=0, initial=0).tolist()
        median = np.median(objects.extents, axis=0) if len(objects.ids) else np.zeros(3)
        nucleus = float(np.median(objects.sizes)) if key == LABELS and len(objects.sizes) else None
        return cls(key, labels, centers, (z, y, x), tuple(median.tolist()), nucleus)

    def on(self, there: Grid, here: Grid) -> Truth:
        """Give it on another grid than that of the files, `here`; centers stay as they are."""
        if self.key == LABELS:
            labels = move_labels(self.labels, here, there)
        else:
            moved = move_points(self.centers[:, :3], here, there)
            balls = paint_balls(np.column_stack([moved, self.centers[:, 3]]), there.shape)
            is_ignored = nearest(self.labels, here, there) == IGNORED
            # Where a point is, is annotated, though the nearest voxel may not be: of single planes none may be left.
            is_ignored[tuple(voxels_of(moved, there.shape).T)] = False
            labels = np.where(is_ignored, IGNORED, balls)
        return Truth.of(self.key, labels, self.centers, measure(without_ignored(labels)))


@dataclass(frozen=True, eq=False)
class Content:
    """What the files of a volume hold.

    Attributes
    ----------
    raw : (Z, Y, X) array
    labels : (Z, Y, X) array, optional
    centers : (N, 4) array of float64, optional
        As annotated: z, y, x in voxels and the id; 0 where there is none.
    ignored : (Z, Y, X) array of bool, optional
        Voxels that nobody annotated; the labels are 0 there. None where all are annotated.
    remark : str
        How the labels were read, if not as they are stored; else empty.
    """

    raw: NDArray[Any]
    labels: NDArray[Any] | None
    centers: NDArray[Any] | None
    ignored: Mask | None = None
    remark: str = ""

    @classmethod
    def of(cls, source: Source, data: Data) -> Content:
        """Read all files of a volume; an `InputError` names one that cannot be read."""
        raw, labels, remark = source.read_raw(), *whole_numbers(source.read_labels())
        labels, centers, ignored = set_apart(labels, source.read_centers(), raw.shape, data)
        if labels is not None and data.split_pieces:
            labels = pieces_of(labels)
        return cls(raw, labels, centers, ignored, remark)

    @cached_property
    def objects(self) -> Objects | None:
        """The instances of the labels, which are of integers, not negative."""
        return None if self.labels is None else measure(self.labels)

    @cached_property
    def image_checksum(self) -> str:
        """See `checksum_of_image`."""
        return checksum_of_image(self.raw)

    @property
    def annotated(self) -> float:
        """Which part of the voxels was annotated, 0..1."""
        return 1.0 if self.ignored is None else 1 - float(self.ignored.mean())

    def truth(self) -> Truth | None:
        """Give the ground truth; None where there is none."""
        labels, centers = self.labels, self.centers
        if centers is not None and self.ignored is not None:
            centers = drop_ignored(centers, self.ignored)
        if labels is not None:
            key, labels = LABELS, labels.astype(np.uint32)
        elif centers is not None:
            centers = numbered(centers)
            key, labels = POINTS, paint_balls(centers, self.raw.shape)
        else:
            return None
        truth = Truth.of(key, labels, centers, self.objects or measure(labels))
        if self.ignored is None:
            return truth
        labels = np.where(self.ignored, IGNORED, truth.labels)
        return truth._replace(labels=labels, centers=drop_ignored(truth.centers, self.ignored))

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return sum(int(array.nbytes) for array in (self.raw, self.labels, self.ignored) if array is not None)


def checksum_of_image(raw: NDArray[Any]) -> str:
    """Sha256, in hex, of the values of a (Z, Y, X) image, whatever the type and the file that store them."""
    whole = sha256(repr(raw.shape).encode())
    with np.errstate(over="ignore"):
        for plane in raw:
            whole.update(plane.astype("<f4").tobytes())
    return whole.hexdigest()


class Contents:
    """What volumes hold, kept until it is asked for again, in `budget` bytes or a quarter of those that are free."""

    def __init__(self, data: Data, budget: int | None = None) -> None:
        self._data = data
        self._left = available_memory() // 4 if budget is None else budget
        self._kept: dict[Source, Content] = {}

    def first(self, source: Source) -> Content:
        """Read a volume, and keep it if it fits."""
        content = Content.of(source, self._data)
        if content.nbytes <= self._left:
            self._left -= content.nbytes
            self._kept[source] = content
        return content

    def last(self, source: Source) -> Content:
        """Give a volume that was kept, which is not kept any longer; else read it again."""
        return self._kept.pop(source, None) or Content.of(source, self._data)
