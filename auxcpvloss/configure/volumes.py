"""Which volumes there are, how they are read, and what they serve for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxcpvloss.config import ConfigFile
from auxcpvloss.config.tables import Data
from auxcpvloss.configure.decision import Decision, as_tables
from auxcpvloss.configure.rules.splits import for_validation, place
from auxcpvloss.data.sources.find import find_sources
from auxcpvloss.data.sources.format import folders
from auxcpvloss.data.sources.source import Source
from auxcpvloss.experiment.configuration import load
from auxcpvloss.system.errors import InputError


@dataclass(frozen=True)
class Volumes:
    """The volumes of a data set.

    Attributes
    ----------
    data : Data
        How they are read.
    sources : mapping
        Split -> volumes. Where there are none for validation, some of those for training will serve.
    decisions : sequence of Decision
        Keys by which they are found and read.
    """

    data: Data
    sources: Mapping[str, Sequence[Source]]
    decisions: Sequence[Decision]

    @property
    def count(self) -> str:
        """Say how many there are."""
        return ", ".join(f"{len(found)} {split}" for split, found in self.sources.items())


def find_volumes(folder: str, given: Mapping[str, Any]) -> Volumes:
    """List the volumes of a folder, or of the places that keys name.

    Parameters
    ----------
    folder : str
        "" where the keys name the places.
    given : mapping
        Keys of [data] that the user gave.

    Raises
    ------
    InputError
        There are none, or they cannot be trained on; the size of their voxels is not known.
    """
    found = [Decision(f"data.{key}", value, _given(key)) for key, value in given.items()]
    if folder:
        found.append(_where(folder, given))
    data = _data(found)
    sources = find_sources(data)
    if not sources["train"]:
        raise InputError(f"{folder or 'data'}: no volumes for training; expected a folder train/ with images and masks")
    if not sources["val"]:
        found += for_validation(data.train_data or str(Path(data.path) / "train"), len(sources["train"]))
    found += _voxel_size(data, sources["train"][0])
    return Volumes(_data(found), sources, found)


def _given(key: str) -> str:
    return "as given" if key != "voxel_size" else "as given, along z, y, x"


def _where(folder: str, given: Mapping[str, Any]) -> Decision:
    data = _data([Decision(f"data.{key}", value, "") for key, value in {**given, "path": folder}.items()])
    is_flat = set(folders(Path(folder), data)) == {""}
    # Of a flat folder, too few may be found to share them out at all.
    number = len(find_sources(data.model_copy(update={"train_data": folder}), ["train"])["train"]) if is_flat else 0
    return place(folder, is_flat, number)


def _data(decisions: Sequence[Decision]) -> Data:
    return load([ConfigFile("configure", as_tables(decisions))]).data


def _voxel_size(data: Data, first: Source) -> Iterator[Decision]:
    """Decide the size of a voxel where the files do not record it, and it does not matter."""
    if data.voxel_size or first.given_size or first.voxel_size() is not None:
        return
    if first.read_raw().shape[0] > 1:
        raise InputError(
            f"{first.origin}: the file does not record the size of a voxel; add --voxel-size Z Y X, such as "
            "--voxel-size 2 1 1 for voxels twice as high as wide (only the ratios matter)"
        )
    yield Decision("data.voxel_size", [1, 1, 1], "not recorded; pixels are taken for squares")
