"""What a method is: heads with targets and losses, and parameters that turn a prediction into instances."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from auxcpvloss.config import Config

Labels = NDArray[np.uint32]
Array = NDArray[Any]
Prediction = Mapping[str, Array]
"""Head name -> (C, Z, Y, X) array."""
Part = tuple[slice, slice, slice]
ALL: Part = (slice(None), slice(None), slice(None))

OUTSIDE = np.uint32(0xFFFFFFFF)
"""Label of voxels outside the volume, which are not trained on, as those labelled `IGNORED` are not."""

UNKNOWN = 2
"""Value of a target in 0..1 where it is not known, though the voxel is annotated: it is not trained on."""

KNOWN = "known_squared_difference"
"""Loss of heads whose target is `UNKNOWN` at some voxels."""

SOFTMAX, SIGMOID = "softmax", "sigmoid"
"""Losses of heads that tell classes apart: as many as channels, one of which is true, or two in each channel."""


class Params(BaseModel):
    """Post-processing of a method: its parameters, which are keys of [postprocessing], and how they are used."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @abstractmethod
    def decode(self, prediction: Prediction) -> Labels:
        """Find the instances of a prediction: (Z, Y, X) labels, 0 is background."""

    @lru_cache(maxsize=1000)  # noqa: B019 -- of few values, compared by value.
    def slug(self) -> str:
        """Name of the folder of the results made with these parameters, e.g. ``fg_thresh_0.9_seed_thresh_0.8``.

        It contains every threshold and each other parameter that differs from its default, unless `without_effect`.
        """
        fields, unused = type(self).model_fields, self.without_effect()
        shown = {k: v for k, v in self._thresholds_first() if k.endswith("thresh") or v != fields[k].default}
        return "_".join(f"{key}_{value}" for key, value in shown.items() if key not in unused)

    def without_effect(self) -> frozenset[str]:
        """Names of the parameters that have no effect, given the values of the others."""
        return frozenset()

    def with_effect(self) -> dict[str, Any]:
        """Give the parameters that have an effect, given the values of the others."""
        return self.model_dump(exclude=set(self.without_effect()))

    def describe(self) -> str:
        """List the parameters that have an effect, for people: ``fg_thresh 0.9, seed_thresh 0.8, ...``."""
        unused = self.without_effect()
        return ", ".join(f"{key} {value}" for key, value in self._thresholds_first() if key not in unused)

    def _thresholds_first(self) -> list[tuple[str, Any]]:
        return sorted(self.model_dump().items(), key=lambda item: not item[0].endswith("thresh"))

    def auxiliary_heads(self) -> frozenset[str]:
        """Names of the auxiliary heads that `decode` uses."""
        return frozenset()

    @classmethod
    def to_try(cls) -> dict[str, list[Any]]:
        """Give values of parameters, few and far apart, to begin with where nobody says which to try."""
        return {}


def _same(target: Array) -> Array:
    return target


class Target(Protocol):
    """A function that makes the target of a head from labels."""

    def __call__(self, labels: Labels, part: Part = ALL) -> Array:
        """See `Head.target`."""


@dataclass(frozen=True)
class FromRaw:
    """A target that depends on the image too.

    Attributes
    ----------
    target : callable
        ((Z, Y, X) augmented image, (Z, Y, X) labels) -> (C, Z, Y, X) target of the same extent.
    """

    target: Callable[[Array, Labels], Array]


Corruption = Callable[[Array, np.random.Generator], tuple[Array, Array]]
"""((Z, Y, X) image, rng) -> (another image, (Z, Y, X) bool: its blind spots). The image given is not changed."""


