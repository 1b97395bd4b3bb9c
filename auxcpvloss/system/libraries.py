"""Versions of this package and of the libraries that compute."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from auxcpvloss import __version__
from auxcpvloss.system.backends import BACKENDS, chosen

BACKEND = "the backend"
"""Stands for the one that is chosen, in lists of libraries."""


def versions_of(*libraries: str) -> dict[str, str]:
    """Return the versions of the package and of libraries, by name; `BACKEND` is among them by its own."""
    return dict(_versions(*(chosen() if name == BACKEND else name for name in libraries)))


@cache
def _versions(*libraries: str) -> dict[str, str]:
    found = {"auxcpvloss": __version__, **dict.fromkeys(libraries, "not installed")}
    for name in libraries:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def other_versions(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Say which versions differ, e.g. ``tensorflow 2.20.0, now 2.21.0``, or another backend; "" if none does."""
    before, after = (next((name for name in BACKENDS if name in each), "") for each in (then, now))
    if before and after and before != after:
        return f"{before} {then[before]}, now {after} {now[after]}"
    changed = [name for name in now if name in then and then[name] != now[name]]
    return ", ".join(f"{name} {then[name]}, now {now[name]}" for name in changed)
