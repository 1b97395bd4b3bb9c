"""Labels of a part of the nuclei alone, for studies: where the others are, nothing counts as annotated."""

from __future__ import annotations

import numpy as np

from auxcpvloss.data.annotated import IGNORED, without_ignored
from auxcpvloss.data.decoded_files import Truth
from auxcpvloss.data.folds import lot
from auxcpvloss.data.objects import measure
from auxcpvloss.data.use import count_of
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")

MARGIN = 2
"""Voxels of background around a nucleus without label, in all directions, that are not annotated either: its border."""


def keep_share(truth: Truth, fraction: float, seed: int, name: str) -> Truth:
    """Keep the labels of a fraction of the nuclei of a volume.

    The voxels of the others, and background at most `MARGIN` voxels from them, become `IGNORED`; the rest of the
    background stays known. By one seed, nuclei that keep their labels by a smaller fraction keep them by a larger one.

    Parameters
    ----------
    truth : Truth
        With a label for every voxel.
    fraction : float
        Above 0; one nucleus, if there is any, keeps its label in any case.
    seed : int
    name : str
        Of the volume.
    """
    ids = np.unique(without_ignored(truth.labels))
    ids = ids[ids > 0]
    ranked = sorted(ids.tolist(), key=lambda label: lot(f"{name}/{label}", seed))
    kept = ranked[: count_of(fraction, len(ranked))]
    if len(kept) == len(ranked):
        return truth
    lost = np.isin(truth.labels, ranked[len(kept) :])
    near = ndimage.maximum_filter(lost, 2 * MARGIN + 1) & (truth.labels == 0)
    labels = np.where(lost | near, IGNORED, truth.labels)
    centers = truth.centers[np.isin(truth.centers[:, 3], kept)]
    return Truth.of(truth.key, labels, centers, measure(without_ignored(labels)))
