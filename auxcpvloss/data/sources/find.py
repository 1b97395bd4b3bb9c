"""Which volumes there are, and which of them are for training, validation and test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from auxcpvloss.config.tables import Data
from auxcpvloss.data.degrade import of_split
from auxcpvloss.data.folds import cut
from auxcpvloss.data.groups import members
from auxcpvloss.data.sources import FORMATS
from auxcpvloss.data.sources.format import CENTERS, SPLITS, UNLABELLED, Format, visible
from auxcpvloss.data.sources.several import data_sets, together
from auxcpvloss.data.sources.source import Image, Source
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.text import path_hint

__all__ = ["SPLITS", "UNLABELLED", "Catalogue", "Source", "find_sources"]


class Catalogue:
    """The volumes of a data set, each split listed once, when it is asked for."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._found: dict[str, list[Source]] = {}

    def sources(self, split: str) -> list[Source]:
        """List the volumes of a split, sorted by name; errors are those of `find_sources`."""
        if split not in self._found:
            self._found |= find_sources(self._data, [split])
        return self._found[split]


def find_sources(data: Data, splits: Sequence[str] = SPLITS) -> dict[str, list[Source]]:
    """List the volumes of splits; reads folders and tables of content, no volume.

    Parameters
    ----------
    data : Data
        The places; ``data.train_data`` and the like go before ``data.path``.
    splits : sequence of str
        The wanted ones, or `UNLABELLED`; nothing about the others is looked at, or can fail.

    Returns
    -------
    dict
        Split -> volumes, sorted by name; an empty list for a split that has no place.

    Raises
    ------
    InputError
        A place is missing, empty, unreadable or holds something else, an image and its mask do not pair up, or a
        volume for training or validation has neither labels nor annotated centers.
    """
    found = {split: sorted(_find(split, data), key=lambda source: source.name) for split in splits}
    if (size := data.test_voxel_size) and "test" in found:
        found["test"] = [replace(source, given_size=(size[0], size[1], size[2])) for source in found["test"]]
    for split, sources in found.items():
        if worse := of_split(data.degrade, split):
            found[split] = [replace(source, degrade=worse) for source in sources]
    for split in ("train", "val"):
        for source in found.get(split, []):
            if not source.has_labels and not source.has_points:
                there = "" if source.labels is None else f" ({source.labels.there()})"
                raise InputError(
                    f"{source.origin}: no labels ({split}); expected {data.masks}/ (data.masks) beside {data.images}/, "
                    f"or an array {data.gt_key!r} (data.gt_key){there}, or center points ({CENTERS}/{source.name}.csv, "
                    f"or {source.name}.csv beside the arrays); only test volumes may have none of these"
                )
    return found


def named_images(files: Sequence[Path], data: Data) -> dict[Path, Image]:
    """Give the images of files that the user names, one for those that make up a volume together; reads no voxel.

    Raises
    ------
    InputError
        A file is missing, or of no known format.
    """
    found: dict[Path, Image] = {}
    for each in FORMATS.values():
        found |= each.files(files, data) if each.files else {}
    for path in files:
        if not path.exists():
            raise InputError(f"{path}: no such file{path_hint(str(path))}")
        if path not in found and not any(path in (image.files().values()) for image in found.values()):
            raise InputError(f"{path}: of no supported format; expected a .tif, .zarr, .n5, .h5 or .hdf file")
    return found


def _find(split: str, data: Data) -> list[Source]:
    key = f"data.{split}_data"
    if own := getattr(data, f"{split}_data"):
        sources, _ = _look(key, Path(own), split, data)
        if not sources:
            raise InputError(f"{key}: {own}: contains folders of other splits, but no {split}/")
        return sources
    if split == UNLABELLED:
        return []
    chosen = FORMATS.get(data.input_format)
    if chosen and chosen.is_generated:
        if data.path:
            raise InputError(
                f"data.path: {data.path}: not used with data.input_format = {chosen.name!r}; remove one of the two"
            )
        return chosen.volumes(split, data)
    if not data.path:
        return []
    sources, is_flat = _look("data.path", Path(data.path), split, data)
    return _drawn(sources, data)[split] if is_flat else sources


