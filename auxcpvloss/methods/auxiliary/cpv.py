"""The auxiliary task ``cpv``: the vector from each voxel of a nucleus to its center (Hirsch & Kainmueller 2020)."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from auxcpvloss.methods.auxiliary.task import Auxiliary
from auxcpvloss.methods.decoding import Seeds
from auxcpvloss.methods.instance_geometry import find_centers, vectors_to
from auxcpvloss.methods.method import ALL, Array, Head, Labels, Part, Prediction
from auxcpvloss.segmentation.arrays import Mask


def target(labels: Labels, part: Part = ALL) -> Array:
    """Vector, in voxels, from each instance voxel to the center of mass of its instance.

    Parameters
    ----------
    labels : (Z, Y, X) array of uint32
        All of each instance of interest has to be in it, else the center is that of the visible part.
    part : slices, optional

    Returns
    -------
    (3, Z, Y, X) array of float32
        (dz, dy, dx); 0 in the background and beyond the volume.
    """
    first = [axis.indices(size)[0] for axis, size in zip(part, labels.shape, strict=True)]
    return vectors_to(find_centers(labels), labels[part], first)


class CpvSeeds(Seeds):
    """Seeds where many vectors end, in place of those of the method itself (appendix C of the paper)."""

    use_cpv_for_seeds: bool = False
    cpv_thresh: float = Field(70.0, gt=0, le=1e9, allow_inf_nan=False)

    def prepare(self, prediction: Prediction) -> Prediction:
        """Put the votes, ``votes``: (1, Z, Y, X), in place of the vectors."""
        prediction = super().prepare(prediction)
        if not self.use_cpv_for_seeds or "votes" in prediction:
            return prediction
        from auxcpvloss.segmentation.votes import count_votes

        others = {head: each for head, each in prediction.items() if head != "cpv"}
        return {**others, "votes": count_votes(prediction["cpv"])[np.newaxis]}

    def choose_seeds(self, prediction: Prediction, seeds: Mask) -> Mask:
        """Give the seeds to flood from, (N,); `seeds` are those of the method itself."""
        if self.use_cpv_for_seeds:
            return np.asarray(prediction["votes"][0] > self.cpv_thresh)
        return super().choose_seeds(prediction, seeds)

    def auxiliary_heads(self) -> frozenset[str]:
        """Names of the auxiliary heads that `decode` uses."""
        return super().auxiliary_heads() | ({"cpv"} if self.use_cpv_for_seeds else set())

    def without_effect(self) -> frozenset[str]:
        """Names of the parameters that have no effect: those of the seeds that are not used."""
        unused = {"seed_thresh", "min_affinities"} if self.use_cpv_for_seeds else {"cpv_thresh"}
        return super().without_effect() | (unused & type(self).model_fields.keys())


CPV = Auxiliary(
    Head(
        "cpv",
        channels=3,
        target=target,
        loss="center_vector_loss",
        whole_instances=True,
        transforms_as="vector",
    ),
    seeds=CpvSeeds,
)
