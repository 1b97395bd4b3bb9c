"""The error atlas: errors with their pictures, as plain data for the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.units import SYMBOLS, Unit
from auxcpvloss.looking.report.cases import Case
from auxcpvloss.looking.report.crops import MARGIN, View, VoxelSize, view_around
from auxcpvloss.looking.report.images import as_webp
from auxcpvloss.looking.report.outlines import outline_paths
from auxcpvloss.metrics.detection import Detections

BYTES = 14_000_000
"""Of all pictures of an atlas; each volume has an equal share."""

FIELD, AROUND = 4.0, 1.5
"""What is shown of a volume: so many mean diameters, or what is wrong and half as much again."""

QUALITY, EFFORT = 60, 2
"""Of the compression of raw data."""

PERCENTILES = (1.0, 99.8)
"""Of the raw data of a volume, shown as black and white: the same for all of its errors."""


@dataclass(frozen=True, eq=False)
class Volume:
    """What pictures of errors are cut from.

    Attributes
    ----------
    name : str
    raw : (Z, Y, X) array
    voxel_size : size of a voxel along z, y and x
    truth, result : (Z, Y, X) arrays of integer, optional
        To be outlined.
    points : Detections, optional
        To be marked.
    """

    name: str
    raw: NDArray[Any]
    voxel_size: VoxelSize
    truth: NDArray[Any] | None = None
    result: NDArray[Any] | None = None
    points: Detections | None = None


@dataclass(frozen=True)
class Atlas:
    """Errors with pictures.

    Attributes
    ----------
    cases : list of dict
        Plain values, see `describe`.
    volumes : dict of name to (errors, errors shown)
    voxels : dict of name to the size of a voxel along z, y and x
    unit : str
        Of these sizes; "" where nobody said which: then voxels of size 1 are called voxels.
    """

    cases: list[dict[str, Any]] = field(default_factory=list)
    volumes: dict[str, tuple[int, int]] = field(default_factory=dict)
    voxels: dict[str, VoxelSize] = field(default_factory=dict)
    unit: Unit = ""

    @property
    def symbols(self) -> dict[str, str]:
        """What lengths in each volume are in, as people write it."""
        plain = {name: not self.unit and set(size) == {1.0} for name, size in self.voxels.items()}
        return {name: "voxels" if is_plain else SYMBOLS[self.unit] for name, is_plain in plain.items()}

    @property
    def left_out(self) -> int:
        """Number of errors that are not shown, for want of room."""
        return sum(there - shown for there, shown in self.volumes.values())

    def add(self, volume: Volume, cases: Sequence[Case], diameter: float, share: int) -> None:
        """Add the errors of a volume, as many as have room in `share` bytes.

        Where they have not, those shown are drawn at random (always the same), so that they are a fair sample.

        Parameters
        ----------
        volume : Volume
        cases : sequence of Case
        diameter : float
            Mean diameter of the nuclei, in the unit of the voxel size.
        share : int
        """
        gray, shown, size = Gray(volume.raw), [], 0
        for number in np.random.default_rng(0).permutation(len(cases)).tolist():
            described = describe(volume, cases[number], diameter, gray)
            size += len(json.dumps(described))
            if size > share:
                break
            shown.append((number, described))
        self.cases.extend(described for _, described in sorted(shown, key=lambda each: each[0]))
        self.volumes[volume.name] = (len(cases), len(shown))
        self.voxels[volume.name] = volume.voxel_size


def describe(volume: Volume, case: Case, diameter: float, gray: Gray) -> dict[str, Any]:
    """Give an error as plain values, with its picture.

    Returns
    -------
    dict
        Beside what `Case` has: ``volume``; ``image``, raw data as a data URI; ``outlines``, four SVG paths: other
        nuclei, the nuclei in question, other results, the results in question; ``points``: kind, column and row of
        each; ``side``, ``margin``, ``pixel`` (in the unit of the voxel size) and ``planar`` of the `View`.
    """
    extent = max(np.multiply(case.extent, volume.voxel_size).tolist())
    field_of_view = max(FIELD * diameter, AROUND * extent)
    view = view_around(case.center, field_of_view, volume.voxel_size, volume.raw.shape)
    return {
        "kind": case.kind,
        "volume": volume.name,
        "center": case.center,
        "truth": case.truth,
        "result": case.result,
        "size": case.size,
        "neighbours": case.neighbours,
        "why": case.why.words,
        "image": gray.encode(view),
        "outlines": [
            path
            for labels, asked in ((volume.truth, case.truth), (volume.result, case.result))
            for path in (("", "") if labels is None else outline_paths(view.cut(labels), asked))
        ],
        "points": [] if volume.points is None else _points(volume.points, view),
        "side": view.side,
        "margin": MARGIN,
        "pixel": round(view.pixel, 4),
        "planar": view.is_plane,
    }


class Gray:
    """Raw data of a volume as gray values, all on one scale."""

    def __init__(self, raw: NDArray[Any]) -> None:
        low, high = np.percentile(raw, PERCENTILES)
        self._raw, self._low, self._range = raw, low, high - low if high > low else 1.0

    def encode(self, view: View) -> str:
        """Give a view as the data URI of a picture."""
        scaled = np.clip((view.cut(self._raw) - self._low) / self._range, 0, 1)
        return as_webp((255 * scaled).astype(np.uint8), QUALITY, EFFORT)


def _points(points: Detections, view: View) -> list[tuple[str, float, float]]:
    """Place the points that are seen: ``result`` and ``truth``, those that are wrong as ``FP`` and ``FN``."""
    sides = (("result", "FP", points.points, points.hit), ("truth", "FN", points.centers, points.found))
    reach = view.side * view.pixel
    marks = []
    for right, wrong, places, is_right in sides:
        close = np.all(np.abs((places - view.center) * view.voxel_size) <= reach, axis=1)
        for row in np.flatnonzero(close).tolist():
            name = right if is_right[row] else wrong
            marks += [(name, *at) for at in view.position(places[row])]
    return marks
