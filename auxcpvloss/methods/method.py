"""What a method is: heads with targets and losses, and the way from a prediction to instances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Labels = NDArray[np.uint32]
Array = NDArray[Any]
Prediction = Mapping[str, Array]

OUTSIDE = np.uint32(0xFFFFFFFF)
"""Label of voxels beyond the end of the volume: nothing is known there, nothing is trained there."""


class Params(BaseModel):
    """Post-processing parameters of a method: its keys of the table [postprocessing]."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def slug(self) -> str:
        """Name of the folder of the results made with these parameters, e.g. ``fg_thresh_0.9_seed_thresh_0.8``.

        Thresholds are always in it, what else there is only where it differs from the default; not what the other
        parameters leave without effect.
        """
        fields, unused = type(self).model_fields, self.without_effect()
        shown = {k: v for k, v in self._thresholds_first() if k.endswith("thresh") or v != fields[k].default}
        return "_".join(f"{key}_{value}" for key, value in shown.items() if key not in unused)

    def without_effect(self) -> frozenset[str]:
        """Names of the parameters that have no effect, the others being as they are."""
        return frozenset()

    def with_effect(self) -> dict[str, Any]:
        """Give the parameters that have an effect, the others being as they are."""
        return self.model_dump(exclude=set(self.without_effect()))

    def describe(self) -> str:
        """Say all parameters that have an effect, for people: ``fg_thresh 0.9, seed_thresh 0.8, ...``."""
        unused = self.without_effect()
        return ", ".join(f"{key} {value}" for key, value in self._thresholds_first() if key not in unused)

    def _thresholds_first(self) -> list[tuple[str, Any]]:
        return sorted(self.model_dump().items(), key=lambda item: not item[0].endswith("thresh"))

    def auxiliary_heads(self) -> frozenset[str]:
        """Names of the auxiliary heads that post-processing with these parameters makes use of."""
        return frozenset()


@dataclass(frozen=True)
class FromRaw:
    """A target that depends on the image too.

    Attributes
    ----------
    target : callable
        ((Z, Y, X) augmented image, (Z, Y, X) labels) -> (C, Z, Y, X) target of the same extent.
    """

    target: Callable[[Array, Labels], Array]


@dataclass(frozen=True)
class Head:
    """One output of the network, with what it learns.

    Attributes
    ----------
    name : str
        Also names the loss coefficient ``loss_<name>_coeff`` and the array ``volumes/pred_<name>``.
    channels : int
        Output channels.
    target : callable or FromRaw
        (Z, Y, X) labels, `OUTSIDE` beyond the volume -> (C, Z, Y, X) target of the same extent.
    loss : str
        Name of its loss, one of `network.losses.LOSSES`.
    perfect : callable
        (C, Z, Y, X) target -> (channels, Z, Y, X) network output of a model that is always right.
    context : int
        Voxels beyond the patch that the target depends on.
    whole_instances : bool
        Whether the target depends on all of each instance that enters the patch.
    auxiliary : bool
        Trained only; predicted if the parameters of post-processing ask for it.
    coefficient : float
        Default weight of the loss in the total.
    """

    name: str
    channels: int
    target: Callable[[Labels], Array] | FromRaw
    loss: str
    perfect: Callable[[Array], Array]
    context: int = 0
    whole_instances: bool = False
    auxiliary: bool = False
    coefficient: float = 1.0


@dataclass(frozen=True)
class Method:
    """A way to find nuclei: what the network learns, and how its output becomes instances.

    Attributes
    ----------
    name : str
        Value of ``model.method``.
    heads : tuple of Head
    decode : callable
        ({head: (C, Z, Y, X)}, params) -> (Z, Y, X) labels, 0 background.
    confidence : callable
        ({head: (C, Z, Y, X)}, labels made of it) -> (N,) array in 0..1: how sure the network is of each instance, by
        rising label. To be compared between instances of one method.
    params : type of Params
        The parameters that `decode` takes.
    find_basins : callable or None
        The part of `decode` that other seeds can be put into: (prediction, params) -> `watershed.Basins`; None for a
        method without a watershed.
    task : {"segmentation", "detection"}
        What the method is made for. A method for detection finds points: its labels are single voxels, and center
        points without masks suffice to train it.
    input_channels : int
        Channels of the image that the network gets.
    corrupt : callable or None
        ((Z, Y, X) image, rng) -> (corrupted image, (Z, Y, X) bool: where the losses count): corrupts the input of the
        network after targets are made, such as by the blind spots of self-supervised training.
    """

    name: str
    heads: tuple[Head, ...]
    decode: Callable[[Prediction, Any], Labels]
    confidence: Callable[[Prediction, Labels], Array]
    params: type[Params] = field(default=Params)
    find_basins: Callable[[Prediction, Any], Any] | None = None
    task: Literal["segmentation", "detection"] = "segmentation"
    input_channels: int = 1
    corrupt: Callable[[Array, np.random.Generator], tuple[Array, Array]] | None = None

    def predicted_heads(self, params: Params) -> tuple[Head, ...]:
        """Give the heads whose output post-processing needs."""
        wanted = params.auxiliary_heads()
        return tuple(head for head in self.heads if not head.auxiliary or head.name in wanted)
