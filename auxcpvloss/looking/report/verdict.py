"""What the scores say, in plain words: how much was found, how much is wrong, and what to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.looking.report.cases import Case, Cause, Kind
from auxcpvloss.metrics import Counts, pool

STANDS_OUT = 0.1
"""A volume whose AP is by this much below the mean of the others is pointed at."""

SMALLER, ENOUGH = 0.75, 5
"""Missed nuclei are called small if their median size is at most so much of that of all, and there are enough."""

COUNTED: tuple[tuple[Kind, str, str], ...] = (
    ("false negative", "true nucleus was missed", "true nuclei were missed"),
    ("false positive", "result is wrong", "results are wrong"),
    ("split", "true nucleus fell into pieces (split)", "true nuclei fell into pieces (splits)"),
    ("merge", "result covers several nuclei (merge)", "results cover several nuclei (merges)"),
)
CAUSES: Mapping[Kind, Mapping[Cause, str]] = {
    "false negative": {
        "alone": "without a result of their own",
        "outline": "whose result has too different an outline",
        "merge": "within a result that covers several",
        "split": "in pieces",
    },
    "false positive": {
        "alone": "where no nucleus is left to find",
        "outline": "with too different an outline from that of their nucleus",
        "merge": "that cover several nuclei",
        "split": "that are pieces of a nucleus",
    },
}


@dataclass(frozen=True)
class Hint:
    """Something to look at; `kind` and `volume` choose it in the error atlas."""

    text: str
    kind: str = ""
    volume: str = ""


@dataclass(frozen=True)
class Bar:
    """A part of a whole, to be drawn: what the part is, what the rest is, and how large they are."""

    part: str
    rest: str
    number: int
    others: int

    @property
    def percent(self) -> float:
        """The part, in percent of the whole; of nothing, 0."""
        return 100 * self.number / (self.number + self.others) if self.number + self.others else 0.0


@dataclass(frozen=True)
class Verdict:
    """What a reader should know first.

    Attributes
    ----------
    headline : str
    bars : sequence of Bar
    facts, caveats : sequences of str
        What the numbers mean; how far they can be trusted.
    hints : sequence of Hint
    """

    headline: str
    bars: Sequence[Bar] = ()
    facts: Sequence[str] = ()
    hints: Sequence[Hint] = ()
    caveats: Sequence[str] = ()


@dataclass(frozen=True)
class Scored:
    """How a volume came out.

    Attributes
    ----------
    counts : Counts
        Of the rule that the errors follow.
    by_threshold : mapping of IoU threshold to AP
        Where instances were compared.
    cases : sequence of Case
    sizes : (T,) array of int64
        Of all true nuclei, in voxels, where instances were compared.
    """

    counts: Counts
    by_threshold: Mapping[float, float] = field(default_factory=dict)
    cases: Sequence[Case] = ()
    sizes: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def is_empty(self) -> bool:
        """Whether there were nuclei, and no result at all."""
        return self.counts.tp + self.counts.fp == 0 < self.counts.fn


def judge(volumes: Mapping[str, Scored], rule: str, caveats: Sequence[str]) -> Verdict:
    """Say how the volumes came out.

    Parameters
    ----------
    volumes : mapping of name to Scored
        At least one.
    rule : str
        What a true positive is: "an IoU above 0.5".
    caveats : sequence of str
    """
    together = pool(scored.counts for scored in volumes.values())
    true, results = together.tp + together.fn, together.tp + together.fp
    aps = [scored.counts.ap for scored in volumes.values()]
    spread = f" ({min(aps):.3f} to {max(aps):.3f})" if len(aps) > 1 else ""
    what = f"mean of {len(aps)} volumes{spread}" if len(aps) > 1 else "one volume"
    return Verdict(
        headline=f"{together.tp:,} of {true:,} true nuclei {'was' if together.tp == 1 else 'were'} found "
        f"({percent(together.tp, true)}); "
        f"{together.fp:,} of {results:,} results {'is' if together.fp == 1 else 'are'} wrong "
        f"({percent(together.fp, results)}).",
        bars=[
            Bar("found", "missed", together.tp, together.fn),
            Bar("right", "wrong", together.tp, together.fp),
        ],
        facts=[
            f"Average precision (AP, true positives among all true positives and errors): {np.mean(aps):.3f}, {what}.",
            f"A nucleus counts as found by a result of its own, one to one, with {rule}.",
            *_outline_fact(volumes),
        ],
        hints=_hints(volumes),
        caveats=caveats,
    )


def percent(part: int, whole: int) -> str:
    """Give a part in percent, with a digit; never 100 % or 0 % where that is only nearly so."""
    if not whole:
        return "there are none"
    share = 100 * part / whole
    if part not in (0, whole):
        share = min(max(share, 0.1), 99.9)
    return f"{share:.1f} %".replace(".0 %", " %")


def _outline_fact(volumes: Mapping[str, Scored]) -> list[str]:
    """How fast AP falls with the threshold: how exact the outlines are."""
    curves = [scored.by_threshold for scored in volumes.values() if scored.by_threshold]
    if not curves:
        return []
    mean = {threshold: float(np.mean([curve[threshold] for curve in curves])) for threshold in curves[0]}
    half = next((threshold for threshold, ap in mean.items() if ap < mean[0.5] / 2), None)
    if not mean[0.5] or half is None:
        return []
    return [
        f"Outlines: AP falls to less than half of that where an IoU above {half:g} is asked for ({mean[half]:.3f})."
    ]


def _hints(volumes: Mapping[str, Scored]) -> list[Hint]:
    cases = [case for scored in volumes.values() for case in scored.cases]
    hints = [Hint(f"{name}: nothing was found at all.", volume=name) for name, each in volumes.items() if each.is_empty]
    by_cause = Counter((case.kind, case.why.cause) for case in cases)
    for kind, one, several in COUNTED:
        number = sum(case.kind == kind for case in cases)
        if not number:
            continue
        causes = [(by_cause[kind, cause], words) for cause, words in CAUSES.get(kind, {}).items()]
        reasons = ", ".join(f"{count:,} {words}" for count, words in causes if count)
        # Of points there is one reason, which goes without saying.
        told = f": {reasons}" if reasons and number > by_cause[kind, "alone"] else ""
        hints.append(Hint(f"{number:,} {one if number == 1 else several}{told}.", kind=kind))
    return [*hints, *_smaller(volumes), *_worst(volumes)] or [Hint("There are no errors to look at.")]


def _smaller(volumes: Mapping[str, Scored]) -> list[Hint]:
    """Say whether what was missed is small."""
    missed = [c.size for each in volumes.values() for c in each.cases if c.kind == "false negative" and c.size]
    if len(missed) < ENOUGH:
        return []
    middle, of_missed = np.median(np.concatenate([each.sizes for each in volumes.values()])), np.median(missed)
    if of_missed > SMALLER * middle:
        return []
    text = f"Missed nuclei are small: {of_missed:,.0f} voxels in the median, {middle:,.0f} of all nuclei."
    return [Hint(text, kind="false negative")]


def _worst(volumes: Mapping[str, Scored]) -> list[Hint]:
    """Point at a volume that is much worse than the others."""
    if len(volumes) < 2:
        return []
    name = min(volumes, key=lambda each: volumes[each].counts.ap)
    others = float(np.mean([scored.counts.ap for other, scored in volumes.items() if other != name]))
    ap = volumes[name].counts.ap
    if ap > others - STANDS_OUT:
        return []
    return [Hint(f"{name} is the worst volume: AP {ap:.3f}; the mean of the others is {others:.3f}.", volume=name)]