@dataclass(frozen=True)
class Head:
    """One output of the network and what it learns.

    Attributes
    ----------
    name : str
        Also names the loss coefficient ``loss_<name>_coeff`` and the array ``volumes/pred_<name>``. No underscore.
    channels : int
        Output channels.
    target : callable or FromRaw
        ((Z, Y, X) labels, `OUTSIDE` beyond the volume, `IGNORED` where nobody annotated; the part of them that is
        wanted) -> (C, Z, Y, X) target of that part, by default of all. Where the volume ends or is not annotated, there
        is neither background nor boundary.
    loss : str
        Name of its loss: `SOFTMAX`, `SIGMOID` or one of `network.losses.LOSSES`.
    perfect : callable
        (C, Z, Y, X) target -> (channels, Z, Y, X) network output of a model that is always right: the target itself,
        unless the loss takes logits.
    context : int
        Voxels beyond the patch that the target depends on.
    whole_instances : bool
        Whether the target depends on all of each instance that enters the patch.
    from_points : bool
        Whether marks around annotated center points suffice to train it.
    at_blind_spots : bool
        Whether it learns at the blind spots of the input, see `Method.corrupt`, wherever they are in the volume;
        else at all annotated voxels.
    coefficient : float
        Default weight of the loss in the total.
    background : float or None
        Default weight of a voxel of the background in the squared difference, of which ``loss_<name>_background``
        is the key; one of an instance weighs 1. None: 1, and there is no key.
    class_weights : tuple of float
        Default weights of the classes in the cross entropy of a `SOFTMAX` head, of which ``loss_<name>_weights`` is the
        key. (): classes are weighed as ``training.class_balance`` says, and there is no key.
    transforms_as : str
        What mirroring and exchanging axes does to the channels, one of `transforms.TRANSFORMS_AS`. The target moves
        along with the labels in any case.
    network : str
        Name of the network that it is an output of: that of a head; empty where one network has all heads.
    """

    name: str
    channels: int
    target: Target | FromRaw
    loss: str
    perfect: Callable[[Array], Array] = _same
    context: int = 0
    whole_instances: bool = False
    from_points: bool = False
    at_blind_spots: bool = False
    coefficient: float = 1.0
    background: float | None = None
    class_weights: tuple[float, ...] = ()
    transforms_as: str = "scalar"
    network: str = ""


@dataclass(frozen=True)
class Method:
    """A way to find nuclei: what the network learns, and how its output becomes instances.

    Attributes
    ----------
    base : str
        Value of ``model.method``, without auxiliary tasks.
    heads : tuple of Head
        Those of the auxiliary tasks come last.
    params : type of Params
        Parameters of post-processing.
    confidence : callable
        (prediction, labels made of it) -> (N,) array in 0..1: how sure the network is of each instance, by rising
        label. Comparable between instances of one method.
    task : {"segmentation", "detection", "denoising"}
        What the method is made for. A method for detection finds points: its labels are single voxels. One for
        denoising finds no instances: its output is an image.
    input_channels : int
        Channels of the image that the network gets.
    corrupt : callable or None
        Configuration -> `Corruption`, by which the input of the network is corrupted after targets are made.
    auxiliary : tuple of str
        Value of ``model.auxiliary``: names of the auxiliary tasks and of their heads.
    keys : mapping
        Further keys of [model]: {key: (type, default)}.
    """

    base: str
    heads: tuple[Head, ...]
    params: type[Params]
    confidence: Callable[[Prediction, Labels], Array]
    task: Literal["segmentation", "detection", "denoising"] = "segmentation"
    input_channels: int = 1
    corrupt: Callable[[Config], Corruption] | None = None
    auxiliary: tuple[str, ...] = ()
    keys: Mapping[str, tuple[Any, Any]] = field(default_factory=dict, hash=False)

    @property
    def has_network(self) -> bool:
        """Whether there is a network: not if the instances are those of another program."""
        return bool(self.heads)

    @property
    def finds_instances(self) -> bool:
        """Whether there is something to label, to score and to show."""
        return self.task != "denoising"

    @property
    def name(self) -> str:
        """The method with its auxiliary tasks: ``threeclass_cpv``."""
        return "_".join((self.base, *self.auxiliary))

    @property
    def base_heads(self) -> tuple[Head, ...]:
        """The heads without those of the auxiliary tasks."""
        return tuple(head for head in self.heads if head.name not in self.auxiliary)

    def with_separate_networks(self) -> Method:
        """Give each base head a network of its own, named like it.

        The first one learns the auxiliary tasks as well: a task helps those heads that it shares weights with.
        """
        base = [head.name for head in self.base_heads]
        networks = {**dict.fromkeys(self.auxiliary, *base[:1]), **dict(zip(base, base, strict=True))}
        return replace(self, heads=tuple(replace(head, network=networks[head.name]) for head in self.heads))

    @property
    def learns_from_points(self) -> bool:
        """Whether center points without masks suffice to train it."""
        return all(head.from_points for head in self.heads)

    @property
    def learns_from_images(self) -> bool:
        """Whether images without ground truth suffice to train it."""
        return all(head.at_blind_spots for head in self.heads)

    def predicted_heads(self, params: Params) -> tuple[Head, ...]:
        """Give the heads that `params` decode: auxiliary ones are for training only, unless the parameters use them."""
        unused = set(self.auxiliary) - params.auxiliary_heads()
        return tuple(head for head in self.heads if head.name not in unused)
