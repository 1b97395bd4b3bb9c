"""Volumes to hand over, small and known."""

from typing import Any

import numpy as np

from auxcpvloss.config.units import Space
from auxcpvloss.looking.handover.scene import Scene, errors_of_labels, errors_of_points
from auxcpvloss.metrics import Comparison

SPACE = Space((2.0, 1.0, 0.5), (-4.0, 0.0, 1.5), "micrometer")


def boxes(**at: tuple[int, int, int]) -> np.ndarray:
    """Labels ``l<number>`` of 4 x 4 x 4 voxels at a corner, in a volume of 8 x 12 x 24."""
    labels = np.zeros((8, 12, 24), np.uint32)
    for name, (z, y, x) in at.items():
        labels[z : z + 4, y : y + 4, x : x + 4] = int(name[1:])
    return labels


def truth() -> np.ndarray:
    """Nucleus 7 is found, 8 is missed, 9 is split; 3 and 4 come out as one."""
    labels = boxes(l7=(1, 1, 1), l8=(1, 7, 1), l3=(1, 1, 16), l4=(1, 1, 20))
    labels[1:5, 7:11, 12:20] = 9
    return labels


def found() -> np.ndarray:
    """Instance 70 is right, 50 is nowhere, 60 and 61 are the split nucleus, 34 are two."""
    labels = boxes(l70=(1, 1, 1), l50=(4, 8, 7), l60=(1, 7, 12), l61=(1, 7, 16))
    labels[1:5, 1:5, 16:24] = 34
    return labels


def scene(is_points: bool = False, space: Space = SPACE, **change: Any) -> Scene:
    raw = np.random.default_rng(0).random((8, 12, 24)).astype(np.float32)
    if is_points:
        points = np.zeros_like(found())
        points[3, 3, 3], points[6, 9, 9] = 1, 2
        errors = errors_of_points(Comparison(points, truth()))
        return Scene(**{"name": "p", "raw": raw, "found": points, "is_points": True, "truth": truth(), "errors": tuple(errors), "space": space, **change})  # fmt: skip
    errors = errors_of_labels(Comparison(found(), truth()))
    return Scene(**{"name": "a", "raw": raw, "found": found(), "is_points": False, "truth": truth(), "errors": tuple(errors), "space": space, **change})  # fmt: skip
