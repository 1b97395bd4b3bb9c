"""Verdicts on pairs of groups, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from auxcpvloss.looking.compare.runs import AVAP, Group, detection_path
from auxcpvloss.looking.compare.statistics import ALPHA, SMALLEST_P, Test, compare_means, holm, sign_flip
from auxcpvloss.looking.compare.volume_groups import number_of_units

Word = Literal["better", "worse", "not distinguishable on these data"]


@dataclass(frozen=True)
class PairVerdict:
    """Whether one group scores higher than another, the baseline, by a metric.

    Attributes
    ----------
    metric, path : str
        What people call the score, and its dotted path.
    word : {"better", "worse", "not distinguishable on these data"}
        The other one, of the baseline.
    difference, low, high : float
        Mean of the other minus mean of the baseline, and its 95 % interval; None if there are too few runs or units.
    p, p_holm : float or None
        Of the test for this pair alone, and corrected for all the pairs that are tested by this score (Holm).
    units : int
        How many groups of volumes were compared; volumes, where each is one of its own.
    p_sign_flip : float or None
        That these trainings do equally well on other units, by exchanging signs; None if there is one unit only. Other
        trainings of the same models may differ from these.
    reason : str
        One sentence for people, with the numbers.
    adds : str
        The auxiliary task that the other has and the baseline lacks; "" if something else differs.
    """

    baseline: str
    other: str
    metric: str
    path: str
    word: Word
    difference: float
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    reason: str
    adds: str = ""
    units: int = 0
    p_sign_flip: float | None = None

    @property
    def sentence(self) -> str:
        """The verdict in words: ``+cpv: threeclass_cpv is better than threeclass by avAP: ...``."""
        task = f"+{self.adds}: " if self.adds else ""
        if self.word == "not distinguishable on these data":
            return f"{task}{self.other} and {self.baseline} are {self.word} by {self.metric}: {self.reason}"
        return f"{task}{self.other} is {self.word} than {self.baseline} by {self.metric}: {self.reason}"


def make_verdicts(pairs: Sequence[tuple[Group, Group]], matching: str) -> tuple[PairVerdict, ...]:
    """Say of each pair (baseline, other) whether the other one scores higher: by avAP, and by detection AP.

    The pairs that are tested by the same score are one family: that any of its verdicts is wrong, where there are no
    differences, has a chance of at most 5 %. `matching` is that of ``evaluation.detection``.
    """
    metrics = {"avAP": AVAP, "detection AP": detection_path(matching)}
    return tuple(verdict for name, path in metrics.items() for verdict in _family(pairs, name, path))


def _family(pairs: Sequence[tuple[Group, Group]], metric: str, path: str) -> list[PairVerdict]:
    tested = [
        (baseline, other, here, there, compare_means(here, there))
        for baseline, other in pairs
        if (here := baseline.units(path)) is not None and (there := other.units(path)) is not None
    ]
    values = [test.p for *_, test in tested if test.p is not None]
    corrected = iter(holm(values))
    verdicts = []
    for baseline, other, here, there, test in tested:
        p_holm = None if test.p is None else next(corrected)
        why = _why_not(baseline, other, path) if p_holm is None else _numbers(test, p_holm, len(values))
        number = here.shape[1]
        flipped = sign_flip(there.mean(axis=0) - here.mean(axis=0)) if number > 1 else None
        verdicts.append(
            PairVerdict(
                baseline=baseline.name,
                other=other.name,
                metric=metric,
                path=path,
                word=_word(test, p_holm),
                p_holm=p_holm,
                units=number,
                p_sign_flip=flipped,
                reason=f"{test.difference:+.3f}, {why}{_of_groups(baseline.volume_groups(path), flipped)}",
                adds=other.added_to(baseline),
                **test._asdict(),
            )
        )
    return verdicts


def _word(test: Test, p_holm: float | None) -> Word:
    if p_holm is None or p_holm >= ALPHA:
        return "not distinguishable on these data"
    return "better" if test.difference > 0 else "worse"


def _why_not(baseline: Group, other: Group, path: str) -> str:
    for group in (baseline, other):
        if len(group.runs) < 2:
            return f"but there is only one run of {group.name}, which does not show how much runs differ by chance"
    groups = baseline.volume_groups(path)
    if len(set(groups)) < 2:
        one, all_of_them = ("test volume", "volumes") if len(groups) == 1 else ("group of test volumes", "groups")
        return f"but there is only one {one}, which does not show how much {all_of_them} differ by chance"
    return "but all runs and volumes have equal scores, which do not show how much they differ by chance"


def _of_groups(groups: Sequence[str], flipped: float | None) -> str:
    """Say what was compared, if not volumes, and what it tells of these trainings alone."""
    number = len(set(groups))
    if number == len(groups) or flipped is None:
        return ""
    text = f"; compared were {number_of_units(groups)}; for these trainings alone p {_p(flipped)} by exchanging signs"
    least = 2 / 2**number
    return text if least < ALPHA else f"{text}, which cannot be below {least:g} with {number} groups"


def _numbers(test: Test, p_holm: float, pairs: int) -> str:
    text = f"95 % interval {test.low:+.3f} to {test.high:+.3f}, p {_p(test.p)}"
    return text if pairs == 1 else f"{text}, {_p(p_holm)} for {pairs} pairs"


def _p(value: float | None) -> str:
    assert value is not None
    if value <= SMALLEST_P:
        return "< 1e-12"
    return f"= {value:.3f}" if value >= 0.001 else f"= {np.format_float_scientific(value, 0, trim='-')}"
