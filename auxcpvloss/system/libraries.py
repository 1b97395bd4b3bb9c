"""Versions of this package and of the libraries that compute."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from auxcpvloss import __version__


@cache
def versions_of(*libraries: str) -> dict[str, str]:
    """Return the versions of the package and of libraries, by name."""
    return {"auxcpvloss": __version__, **{name: _version(name) for name in libraries}}


def other_versions(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Say which versions differ, e.g. ``tensorflow 2.20.0, now 2.21.0``; "" if none does."""
    changed = [name for name in now if name in then and then[name] != now[name]]
    return ", ".join(f"{name} {then[name]}, now {now[name]}" for name in changed)


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "not installed"
