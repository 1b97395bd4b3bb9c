"""The error atlas: errors with their pictures, as plain data for the page."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.units import SYMBOLS, Unit, Vector
from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.looking.report.cases import Case
from auxcpvloss.looking.report.crops import MARGIN, Crop
from auxcpvloss.looking.report.outlines import outline_paths
from auxcpvloss.metrics.detection import Detections

BYTES = 14_000_000
"""Size of all pictures together; each volume has an equal share."""

FIELD, AROUND = 4.0, 1.5
"""Field of view: this many mean diameters, or 1.5 times the size of the error."""

QUALITY, EFFORT = 60, 2
"""Compression of the raw data."""

PERCENTILES = (1.0, 99.8)
"""Intensities shown as black and white, the same for all errors of a volume."""


@dataclass
class Atlas:
    """Errors with pictures, as `describe` gives them.

    `volumes` counts errors, and those that are shown, by name; `voxels` has the size of a voxel along z, y and x, in
    a `unit`: if that is "", voxels of size 1 are called voxels. `outlined`: whether instances were compared at all.
    """

    cases: list[dict[str, Any]] = field(default_factory=list)
    volumes: dict[str, tuple[int, int]] = field(default_factory=dict)
    voxels: dict[str, Vector] = field(default_factory=dict)
    unit: Unit = ""
    outlined: bool = False

    @property
    def symbols(self) -> dict[str, str]:
        """What lengths in each volume are in, as people write it."""
        plain = {name: not self.unit and set(size) == {1.0} for name, size in self.voxels.items()}
        return {name: "voxels" if is_plain else SYMBOLS[self.unit] for name, is_plain in plain.items()}

    @property
    def left_out(self) -> int:
        """Number of errors for which there was no room."""
        return sum(there - shown for there, shown in self.volumes.values())

    def add(self, outcome: Outcome, cases: Sequence[Case], diameter: float, share: int) -> None:
        """Add the errors of a volume; if not all have room in `share` bytes, a random sample, always the same.

        Nuclei are outlined if the truth has masks; results are outlined, or marked if they are points. `diameter` is
        the mean diameter of the nuclei, in the unit of the voxel size.
        """
        self.outlined |= outcome.points is None
        low, high = np.percentile(outcome.raw, PERCENTILES)
        shown: dict[int, dict[str, Any]] = {}
        for number in np.random.default_rng(0).permutation(len(cases)).tolist():
            described = describe(outcome, cases[number], diameter, (low, high))
            share -= len(json.dumps(described))
            if share < 0:
                break
            shown[number] = described
        self.cases.extend(shown[number] for number in sorted(shown))
        self.volumes[outcome.name] = (len(cases), len(shown))
        self.voxels[outcome.name] = outcome.voxel_size


def describe(outcome: Outcome, case: Case, diameter: float, window: tuple[float, float]) -> dict[str, Any]:
    """Give an error as plain values, with its picture; `window`: intensities shown as black and white.

    Returns
    -------
    dict
        Beside what `Case` has: ``volume``; ``image``, raw data as a data URI; ``outlines``, four SVG paths: other
        nuclei, the nuclei in question, other results, the results in question; ``points``: kind, column and row of
        each; ``side``, ``margin``, ``pixel`` (in the unit of the voxel size) and ``planar`` of the `Crop`.
    """
    extent = max(np.multiply(case.extent, outcome.voxel_size).tolist())
    crop = Crop.around(case.center, max(FIELD * diameter, AROUND * extent), outcome.voxel_size, outcome.raw.shape)
    low, high = window
    gray = np.clip((crop.cut(outcome.raw) - low) / (high - low if high > low else 1.0), 0, 1)
    points = outcome.points if isinstance(outcome.points, Detections) else None
    sides = (outcome.truth, case.truth), (outcome.instances if points is None else None, case.result)
    return {
        "kind": case.kind,
        "volume": outcome.name,
        "center": case.center,
        "truth": case.truth,
        "result": case.result,
        "size": case.size,
        "neighbours": case.neighbours,
        "why": case.why.words,
        "image": as_webp((255 * gray).astype(np.uint8), QUALITY, EFFORT),
        "outlines": [
            path
            for labels, asked in sides
            for path in (("", "") if labels is None else outline_paths(crop.cut(labels), asked))
        ],
        "points": [] if points is None else _points(points, crop),
        "side": crop.side,
        "margin": MARGIN,
        "pixel": round(crop.pixel, 4),
        "planar": crop.is_plane,
    }


def _points(points: Detections, crop: Crop) -> list[tuple[str, float, float]]:
    """Place the points that are seen: ``result`` and ``truth``, those that are wrong as ``FP`` and ``FN``."""
    sides = (("result", "FP", points.points, points.hit), ("truth", "FN", points.centers, points.found))
    reach = crop.side * crop.pixel
    marks = []
    for right, wrong, places, is_right in sides:
        close = np.all(np.abs((places - crop.center) * crop.voxel_size) <= reach, axis=1)
        for row in np.flatnonzero(close).tolist():
            name = right if is_right[row] else wrong
            marks += [(name, *at) for at in crop.position(places[row])]
    return marks


def as_webp(image: NDArray[Any], quality: int, effort: int = 4) -> str:
    """Compress an image of uint8, (Y, X) gray or (Y, X, 3) colored, with losses, to a data URI.

    `quality` is 0 to 100; `effort`, 0 to 6, how long to try for few bytes.
    """
    colors = image if image.ndim == 3 else np.repeat(image[..., np.newaxis], 3, axis=-1)
    content = imagecodecs.webp_encode(np.ascontiguousarray(colors), level=quality, method=effort, lossless=False)
    return data_uri("webp", bytes(content))


def data_uri(kind: str, content: bytes) -> str:
    """Give an image as a data URI; `kind` is "png" or "webp"."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
