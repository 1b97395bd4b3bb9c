"""Are labels single nuclei: not background, regions that nobody annotated, classes of tissue, or what JPEG left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.check_centers import listing
from auxcpvloss.data.objects import TINY, Objects
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")

MOST = 0.5
"""Part of the volume, and of its faces, above which a label is no nucleus."""
LARGE, FAR_LARGER, SOME_LARGER = 0.1, 50, 10
"""Part of the volume, and ratios to the median of the others, above which a label is pointed out."""
SET_APART = 4
"""The same ratio, of a label whose number is often used to mark something else."""
MARKS = (255, 2**15 - 1, 2**16 - 1, 2**31 - 1)
MANY_PARTS, SOME_PARTS, FEW_LABELS = 10, 3, 3
"""Large pieces in which no nucleus comes; in which none of few labels does."""


def check_labels(
    labels: NDArray[Any], objects: Objects, place: str, ignored: NDArray[np.bool_] | None = None
) -> list[str]:
    """Look for labels that cannot be nuclei; gives warnings.

    Raises
    ------
    InputError
        With `place`, the name of the mask, and the label: most of the volume is of one label, labels are of many
        nuclei, or interpolation or compression destroyed them.
    """
    if not len(objects.ids):
        return []
    if ignored is not None:
        objects = _not_cut(labels, objects, ignored)
    # Nuclei of which only every n-th plane is annotated come in pieces, and that is said instead.
    if planes := spaced_planes(labels):
        objects = _in_one_piece(objects, np.ones(len(objects.ids), bool))
    else:
        _check_intact(objects, place)
        _check_parts(objects, place)
    warnings = [*_giants(labels, objects, place), *_mask_of_few(objects)]
    found = {
        "labels in several pieces that do not touch": objects.ids[objects.pieces > 1],
        f"labels of fewer than {TINY} voxels": objects.ids[objects.sizes < TINY],
    }
    return [*warnings, *(planes if ignored is None else []), *listing(found)]


def _not_cut(labels: NDArray[Any], objects: Objects, ignored: NDArray[np.bool_]) -> Objects:
    """Take nuclei at voxels that nobody annotated for whole: those voxels may join the pieces."""
    near = np.unique(labels[ndimage.binary_dilation(ignored)])
    return _in_one_piece(objects, np.isin(objects.ids, near))


def _in_one_piece(objects: Objects, which: NDArray[np.bool_]) -> Objects:
    alike = {name: np.where(which, 1, getattr(objects, name)) for name in ("pieces", "parts")}
    return replace(objects, **alike, crumbs=np.where(which, 0, objects.crumbs))


def spaced_planes(labels: NDArray[Any]) -> list[str]:
    """Warn if planes with labels alternate with planes without any."""
    for axis, name in enumerate("zyx"):
        planes = np.flatnonzero((labels > 0).any(axis=tuple({0, 1, 2} - {axis})))
        steps = np.diff(planes)
        if len(planes) >= 3 and steps.min() > 1:
            shown = ", ".join(map(str, planes[:3]))
            return [
                f"along {name} only planes {shown}, ... ({len(planes)} of {labels.shape[axis]}) have labels. If nobody "
                "annotated the others, give their voxels a value of their own and name it in data.ignore_label"
            ]
    return []


def _check_intact(objects: Objects, place: str) -> None:
    ruined = objects.pieces >= SOME_PARTS
    if len(ruined) > FEW_LABELS and ruined.mean() >= 0.5 and objects.crumbs.sum() >= objects.pieces.sum() / 3:
        raise InputError(
            f"{place}: {ruined.sum()} of {len(ruined)} labels are in {SOME_PARTS} or more pieces, many of fewer than "
            f"{TINY} voxels: the labels were interpolated, or compressed with losses (JPEG). Resample them with the "
            "nearest neighbor (order 0), and store them as TIFF or PNG"
        )


def _check_parts(objects: Objects, place: str) -> None:
    """Refuse labels of several nuclei; small splinters of a nucleus do not count."""
    limit = SOME_PARTS if len(objects.ids) <= FEW_LABELS else MANY_PARTS
    for number in np.flatnonzero(objects.parts >= limit):
        raise InputError(
            f"{place}: label {objects.ids[number]} is in {objects.pieces[number]} pieces that do not touch: a mask or "
            "a class, not a number for each nucleus. If nuclei do not touch, set data.split_pieces = true: each piece "
            f"becomes one instance. If it marks what nobody annotated, set data.ignore_label = {objects.ids[number]}"
        )


def _mask_of_few(objects: Objects) -> list[str]:
    """Warn of the only label, or of all of a few, if they may be masks or classes of a few nuclei."""
    label, parts = objects.ids[0], objects.parts
    remedy = "set data.split_pieces = true: each piece becomes one instance"
    if len(parts) == 1 and (parts[0] > 1 or int(label) in MARKS):
        pieces = f"{parts[0]} pieces" if parts[0] > 1 else "one piece"
        return [f"the only label is {label}, in {pieces}. If it is a mask of several nuclei, {remedy}"]
    if 1 < len(parts) <= FEW_LABELS and (parts > 1).all():
        return [f"all {len(parts)} labels are in several large pieces. If they are classes of nuclei, {remedy}"]
    return []


def _giants(labels: NDArray[Any], objects: Objects, place: str) -> Iterator[str]:
    """Find labels that are too large for a nucleus."""
    shares = objects.sizes / labels.size
    for number in np.argsort(-objects.sizes)[:FEW_LABELS]:
        others = np.delete(objects.sizes, number)
        ratio = objects.sizes[number] / np.median(others) if len(others) else 0.0
        share, label = shares[number], objects.ids[number]
        is_larger = ratio >= FAR_LARGER or (ratio >= SOME_LARGER and share >= LARGE)
        is_larger &= len(others) >= FEW_LABELS
        is_mark = int(label) in MARKS and ratio >= SET_APART
        if not (is_larger or is_mark or share >= MOST / 2):
            continue
        outer = _part_of_faces(labels, label)
        what = f"label {label} covers {share:.0%} of the volume and {outer:.0%} of its faces"
        if ratio:
            what += f", and is {ratio:.0f} times as large as the others (median)"
        inverted = "" if len(others) else ", and a number for each nucleus"
        remedy = (
            f"If it is background, store it as 0{inverted}; if nobody annotated these voxels, set data.ignore_label = "
            f"{label}"
        )
        if share >= MOST and outer >= MOST:
            raise InputError(f"{place}: {what}: not a nucleus. {remedy}")
        if is_larger or is_mark or outer >= MOST / 2:
            yield f"{what}. {remedy}"


def _part_of_faces(labels: NDArray[Any], label: Any) -> float:
    """Give the part of the voxels on the faces of the volume that a label covers."""
    faces = [
        labels.take(end, axis).ravel() for axis, size in enumerate(labels.shape) if size > 1 for end in (0, size - 1)
    ]
    return float((np.concatenate(faces) == label).mean()) if faces else 1.0
