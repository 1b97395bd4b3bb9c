"""Elastic deformation, and rotation about the z axis."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from auxcpvloss.augment.augmentation import Augmentation, InPlane, Setting, Sizes
from auxcpvloss.augment.deform import Deformation, Displacement, Floats
from auxcpvloss.config.axes import in_plane
from auxcpvloss.config.tables.augmentation import AugmentationTable
from auxcpvloss.config.tables.types import Hundreds
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")

SIGMAS = 5
"""Context covers jitter up to this many standard deviations; only 1 in 3 million displacements exceed it."""

Angle = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Spacing = Annotated[float, Field(ge=1, le=10_000, allow_inf_nan=False)]
Jitter = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Elastic(AugmentationTable):
    """Elastic deformation, and rotation about the z axis."""

    category: ClassVar = "elastic"
    off: ClassVar = {"jitter_sigma": (0.0, 0.0, 0.0), "rotation_min": 0.0, "rotation_max": 0.0}

    control_point_spacing: Annotated[tuple[Spacing, Spacing, Spacing], InPlane(partial(in_plane, z=None))] = Field(
        (10.0, 10.0, 10.0), description="Distance of the control points along z, y, x, in voxels.", examples=[[9, 9, 9]]
    )
    jitter_sigma: Annotated[tuple[Jitter, Jitter, Jitter], InPlane(partial(in_plane, z=0))] = Field(
        (1.0, 1.0, 1.0),
        description="Standard deviation of their displacement along z, y, x, in voxels. [0, 0, 0]: no deformation.",
        examples=[[2, 2, 2]],
    )
    rotation_min: Angle = Field(
        -45.0, description="The angle of the rotation is drawn from rotation_min to rotation_max ...", examples=[-10.0]
    )
    rotation_max: Angle = Field(45.0, description="... in degrees, -180 to 180. Both 0: no rotation.", examples=[10.0])
    subsample: Hundreds = Field(
        4,
        description="Spacing of the voxels at which the deformation is computed; the others are interpolated.",
        examples=[2],
    )

    @model_validator(mode="after")
    def _ordered(self) -> Elastic:
        if self.rotation_min > self.rotation_max:
            raise ValueError("rotation_max: must not be below rotation_min")
        return self


def deform(deformation: Deformation, table: Elastic, setting: Setting, rng: np.random.Generator) -> Deformation:
    """Draw displacement and angle; the rotation keeps distances in space where the voxel size differs by axis."""
    first, shape = np.array(deformation.box)
    knots = -(-shape // table.subsample) + 2
    spacing = np.array(table.control_point_spacing) / table.subsample
    displacement = np.stack([_random_field(knots, spacing, sigma, rng) for sigma in table.jitter_sigma])
    angle = np.deg2rad(rng.uniform(table.rotation_min, table.rotation_max))
    turn = np.eye(3)
    turn[1:, 1:] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    scale = np.array(setting.voxel_size)
    return replace(
        deformation,
        linear=deformation.linear @ (turn * scale / scale[:, np.newaxis]),
        displacement=Displacement(first, table.subsample, displacement),
    )


def _random_field(
    shape: NDArray[np.int64], spacing: NDArray[np.float64], sigma: float, rng: np.random.Generator
) -> Floats:
    """Sample, at `shape` knots, the cubic B-spline through normally distributed values at control points."""
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


def extent(sizes: Sizes, table: Elastic, setting: Setting) -> Sizes:
    """Largest extent of an object after rotation and jitter."""
    sizes = sizes.copy()
    if table.rotation_min != 0 or table.rotation_max != 0:
        _, y, x = setting.voxel_size
        diagonal = np.hypot(sizes[1] * y, sizes[2] * x)
        sizes[1:] = diagonal / y, diagonal / x
    return np.asarray(sizes + SIGMAS * np.array(table.jitter_sigma))


def region(sizes: Sizes, table: Elastic, setting: Setting) -> Sizes:
    """Largest region that a rotated and jittered one is made from."""
    diagonal = np.ceil(np.hypot(sizes[1], sizes[2]))
    return np.array([sizes[0], diagonal, diagonal]) + 2 * np.ceil(2 * SIGMAS * np.array(table.jitter_sigma)) + 2


ELASTIC = Augmentation("elastic", Elastic, deform=deform, extent=extent, region=region)
