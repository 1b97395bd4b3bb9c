"""OME-TIFF in several files, one for each plane or channel, say: which files of a folder make up one volume."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from auxcpvloss.data.sources.ome import Ome, Reference, parse
from auxcpvloss.data.sources.tiff_file import head, opened
from auxcpvloss.data.untrusted.reading import MAX_METADATA, reading
from auxcpvloss.data.untrusted.zips import File
from auxcpvloss.system.errors import InputError

SUFFIXES = (".tif", ".tiff")
COMPANION = ".companion.ome"
"""How the name of a file ends that holds the metadata alone."""


@dataclass(frozen=True)
class OmeSet:
    """The files of a volume.

    Attributes
    ----------
    holder : Path or ZipMember
        The file with the metadata.
    numbers : tuple of int
        Which of the images in the metadata lie in these files; none stands for all. A volume is one.
    parts : tuple
        The files in which its planes lie, each with how the metadata name it, that of the first plane first.
    lacking : tuple of str
        Names of files that are not there.
    """

    holder: File
    numbers: tuple[int, ...]
    parts: tuple[tuple[Reference | None, File], ...]
    lacking: tuple[str, ...] = ()

    @classmethod
    def of(cls, file: File) -> OmeSet:
        """Give the volume of a file that names no others."""
        return cls(file, (), ((None, file),))

    @property
    def leader(self) -> File:
        """The file that the volume is named after."""
        return self.parts[0][1] if self.parts else self.holder

    @property
    def names(self) -> frozenset[str]:
        """The files in which its planes lie, there or not."""
        return frozenset(self.lacking) | {file.name for _, file in self.parts}


def metadata_of(file: File) -> Ome | None:
    """Read the OME metadata of a TIFF or of a companion file; None where there are none."""
    if file.name.endswith(COMPANION):
        with reading(file), file.open("rb") as stream:
            return parse(file, stream.read(MAX_METADATA + 1).decode())
    with opened(file) as tiff:
        return parse(file, tiff.ome_metadata) if tiff.is_ome else None


def find_sets(tiffs: Sequence[File], folder: Iterable[File]) -> dict[File, OmeSet | None]:
    """Group the TIFF files of a folder to volumes.

    Parameters
    ----------
    tiffs : sequence of Path or ZipMember
    folder : iterable of Path or ZipMember
        All files of the folder.

    Returns
    -------
    dict
        The file that a volume is named after -> its set; None for a file that is a volume by itself.

    Raises
    ------
    InputError
        A file belongs to two sets, or there are two copies of one.
    """
    neighbours = _Neighbours(folder)
    found: dict[frozenset[str], OmeSet] = {}
    claimed: set[str] = set()
    for file in [*neighbours.companions, *tiffs]:
        if file.name not in claimed and (file in neighbours.companions or head(file).names_files):
            for each in neighbours.sets(file):
                found.setdefault(each.names, each)
                claimed |= {*each.names, each.holder.name}
    # A part may describe only itself.
    sets = [each for each in found.values() if not any(each.names < names for names in found)]
    for part, count in Counter(part for each in sets for _, part in each.parts).items():
        if count > 1:
            both = " and ".join(str(each.holder) for each in sets if part.name in each.names)
            raise InputError(f"{both} both name {part.name} as a part of their volumes; keep one set of files")
    alone: dict[File, OmeSet | None] = {file: None for file in tiffs if file.name not in claimed}
    return alone | {each.leader: each for each in sets}


class _Neighbours:
    """The files of a folder, by the names and UUIDs that metadata know them by."""

    def __init__(self, folder: Iterable[File]) -> None:
        self._files = {file.name: file for file in folder}
        self.companions = [file for file in self._files.values() if file.name.endswith(COMPANION)]

    @cached_property
    def _by_uuid(self) -> dict[str, list[File]]:
        known: dict[str, list[File]] = defaultdict(list)
        for file in self._files.values():
            if file.suffix.lower() in SUFFIXES and (uuid := head(file).uuid):
                known[uuid].append(file)
        return known

    def sets(self, file: File) -> Iterator[OmeSet]:
        """Give the volumes that the metadata of a file describe, of which a part is in the folder; or the first."""
        holder, ome = file, self._metadata(file)
        if ome is not None and ome.elsewhere:
            if ome.elsewhere not in self._files:
                yield OmeSet(file, (), ((None, file),), (ome.elsewhere,))
                return
            holder = self._files[ome.elsewhere]
            ome = self._metadata(holder)
        numbers: dict[tuple[tuple[Reference | None, File | None], ...], list[int]] = defaultdict(list)
        for number, pixels in enumerate(ome.images if ome is not None else ()):
            is_alone = len(pixels.references) == 1
            places = tuple((each, self._find(each, holder, is_alone)) for each in pixels.references)
            numbers[places].append(number)
        self._check_copy(file, [place for places in numbers for place in places])
        here = {places: which for places, which in numbers.items() if any(part for _, part in places)}
        for places, which in (here or numbers).items():
            parts = tuple((each, part) for each, part in places if part is not None)
            lacking = tuple(each.name for each, part in places if each is not None and part is None)
            yield OmeSet(holder, tuple(which), parts, lacking)

    def _check_copy(self, file: File, places: Sequence[tuple[Reference | None, File | None]]) -> None:
        """Refuse a file that stands for a part of an image, where another file is that part."""
        own = "" if file in self.companions else head(file).uuid
        other = next(
            (part for each, part in places if part is not None and each is not None and each.uuid == own), None
        )
        if other is not None and all(part != file for _, part in places):
            raise InputError(f"{file}: its OME metadata say that it is {other.name}; remove one of the two files")

    def _metadata(self, file: File) -> Ome | None:
        try:
            return metadata_of(file)
        except InputError:
            # Said when the volume is read, so that it is no obstacle to others.
            return None

    def _find(self, part: Reference | None, holder: File, is_alone: bool) -> File | None:
        """Find a file by its UUID, so that it may have been renamed, else by its name; never beyond the folder."""
        own = "" if holder in self.companions else head(holder).uuid
        if part is None or (is_alone and part.uuid == own):
            return holder
        same = self._by_uuid.get(part.uuid, [])
        named = next((file for file in same if file.name == part.name), None)
        if named or same:
            return named or (holder if holder in same else same[0] if len(same) == 1 else None)
        # Without a UUID of its own a file that was renamed does not know itself.
        return self._files.get(part.name, None if own or not is_alone else holder)
