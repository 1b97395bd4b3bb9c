"""Which volumes there are, how they are read, and what they serve for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxcpvloss.config import ConfigFile
from auxcpvloss.config.tables import Data
from auxcpvloss.configure.decision import Decision, as_tables
from auxcpvloss.configure.rules.splits import for_validation, group_pattern, place
from auxcpvloss.data.groups import members
from auxcpvloss.data.sources.find import SPLITS, find_sources
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
    is_flat = bool(folder) and set(folders(Path(folder), _data(found))) == {""}
    if folder:
        found.append(_where(folder, _data(found), is_flat))
    sources = find_sources(_data(found))
    if not sources["train"]:
        raise InputError(f"{folder or 'data'}: no volumes for training; expected a folder train/ with images and masks")
    if "groups" not in given:
        found += _groups(sources, least=len(SPLITS) if is_flat and not _data(found).train_data else 2)
    data = _data(found)
    sources = find_sources(data)
    if not sources["val"]:
        names = [source.name for source in sources["train"]]
        where = data.train_data or str(Path(data.path) / "train")
        found += for_validation(where, len(names), len(members(names, data.groups)))
    found += _voxel_size(data, sources["train"][0])
    return Volumes(_data(found), sources, found)


def _groups(sources: Mapping[str, Sequence[Source]], least: int) -> Iterator[Decision]:
    """Decide data.groups, if there are so many of them at least."""
    names = [source.name for split in sources.values() for source in split]
    pattern = group_pattern(names)
    together = members(names, pattern)
    if pattern and len(together) >= least:
        first, volumes = next(iter(together.items()))
        yield Decision(
            "data.groups",
            pattern,
            f"by their names, volumes belong together, such as {' and '.join(volumes[:2])} ({first}): "
            f"{len(together)} groups, which stay together. Remove this if they do not belong together",
        )


def _given(key: str) -> str:
    return "as given" if key != "voxel_size" else "as given, along z, y, x"


def _where(folder: str, data: Data, is_flat: bool) -> Decision:
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
