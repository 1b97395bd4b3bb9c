"""What the files of a volume hold, decoded once to verify it and to store it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from auxcpvloss.data.objects import Objects, measure
from auxcpvloss.data.sources.source import Source
from auxcpvloss.data.untrusted.limits import available_memory

SHARE = 4
"""Of the memory that is free, the part that is not taken for volumes to be stored."""


@dataclass(frozen=True, eq=False)
class Content:
    """What the files of a volume hold.

    Attributes
    ----------
    raw : (Z, Y, X) array
    labels : (Z, Y, X) array, optional
    centers : (N, 4) array of float64, optional
        As annotated: z, y, x in voxels and the id; 0 where there is none.
    """

    raw: NDArray[Any]
    labels: NDArray[Any] | None
    centers: NDArray[Any] | None

    @classmethod
    def of(cls, source: Source) -> Content:
        """Read all files of a volume.

        Raises
        ------
        InputError
            One of them cannot be read.
        """
        return cls(source.read_raw(), source.read_labels(), source.read_centers())

    @cached_property
    def objects(self) -> Objects | None:
        """The instances of the labels, which are of integers, not negative."""
        return None if self.labels is None else measure(self.labels)

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return int(self.raw.nbytes) + (0 if self.labels is None else int(self.labels.nbytes))


class Contents:
    """What volumes hold, kept from the first time that it is asked for until the second, as far as memory goes.

    Parameters
    ----------
    budget : int, optional
        Bytes to keep at once; by default a quarter of what is free.
    """

    def __init__(self, budget: int | None = None) -> None:
        self._left = available_memory() // SHARE if budget is None else budget
        self._kept: dict[Source, Content] = {}

    def first(self, source: Source) -> Content:
        """Read a volume, and keep it if it fits."""
        content = Content.of(source)
        if content.nbytes <= self._left:
            self._left -= content.nbytes
            self._kept[source] = content
        return content

    def last(self, source: Source) -> Content:
        """Give a volume that was kept, which is not kept any longer; else read it again."""
        return self._kept.pop(source, None) or Content.of(source)
