"""What a stage is: the results that it makes, and how."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from auxcpvloss.experiment.checkpoints import ENSEMBLE
from auxcpvloss.experiment.configured import TEST
from auxcpvloss.experiment.ensemble import members
from auxcpvloss.experiment.results import Result, State, stored_beside
from auxcpvloss.experiment.splits import Volume
from auxcpvloss.methods import Method
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.volume.subject import Subject
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.libraries import versions_of

ADVICE = {
    "train": "there are no training volumes; set it, or data.path with a folder train/.",
    "val": (
        "there are no validation volumes with labels, so no checkpoint can be selected. Set it (to the training "
        "volumes, if there are no others), or continue with --test-checkpoint last."
    ),
    "test": "there are no test volumes; set it, or data.path with a folder test/.",
}


@dataclass(frozen=True)
class Tally:
    """What became of the results of a stage.

    Attributes
    ----------
    results : sequence of Result
        All of them, as they were found.
    made : sequence of Result
        Those that were made now.
    """

    results: Sequence[Result]
    made: Sequence[Result]

    def of(self, kind: str) -> list[Result]:
        """Give the results of a kind."""
        return [each for each in self.results if each.kind == kind]

    def counted(self, kind: str) -> str:
        """Say how many volumes the results of a kind are of, and how many were whole already."""
        count = len(self.of(kind))
        whole = count - sum(each.kind == kind for each in self.made)
        return f"{count} volume{'s' * (count != 1)}{f' ({whole} whole already)' if whole else ''}"


class Stage(ABC):
    """A step from files to files, named by ``-d``.

    A subclass says what its results are, and how to make one. What is whole is left alone, and what is stale is told
    and set aside: `perform` does that for every stage.

    Attributes
    ----------
    name : str
    help : str
        What it does, for ``--help``.
    version : int
        Raise it with every change of what is written for the same input: results of other versions are made again.
    libraries : tuple of str
        What computes the results; recorded, and told where versions differ, but never compared.
    split : str
        Volumes that it works on: "train", "val", "test", or "" for none in particular.
    follows : {"", "pretrain", "train", "selection"}
        What makes results stale, if it is stale, though they are made from what is there.
    in_all : bool
        Whether ``-d all`` means it, too.
    uses_network : bool
        Whether a GPU is for it.
    trains : bool
        Whether it is about the training, which an ensemble does not have.
    makes_way : bool
        Whether what is stale is set aside before a result is made; else `make` sees to it.
    needs_network : bool
        Whether it does not apply to external results (``model.method`` = "external").
    needs_instances : bool
        Whether it does not apply to a method that finds none (``model.method`` = "noise2void").
    takes_denoised : bool
        Whether it takes denoised volumes where the scheme has them.
    counted : str
        What the progress bar counts; "" for a stage with a bar of its own.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    version: ClassVar[int] = 1
    libraries: ClassVar[tuple[str, ...]] = ()
    split: ClassVar[str] = ""
    follows: ClassVar[str] = ""
    in_all: ClassVar[bool] = True
    uses_network: ClassVar[bool] = False
    trains: ClassVar[bool] = False
    makes_way: ClassVar[bool] = True
    needs_network: ClassVar[bool] = False
    takes_denoised: ClassVar[bool] = True
    needs_instances: ClassVar[bool] = True

    def applies_to(self, method: Method) -> bool:
        """Whether the method makes what the stage works on."""
        return (method.has_network or not self.needs_network) and (method.finds_instances or not self.needs_instances)

    counted: ClassVar[str] = "results"

    @abstractmethod
    def results(self, run: Run) -> Iterable[Result]:
        """List what is to be made, from what, and where; nothing is computed.

        Results may be of other stages, which then make them.
        """

    def goes_on(self, run: Run) -> bool:
        """Whether more results follow from those that were made: `results` lists them then."""
        return False

    def confirm(self, todo: Sequence[Result], run: Run) -> Sequence[Result]:
        """Refuse what is to be made before the first of it is; gives the rest, without bad test volumes.

        Raises
        ------
        InputError
            Nothing was made, and nothing set aside.
        """
        return todo

    def test_volumes(self, result: Result) -> set[str]:
        """Name the test volumes that a result is about."""
        subjects = result.subject if isinstance(result.subject, Sequence) else [result.subject]
        return {each.sample.name for each in subjects if isinstance(each, Subject) and each.split == TEST}

    def check(self, result: Result, run: Run) -> None:
        """Refuse a result that cannot be made as things are, before what is there is set aside.

        Raises
        ------
        InputError
            Says which stage to run.
        """

    @abstractmethod
    def make(self, result: Result, run: Run) -> None:
        """Make one of the results, and write it."""

    def states(self, run: Run) -> Iterable[tuple[str, str, State]]:
        """Say how everything is that the stage makes: kind, name and state, for ``-d status``."""
        for result in self.results(run):
            yield result.at + result.kind, result.name, run.state(result)
        yield from self.more_states(run)

    def more_states(self, run: Run) -> Iterable[tuple[str, str, State]]:
        """Say how more of what the stage has written is: kind, name and state, for ``-d status``."""
        return ()

    def say(self, run: Run, tally: Tally) -> None:
        """Tell people at the end what was done."""
        run.terminal.say(f"{len(tally.results)} results, {len(tally.made)} of them made now")

    def plan(self, run: Run) -> str:
        """Say what would be done, on which volumes, writing where."""
        return f"{self.volumes(run)} -> {run.experiment.folder}"

    def volumes(self, run: Run) -> str:
        """Name the volumes that it works on, for people."""
        names = ", ".join(run.experiment.names(self.split)) if self.split else ""
        return f"{self.split} ({names or 'no volumes'})"

    def precondition(self, run: Run) -> None:
        """Refuse what cannot be done, before hours are spent on the stages that come first.

        Raises
        ------
        InputError
            Names the key to set.
        """
        if self.trains and run.experiment.is_ensemble:
            raise InputError(
                f"prediction.ensemble: {run.experiment.folder.name} averages other experiments, so there is nothing to "
                f"do for the stage {self.name}."
            )
        if self.uses_network and run.experiment.is_ensemble and not run.experiment.is_predicted:
            members(run.experiment, ENSEMBLE)
        if self.split and not run.experiment.names(self.split):
            raise lacking(self.split)

    def check_volumes(self, run: Run) -> None:
        """Refuse prepared volumes that the stage can do nothing with, before hours are spent on earlier stages.

        Raises
        ------
        InputError
            Names the volumes, and what to do.
        """

    def needed_splits(self, run: Run) -> list[str]:
        """Give the splits whose volumes it works on."""
        return [self.split] if self.split else []

    def needed_volumes(self, run: Run) -> list[Volume]:
        """Give the volumes that have to be prepared for it."""
        return [volume for split in self.needed_splits(run) for volume in run.experiment.volumes(split)]

    def begin(self, run: Run) -> None:
        """Do what comes before its results can be listed."""

    def workers(self, run: Run, jobs: Sequence[Sequence[Result]]) -> int:
        """Give the number of processes that do jobs, see `Result.job`; 1: this process does them."""
        return 1

    def do_job(self, results: Sequence[Result], run: Run, make: Callable[[Result], Result]) -> Iterator[Result]:
        """Make the results of a job, and give each when it is there; `make` makes a single one."""
        return map(make, results)

    @classmethod
    def versioned(cls) -> dict[str, int]:
        """Give the entry of a record that says which version of the stage made it."""
        return {f"version of {cls.name}": cls.version}

    @classmethod
    def made_with(cls) -> dict[str, str]:
        """Give the versions of the package and of the libraries that it computes with."""
        return versions_of(*cls.libraries)

    def beside(
        self, run: Run, kind: str, path: Path, made_from: Mapping[str, Any], subject: Any = None, name: str = ""
    ) -> Result:
        """Describe a table or picture, of which the ledger of its folder records what it was made from."""
        record = run.records.flat(made_from)
        return Result(self.name, kind, name, (path,), record, stored_beside(path), subject, is_beside=True)


def lacking(split: str) -> InputError:
    """Give the error that says that a split has no volumes."""
    return InputError(f"data.{split}_data: {ADVICE[split]}")
