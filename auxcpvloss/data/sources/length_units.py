"""Units of length that files name, brought to one."""

from __future__ import annotations

from collections.abc import Sequence

PREFIXES = {
    "": 1e6, "yotta": 1e30, "zetta": 1e27, "exa": 1e24, "peta": 1e21, "tera": 1e18, "giga": 1e15, "mega": 1e12,
    "kilo": 1e9, "hecto": 1e8, "deca": 1e7, "deci": 1e5, "centi": 1e4, "milli": 1e3, "micro": 1.0, "nano": 1e-3,
    "pico": 1e-6, "femto": 1e-9, "atto": 1e-12, "zepto": 1e-15, "yocto": 1e-18,
}  # fmt: skip
MICROMETERS = {
    **{f"{prefix}meter": size for prefix, size in PREFIXES.items()},
    "m": 1e6, "cm": 1e4, "mm": 1e3, "um": 1.0, "µm": 1.0, "μm": 1.0, "micron": 1.0, "microns": 1.0, "nm": 1e-3,
    "pm": 1e-6, "angstrom": 1e-4, "å": 1e-4, "inch": 25_400.0, "in": 25_400.0,
    "foot": 304_800.0, "yard": 914_400.0, "mile": 1.609344e9,
}  # fmt: skip
"""Micrometers in a unit, by its name in small letters; with both letters that look like a micro sign."""


def in_one_unit(lengths: Sequence[float], units: Sequence[str | None]) -> list[float] | None:
    """Convert lengths to micrometers if their units differ; one whose unit is left out has that of the others.

    None where units differ, and one of them is unknown, or it is not clear which one is left out.
    """
    names = [(unit or "").lower() for unit in units]
    if len(set(names) - {""}) <= 1:
        return list(lengths)
    if not set(names) <= MICROMETERS.keys():
        return None
    return [length * MICROMETERS[name] for length, name in zip(lengths, names, strict=True)]
