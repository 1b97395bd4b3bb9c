"""The XOR view: what a result lacks, and where its outlines are off."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.looking.figures.palette import PAPER, Palette
from auxcpvloss.looking.figures.panels import Image, Mask, Panel, blend
from auxcpvloss.metrics import Matching


def show_differences(
    truth: NDArray[Any], result: NDArray[Any], matched: Matching, background: Image, colors: Palette = PAPER
) -> Panel:
    """Show missed nuclei whole, and of all others the pixels in which result and ground truth differ.

    Of a plane, since outlines that are off by a voxel cover whole nuclei in a projection.

    Parameters
    ----------
    truth, result : (Y, X) arrays of integer
        A plane of each.
    matched : Matching
        Of the volume. Nuclei that are not in it are missed; instances that are not in it differ all over.
    background : (Y, X, 3) array in [0, 1]
    colors : Palette
    """
    missed, differs = differences(truth, result, matched)
    ids = np.unique(truth[missed])
    of_each = np.array(colors.missed)[np.searchsorted(ids, truth) % len(colors.missed)]
    # Pixels alone would hardly be seen if the image shone through.
    image = blend(background, np.array(colors.difference), differs, opacity=1)
    image = blend(image, of_each, missed)
    shown = {}
    if missed.any():
        shown["FN, a color each"] = colors.missed[0]
    if differs.any():
        shown["pixels that differ"] = colors.difference
    return Panel("XOR", image, shown)


def differences(truth: NDArray[Any], result: NDArray[Any], matched: Matching) -> tuple[Mask, Mask]:
    """Find the voxels of missed nuclei, and the others in which the result is not what it was matched with.

    Parameters
    ----------
    truth, result : arrays of integer, of the same shape
    matched : Matching

    Returns
    -------
    (missed, differs)
        Arrays of bool; no voxel is in both.
    """
    order = np.argsort(matched.truth)
    ids, partners = matched.truth[order], matched.predicted[order]
    is_matched = np.isin(truth, ids)
    missed = (truth != 0) & ~is_matched
    expected = np.zeros(result.shape, result.dtype)
    expected[is_matched] = partners[np.searchsorted(ids, truth[is_matched])]
    return missed, (expected != result) & ~missed
