"""Results of volumes with a checkpoint, by how they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from auxcpvloss.data.samples import Sample
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.methods import Params
from auxcpvloss.stages.labelling import instances_of
from auxcpvloss.stages.predicting import prediction_of
from auxcpvloss.stages.records import Result, State
from auxcpvloss.stages.scoring import scores_of
from auxcpvloss.system.errors import InputError

WHOLE = State("whole")


@dataclass(frozen=True)
class Item:
    """A result: the stage that makes it, what it is (together with its like), which one, and how it is."""

    stage: str
    what: str
    name: str
    state: State


def following(state: State, upstream: State, name: str) -> State:
    """Say how a result is, given how that is which it depends on: of something stale nothing whole is made."""
    if state.kind in ("missing", "broken") or upstream.kind in ("whole", "missing"):
        return state
    return State("stale", f"{name} is {upstream.kind}: {upstream.why}")


def state_of(result: Callable[[], Result]) -> State:
    """Give the state of a result; of one that cannot be made as things are, why."""
    try:
        return result().state
    except InputError as error:
        return State("missing", str(error))


def results(
    experiment: Experiment,
    split: str,
    checkpoint: int,
    sets: Sequence[Params],
    samples: Sequence[Sample],
    upstream: State,
    stages: Sequence[str],
) -> Iterator[Item]:
    """Predictions, instances and scores of volumes with a checkpoint; of each by the stage of `stages`."""
    at = f"checkpoint {checkpoint}, "
    for sample in samples:
        if not _there(experiment, split, checkpoint, sets, sample):
            # Nothing is compared with nothing: the volume need not even be prepared.
            for stage, what in zip(stages, ("predictions", "instances", "scores"), strict=True):
                count = 1 if what == "predictions" else len(sets)
                for _ in range(count if what != "scores" or sample.has_truth else 0):
                    yield Item(stage, at + what, sample.name, State("missing"))
            continue
        try:
            predicted = prediction_of(experiment, split, checkpoint, sample, sets)
        except InputError as error:
            yield Item(stages[0], f"{at}predictions", sample.name, State("missing", str(error)))
            continue
        yield Item(stages[0], f"{at}predictions", sample.name, following(predicted.state, upstream, "the training"))
        for params in sets:
            labelled = instances_of(experiment, split, checkpoint, params, sample, predicted)
            yield Item(stages[1], f"{at}instances", sample.name, following(labelled.state, upstream, "the training"))
            if sample.has_truth:
                scored = scores_of(experiment, split, checkpoint, params, sample, labelled)
                yield Item(stages[2], f"{at}scores", sample.name, following(scored.state, upstream, "the training"))


def _there(experiment: Experiment, split: str, checkpoint: int, sets: Sequence[Params], sample: Sample) -> bool:
    """Whether anything of a volume is there: it would have to be prepared to say how that is."""
    name = sample.name
    places: list[Path] = [experiment.processed(split, checkpoint, name)]
    for params in sets:
        labelled = experiment.instanced(split, checkpoint, params, name)
        places += [labelled.with_suffix(".hdf"), labelled.with_suffix(".zarr")]
        places.append(experiment.evaluated(split, checkpoint, params) / f"{name}.toml")
    return any(place.exists() for place in places)
