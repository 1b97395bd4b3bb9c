"""A result beside the ground truth of a volume: what scores, pictures, reports and exports are made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.metrics.counts import THRESHOLD, Counts
from auxcpvloss.metrics.detection import VOXELS, Detections, centers_of_mass, match_points, within
from auxcpvloss.metrics.ignored import cut_nuclei, scored_instances, scored_points
from auxcpvloss.metrics.matching import Matching, Mistakes, count, find_mistakes, match
from auxcpvloss.metrics.overlap import Overlaps, Values, overlaps
from auxcpvloss.metrics.surfaces import Surface, distances, surface_of

if TYPE_CHECKING:
    from auxcpvloss.config.tables.results import PointMatching
    from auxcpvloss.config.units import Vector


@dataclass(eq=False)
class Comparison:
    """A result and the ground truth of a volume. What follows from them is made once, when it is first asked for.

    Attributes
    ----------
    predicted : (Z, Y, X) array of integer
        Instances, 0 is background; so is, where there are masks, what is not scored.
    truth : (Z, Y, X) array of integer, or (T, 3) array of float
        Labels, 0 is background; or, where there are no masks, center points, in voxels.
    spacing : tuple of float
        Size of a voxel along z, y, x.
    outlines : bool
        Whether outlines are compared where there are masks; False for methods that find points.
    optimal, detection, distance_limit
        How instances are matched, see `match`; and points, see `match_points`.
    foreground_only : bool
        Ignore predicted voxels where the truth has background; without masks, predicted points that are farther than
        `distance_limit` from each true one.
    ignored : (Z, Y, X) array of bool, optional
        Voxels that nobody annotated, see `metrics.ignored`.
    """

    predicted: NDArray[Any]
    truth: NDArray[Any]
    spacing: Vector = VOXELS
    outlines: bool = True
    optimal: bool = True
    detection: PointMatching = "hoefener"
    distance_limit: float = 10.0
    foreground_only: bool = False
    ignored: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if self.ignored is not None and self.has_masks:
            self.predicted = scored_instances(self.predicted, self.truth, self.ignored)
        if self.foreground_only and self.has_masks:
            self.predicted = np.where(self.truth > 0, self.predicted, self.predicted.dtype.type(0))

    @property
    def has_masks(self) -> bool:
        """Whether the truth is labels."""
        return np.issubdtype(self.truth.dtype, np.integer)

    @cached_property
    def overlaps(self) -> Overlaps:
        """Which instances share voxels; sizes and centers of all."""
        return overlaps(self.truth, self.predicted)

    @cached_property
    def matching(self) -> Matching:
        """Pairs at an IoU above 0.5."""
        return match(self.overlaps, THRESHOLD, self.optimal)

    @cached_property
    def counts(self) -> Counts:
        """Right and wrong instances at an IoU above 0.5."""
        return count(self.overlaps, self.matching)

    @cached_property
    def mistakes(self) -> Mistakes:
        """Instances that are wrong at an IoU above 0.5."""
        return find_mistakes(self.overlaps, self.matching)

    @cached_property
    def surfaces(self) -> tuple[Surface, Surface]:
        """Surface voxels of true and of predicted instances."""
        return surface_of(self.truth), surface_of(self.predicted)

    @cached_property
    def surface_distances(self) -> list[tuple[Values, Values]]:
        """Distances between the surfaces of each pair at an IoU above 0.5, in the unit of `spacing`.

        From each surface voxel of the true instance to the surface of the predicted one, and back.
        """
        true, predicted = self.surfaces
        pairs = zip(map(true.of, self.matching.truth), map(predicted.of, self.matching.predicted), strict=True)
        return [(distances(t, p, self.spacing), distances(p, t, self.spacing)) for t, p in pairs]

    def drop_surfaces(self) -> None:
        """Free the memory of surfaces, from which only scores are made."""
        for name in ("surfaces", "surface_distances"):
            vars(self).pop(name, None)

    @cached_property
    def detections(self) -> Detections:
        """Centers of mass of the predicted instances, and which of them and of the true nuclei are right."""
        how = self.detection, self.distance_limit, self.spacing
        if self.has_masks:
            table = self.overlaps
            nuclei = table.truth_ids, table.truth_centers
            detections = match_points(table.predicted_centers, self.truth, *how, nuclei)
            if self.ignored is None or self.outlines:
                return detections
            beyond = np.isin(table.truth_ids, cut_nuclei(self.truth, self.ignored))
            return detections._replace(found=detections.found | beyond)
        points = centers_of_mass(self.predicted)
        if self.foreground_only:
            points = points[within(points, self.truth, self.distance_limit, self.spacing)]
        detections = match_points(points, self.truth, *how)
        return detections if self.ignored is None else scored_points(detections, self.ignored)
