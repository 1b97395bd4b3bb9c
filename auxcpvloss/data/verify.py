"""Is a volume fit for training, and what should its owner know about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.config.tables import Data, Preprocessing
from auxcpvloss.data.annotated import drop_ignored
from auxcpvloss.data.check_centers import check_centers, check_points, listing
from auxcpvloss.data.check_labels import check_labels
from auxcpvloss.data.check_unlabelled import check_unlabelled
from auxcpvloss.data.decoded_files import Content
from auxcpvloss.data.degrade import check_degrade
from auxcpvloss.data.grids import Grid, move_labels
from auxcpvloss.data.intensities import check_range
from auxcpvloss.data.label_values import check_values
from auxcpvloss.data.sources.source import Source, Vector
from auxcpvloss.data.target_grid import grids_of
from auxcpvloss.data.untrusted.limits import check_declared
from auxcpvloss.data.voxel_sizes import overruled, sides
from auxcpvloss.system.errors import InputError


@dataclass(frozen=True)
class Finding:
    """What was found out about a volume; shape and type are those of the image as stored, without `data.padding`.

    Attributes
    ----------
    nuclei : int or None
        None without ground truth.
    warnings : tuple of str
        What looks odd but is no reason to stop.
    is_sparse : bool
        Whether `nuclei` are center points without labels.
    annotated : float
        Which part of the voxels was annotated, 0..1.
    """

    name: str
    split: str
    shape: tuple[int, int, int]
    dtype: str
    voxel_size: Vector
    nuclei: int | None
    warnings: tuple[str, ...]
    is_sparse: bool = False
    annotated: float = 1.0


def verify(
    source: Source,
    split: str,
    data: Data,
    preprocessing: Preprocessing,
    ndim: int = 3,
    content: Content | None = None,
) -> Finding:
    """Look for everything in a volume that would spoil a training.

    `ndim` is ``model.ndim``: 2 wants images of one plane. `content` is what the volume holds, if it was read.

    Raises
    ------
    InputError
        With the name of the file: it cannot be read; the image is empty, constant or not finite, or does not fit
        `preprocessing`; image and labels do not have the same shape; the labels are no integers of 32 bits; points
        without labels are outside the image; a volume for training has no instance; the size of the voxels is not
        known.
    """
    content = content or Content.of(source, data)
    raw, labels = content.raw, content.labels
    # Raises where image and labels do not cover the same voxels.
    here, there = grids_of(source, raw.shape, data)
    check_image(raw, source.origin, data, preprocessing, ndim, here, there)
    check_degrade(source.degrade, raw, source.origin)
    if labels is None and source.centers is not None and source.degrade and source.degrade.labels < 1:
        raise InputError(
            f"{source.centers}: data.degrade.labels draws nuclei that keep their labels, but this volume has center "
            "points alone; set it to 1.0, or remove points from the table"
        )
    warnings = source.remarks()
    if (recorded := source.voxel_size()) and (words := overruled(recorded, here.voxel_size, ndim)):
        warnings.append(words)
    if raw.shape[0] == 1 and ndim == 3:
        warnings.append("only one plane; model.ndim = 2 is meant for images, and much faster")
    if labels is not None:
        if labels.shape != raw.shape:
            raise InputError(
                f"{source.labels}: {_times(labels.shape)} voxels, but the image {source.origin} has {_times(raw.shape)}"
            )
        check_values(labels, str(source.labels))
        if data.split_pieces and source.centers is not None:
            raise InputError(
                f"{source.centers}: its ids are those of labels, which data.split_pieces renumbers; remove the table"
            )
        warnings += [content.remark] if content.remark else []
    warnings += _check_ignored(content, source, data)
    nuclei, odd = _look_at_truth(content, source, split, here.voxel_size)
    if labels is not None and here != there:
        odd += _check_moved(labels, source, here, there)
    is_sparse = labels is None and nuclei is not None
    about = (source.name, split, raw.shape, raw.dtype.name, here.voxel_size, nuclei, (*warnings, *odd))
    return Finding(*about, is_sparse, content.annotated)


def _check_moved(labels: NDArray[Any], source: Source, here: Grid, there: Grid) -> list[str]:
    """List labels that are lost on another grid; refuses one that most are lost on."""
    ids = np.unique(labels[labels > 0])
    lost = np.setdiff1d(ids, move_labels(labels, here, there))
    if len(lost) > len(ids) / 2:
        raise InputError(
            f"{source.origin}: {len(lost)} of {len(ids)} labels are lost on voxels of {sides(there.voxel_size)} "
            f"(data.target_voxel_size), several of them in a voxel; its own are {sides(here.voxel_size)}. Give both in "
            "the same unit, or choose smaller ones"
        )
    return listing({"labels lost by data.target_voxel_size, several of them in a voxel": lost})


def check_image(
    raw: NDArray[Any],
    origin: str,
    data: Data,
    preprocessing: Preprocessing,
    ndim: int,
    here: Grid,
    there: Grid,
) -> None:
    """Refuse an image, (Z, Y, X), that a network can do nothing with, as it is or on the grid `there`.

    Raises
    ------
    InputError
        It is empty, constant or not finite, has too many planes, or does not fit `preprocessing` or the memory.
    """
    _check_raw(raw, origin)
    check_range(raw, preprocessing, origin)
    check_planes(origin, raw.shape[0], ndim)
    keys = "data.padding" if here == there else "data.target_voxel_size and data.padding"
    check_declared(f"{origin}, with {keys}", there.padded(data.padding).shape, np.float32)


def _look_at_truth(content: Content, source: Source, split: str, size: Vector) -> tuple[int | None, list[str]]:
    """Count the nuclei, and say what is odd about them."""
    objects, labels, nuclei, odd = content.objects, content.labels, None, []
    if objects is not None and labels is not None:
        nuclei = len(objects.ids)
        if split == "train" and nuclei == 0:
            raise InputError(f"{source.labels}: no instances, all labels are 0; remove it from the training volumes")
        odd = check_labels(labels, objects, str(source.labels), content.ignored) + check_unlabelled(
            content.raw, labels, content.ignored
        )
    if source.centers is not None and content.centers is not None:
        if objects is not None and labels is not None:
            odd += check_centers(source.centers, content.centers, labels, objects, size)
        else:
            odd += check_points(source.centers, content.centers, content.raw, split, size)
            nuclei = len(content.centers if content.ignored is None else drop_ignored(content.centers, content.ignored))
            if split == "train" and nuclei == 0:
                raise InputError(f"{source.centers}: no point in annotated voxels; remove it from the training volumes")
    return nuclei, odd


def _check_ignored(content: Content, source: Source, data: Data) -> list[str]:
    """Refuse a volume of which nothing is annotated; warn if all of it is although a label is to be ignored."""
    if content.annotated == 0:
        raise InputError(
            f"{source.labels}: all voxels are {data.ignore_label}, data.ignore_label: nothing is annotated; remove the "
            "volume, or its mask if there is nothing to be scored"
        )
    if data.ignore_label and source.has_labels and content.ignored is None:
        labels = content.labels
        unsigned = labels is not None and labels.dtype.kind == "u" and data.ignore_label < 0
        hint = f"; it has no negative numbers, being of type {labels.dtype}" if labels is not None and unsigned else ""
        return [f"no voxel of the mask is {data.ignore_label}, data.ignore_label: all count as annotated{hint}"]
    return []


def check_planes(origin: str, planes: int, ndim: int) -> None:
    """Refuse a volume of more than one plane where ``model.ndim`` = 2 asks for images."""
    if ndim == 2 and planes > 1:
        raise InputError(
            f"{origin}: a volume of {planes} planes, but model.ndim = 2 is for images of one plane; set model.ndim = "
            "3, or store each plane in a separate file"
        )


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _check_raw(raw: NDArray[Any], origin: str) -> None:
    if raw.dtype.kind not in "iuf":
        raise InputError(
            f"{origin}: its values are of type {raw.dtype}; expected intensities (integer or floating point)"
        )
    if not raw.size:
        raise InputError(f"{origin}: empty, {_times(raw.shape)} voxels")
    low, high = raw.min(), raw.max()
    if not np.isfinite(low) or not np.isfinite(high):
        raise InputError(
            f"{origin}: contains values that are NaN or infinite; replace them, e.g. with numpy.nan_to_num"
        )
    if low == high:
        raise InputError(f"{origin}: constant: every voxel is {low}; the image shows nothing")
