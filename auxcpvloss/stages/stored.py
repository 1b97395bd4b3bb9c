"""What is stored of results: what they were made from and with, and whether they can be used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import zarr

from auxcpvloss.data.whole import lacking_chunks
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.selection import selection_table

Record = dict[str, Any]
LEDGER = "made_from.json"
"""File beside tables and pictures, which have no room for a record: name -> record and checksum."""


@dataclass(frozen=True)
class Stored:
    """What is stored of a result.

    Attributes
    ----------
    record : dict, optional
        What it was made from; None where there is no result.
    made_with : mapping
        Versions of what computed it.
    problem : str
        Why it cannot be used, though something is there.
    """

    record: Record | None = None
    made_with: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def stored(read: Callable[[], Stored]) -> Stored:
    """Give what a reader finds; whatever it stumbles over is a problem of the result, not of the program."""
    try:
        return read()
    except Exception as error:
        # Readers of damaged files raise all kinds of errors.
        return Stored(problem=f"cannot be read ({type(error).__name__}: {error})")


def stored_zarr(path: Path) -> Stored:
    """What a zarr folder was made from, and whether all of its chunks are there."""

    def read() -> Stored:
        group = zarr.open_group(str(path), mode="r")
        if problem := lacking_chunks(group):
            return Stored(problem=problem)
        return Stored(dict(group.attrs["made_from"]), group.attrs.get("made_with", {}))

    return stored(read) if path.exists() else Stored()


def stored_hdf(path: Path) -> Stored:
    """What an HDF5 file was made from."""

    def read() -> Stored:
        with h5py.File(path, "r") as file:
            return Stored(json.loads(file.attrs["made_from"]), json.loads(file.attrs.get("made_with", "{}")))

    return stored(read) if path.exists() else Stored()


def stored_beside(path: Path) -> Stored:
    """What a table or picture was made from, by the ledger of its folder."""

    def read() -> Stored:
        entry = ledger(path.parent).get(path.name)
        if entry is None:
            return Stored(problem="there is no record of what it was made from")
        if entry["sha256"] != file_digest(path):
            return Stored(problem="changed since it was written")
        return Stored(entry["made_from"], entry["made_with"])

    return stored(read) if path.is_file() else Stored()


def stored_selection(experiment: Experiment) -> Stored:
    """What the selection that is there was made from."""

    def read() -> Stored:
        table = selection_table(experiment)
        return Stored(table["made_from"], table.get("made_with", {})) if table else Stored()

    return stored(read)


def file_digest(path: Path) -> str:
    """Sha256, in hex, of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def ledger(folder: Path) -> dict[str, Any]:
    """What the tables and pictures in a folder were made from, by name."""
    path = folder / LEDGER
    if not path.is_file():
        return {}
    try:
        entries: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        # What it said is lost; the results that it spoke of are made again.
        return {}
    return entries
