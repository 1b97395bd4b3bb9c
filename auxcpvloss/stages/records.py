"""What results were made from: each records it, and is made again only if that changed."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import h5py
import zarr

from auxcpvloss.data.whole import lacking_chunks
from auxcpvloss.errors import InputError
from auxcpvloss.experiment import Experiment
from auxcpvloss.files import write_text
from auxcpvloss.made_from import difference
from auxcpvloss.selection import selection_table
from auxcpvloss.versions import made_with, other_versions

logger = logging.getLogger(__name__)

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


@dataclass(frozen=True)
class State:
    """How a result is: whole, stale (made from something else), missing or broken; and why."""

    kind: Literal["whole", "stale", "missing", "broken"]
    why: str = ""


@dataclass(frozen=True)
class Result:
    """A result that a stage is to make, and what is there of it.

    Attributes
    ----------
    stage, what : str
        The stage that makes it, and what people call it: "instances".
    paths : tuple of Path
        All that it consists of, most important first.
    made_from : dict
        What it has to be made from.
    stored : Stored
    """

    stage: str
    what: str
    paths: tuple[Path, ...]
    made_from: Record
    stored: Stored

    @property
    def state(self) -> State:
        """How it is: the one place where that is decided."""
        if self.stored.problem:
            return State("broken", self.stored.problem)
        if self.stored.record is None:
            return State("missing")
        changed = difference(self.stored.record, self.made_from)
        return State("whole") if changed is None else State("stale", changed)


def current(experiment: Experiment, result: Result) -> bool:
    """Whether a result is whole, and not to be overwritten; says why not, and sets it aside.

    Who is told that it is not makes it, so `general.overwrite` is heeded once for each path.
    """
    path, state = result.paths[0], result.state
    overwritten = experiment.renew(path)
    if state.kind == "missing":
        return False
    if state.kind == "whole":
        tell_versions(experiment, result.stage, result.stored.made_with)
        if overwritten:
            logger.info("%s: made again, since general.overwrite is true", path)
        return not overwritten
    logger.info("%s: %s: %s", path, state.kind, state.why)
    experiment.notes.tell(f"{result.what} made again: {state.why}")
    for part in result.paths:
        experiment.set_aside(part)
    return False


def need(result: Result, purpose: str) -> None:
    """Refuse to go on with a result of an earlier stage that is not whole.

    Raises
    ------
    InputError
        Says how it is, and which stage makes it.
    """
    state = result.state
    if state.kind != "whole":
        how = f"{state.kind}: {state.why}" if state.why else f"there are no {result.what} {purpose}"
        raise InputError(f"{result.paths[0]}: {how}. Run the stage {result.stage}.")


def tell_versions(experiment: Experiment, stage: str, then: Mapping[str, str]) -> None:
    """Say, once a command, that results that are used were computed by other versions; they stay."""
    if changed := other_versions(then, made_with(stage)):
        experiment.notes.tell(f"whole results were made with {changed}; --overwrite makes them again", "versions")


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
        entry = _ledger(path.parent).get(path.name)
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


def beside(result: Result, path: Path, what: str) -> Result:
    """Say what a table or picture is to be made from that is made from the same as another result."""
    return Result(result.stage, what, (path,), result.made_from, stored_beside(path))


def record_beside(result: Result) -> None:
    """Record in the ledger of its folder what a table or picture, just written, was made from."""
    path = result.paths[0]
    entry = {"made_from": result.made_from, "made_with": made_with(result.stage), "sha256": file_digest(path)}
    folder = path.parent
    left = {name: each for name, each in _ledger(folder).items() if (folder / name).is_file()}
    write_text(folder / LEDGER, json.dumps({**left, path.name: entry}, indent=1) + "\n")


def file_digest(path: Path) -> str:
    """Sha256, in hex, of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _ledger(folder: Path) -> dict[str, Any]:
    path = folder / LEDGER
    if not path.is_file():
        return {}
    try:
        entries: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        # What it said is lost; the results that it spoke of are made again.
        return {}
    return entries