def _look(key: str, path: Path, split: str, data: Data, may_be_several: bool = True) -> tuple[list[Source], bool]:
    """List the volumes of a split; or all, and True, where the place has no folders of splits.

    Where there are no volumes, but folders of them, all of these are meant, unless it may not be several data sets.
    """
    stored = {name: each for name, each in FORMATS.items() if not each.is_generated}
    asked = _asked(path, split, data, stored)
    wanted = list(stored.values()) if asked == "auto" else [stored[asked]]
    places = {each: found for each in wanted if (found := each.places(path, data))}
    if not places:
        raise _no_place(key, path, data, wanted, _named(asked, split, data))
    is_flat = not any(found.keys() & set(SPLITS) for found in places.values())
    chosen = "" if is_flat else split
    there = {each: found[chosen] for each, found in places.items() if chosen in found}
    if not there:
        return [], False
    holding = [each for each, place in there.items() if each.is_in(place, data)]
    where = path / chosen
    if len(holding) > 1:
        names = " and ".join(each.name for each in holding)
        raise InputError(
            f"{where}: contains {names} files; select one format with data.input_format or data.test_format"
        )
    if not holding and may_be_several and (folders := data_sets(where, wanted, data)):
        return _together(key, where, folders, split, data, is_flat)
    if not holding:
        files = [file.name for file in visible(where)]
        names = ", ".join(files[:5]) or "nothing"
        is_loose = any(name.lower().endswith((".tif", ".tiff")) for name in files)
        hint = f". Move the TIFF files into {where / data.images}" if is_loose else ""
        raise InputError(
            f"{where}: no volumes ({_named(asked, split, data)}; found {names}); expected "
            f"{_expected(there, data)}{hint}"
        )
    return holding[0].volumes(there[holding[0]], data), is_flat


def _together(
    key: str, where: Path, folders: Sequence[Path], split: str, data: Data, is_flat: bool
) -> tuple[list[Source], bool]:
    """List the volumes of several data sets, as `_look` does of one."""
    found = {folder.name: _look(key, folder, split, data, may_be_several=False) for folder in folders}
    flat = {name for name, (_, each_is_flat) in found.items() if each_is_flat}
    if flat and len(flat) < len(found):
        other = next(name for name in found if name not in flat)
        raise InputError(
            f"{where}: {other} has folders of splits, but {sorted(flat)[0]} has none; expected them in all of these "
            "data sets, or in none"
        )
    return together({name: sources for name, (sources, _) in found.items()}), is_flat and bool(flat)


def _asked(path: Path, split: str, data: Data, stored: Mapping[str, Format]) -> str:
    """Name the format to look for."""
    # A folder given for one split stays usable where the rest is generated.
    asked = data.input_format if data.input_format in stored else "auto"
    if split != "test" or not data.test_data:
        return asked
    if data.test_format in stored:
        return data.test_format
    # Test volumes of others need not be stored as those for training are.
    usual = stored.get(asked)
    there = usual.places(path, data).values() if usual else ()
    return asked if usual and any(usual.is_in(place, data) for place in there) else "auto"


def _named(asked: str, split: str, data: Data) -> str:
    """Name the key that asks for a format."""
    of_test = split == "test" and data.test_data and data.test_format == asked != "auto"
    return f"data.{'test' if of_test else 'input'}_format = {asked!r}"


def _no_place(key: str, path: Path, data: Data, wanted: Sequence[Format], asked: str) -> InputError:
    if key == "data.path" and data.available_at and not path.exists():
        return InputError(
            f"{key}: {path}: no such folder or file. The data are available at {data.available_at}. Download them "
            f"there, or set {key} to their location."
        )
    problem = f"does not fit {asked}" if path.exists() else "no such folder or file"
    problem += ", and is not a folder" if path.is_file() else ""
    expected = _expected(wanted, data)
    hint = "" if path.exists() else path_hint(str(path))
    return InputError(
        f"{key}: {path}: {problem}; expected {expected}; in train/, val/ and test/, or all in one folder{hint}"
    )


def _expected(formats: Iterable[Format], data: Data) -> str:
    return ", or ".join(each.expected.format(data=data) for each in formats)


def _drawn(sources: list[Source], data: Data) -> dict[str, list[Source]]:
    """Draw the splits: a function of the names, the groups, the fractions and the seed alone, on every machine."""
    by_name = {source.name: source for source in sources}
    together = members(sorted(by_name), data.groups)
    shares = cut(together, _counts(len(sources), data.split), data.split_seed)
    if shares is None:
        raise InputError(
            f"data.groups: {len(together)} groups ({', '.join(together)}) are too few to be shared out according to "
            "data.split; use groups of fewer volumes, or set fractions in data.split to 0"
        )
    return {split: [by_name[name] for name in names] for split, names in zip(SPLITS, shares, strict=True)}


def _counts(total: int, fractions: Sequence[float]) -> list[int]:
    """Share out volumes: one to each split with a fraction, in order; then always to the one that lacks most."""
    counts = [0 for _ in fractions]
    wanted = [i for i, fraction in enumerate(fractions) if fraction > 0]
    for volume in range(total):
        if volume < len(wanted):
            counts[wanted[volume]] += 1
        else:
            counts[max(wanted, key=lambda i: total * fractions[i] - counts[i])] += 1
    return counts
