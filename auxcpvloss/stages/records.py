"""What results were made from: each records it, and is made again only if that changed."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from auxcpvloss.experiment.fingerprint import difference
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.versions import made_with
from auxcpvloss.stages.stored import LEDGER, Record, Stored, file_digest, ledger, stored_beside
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text
from auxcpvloss.system.libraries import other_versions

logger = logging.getLogger(__name__)


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
    if is_kept(experiment, result):
        return True
    make_way(experiment, result)
    return False


def is_kept(experiment: Experiment, result: Result) -> bool:
    """Like `current`, but what is stale stays where it is: for results that are made before they replace others."""
    path, state = result.paths[0], result.state
    overwritten = experiment.renew(path)
    if state.kind != "whole":
        return False
    tell_versions(experiment, result.stage, result.stored.made_with)
    if overwritten:
        logger.info("%s: made again, since general.overwrite is true", path)
    return not overwritten


def make_way(experiment: Experiment, result: Result) -> None:
    """Set aside what is there of a result if it is stale or broken, and say why."""
    state = result.state
    if state.kind in ("stale", "broken"):
        logger.info("%s: %s: %s", result.paths[0], state.kind, state.why)
        experiment.notes.tell(f"{result.what} made again: {state.why}")
        for part in result.paths:
            experiment.set_aside(part)


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


def beside(result: Result, path: Path, what: str) -> Result:
    """Say what a table or picture is to be made from that is made from the same as another result."""
    return Result(result.stage, what, (path,), result.made_from, stored_beside(path))


def record_beside(result: Result) -> None:
    """Record in the ledger of its folder what a table or picture, just written, was made from."""
    path = result.paths[0]
    entry = {"made_from": result.made_from, "made_with": made_with(result.stage), "sha256": file_digest(path)}
    folder = path.parent
    left = {name: each for name, each in ledger(folder).items() if (folder / name).is_file()}
    write_text(folder / LEDGER, json.dumps({**left, path.name: entry}, indent=1) + "\n")
