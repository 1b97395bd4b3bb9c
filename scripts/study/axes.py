"""A study of a grid: every combination of the values of some axes is a variant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from auxcpvloss.sweep.expand import merged


@dataclass(frozen=True)
class Curves:
    """How the variants of a grid are drawn: a score against the values of an axis.

    Attributes
    ----------
    x : str
        Axis whose values are numbers.
    lines, panels : str
        Axes of which each value has a line, or a column of panels; empty: there is no such axis.
    about : str
        What the numbers are, with their unit.
    metrics : sequence of str
        Scores, one row of panels each.
    """

    x: str
    lines: str
    about: str
    metrics: tuple[str, ...]
    panels: str = ""


def variants_of(axes: Mapping[str, Mapping[str, dict[str, Any]]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give a table as of [variants] for each combination: VALUE_VALUE_..., compared with the first of the first axis.

    A value is a table of keys; of its ``about``, if any, that of the variant is put together.
    """
    first = next(iter(next(iter(axes.values()))))
    for names in product(*axes.values()):
        keys: dict[str, Any] = {}
        for axis, name in zip(axes, names, strict=True):
            keys = merged(keys, {key: value for key, value in axes[axis][name].items() if key != "about"})
        about = ", ".join(axes[axis][name].get("about", name) for axis, name in zip(axes, names, strict=True))
        yield "_".join(names), {"about": about, "against": "_".join([first, *names[1:]]), **keys}


def values_of(axes: Mapping[str, Mapping[str, Any]], variant: str) -> dict[str, str]:
    """Give the value of each axis that a variant is made of."""
    for names in product(*axes.values()):
        if "_".join(names) == variant:
            return dict(zip(axes, names, strict=True))
    return {}
