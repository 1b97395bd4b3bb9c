"""Say how every result is: whole, stale, missing or broken; touch nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from auxcpvloss.data.degrade import in_words
from auxcpvloss.experiment.configuration import is_edited
from auxcpvloss.experiment.configured import RECORDS
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.provenance import document
from auxcpvloss.experiment.results import WHOLE, State
from auxcpvloss.experiment.used import used_in_words
from auxcpvloss.stages.order import STAGES
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.stage import Stage
from auxcpvloss.system.checksums import CHANGED
from auxcpvloss.system.errors import InputError

STATUS = "status"
"""Named alone by ``-d``: it runs nothing."""

NAMED = 3
"""Maximum number of results named; of more, only the number is shown."""

CONFIG, LOG = "config.toml", "run.log"
REMEDIES = {
    CONFIG: "the next stage writes it again",
    RECORDS: "the next stage writes it again",
    document.NAME: "the next stage begins it again; what earlier commands did is lost",
    LOG: "the next stage begins it again; what earlier commands said is lost",
}
"""What follows from a file of the experiment that is missing or changed."""

COLUMNS = ("stage", "what", "state", "which", "why")


@dataclass(frozen=True)
class Row:
    """A result: the stage that makes it, what it is (together with its like), which one, and how it is."""

    stage: str
    what: str
    name: str
    state: State


def status(run: Run) -> None:
    """Print a table of all stages: what is whole, what is stale and why, what is missing or broken."""
    run.planning = True
    run.terminal.table(f"{run.experiment.folder}", COLUMNS, grouped(rows(run)))
    for words in (*used_in_words(run.experiment), *in_words(run.experiment.config.data.degrade)):
        run.terminal.say(words)


def rows(run: Run) -> Iterator[Row]:
    """Go through the results of all stages, in order; of those that run by name only, what there is."""
    upstream = {"": ("", WHOLE), "pretrain": ("", WHOLE), "train": ("", WHOLE)}
    for stage in STAGES.values():
        if (stage.trains and run.experiment.is_ensemble) or not stage.applies_to(run.experiment.method):
            continue
        found = list(_states(stage, run))
        # External results follow nothing.
        states = [follow(state, *upstream.get(stage.follows, upstream[""])) for _, _, state in found]
        for (what, name, _), state in zip(found, states, strict=True):
            yield Row(stage.name, what, name, state)
        if stage.name == "pretrain" and states:
            upstream["pretrain"] = "the pretraining", _half_done(states[0])
        elif stage.name == "train":
            upstream["train"] = "the training", states[0]
        elif stage.name == "validate_checkpoints":
            upstream["selection"] = _upstream_of_test(run, upstream["train"], found, states)
    yield from _own_files(run.experiment)


def _half_done(state: State) -> State:
    """Say that what is made with a training is stale if that is to go on."""
    return State("stale", state.why) if state.kind == "missing" and state.why else state


def _own_files(experiment: Experiment) -> Iterator[Row]:
    """Say what is wrong with files that concern all stages; the next command that runs a stage writes them again."""
    if not experiment.is_trained and not (experiment.folder / CONFIG).is_file():
        return
    path = experiment.folder / CONFIG
    problems = {
        CONFIG: CHANGED if path.is_file() and is_edited(path) else "",
        RECORDS: experiment.records.problem,
        document.NAME: document.problem(experiment.folder / document.NAME),
        LOG: "",
    }
    for name, problem in problems.items():
        if not (experiment.folder / name).is_file():
            yield Row("every stage", "files", name, State("missing", REMEDIES[name]))
        elif problem:
            yield Row("every stage", "files", name, State("broken", f"{problem}; {REMEDIES[name]}"))


def _upstream_of_test(
    run: Run, training: tuple[str, State], found: Sequence[tuple[str, str, State]], states: Sequence[State]
) -> tuple[str, State]:
    """Give what the results of the test volumes follow: the selection where it is used, else the training."""
    if training[1].kind == "stale" or run.choice.checkpoint is not None or run.choice.which == "last":
        return training
    selection = (state for (what, _, _), state in zip(found, states, strict=True) if what == "selection")
    return "the selection", next(selection, WHOLE)


def _states(stage: Stage, run: Run) -> Iterator[tuple[str, str, State]]:
    run.forget()
    known = set(run.left_out)
    try:
        yield from stage.states(run)
    except InputError as error:
        if stage.in_all:
            yield "results", "", State("missing", str(error).splitlines()[0])
    for name, why in run.left_out.items():
        if name not in known:
            yield "test volumes", name, State("missing", why.splitlines()[0])


def follow(state: State, name: str, upstream: State) -> State:
    """Say how a result is, given how that is which it depends on: of something stale nothing whole is made."""
    if state.kind in ("missing", "broken") or upstream.kind in ("whole", "missing"):
        return state
    return State("stale", f"{name} is {upstream.kind}: {upstream.why}")


def grouped(items: Iterable[Row]) -> list[Sequence[str]]:
    """Put together what is alike: a row for each stage, kind of result, state and reason."""
    names: dict[tuple[str, str, str, str], list[str]] = {}
    for item in items:
        names.setdefault((item.stage, item.what, item.state.kind, item.state.why), []).append(item.name)
    stages = list(dict.fromkeys(stage for stage, *_ in names))
    keys = sorted(names, key=lambda key: stages.index(key[0]))
    return [(key[0], key[1], key[2], _which(names[key]), key[3]) for key in keys]


def _which(names: Sequence[str]) -> str:
    return ", ".join(names) if len(names) <= NAMED else f"{len(names)} of them"
