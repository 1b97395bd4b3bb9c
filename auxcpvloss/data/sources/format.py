"""A format of images: how it is recognised, and which volumes a place holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.source import Source

SPLITS = ("train", "val", "test")


def folders(path: Path, data: Data) -> Mapping[str, Any]:
    """Give the folders of the splits, or "" -> the folder itself; nothing where the path is no folder."""
    if not path.is_dir():
        return {}
    return {split: path / split for split in SPLITS if (path / split).is_dir()} or {"": path}


@dataclass(frozen=True, eq=False)
class Format:
    """A way to store volumes. All of its functions read names only.

    Attributes
    ----------
    name : str
        Value of ``data.input_format``.
    expected : str
        What its files look like, for people whose files do not; ``{data.images}`` stands for that key.
    is_in : callable
        (place, data) -> whether it holds volumes of this format.
    volumes : callable
        (place, data) -> list of Source. An InputError where files do not pair up, or cannot be what they are named.
    places : callable
        (path that the configuration names, data) -> {split: place}, or {"": place} where there are no splits, or
        nothing where the path cannot be of this format.
    is_generated : bool
        Whether the volumes are computed and lie nowhere; a place is then the name of a split.
    """

    name: str
    expected: str
    is_in: Callable[[Any, Data], bool]
    volumes: Callable[[Any, Data], list[Source]]
    places: Callable[[Path, Data], Mapping[str, Any]] = folders
    is_generated: bool = False
