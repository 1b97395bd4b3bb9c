"""Results of stages: what each is to be made from, what is stored of it, and how it is."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Literal, ParamSpec

from auxcpvloss.data.missing_chunks import lacking, open_whole
from auxcpvloss.experiment.fingerprint import Record, Records
from auxcpvloss.system.checksums import CHANGED, file_digest, is_changed_text, reading_hdf
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text

P = ParamSpec("P")

LEDGER = "made_from.json"
"""File next to tables and pictures, which cannot hold a record: name -> record and checksum."""


@dataclass(frozen=True)
class State:
    """How a result is: whole, stale (made from something else), missing or broken; and why."""

    kind: Literal["whole", "stale", "missing", "broken"]
    why: str = ""


WHOLE, MISSING = State("whole"), State("missing")


@dataclass(frozen=True)
class Stored:
    """What is stored of a result: what it was made from (None if there is no result), and with which versions."""

    record: Record | None = None
    made_with: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    """Why it cannot be used, although it exists."""


@dataclass(frozen=True, eq=False)
class Result:
    """A result that a stage, named by `stage`, is to make."""

    stage: str
    kind: str
    """Plural name of its kind, for users: "instances"."""
    name: str
    """Its name within the kind: usually a volume."""
    paths: tuple[Path, ...]
    """All its files, the most important first."""
    record: Record
    """What it must be made from: flat, see `Records.flat`."""
    stored: Stored
    """The result as found when this was asked for."""
    subject: Any = None
    """Input from which the stage makes it."""
    job: Any = None
    """Hashable; results with the same job are made together, different jobs can run in different processes."""
    waits: bool = True
    """Whether one without a job is made only when the jobs before it are done, of whose results it is made."""
    is_beside: bool = False
    """Whether the ledger of its folder holds its record; otherwise, the file itself does."""
    at: str = ""
    """Prefix of the kind in a long list: "checkpoint 400, "."""

    def state(self, records: Records) -> State:
        """Say how it is; a training, which may be half done, says so itself (`stages.train.state`)."""
        if self.stored.problem:
            return State("broken", self.stored.problem)
        if self.stored.record is None:
            return MISSING
        if self.stored.record == self.record:
            return WHOLE
        changed = records.difference(records.flat(self.stored.record), self.record)
        return WHOLE if changed is None else State("stale", changed)


def reader(read: Callable[Concatenate[Path, P], Stored]) -> Callable[Concatenate[Path, P], Stored]:
    """Decorate a reader of a file or folder: whatever it raises is a problem of the result, not of the program."""

    @wraps(read)
    def careful(path: Path, *args: P.args, **options: P.kwargs) -> Stored:
        try:
            return read(path, *args, **options) if path.exists() else Stored()
        except InputError as error:
            return Stored(problem=str(error).removeprefix(f"{path}: ").rstrip("."))
        except Exception as error:
            # Readers of damaged files raise all kinds of errors.
            return Stored(problem=f"cannot be read ({type(error).__name__}: {error})")

    return careful


@reader
def stored_zarr(path: Path) -> Stored:
    """Read what a zarr folder was made from, and whether all of its files are there."""
    group = open_whole(path)
    if problem := lacking(group):
        return Stored(problem=problem)
    return Stored(dict(group.attrs["made_from"]), group.attrs.get("made_with", {}))


@reader
def stored_hdf(path: Path) -> Stored:
    """Read what an HDF5 file was made from."""
    with reading_hdf(path) as file:
        return _parsed(file.attrs)


@reader
def stored_toml(path: Path) -> Stored:
    """Read what a table of scores was made from."""
    return _parsed(read_table(path))


def read_table(path: Path) -> dict[str, Any]:
    """Read a table of scores, or a selection.

    Raises
    ------
    InputError
        It was changed since it was written.
    ValueError
        It is damaged otherwise.
    """
    content = path.read_bytes()
    if is_changed_text(content):
        raise InputError(f"{path}: {CHANGED}.")
    return tomllib.loads(content.decode())


def _parsed(table: Mapping[str, Any]) -> Stored:
    return Stored(json.loads(table["made_from"]), json.loads(table.get("made_with", "{}")))


@reader
def stored_beside(path: Path) -> Stored:
    """Read what a table or picture was made from, by the ledger of its folder."""
    entry = ledger(path.parent).get(path.name)
    if entry is None:
        return Stored(problem="there is no record of what it was made from")
    if entry["sha256"] != file_digest(path):
        return Stored(problem=CHANGED)
    return Stored(entry["made_from"], entry["made_with"])


def record_beside(result: Result, made_with: Mapping[str, str]) -> None:
    """Record in the ledger of its folder what a table or picture, just written, was made from."""
    path = result.paths[0]
    entry = {"made_from": result.record, "made_with": dict(made_with), "sha256": file_digest(path)}
    left = {name: each for name, each in ledger(path.parent).items() if (path.parent / name).is_file()}
    # By name, whichever of several processes was done first.
    entries = dict(sorted({**left, path.name: entry}.items()))
    write_text(path.parent / LEDGER, json.dumps(entries, indent=1) + "\n")


def ledger(folder: Path) -> dict[str, Any]:
    """Read what the tables and pictures in a folder were made from, by name."""
    entries: Any = {}
    # If it is damaged, the results that it spoke of are made again.
    with suppress(FileNotFoundError, ValueError, RecursionError):
        entries = json.loads((folder / LEDGER).read_text(encoding="utf-8"))
    return entries if isinstance(entries, dict) else {}
