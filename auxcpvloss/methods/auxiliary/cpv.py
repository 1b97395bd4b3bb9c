"""The auxiliary task ``cpv``: the vector from each voxel of a nucleus to its center (Hirsch & Kainmueller 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.methods.auxiliary.task import Auxiliary
from auxcpvloss.methods.instance_geometry import find_centers, vectors_to
from auxcpvloss.methods.method import ALL, Array, Head, Labels, Part, Prediction
from auxcpvloss.methods.seeds import Seeds
from auxcpvloss.segmentation.arrays import Mask

if TYPE_CHECKING:
    from auxcpvloss.segmentation.markers import Markers
    from auxcpvloss.segmentation.runs import Runs


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
    """Seeds, and the voxels of each, by where vectors end.

    ``use_cpv_for_seeds`` and ``cpv_thresh`` are the way of the paper (appendix C): seeds are where many vectors end,
    rounded to voxels. With ``seeds`` votes are smoothed on the scale of nuclei and counted in nuclei, not in voxels;
    with ``assign`` voxels go to the seed that their own vectors end nearest to.
    """

    use_cpv_for_seeds: bool = False
    cpv_thresh: float = Field(70.0, gt=0, le=1e9, allow_inf_nan=False)
    seeds: Literal["interior", "votes", "both"] = "interior"
    vote_width: float = Field(0.3, ge=0.02, le=2)
    vote_fraction: float = Field(0.15, gt=0, le=10)
    assign: Literal["watershed", "vectors", "both"] = "watershed"
    assign_distance: float = Field(0.3, gt=0, le=1000)

    def prepare(self, prediction: Prediction, whole: Prediction) -> Prediction:
        """Put the votes, ``votes``: (1, Z, Y, X), in place of the vectors where they are used."""
        prediction = super().prepare(prediction, whole)
        others = {head: each for head, each in prediction.items() if head != "cpv"}
        if not self.use_cpv_for_seeds or "votes" in prediction:
            return others
        from auxcpvloss.segmentation.votes import count_votes

        return {**others, "votes": count_votes(whole["cpv"])[np.newaxis]}

    def choose_seeds(self, prediction: Prediction, seeds: Mask) -> Mask:
        """Give the seeds to flood from, (N,); `seeds` are those of the method itself."""
        if self.use_cpv_for_seeds:
            return np.asarray(prediction["votes"][0] > self.cpv_thresh)
        return super().choose_seeds(prediction, seeds)

    def shape_seeds(self, seeds: Runs, foreground: Runs, surface: NDArray[np.float32]) -> Runs:
        """Give the method's own seeds the shape that it wants; those of votes stay as they are."""
        if self.use_cpv_for_seeds or self._centers == "votes":
            return seeds
        return super().shape_seeds(seeds, foreground, surface)

    def place_markers(
        self, prediction: Prediction, seeds: Runs, foreground: Runs, shared: dict[Any, Any]
    ) -> Markers | None:
        """Give the centers that vectors vote for, or the voxels whose vectors end near the centers of seeds."""
        if self._centers == "interior" and self.assign == "watershed":
            return super().place_markers(prediction, seeds, foreground, shared)
        from auxcpvloss.segmentation import center_votes, markers

        if "ends" not in shared:
            shared["ends"] = center_votes.follow(prediction["cpv"], foreground)
        ends, votes = shared["ends"], ("votes", self.vote_width)
        centers = center_votes.no_centers()
        if self._centers != "interior":
            if votes not in shared:
                shared[votes] = center_votes.smooth_votes(ends, foreground.shape, self.vote_width)
            centers = center_votes.find_peaks(shared[votes], self.vote_fraction)
        if self._centers != "votes":
            centers = center_votes.add_components(centers, ends, seeds, foreground)
        if self.assign == "watershed":
            return markers.at_centers(centers, foreground)
        most = self.assign_distance if self.assign == "both" else np.inf
        return markers.greatest_pieces(foreground, center_votes.nearest(ends, centers, most))

    @classmethod
    def to_try(cls) -> dict[str, list[Any]]:
        """Give values of parameters, few and far apart, to begin with.

        Seeds are votes: on eight embryos they were 0.02 avAP better than interiors in the mean, which few volumes for
        validation cannot tell (docs/vectors.md).
        """
        return {**super().to_try(), "seeds": ["votes"], "assign": ["watershed", "both"]}

    @property
    def _centers(self) -> str:
        """Where centers come from."""
        return "interior" if self.use_cpv_for_seeds else self.seeds

    def auxiliary_heads(self) -> frozenset[str]:
        """Names of the auxiliary heads that `decode` uses."""
        uses = self.use_cpv_for_seeds or self.seeds != "interior" or self.assign != "watershed"
        return super().auxiliary_heads() | ({"cpv"} if uses else set())

    def without_effect(self) -> frozenset[str]:
        """Names of the parameters that have no effect: those of seeds that are not used.

        ``seeds`` and ``assign`` are younger than the first results: at their defaults they are not recorded.
        """
        unused = set[str]()
        if self.use_cpv_for_seeds or self._centers == "votes":
            unused |= self.own_seeds
        if not self.use_cpv_for_seeds:
            unused |= {"cpv_thresh"}
        if self._centers == "interior":
            unused |= {"seeds", "vote_width", "vote_fraction"}
        if self.assign == "watershed":
            unused |= {"assign"}
        if self.assign != "both":
            unused |= {"assign_distance"}
        return super().without_effect() | (unused & type(self).model_fields.keys())


CPV = Auxiliary(
    Head(
        "cpv",
        channels=3,
        target=target,
        loss="squared_difference",
        whole_instances=True,
        background=0.01,
        transforms_as="vector",
    ),
    seeds=CpvSeeds,
)
