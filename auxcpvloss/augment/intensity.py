"""Random change of brightness and contrast."""

from __future__ import annotations

from pydantic import model_validator

from auxcpvloss.config.tables.types import Finite, NotNegativeFloat, Table


class Intensity(Table):
    """Random change of intensities."""

    scale: tuple[NotNegativeFloat, NotNegativeFloat]
    shift: tuple[Finite, Finite]

    @model_validator(mode="after")
    def _ordered(self) -> Intensity:
        for key in ("scale", "shift"):
            low, high = getattr(self, key)
            if low > high:
                raise ValueError(f"{key}: the first number must not be above the second")
        return self
