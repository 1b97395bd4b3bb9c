"""Which values of parameters to try next, given the scores of others."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import product
from typing import Any

from auxcpvloss.experiment.means import Checkpoint, order_of
from auxcpvloss.experiment.validation import Score, best_of
from auxcpvloss.methods import Params

PROMISING = 3
"""Checkpoints that more is tried with: those with the best scores."""

ROUNDS = 4
"""How often values are added, at most."""

WORTH_WHILE = 0.0005
"""A round that raises the best score by less is the last one."""

SMALL = (0.05, 0.2)
"""Sizes below which instances may be dropped, as fractions of the median nucleus."""


def promising(scores: Sequence[Score]) -> list[Checkpoint]:
    """Give the checkpoints with the best scores, the best first, of equals the earlier."""
    best = {number: best_of([each for each in scores if each.checkpoint == number]) for number in _checkpoints(scores)}
    return sorted(best, key=lambda number: (-best[number].value, order_of(number)))[:PROMISING]


def neighbours(scores: Sequence[Score], names: Collection[str]) -> list[Params]:
    """Give sets around the best one: each threshold in `names` halfway to the next values tried, or beyond the last.

    Parameters
    ----------
    scores : sequence of Score
        Of one checkpoint.
    names : collection of str
        Parameters that are chosen. Those that are no thresholds (text, truth and whole numbers) stay.

    Returns
    -------
    list of Params
        All combinations that were not tried.
    """
    best = best_of(scores).params
    choices = {name: [getattr(best, name)] for name in names}
    for name in names:
        if type(getattr(best, name)) is float and name not in best.without_effect():
            choices[name] += _beside(best, name, {getattr(score.params, name) for score in scores})
    sets = [best.model_copy(update=dict(zip(choices, row, strict=True))) for row in product(*choices.values())]
    return _untried(sets, scores)


def larger_sizes(scores: Sequence[Score], median: float) -> list[Params]:
    """Give the best set with other `min_size`, by the size of the median nucleus in voxels."""
    best = best_of(scores).params
    if "min_size" not in type(best).model_fields:
        return []
    sizes = {round(fraction * median) for fraction in SMALL}
    return _untried([best.model_copy(update={"min_size": size}) for size in sorted(sizes)], scores)


def _untried(sets: Iterable[Params], scores: Sequence[Score]) -> list[Params]:
    tried = {score.params.slug() for score in scores}
    return list({params.slug(): params for params in sets if params.slug() not in tried}.values())


def _beside(best: Params, name: str, tried: Collection[float]) -> Iterator[float]:
    """Give the values on both sides of the best one, on the scale on which thresholds are spread evenly."""
    forward, backward = _scale(best, name)
    value, others = getattr(best, name), sorted(set(tried))
    at = others.index(value)
    below, above = (others[at - 1] if at else None), (others[at + 1] if at + 1 < len(others) else None)
    # Where it is the only one, an odds ratio, or a factor, of 2.
    steps = [abs(forward(each) - forward(value)) for each in (below, above) if each is not None] or [2 * math.log(2)]
    for side, neighbour in ((-1, below), (1, above)):
        step = max(steps) if neighbour is None else abs(forward(neighbour) - forward(value)) / 2
        # So many digits that folders keep readable names, and so few that values stay apart.
        moved = float(f"{backward(forward(value) + side * step):.4g}")
        if moved != value and _is_allowed(best, name, moved):
            yield moved


def _scale(params: Params, name: str) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """Give the scale of a parameter, and its inverse: logits where both ends are open, else logarithms."""
    bounds: dict[str, Any] = {}
    for each in type(params).model_fields[name].metadata:
        bounds |= {key: getattr(each, key) for key in ("gt", "ge", "lt", "le") if hasattr(each, key)}
    low = bounds.get("gt", bounds.get("ge", 0))
    if "lt" not in bounds:
        return (lambda value: math.log(value - low)), (lambda place: low + math.exp(place))
    width = bounds["lt"] - low

    def logit(value: float) -> float:
        part = (value - low) / width
        return math.log(part / (1 - part))

    return logit, lambda place: low + width / (1 + math.exp(-place))


def _is_allowed(params: Params, name: str, value: float) -> bool:
    try:
        type(params).model_validate({**params.model_dump(), name: value})
    except ValueError:
        return False
    return True


def _checkpoints(scores: Sequence[Score]) -> list[Checkpoint]:
    return list(dict.fromkeys(score.checkpoint for score in scores))
