"""Parameter sets that follow from the scores of others: thresholds between and beyond those tried, and sizes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from auxcpvloss.experiment.means import Checkpoint
from auxcpvloss.experiment.refinement import ROUNDS, WORTH_WHILE, larger_sizes, neighbours, promising
from auxcpvloss.experiment.validation import Score, best_of, chosen_parameters, grids, is_refined, parameter_sets
from auxcpvloss.methods import Params
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.validate_checkpoints.scoring import are_scored, read_values, validation_samples

Tried = dict[Checkpoint, list[Params]]


class Search(NamedTuple):
    """What is to be scored as far as scores tell, and whether that is all.

    Attributes
    ----------
    tried : dict
        Parameter sets by checkpoint.
    is_over : bool
        Whether nothing more follows.
    """

    tried: Tried
    is_over: bool


def search(run: Run, checkpoints: Sequence[Checkpoint]) -> Search:
    """Follow the scores that are there from the lists of [validation] to what is to be tried next.

    The same scores lead to the same sets, so that a search that was stopped goes on where it was.
    """
    tried: Tried = {number: list(parameter_sets(run.experiment)) for number in checkpoints}
    if not is_refined(run.experiment):
        return Search(tried, is_over=True)
    names = [name for name, values in grids(run.experiment).items() if len(values) > 1]
    known: list[Score] = []
    added, before = {number: list(sets) for number, sets in tried.items()}, -1.0
    for done in range(ROUNDS + 1):
        if not are_scored(run, added):
            return Search(tried, is_over=False)
        known += read_values(run, added)
        best = best_of(known).value
        if done == ROUNDS or best < before + WORTH_WHILE:
            break
        before, added = best, _more(known, tried, partial(neighbours, names=names))
    if median := _median_nucleus(run):
        added = _more(known, tried, partial(larger_sizes, median=median))
    return Search(tried, are_scored(run, added))


def _more(known: Sequence[Score], tried: Tried, step: Callable[[Sequence[Score]], list[Params]]) -> Tried:
    """Give what a step adds for the best checkpoints, and add it to what is tried."""
    added = {number: step([score for score in known if score.checkpoint == number]) for number in promising(known)}
    for number, sets in added.items():
        tried[number] += sets
    return added


def _median_nucleus(run: Run) -> float:
    """Give the size of a nucleus of the validation volumes, in voxels; 0 where `min_size` is not to be chosen."""
    if "min_size" in grids(run.experiment) or "min_size" not in chosen_parameters(run.experiment):
        return 0
    sizes = [sample.nucleus for sample in validation_samples(run) if sample.nucleus is not None]
    return float(np.median(sizes)) if sizes else 0
