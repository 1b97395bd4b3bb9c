"""Versions of this package and of the libraries that compute."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from auxcpvloss import __version__


@cache
def versions_of(*libraries: str) -> dict[str, str]:
    """Return the versions of the package and of libraries, by name."""
    found = {"auxcpvloss": __version__, **dict.fromkeys(libraries, "not installed")}
    for name in libraries:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def other_versions(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Say which versions differ, e.g. ``tensorflow 2.20.0, now 2.21.0``; "" if none does."""
    changed = [name for name in now if name in then and then[name] != now[name]]
    return ", ".join(f"{name} {then[name]}, now {now[name]}" for name in changed)
