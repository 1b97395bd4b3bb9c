"""A format of images: how it is recognised, and how it is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from auxcpvloss.config.tables import Data
from auxcpvloss.data.sources.source import Source

SPLITS = ("train", "val", "test")


class Format(ABC):
    """A way to store volumes.

    Attributes
    ----------
    name : str
        Value of ``data.input_format``.
    is_generated : bool
        Whether the volumes are computed and lie nowhere. The place of such a format is the name of a split.
    """

    name: str
    is_generated: ClassVar[bool] = False

    @abstractmethod
    def expected(self, data: Data) -> str:
        """Say what files of this format look like, to people whose files do not."""

    def places(self, path: Path, data: Data) -> Mapping[str, Any]:
        """Say where the volumes of each split are; reads names only.

        Parameters
        ----------
        path : Path
            Folder or file that the configuration names.
        data : Data

        Returns
        -------
        mapping
            Split -> place, or "" -> place where there are no splits; empty where the path cannot be of this format.
        """
        if not path.is_dir():
            return {}
        return {split: path / split for split in SPLITS if (path / split).is_dir()} or {"": path}

    @abstractmethod
    def is_in(self, place: Any, data: Data) -> bool:
        """Whether a place, one of `places`, holds volumes of this format."""

    @abstractmethod
    def volumes(self, place: Any, data: Data) -> list[Source]:
        """List the volumes in a place; reads names only.

        Raises
        ------
        InputError
            Files do not pair up, or cannot be what they are named.
        """
