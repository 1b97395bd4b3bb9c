"""Places in a folder of unknown origin, none of which may lead out of it."""

from __future__ import annotations

from pathlib import Path

from auxcpvloss.system.errors import InputError


def inside(folder: Path, name: str) -> Path:
    """Give a place in a folder.

    Raises
    ------
    InputError
        It lies elsewhere, by its name or by a link.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{folder}: {name}: leads out of the folder; put the files themselves there")
    return path
