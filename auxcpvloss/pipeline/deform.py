"""Random elastic deformation and rotation, as one smooth map that every array of a batch is cut out of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]
Box = tuple[tuple[int, int, int], tuple[int, int, int]]
"""First voxel and shape."""


@dataclass(frozen=True)
class Deformation:
    """A map from voxels of the deformed volume to places in the volume.

    The map is a function of the place alone: two overlapping boxes agree, to the last bit, on the voxels that they
    share. (gunpowder's DeformAugment stretches its control points over each array's box, so that arrays of different
    extent, such as raw and its smaller labels, come out shifted against each other.)

    Attributes
    ----------
    center : (3,) array
        Fixed point of the rotation.
    rotation : (3, 3) array
        Linear part, in voxels.
    origin : (3,) array of int
        Voxel of the first knot.
    subsample : int
        Distance of the knots; the map is linear in between, along each axis.
    displacement : (3, Kz, Ky, Kx) array
        What the elastic deformation adds, in voxels, at the knots.
    """

    center: NDArray[np.float64]
    rotation: NDArray[np.float64]
    origin: NDArray[np.int64]
    subsample: int
    displacement: Floats

    def sources(self, box: Box) -> Floats:
        """Where each voxel of a box comes from.

        Parameters
        ----------
        box : first voxel and shape

        Returns
        -------
        (3, Z, Y, X) array of float32
            Coordinates in voxels of the volume, relative to `center`.
        """
        axes = [np.arange(first, first + size) for first, size in zip(*box, strict=True)]
        moved = self.displacement
        for axis, places in enumerate(axes):
            moved = _interpolate(moved, axis + 1, places - self.origin[axis], self.subsample)
        offsets = [(places - self.center[a]).astype(np.float32) for a, places in enumerate(axes)]
        grid = np.meshgrid(*offsets, indexing="ij", sparse=True)
        linear = self.rotation.astype(np.float32)
        for row in range(3):
            for column in range(3):
                if linear[row, column]:
                    moved[row] += linear[row, column] * grid[column]
        return moved


def _interpolate(values: Floats, axis: int, places: NDArray[np.int64], step: int) -> Floats:
    """Interpolate linearly along one axis at voxels counted from the first knot."""
    below = places // step
    shape = [1] * values.ndim
    shape[axis] = -1
    weight = ((places - below * step) / step).astype(np.float32).reshape(shape)
    lower, upper = np.take(values, below, axis), np.take(values, below + 1, axis)
    return lower + weight * (upper - lower)


def random_deformation(
    box: Box,
    rng: np.random.Generator,
    control_point_spacing: tuple[float, float, float],
    jitter_sigma: tuple[float, float, float],
    rotation: tuple[float, float],
    subsample: int,
    voxel_size: tuple[float, float, float],
) -> Deformation:
    """Draw a deformation that is known all over a box.

    Parameters
    ----------
    box : first voxel and shape
    rng : random generator
    control_point_spacing, jitter_sigma : per axis
        Distance of the control points and standard deviation of their displacement, in voxels.
    rotation : (float, float)
        Range of the angle about the z axis, in degrees.
    subsample : int
        Distance of the knots between which the map is linear.
    voxel_size : per axis
        So that a rotation turns and does not shear where y and x differ.

    Returns
    -------
    Deformation
    """
    first, shape = np.array(box[0]), np.array(box[1])
    knots = -(-shape // subsample) + 2
    displacement = np.stack(
        [_random_field(knots, np.array(control_point_spacing) / subsample, sigma, rng) for sigma in jitter_sigma]
    )
    angle = np.deg2rad(rng.uniform(*rotation))
    turn = np.eye(3)
    turn[1:, 1:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    scale = np.array(voxel_size)
    center = first + (shape - 1) / 2
    return Deformation(center, turn * scale / scale[:, np.newaxis], first, subsample, displacement)


def _random_field(
    shape: NDArray[np.int64], spacing: NDArray[np.float64], sigma: float, rng: np.random.Generator
) -> Floats:
    """Cubic B-spline surface through normally distributed values at control points, sampled at `shape` knots."""
    # Two more control points beyond either end, so that the spline's end conditions do not show.
    points = np.ceil((shape - 1) / spacing).astype(int) + 5
    values = rng.normal(0, sigma, points)
    for axis in range(3):
        places = np.arange(shape[axis]) / spacing[axis] + 2
        values = _spline(values, axis, places)
    return values.astype(np.float32)


def _spline(values: NDArray[np.float64], axis: int, places: NDArray[np.float64]) -> NDArray[np.float64]:
    moved = np.moveaxis(ndimage.spline_filter1d(values, order=3, axis=axis, mode="mirror"), axis, 0)
    below = np.floor(places).astype(int)
    t = (places - below).reshape(-1, *[1] * (values.ndim - 1))
    weights = ((1 - t) ** 3 / 6, (4 - 6 * t**2 + 3 * t**3) / 6, (1 + 3 * t + 3 * t**2 - 3 * t**3) / 6, t**3 / 6)
    total = sum(weight * moved[below + shift] for weight, shift in zip(weights, (-1, 0, 1, 2), strict=True))
    return np.moveaxis(np.asarray(total), 0, axis)
