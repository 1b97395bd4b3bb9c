"""Verdicts on pairs of groups, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auxcpvloss.looking.compare.comparison import AVAP, Group, Verdict, Word, detection_path
from auxcpvloss.looking.compare.statistics import ALPHA, SMALLEST_P, Test, compare_means, holm


@dataclass(frozen=True)
class _Tested:
    baseline: Group
    other: Group
    test: Test
    reason: str
    """Why there is no test; "" where there is one."""


def make_verdicts(pairs: Sequence[tuple[Group, Group]], matching: str) -> tuple[Verdict, ...]:
    """Say of each pair whether the other one scores higher than the baseline: by avAP, and by detection AP.

    The pairs that are tested by the same score are one family: that any of its verdicts is wrong, where there are no
    differences, has a chance of at most 5 %.

    Parameters
    ----------
    pairs : sequence of (baseline, other)
    matching : str
        As in ``evaluation.detection``.
    """
    metrics = {"avAP": AVAP, "detection AP": detection_path(matching)}
    return tuple(verdict for name, path in metrics.items() for verdict in _family(pairs, name, path))


def _family(pairs: Sequence[tuple[Group, Group]], metric: str, path: str) -> list[Verdict]:
    tested = [each for pair in pairs if (each := _test(*pair, path)) is not None]
    corrected = iter(holm([each.test.p for each in tested if each.test.p is not None]))
    number = sum(each.test.p is not None for each in tested)
    verdicts = []
    for each in tested:
        test = each.test
        p_holm = None if test.p is None else next(corrected)
        verdicts.append(
            Verdict(
                baseline=each.baseline.name,
                other=each.other.name,
                metric=metric,
                path=path,
                word=_word(test, p_holm),
                difference=test.difference,
                low=test.low,
                high=test.high,
                p=test.p,
                p_holm=p_holm,
                reason=f"{test.difference:+.3f}, {each.reason or _numbers(test, p_holm, number)}",
            )
        )
    return verdicts


def _test(baseline: Group, other: Group, path: str) -> _Tested | None:
    here, there = baseline.scores(path), other.scores(path)
    if here is None or there is None:
        return None
    test = compare_means(here, there)
    return _Tested(baseline, other, test, _why_not(baseline, other, here.shape[1]) if test.p is None else "")


def _word(test: Test, p_holm: float | None) -> Word:
    if p_holm is None or p_holm >= ALPHA:
        return "not distinguishable on these data"
    return "better" if test.difference > 0 else "worse"


def _why_not(baseline: Group, other: Group, volumes: int) -> str:
    for group in (baseline, other):
        if len(group.runs) < 2:
            return f"but there is one run of {group.name}, which does not tell how much runs differ by chance"
    if volumes < 2:
        return "but there is one test volume, which does not tell how much volumes differ by chance"
    return "but no score differs between runs or volumes, so that nothing tells what chance would do"


def _numbers(test: Test, p_holm: float | None, pairs: int) -> str:
    text = f"95 % interval {test.low:+.3f} to {test.high:+.3f}, p {_p(test.p)}"
    return text if pairs == 1 else f"{text}, {_p(p_holm)} for {pairs} pairs"


def _p(value: float | None) -> str:
    assert value is not None
    if value <= SMALLEST_P:
        return "< 1e-12"
    return f"= {value:.3f}" if value >= 0.001 else f"= {np.format_float_scientific(value, 0, trim='-')}"
