"""Elastic deformation and rotation."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from auxcpvloss.config.tables.types import Hundreds, Table

Angle = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Spacing = Annotated[float, Field(ge=1, le=10_000, allow_inf_nan=False)]
Jitter = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class Elastic(Table):
    """Elastic deformation and rotation."""

    control_point_spacing: tuple[Spacing, Spacing, Spacing]
    jitter_sigma: tuple[Jitter, Jitter, Jitter]
    rotation_min: Angle
    rotation_max: Angle
    subsample: Hundreds

    @model_validator(mode="after")
    def _ordered(self) -> Elastic:
        if self.rotation_min > self.rotation_max:
            raise ValueError("rotation_max: must not be below rotation_min")
        return self
