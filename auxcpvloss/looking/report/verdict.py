"""What the scores say, in plain words: how much was found, how much is wrong, and what to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.looking.report.cases import Case, Cause, Kind
from auxcpvloss.metrics import Counts, pool

STANDS_OUT = 0.1
"""A volume whose AP is this much below the mean of the others is pointed out."""

SMALLER, ENOUGH = 0.75, 5
"""Missed nuclei are called small if their median size is at most this fraction of the median of all nuclei."""

COUNTED: tuple[tuple[Kind, str, str], ...] = (
    ("false negative", "true nucleus was missed", "true nuclei were missed"),
    ("false positive", "result is wrong", "results are wrong"),
    ("split", "true nucleus was split into pieces (split)", "true nuclei were split into pieces (splits)"),
    ("merge", "result covers several nuclei (merge)", "results cover several nuclei (merges)"),
)
CAUSES: Mapping[Kind, Mapping[Cause, str]] = {
    "false negative": {
        "alone": "without a result of their own",
        "outline": "whose result has an outline that differs too much",
        "merge": "within a result that covers several",
        "split": "in pieces",
    },
    "false positive": {
        "alone": "without an unmatched nucleus nearby",
        "outline": "whose outline differs too much from that of their nucleus",
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
class Share:
    """A part of a whole, to be drawn: what the part is, what the rest is, and how large they are."""

    part: str
    rest: str
    number: int
    others: int

    @property
    def percent(self) -> float:
        """The part, in percent of the whole; of nothing, 0."""
        return 100 * self.number / max(self.number + self.others, 1)


@dataclass(frozen=True)
class Verdict:
    """What a reader should know first: facts say what the numbers mean, caveats how far they can be trusted."""

    headline: str
    shares: Sequence[Share] = ()
    facts: Sequence[str] = ()
    hints: Sequence[Hint] = ()
    caveats: Sequence[str] = ()


@dataclass(frozen=True)
class Scored:
    """How a volume came out: counts by the rule that the errors follow, and the errors.

    If instances were compared, `by_threshold` has the AP by IoU threshold; if nuclei have masks, `sizes` are those of
    all true nuclei, in voxels.
    """

    counts: Counts
    by_threshold: Mapping[float, float] = field(default_factory=dict)
    cases: Sequence[Case] = ()
    sizes: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


def judge(volumes: Mapping[str, Scored], rule: str, caveats: Sequence[str]) -> Verdict:
    """Say how at least one volume came out; `rule` is what a true positive is: "an IoU above 0.5"."""
    total = pool(scored.counts for scored in volumes.values())
    true, results = total.tp + total.fn, total.tp + total.fp
    return Verdict(
        headline=f"{total.tp:,} of {true:,} true nuclei {'was' if total.tp == 1 else 'were'} found "
        f"({percent(total.tp, true)}); {total.fp:,} of {results:,} results {'is' if total.fp == 1 else 'are'} wrong "
        f"({percent(total.fp, results)}).",
        shares=[Share("found", "missed", total.tp, total.fn), Share("right", "wrong", total.tp, total.fp)],
        facts=[
            *_ap_fact(volumes),
            f"A nucleus counts as found if it has its own result, one to one, with {rule}.",
            *_outline_fact(volumes),
        ],
        hints=list(_hints(volumes)) or [Hint("There are no errors.")],
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


def _aps(volumes: Mapping[str, Scored]) -> dict[str, float]:
    """Give the AP of the volumes that have one: those with nuclei."""
    return {name: each.counts.ap for name, each in volumes.items() if each.counts.tp + each.counts.fn}


def _ap_fact(volumes: Mapping[str, Scored]) -> Iterator[str]:
    if aps := list(_aps(volumes).values()):
        what = f"mean of {len(aps)} volumes ({min(aps):.3f} to {max(aps):.3f})" if len(aps) > 1 else "one volume"
        yield f"Average precision (AP, true positives among all true positives and errors): {np.mean(aps):.3f}, {what}."


def _outline_fact(volumes: Mapping[str, Scored]) -> Iterator[str]:
    """Say how fast AP falls with the threshold: how exact the outlines are."""
    curves = [volumes[name].by_threshold for name in _aps(volumes) if volumes[name].by_threshold]
    mean = {threshold: float(np.mean([curve[threshold] for curve in curves])) for threshold in (curves or [{}])[0]}
    half = next((threshold for threshold, ap in mean.items() if ap < mean[0.5] / 2), None)
    if half is not None:
        low = f"{mean[half]:.3f}"
        yield f"Outlines: AP falls to less than half of this at an IoU above {half:g} ({low})."


def _hints(volumes: Mapping[str, Scored]) -> Iterator[Hint]:
    for name, scored in volumes.items():
        if scored.counts.tp + scored.counts.fp == 0 < scored.counts.fn:
            yield Hint(f"{name}: nothing was found at all.", volume=name)
    by_cause = Counter((case.kind, case.why.cause) for scored in volumes.values() for case in scored.cases)
    for kind, one, several in COUNTED:
        number = sum(count for (each, _), count in by_cause.items() if each == kind)
        causes = [(by_cause[kind, cause], words) for cause, words in CAUSES.get(kind, {}).items()]
        reasons = ", ".join(f"{count:,} {words}" for count, words in causes if count)
        # Of points there is one reason, which goes without saying.
        told = f": {reasons}" if reasons and number > by_cause[kind, "alone"] else ""
        if number:
            yield Hint(f"{number:,} {one if number == 1 else several}{told}.", kind=kind)
    yield from _smaller(volumes)
    yield from _worst(volumes)


def _smaller(volumes: Mapping[str, Scored]) -> Iterator[Hint]:
    """Say whether what was missed is small."""
    missed = [c.size for each in volumes.values() for c in each.cases if c.kind == "false negative" and c.size]
    if len(missed) >= ENOUGH:
        middle, of_missed = np.median(np.concatenate([each.sizes for each in volumes.values()])), np.median(missed)
        if of_missed <= SMALLER * middle:
            text = f"Missed nuclei are small: {of_missed:,.0f} voxels in the median, {middle:,.0f} of all nuclei."
            yield Hint(text, kind="false negative")


def _worst(volumes: Mapping[str, Scored]) -> Iterator[Hint]:
    """Point at a volume that is much worse than the others."""
    aps = _aps(volumes)
    worst = min(aps, key=lambda name: aps[name], default="")
    ap = aps.pop(worst, 1.0)
    if aps and ap <= (others := float(np.mean(list(aps.values())))) - STANDS_OUT:
        yield Hint(f"{worst} is the worst volume: AP {ap:.3f}; the mean of the others is {others:.3f}.", volume=worst)
