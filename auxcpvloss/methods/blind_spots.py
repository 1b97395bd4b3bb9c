"""Blind spots: voxels that are hidden from the network, which learns to tell them from their surroundings.

Where noise is independent from voxel to voxel, and the image is not, the best guess of a noisy voxel from the voxels
around it is the image without noise (Krull, Buchholz & Jug, Noise2Void, CVPR 2019). Noise that is correlated along an
axis would be guessed too; so the voxels along that axis are hidden as well (Broaddus et al., structN2V, ISBI 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxcpvloss.config import Config
from auxcpvloss.methods.method import Array, FromRaw, Labels, Method

Reach = Annotated[int, Field(ge=0, le=100)]

KEYS: dict[str, tuple[Any, Any]] = {
    "blind_share": (Annotated[float, Field(gt=0, le=0.25, allow_inf_nan=False)], 0.00784),
    "blind_radius": (Annotated[int, Field(ge=1, le=100)], 5),
    "blind_extent": (tuple[Reach, Reach, Reach], (0, 0, 0)),
}
"""Keys of [model] of a method that learns at blind spots, as `Method.keys`."""


@dataclass(frozen=True)
class BlindSpots:
    """How the image is corrupted: the keys of [model] that the method adds.

    Attributes
    ----------
    blind_share : float
        Fraction of the voxels that are blind spots.
    blind_radius : int
        Distance in voxels, along each axis, within which a value is taken from.
    blind_extent : (z, y, x)
        Voxels before and after a blind spot, along each axis, that are hidden with it.
    """

    blind_share: float
    blind_radius: int
    blind_extent: tuple[int, int, int]

    @classmethod
    def by(cls, config: Config) -> BlindSpots:
        """Read it."""
        return cls(*(getattr(config.model, key) for key in KEYS))

    def __call__(self, image: Array, rng: np.random.Generator) -> tuple[Array, NDArray[np.bool_]]:
        """Replace the blind spots, and what is hidden with them, by voxels nearby.

        Parameters
        ----------
        image : (Z, Y, X) array
            At least two voxels long along two axes.
        rng : Generator

        Returns
        -------
        corrupted : (Z, Y, X) array
            Each hidden voxel has the value of a random voxel of the window of `blind_radius` around the blind spot,
            within the image; not of the blind spot itself, nor of what is hidden with it.
        spots : (Z, Y, X) array of bool
            The blind spots, spread evenly: round(share x voxels) of them, but at least one.

        Raises
        ------
        ValueError
            The image is a line, along which everything may be hidden.
        """
        if sum(size > 1 for size in image.shape) < 2:
            raise ValueError(f"an image of {image.shape} voxels has no surroundings from which to take values")
        spots = spread(image.shape, max(1, round(self.blind_share * image.size)), rng)
        centers = np.stack(np.unravel_index(spots, image.shape), axis=-1)
        offsets = _window(image.shape, self.blind_radius, self.blind_extent)
        corrupted = image.copy()
        # The spots last: what is hidden with another one may be one of them.
        for step in (*_hidden_along(self.blind_extent), np.zeros(3, int)):
            there = centers + step
            inside = _is_inside(there, image.shape)
            sources = _draw(centers[inside], offsets, image.shape, rng)
            corrupted[tuple(there[inside].T)] = image[tuple(sources.T)]
        is_spot = np.zeros(image.shape, bool)
        is_spot.reshape(-1)[spots] = True
        return corrupted, is_spot


def spread(shape: tuple[int, ...], number: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw voxels at random, each as likely as the others, but spread evenly.

    The voxels are cut into pieces of as many voxels, which are compact, and one voxel of each piece is drawn.

    Parameters
    ----------
    shape : (Z, Y, X)
    number : int
        Of voxels to draw, at most all.
    rng : Generator

    Returns
    -------
    (number,) array
        Different flat indices.
    """
    order = _by_cells(shape, number)
    ends = np.linspace(0, len(order), number + 1).astype(np.int64)
    return order[rng.integers(ends[:-1], ends[1:])]


@lru_cache(maxsize=4)
def _by_cells(shape: tuple[int, ...], number: int) -> NDArray[np.int64]:
    """Order voxels such that any `size / number` in a row lie together: cell by cell, each with as many voxels."""
    # An axis shorter than the side of a cell is not cut; the cells are longer along the others.
    side, volume, cut = 1.0, np.prod(shape) / number, sorted(size for size in shape if size > 1)
    while cut and (side := volume ** (1 / len(cut))) > cut[0]:
        volume /= cut.pop(0)
    places = np.indices(shape).reshape(len(shape), -1)
    cells = [
        np.minimum(place / max(side, 1.0), size).astype(np.int32) for place, size in zip(places, shape, strict=True)
    ]
    return np.lexsort([*cells[::-1]]).astype(np.int64)


@lru_cache(maxsize=4)
def _window(shape: tuple[int, ...], radius: int, extent: tuple[int, int, int]) -> NDArray[np.int64]:
    """Give the steps from a blind spot to where its value may come from: (N, 3)."""
    reach = [min(radius, size - 1) for size in shape]
    steps = np.indices([2 * size + 1 for size in reach]).reshape(3, -1).T - reach
    along = np.count_nonzero(steps, axis=1) == 1
    hidden = (~steps.any(axis=1)) | (along & (np.abs(steps) <= extent).all(axis=1))
    return np.asarray(steps[~hidden])


def _hidden_along(extent: tuple[int, int, int]) -> list[NDArray[np.int64]]:
    """Give the steps from a blind spot to the voxels that are hidden with it."""
    unit = np.eye(3, dtype=np.int64)
    return [sign * far * unit[axis] for axis in range(3) for far in range(extent[axis], 0, -1) for sign in (-1, 1)]


def _is_inside(places: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.asarray(((places >= 0) & (places < shape)).all(axis=1))


def _draw(
    centers: NDArray[np.int64], steps: NDArray[np.int64], shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw a place near each center, as likely as any other within the image: (N, 3)."""
    sources = centers + steps[rng.integers(len(steps), size=len(centers))]
    # Where the window is cut at a corner, an eighth of it or more is within the image.
    while len(beyond := np.flatnonzero(~_is_inside(sources, shape))):
        sources[beyond] = centers[beyond] + steps[rng.integers(len(steps), size=len(beyond))]
    return sources


def learns_at_blind_spots(method: Method) -> bool:
    """Whether a method has a head that learns there, and so the keys `KEYS`."""
    return any(head.at_blind_spots for head in method.heads)


def _image(raw: Array, labels: Labels) -> Array:
    return raw[np.newaxis]


IMAGE = FromRaw(_image)
"""Target of a head that learns the image itself, (1, Z, Y, X), in the intensities that the network sees."""
