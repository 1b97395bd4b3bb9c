"""Where the seeds of a watershed come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.methods.method import Params, Prediction
from auxcpvloss.segmentation.arrays import Mask

if TYPE_CHECKING:
    from auxcpvloss.segmentation.markers import Markers
    from auxcpvloss.segmentation.runs import Runs


class Seeds(Params):
    """Where seeds come from. An auxiliary task that offers others extends this."""

    own_seeds: ClassVar[frozenset[str]] = frozenset()
    """Names of the parameters that only the seeds of the method itself depend on."""

    def prepare(self, prediction: Prediction, whole: Prediction) -> Prediction:
        """Give what `choose_seeds` looks at: with what it needs of the whole volume, as one more head of (C, Z, Y, X).

        Parameters
        ----------
        prediction : mapping
            What other parameters have left of the whole, and added to it.
        whole : mapping
            {head: (C, Z, Y, X)}
        """
        return prediction

    def choose_seeds(self, prediction: Prediction, seeds: Mask) -> Mask:
        """Give the seeds to flood from, (N,), at voxels of a prediction, (C, N); `seeds` are the method's own."""
        return seeds

    def shape_seeds(self, seeds: Runs, foreground: Runs, surface: NDArray[np.float32]) -> Runs:
        """Give seeds another shape, by their neighbourhood, before markers are made of them.

        Parameters
        ----------
        seeds, foreground : Runs
        surface : (Z, Y, X) array of float32
            Flooded from low to high; of no meaning where there is no foreground.
        """
        return seeds

    def place_markers(
        self, prediction: Prediction, seeds: Runs, foreground: Runs, shared: dict[Any, Any]
    ) -> Markers | None:
        """Give what to flood from in place of the connected components of the seeds; None: these.

        Parameters
        ----------
        prediction : mapping
            {head: (C, Z, Y, X)}, the whole.
        seeds, foreground : Runs
        shared : dict
            Keeps what other parameters need of the same foreground.
        """
        return None
