"""Which volumes there are, and which of them are for training, validation and test."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

from auxcpvloss.config.tables import Data
from auxcpvloss.data.folds import lot
from auxcpvloss.data.sources.folders import CENTERS, folder_sources, tiff_sources, zip_content
from auxcpvloss.data.sources.generated import synthetic_sources
from auxcpvloss.data.sources.source import Source
from auxcpvloss.system.errors import InputError

__all__ = ["SPLITS", "Source", "find_sources"]

SPLITS = ("train", "val", "test")


def find_sources(data: Data, splits: Sequence[str] = SPLITS) -> dict[str, list[Source]]:
    """List the volumes of splits; reads folders and tables of content, no volume.

    Parameters
    ----------
    data : the places; `data.train_data` and the like go before `data.path`
    splits : the wanted ones; nothing about the others is looked at, or can fail

    Returns
    -------
    dict
        split -> volumes, sorted by name; an empty list for a split that has no place.

    Raises
    ------
    InputError
        A place is missing, empty, unreadable or holds something else, an image and its mask do not pair up, or a
        volume for training or validation has neither labels nor annotated centers.
    """
    found = {split: sorted(_find(split, data), key=lambda source: source.name) for split in splits}
    for split in ("train", "val"):
        for source in found.get(split, []):
            if not source.has_labels and not source.has_points:
                raise InputError(
                    f"{source.origin}: no labels ({split}); expected {data.masks}/ beside {data.images}/, "
                    f"or an array {data.gt_key!r} (data.gt_key), or center points ({CENTERS}/{source.name}.csv, or "
                    f"{source.name}.csv beside the arrays); only test volumes may lack all of them"
                )
    return found


class Catalogue:
    """The volumes of a data set, each split listed once.

    Parameters
    ----------
    data : Data
    """

    def __init__(self, data: Data) -> None:
        self._data = data
        self._found: dict[str, list[Source]] = {}

    def sources(self, split: str) -> list[Source]:
        """List the volumes of a split, see `find_sources`."""
        if split not in self._found:
            self._found[split] = find_sources(self._data, [split])[split]
        return self._found[split]


def _find(split: str, data: Data) -> list[Source]:
    key = f"data.{split}_data"
    if own := getattr(data, f"{split}_data"):
        sources, _ = _look(key, Path(own), split, data)
        if not sources:
            raise InputError(f"{key}: {own}: has folders of other splits, but no {split}/")
        return sources
    if data.input_format == "synthetic":
        if data.path:
            raise InputError(
                f"data.path: {data.path}: not used with data.input_format = 'synthetic'; empty one of them"
            )
        return synthetic_sources(data)[split]
    if not data.path:
        return []
    sources, is_flat = _look("data.path", Path(data.path), split, data)
    return _drawn(sources, data)[split] if is_flat else sources


def _look(key: str, place: Path, split: str, data: Data) -> tuple[list[Source], bool]:
    """List the volumes of a split; or all, and True, where the place has no folders of splits."""
    # A folder given for one split stays usable where the rest is generated.
    input_format = "auto" if data.input_format == "synthetic" else data.input_format
    # A zip that was cut off is known by its suffix only.
    is_zip = place.is_file() and (place.suffix.lower() == ".zip" or zipfile.is_zipfile(place))
    if is_zip and input_format in ("auto", "zip"):
        content = zip_content(place, data, SPLITS)
        is_flat = not content.keys() & set(SPLITS)
        chosen = "" if is_flat else split
        where = f"{place}!{chosen}".rstrip("!")
        return (tiff_sources(where, content[chosen], data) if chosen in content else []), is_flat
    if place.is_dir() and input_format != "zip":
        if not any((place / name).is_dir() for name in SPLITS):
            return folder_sources(place, data, input_format), True
        folder = place / split
        return (folder_sources(folder, data, input_format) if folder.is_dir() else []), False
    if key == "data.path" and data.available_at and not place.exists():
        raise InputError(
            f"{key}: {place}: no such folder or file. The data can be had at {data.available_at}. "
            f"Put them there, or set {key} to where they are."
        )
    problem = f"does not fit data.input_format = {input_format!r}" if place.exists() else "no such folder or file"
    raise InputError(
        f"{key}: {place}: {problem}; expected a folder with train/, val/ and test/, in each {data.images}/ and "
        f"{data.masks}/ or .zarr, .n5 or .hdf files; or a folder with these directly; or a zip"
    )


def _drawn(sources: list[Source], data: Data) -> dict[str, list[Source]]:
    """Draw the splits: a function of the names, the fractions and the seed alone, on every machine."""
    drawn = iter(sorted(sources, key=lambda source: lot(source.name, data.split_seed)))
    counts = _counts(len(sources), data.split)
    return {split: [next(drawn) for _ in range(count)] for split, count in zip(SPLITS, counts, strict=True)}


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
