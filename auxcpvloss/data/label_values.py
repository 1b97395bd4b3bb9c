"""What the numbers of a mask say: read as labels, or why they cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.objects import MAX_LABEL
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.lazy import lazily

skimage = lazily("skimage")

EXPECTED = "expected a whole number for each instance, 0 for background"


def whole_numbers(stored: NDArray[Any] | None) -> tuple[NDArray[Any] | None, str]:
    """Take whole numbers that are stored as floating point for integers, and say so; other masks stay as they are."""
    if stored is None or not _are_exact(stored):
        return stored, ""
    return stored.astype(np.int64), f"labels of type {stored.dtype}, read as whole numbers"


def pieces_of(labels: NDArray[Any]) -> NDArray[Any]:
    """Number the pieces that do not touch, each of one label: 1, 2, ...; what cannot be labels stays as it is."""
    if labels.dtype.kind not in "biu" or labels.min(initial=0) < 0:
        return labels
    numbers = labels.astype(np.uint8) if labels.dtype.kind == "b" else labels
    return np.asarray(skimage.measure.label(numbers, connectivity=3), np.uint32)


def check_values(labels: NDArray[Any], place: str) -> None:
    """Refuse a mask whose numbers cannot be labels.

    Raises
    ------
    InputError
        With `place`, the name of the mask.
    """
    if labels.dtype.kind == "b":
        raise InputError(
            f"{place}: a boolean mask; expected a different number for each instance, 0 for background. If nuclei do "
            "not touch, set data.split_pieces = true: each piece becomes one instance"
        )
    if labels.dtype.kind == "f":
        raise InputError(f"{place}: {_why_not_whole(labels)}; {EXPECTED}")
    if labels.dtype.kind not in "iu":
        raise InputError(f"{place}: labels of type {labels.dtype}; {EXPECTED}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0:
        raise InputError(
            f"{place}: negative label {low}; expected 0 for background and positive numbers for instances. If it marks "
            f"voxels that nobody annotated, set data.ignore_label = {low}"
        )
    if high > MAX_LABEL:
        remedy = "renumber the instances"
        if high in (2**32 - 1, 2**64 - 1):
            # What -1 becomes without a sign.
            remedy += f". If it marks voxels that nobody annotated, set data.ignore_label = {high}"
        raise InputError(f"{place}: label {high} is too large; expected at most {MAX_LABEL}: {remedy}")


def _are_exact(stored: NDArray[Any]) -> bool:
    """Whether they are whole numbers, stored as floating point, none of which was rounded."""
    if stored.dtype.kind != "f" or not np.isfinite(stored).all():
        return False
    return bool((stored == np.trunc(stored)).all() and np.abs(stored).max(initial=0) <= _most_exact(stored))


def _most_exact(stored: NDArray[Any]) -> float:
    return 2 / float(np.finfo(stored.dtype).eps)


def _why_not_whole(labels: NDArray[Any]) -> str:
    if not np.isfinite(labels).all():
        return (
            "contains values that are NaN or infinite. If they mark voxels that nobody annotated, store a whole number "
            "there, such as -1, and name it in data.ignore_label"
        )
    odd = labels[labels != np.trunc(labels)]
    if len(odd):
        return (
            f"{len(odd)} voxels are not whole numbers, such as {odd[0]:.6g}: the labels were interpolated. Resample "
            "them with the nearest neighbor (order 0)"
        )
    return (
        f"labels above {_most_exact(labels):.0f} were rounded when they were stored as {labels.dtype}: store integers"
    )
