"""Mirroring and exchange of axes, and what they do to the channels of a target or of a prediction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ALIKE = 0.1
"""Relative difference of the voxel sizes along two axes up to which nuclei look the same along both."""


@dataclass(frozen=True)
class Transform:
    """An exchange of axes, then mirroring.

    Attributes
    ----------
    order : (3,) tuple of int
        Axis i of the result is axis ``order[i]`` of the original, as in `numpy.transpose`.
    mirrored : (3,) tuple of bool
        Whether the result is mirrored along its axis i.
    """

    order: tuple[int, int, int] = (0, 1, 2)
    mirrored: tuple[bool, bool, bool] = (False, False, False)

    @property
    def inverse(self) -> Transform:
        """The transform that undoes this one."""
        z, y, x = (self.order.index(axis) for axis in range(3))
        return Transform((z, y, x), (self.mirrored[z], self.mirrored[y], self.mirrored[x]))

    def exchanged(self, sizes: Sequence[Any]) -> tuple[Any, Any, Any]:
        """Give (z, y, x) values, such as a shape, in the order of the axes of the result."""
        z, y, x = (sizes[axis] for axis in self.order)
        return z, y, x

    def __call__(self, array: NDArray[Any]) -> NDArray[Any]:
        """Transform the last three axes of an array; gives a view."""
        first = array.ndim - 3
        exchanged = array.transpose(*range(first), *(first + axis for axis in self.order))
        return exchanged[(..., *(slice(None, None, -1 if mirrored else None) for mirrored in self.mirrored))]


def transforms(mirror: Collection[int], exchange: Collection[int]) -> Iterator[Transform]:
    """Give all combinations of mirroring and exchanging some axes, each once; first the one that does neither.

    Axes are those of the original, wherever they come to lie.
    """
    orders = [
        order
        for order in permutations(range(3))
        if all(i == axis or (i in exchange and axis in exchange) for i, axis in enumerate(order))
    ]
    for order in orders:
        for z, y, x in product(*((False, True) if axis in mirror else (False,) for axis in order)):
            yield Transform((order[0], order[1], order[2]), (z, y, x))


def exchangeable(axes: Sequence[int], voxel_size: Sequence[float]) -> list[int]:
    """Give the axes along which nuclei look the same, as many as there are: [] if there are no two."""
    sizes = [voxel_size[axis] for axis in axes]
    # Of 2.18 : 1 : 1 the last two are left; of three different ones, none.
    alike = [[a for a, other in zip(axes, sizes, strict=True) if _close(size, other)] for size in sizes]
    largest = max(alike, key=len, default=[])
    return largest if len(largest) > 1 else []


def _close(one: float, other: float) -> bool:
    return abs(one - other) <= ALIKE * max(one, other)


class Channel(NamedTuple):
    """Where a channel of the result comes from.

    Attributes
    ----------
    source : int
        Channel of the original.
    sign : int
        1, or -1 where its values change their sign.
    shifted : int or None
        Axis of the result along which it is moved on by a voxel. The first voxels along it have no value.
    """

    source: int
    sign: int = 1
    shifted: int | None = None


Kind = Callable[[Transform, int], list[Channel]]
"""(transform, number of channels) -> where each channel of the result comes from."""


def _scalar(transform: Transform, channels: int) -> list[Channel]:
    """Channels without direction: each stays what it is."""
    return [Channel(channel) for channel in range(channels)]


def _vector(transform: Transform, channels: int) -> list[Channel]:
    """Channel i is the component of a vector along axis i, in voxels."""
    return [Channel(axis, sign) for axis, sign in zip(transform.order, _signs(transform), strict=True)]


def _affinity(transform: Transform, channels: int) -> list[Channel]:
    """Channel i relates a voxel to the one before it along axis i: in a mirror, to the one after it."""
    sources = zip(transform.order, transform.mirrored, strict=True)
    return [Channel(source, 1, axis if mirrored else None) for axis, (source, mirrored) in enumerate(sources)]


TENSOR = ((0, 0), (1, 1), (2, 2), (1, 0), (2, 0), (2, 1))
"""Axes of the elements of a symmetric tensor, by channel: zz, yy, xx, zy, zx, yx, each with the greater axis first."""


def _symmetric_tensor(transform: Transform, channels: int) -> list[Channel]:
    """Channels are the elements `TENSOR` of a symmetric matrix, such as a covariance."""
    order, signs = transform.order, _signs(transform)
    sources = [(max(order[i], order[j]), min(order[i], order[j])) for i, j in TENSOR]
    return [Channel(TENSOR.index(source), signs[i] * signs[j]) for source, (i, j) in zip(sources, TENSOR, strict=True)]


RAYS = tuple(ray for ray in product((-1, 0, 1), repeat=3) if any(ray))
"""Directions (z, y, x) of the channels of ``rays``: to the 26 neighbours of a voxel."""


def _rays(transform: Transform, channels: int) -> list[Channel]:
    """Channel i belongs to the direction ``RAYS[i]``."""
    signs, sources = _signs(transform), []
    for ray in RAYS:
        source = [0, 0, 0]
        for axis, sign, step in zip(transform.order, signs, ray, strict=True):
            source[axis] = sign * step
        sources.append(RAYS.index((source[0], source[1], source[2])))
    return [Channel(source) for source in sources]


def _shape(transform: Transform, channels: int) -> list[Channel]:
    """Channels are a vector, a symmetric tensor and a scalar."""
    parts, found = ((_vector, 3), (_symmetric_tensor, len(TENSOR)), (_scalar, 1)), list[Channel]()
    for kind, size in parts:
        first = len(found)
        found += [channel._replace(source=first + channel.source) for channel in kind(transform, size)]
    return found


def _signs(transform: Transform) -> list[int]:
    return [-1 if mirrored else 1 for mirrored in transform.mirrored]


TRANSFORMS_AS: dict[str, Kind] = {
    "scalar": _scalar,
    "vector": _vector,
    "affinity": _affinity,
    "symmetric_tensor": _symmetric_tensor,
    "rays": _rays,
    "shape": _shape,
}
"""What transforms do to channels, by the name that heads use."""


def transform_channels(array: NDArray[Any], transforms_as: str, transform: Transform, missing: Any = 0) -> NDArray[Any]:
    """Transform a target, or what a network says.

    Parameters
    ----------
    array : (C, Z, Y, X) array
    transforms_as : str
        One of `TRANSFORMS_AS`.
    transform : Transform
    missing : number
        Value of voxels that have none, since what they relate to lies outside.

    Returns
    -------
    (C, Z, Y, X) array
        A view where the channels stay as they are.
    """
    channels = TRANSFORMS_AS[transforms_as](transform, len(array))
    moved = transform(array)
    if channels == [Channel(channel) for channel in range(len(array))]:
        return moved
    return np.stack([_transformed(moved[channel.source], channel, missing) for channel in channels])


def _transformed(voxels: NDArray[Any], channel: Channel, missing: Any) -> NDArray[Any]:
    if channel.sign < 0:
        voxels = -voxels
    if channel.shifted is None:
        return voxels
    shifted = np.full_like(voxels, missing)
    np.moveaxis(shifted, channel.shifted, 0)[1:] = np.moveaxis(voxels, channel.shifted, 0)[:-1]
    return shifted
