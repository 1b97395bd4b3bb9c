"""Is a part of a volume without labels although nuclei can be seen in it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.check_labels import spaced_planes

REMEDY = (
    "If nobody annotated them, give their voxels a value of their own and name it in data.ignore_label; if the "
    "annotated part is a box, data.annotated_box = true does"
)
LEAST_PLANES = 0.2
"""Part of the planes that look as if nobody annotated them, above which that is said."""


def check_unlabelled(raw: NDArray[Any], labels: NDArray[Any], ignored: NDArray[np.bool_] | None) -> list[str]:
    """Warn of planes without labels that are about as bright as those with labels, but for what is ignored."""
    is_nucleus = labels > 0
    # Of single planes, more is said elsewhere.
    if not is_nucleus.any() or spaced_planes(labels):
        return []
    is_bright = raw > np.median(raw[is_nucleus])
    if ignored is not None:
        is_bright &= ~ignored
    found = [_bright_without_labels(is_bright, is_nucleus, axis) for axis in range(3)]
    parts = [len(planes) / size * (len(planes) > 1) for planes, size in zip(found, labels.shape, strict=True)]
    axis = int(np.argmax(parts))
    planes, count = found[axis], f"{len(found[axis])} of {labels.shape[axis]} planes"
    if parts[axis] < LEAST_PLANES:
        return []
    return [
        f"along {'zyx'[axis]} {count}, between {planes[0]} and {planes[-1]}, have no labels, but nuclei seem to be "
        f"there. {REMEDY}"
    ]


def _bright_without_labels(is_bright: NDArray[Any], is_nucleus: NDArray[Any], axis: int) -> NDArray[np.int64]:
    """Find planes without labels in which more is bright than in the background of those with labels."""
    within = tuple({0, 1, 2} - {axis})
    has_labels = is_nucleus.any(axis=within)
    if has_labels.all():
        return np.empty(0, np.int64)
    bright = is_bright.mean(axis=within)
    background = (is_bright & ~is_nucleus).sum(axis=within) / np.maximum((~is_nucleus).sum(axis=within), 1)
    typical, without = np.median(bright[has_labels]), np.median(background[has_labels])
    least = max(typical / 2, (typical + without) / 2)
    return np.flatnonzero(~has_labels & (bright >= least) & (bright > 0))
