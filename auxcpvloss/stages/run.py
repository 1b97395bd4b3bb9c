"""One command on one experiment: what it was asked for, what it has looked at, what it has told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from auxcpvloss.data.untrusted.limits import available_memory
from auxcpvloss.experiment.configured import TEST
from auxcpvloss.experiment.fingerprint import Records
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.experiment.results import Result, State
from auxcpvloss.experiment.superseded import Notes, set_aside
from auxcpvloss.metrics import Comparison
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.libraries import other_versions, versions_of
from auxcpvloss.system.terminal import Bar, Terminal

T = TypeVar("T")

SHOWN = 20
"""Maximum number of test volumes of which it is said why they are left out."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """Which checkpoint the test volumes are predicted with: a number, or the best or last one.

    Attributes
    ----------
    which : {"best", "last"}
    checkpoint : int, optional
        Goes before `which`.
    term_after_predict : bool
        Whether to end as soon as there are predictions: the rest needs no GPU.
    """

    which: str = "best"
    checkpoint: Checkpoint | None = None
    term_after_predict: bool = False


@dataclass
class Run:
    """A command on an experiment.

    Attributes
    ----------
    experiment : Experiment
    terminal : Terminal
    choice : Choice
    stages : tuple of str
        Names of the stages that were asked for.
    planning : bool
        Whether volumes are taken as the stage prepare is to make them, made or not: for a command that makes nothing.
    notes : Notes
        What was told about earlier results.
    renewed : set of Path
        What was made again since ``general.overwrite`` asks for it.
    bar : Bar, optional
        The bar that is shown.
    left_out : dict
        Test volumes of which nothing more is made, and why. The others are done; the command ends with status 2.
    """

    experiment: Experiment
    terminal: Terminal = field(default_factory=Terminal)
    choice: Choice = Choice()
    stages: tuple[str, ...] = ()
    planning: bool = False
    notes: Notes = field(default_factory=Notes)
    renewed: set[Path] = field(default_factory=set)
    bar: Bar | None = None
    left_out: dict[str, str] = field(default_factory=dict)
    _results: dict[Any, Result] = field(default_factory=dict)
    _memory: dict[Any, Any] = field(default_factory=dict)
    _kept: dict[tuple[Path, ...], Any] = field(default_factory=dict)

    @property
    def records(self) -> Records:
        """What results of the experiment were made from."""
        return self.experiment.records

    def result(self, key: Any, make: Callable[[], Result]) -> Result:
        """Give a result that was asked for before under the same key, or make it; each is looked at once."""
        if key not in self._results:
            self._results[key] = make()
        return self._results[key]

    def remember(self, key: Any, make: Callable[[], T]) -> T:
        """Give what was made before under a key, until the stage ends, or make it."""
        if key not in self._memory:
            self._memory[key] = make()
        found: T = self._memory[key]
        return found

    def keep(self, paths: tuple[Path, ...], read: Callable[[], T]) -> T:
        """Give the volume or comparison that was read before from files, or read it.

        It stays until one of the files is made again; the oldest make room where memory is short.
        """
        if paths not in self._kept:
            self._kept[paths] = read()
            while len(self._kept) > 1 and self._held > self._room:
                del self._kept[next(iter(self._kept))]
        found: T = self._kept[paths]
        return found

    @property
    def _held(self) -> int:
        """Bytes of what is kept; a volume that several hold counts once."""
        kept = self._kept.values()
        each = ((it.predicted, it.truth, it.ignored) if isinstance(it, Comparison) else (it,) for it in kept)
        return sum({id(one): one.nbytes for volumes in each for one in volumes if one is not None}.values())

    @cached_property
    def _room(self) -> float:
        """Bytes that may be kept for later stages."""
        return available_memory() / 8

    def leave_out(self, volume: str, error: InputError) -> None:
        """Go on without a test volume."""
        self.left_out.setdefault(volume, str(error))
        logger.warning("test volume %s is left out: %s", volume, error)

    def without_volumes(self) -> InputError:
        """Give the error that says which test volumes are left out, and why."""
        names, total = [f"{name}: {why}" for name, why in self.left_out.items()], len(self.experiment.volumes(TEST))
        if total == 1:
            return InputError(*next(iter(self.left_out.values())).splitlines())
        more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
        lines = [line for each in (*names[:SHOWN], *more) for line in each.splitlines()]
        return InputError(f"{len(names)} of {total} test volumes left out:", *lines)

    def recall(self, key: Any, value: Any) -> None:
        """Have `remember` give a value until the stage ends."""
        self._memory[key] = value

    def note(self, progress: str) -> None:
        """Say beside the bar how a result is coming on."""
        if self.bar is not None:
            self.bar.update(note=progress)

    def warn(self, text: str) -> None:
        """Warn once a command."""
        if text not in self.notes.told:
            self.notes.told[text] = text
            self.terminal.warn(text)

    def forget(self, result: Result | None = None) -> None:
        """Look at a result again, since it was made; without one, drop what was remembered for a stage."""
        if result is None:
            self._memory.clear()
        else:
            self._kept = {paths: each for paths, each in self._kept.items() if not set(paths) & set(result.paths)}
            self._results = {key: each for key, each in self._results.items() if each.paths[:1] != result.paths[:1]}

    def state(self, result: Result) -> State:
        """Say how a result is."""
        return result.state(self.records)

    def is_current(self, result: Result, libraries: tuple[str, ...]) -> bool:
        """Whether a result is whole, and not to be overwritten; tells of other versions of libraries."""
        renewed = self._renew(result)
        if self.state(result).kind != "whole":
            return False
        self.tell_versions(result.stored.made_with, libraries)
        if renewed:
            logger.info("%s: made again because general.overwrite is true", result.paths[0])
        return not renewed

    def tell_versions(self, then: Any, libraries: tuple[str, ...]) -> None:
        """Say, once a command, that results that are used were computed by other versions; they stay."""
        if changed := other_versions(then, versions_of(*libraries)):
            self.notes.tell(f"whole results, made with {changed}, are kept; --overwrite makes them again", "versions")

    def make_way(self, result: Result) -> None:
        """Set aside what is there of a result if it is stale or broken, and say why."""
        state = self.state(result)
        if state.kind in ("stale", "broken"):
            logger.info("%s: %s: %s", result.paths[0], state.kind, state.why)
            self.notes.tell(f"{result.kind} made again: {state.why}")
            for path in result.paths:
                self.set_aside(path)

    def set_aside(self, path: Path) -> None:
        """Move a stale result to superseded/, or delete it with ``general.overwrite``."""
        set_aside(self.experiment.folder, path, self.notes, self.experiment.config.general.overwrite)

    def need(self, result: Result, purpose: str) -> None:
        """Refuse to go on with a result of an earlier stage that is not whole.

        Raises
        ------
        InputError
            Says how it is, and which stage makes it.
        """
        state = self.state(result)
        if state.kind != "whole":
            how = f"{state.kind}: {state.why}" if state.why else f"there are no {result.kind} {purpose}"
            raise InputError(f"{result.paths[0]}: {how}. Run the stage {result.stage}.")

    def _renew(self, result: Result) -> bool:
        """Whether a result is to be made again even if it is whole: once a command, with ``general.overwrite``."""
        if not result.paths or not self.experiment.config.general.overwrite or result.paths[0] in self.renewed:
            return False
        self.renewed.add(result.paths[0])
        return True
