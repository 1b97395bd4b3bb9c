"""Mirroring and exchange of axes."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from auxcpvloss.config.tables.types import Table


def _each_once(axes: list[int]) -> list[int]:
    if len(set(axes)) < len(axes):
        raise ValueError(f"must name each axis once, not {axes}")
    return axes


Axes = Annotated[list[Annotated[int, Field(ge=0, le=2)]], Field(max_length=3), AfterValidator(_each_once)]


class Simple(Table):
    """Mirroring and exchange of axes."""

    mirror: Axes
    transpose: Axes
