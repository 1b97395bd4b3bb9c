"""The auxiliary task: the vector from every voxel of a nucleus to the nucleus' center (Hirsch & Kainmueller 2020)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np
from pydantic import Field, create_model

from auxcpvloss.methods.centers import find_centers
from auxcpvloss.methods.method import Array, Head, Labels, Method, Params, Prediction
from auxcpvloss.methods.watershed import Basins, FindBasins, WatershedParams, segmentation
from auxcpvloss.segmentation.votes import count_votes


def target(labels: Labels) -> Array:
    """Vector, in voxels, from each instance voxel to the center of mass of its instance.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        All of each instance of interest has to be in it, else the center is that of the visible part.

    Returns
    -------
    (3, Z, Y, X) array of float32
        (dz, dy, dx); 0 in the background and beyond the volume.
    """
    centers = find_centers(labels)
    vectors = np.zeros((3, labels.size), dtype=np.float32)
    for axis, coordinate in enumerate(np.unravel_index(centers.voxels, labels.shape)):
        vectors[axis, centers.voxels] = centers.positions[centers.instance, axis] - coordinate
    return vectors.reshape(3, *labels.shape)


CPV = Head(
    "cpv",
    channels=3,
    target=target,
    loss="center_vector_loss",
    perfect=lambda vectors: vectors,
    whole_instances=True,
    auxiliary=True,
)


class CpvSeeds(Params):
    """Seeds where many vectors end, in place of those of the method itself (appendix C of the paper)."""

    use_cpv_for_seeds: bool = False
    cpv_thresh: float = Field(70.0, gt=0, le=1e9, allow_inf_nan=False)

    def auxiliary_heads(self) -> frozenset[str]:
        """Names of the auxiliary heads that post-processing makes use of."""
        return frozenset({CPV.name} if self.use_cpv_for_seeds else ())

    def without_effect(self) -> frozenset[str]:
        """Names of the parameters that have no effect: those of the seeds that are not used."""
        unused = {"seed_thresh", "min_affinities"} if self.use_cpv_for_seeds else {"cpv_thresh"}
        return frozenset(unused & set(type(self).model_fields))


def with_cpv(method: Method) -> Method:
    """Give the same method with center point vectors as auxiliary task, ``<name>_cpv``."""
    if method.find_basins is None:
        raise ValueError(f"{method.name} has no watershed, so that vectors could make no seeds for it")
    params = create_model(f"{method.params.__name__}Cpv", __base__=(CpvSeeds, method.params))
    return segmentation(
        f"{method.name}_{CPV.name}",
        heads=(*method.heads, CPV),
        find_basins=_with_votes(method.find_basins),
        confidence=method.confidence,
        params=cast(type[WatershedParams], params),
    )


def _with_votes(find_basins: FindBasins) -> FindBasins:
    def find(prediction: Prediction, params: Any) -> Basins:
        basins = find_basins(prediction, params)
        if not params.use_cpv_for_seeds:
            return basins
        return replace(basins, seeds=count_votes(prediction[CPV.name]) > params.cpv_thresh)

    return find
