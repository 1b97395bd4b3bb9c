"""Verdicts on pairs of groups, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from auxcpvloss.looking.compare.comparison import AVAP, Group, Verdict, Word, detection_path
from auxcpvloss.looking.compare.statistics import ALPHA, SMALLEST_P, Test, compare_means, holm


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
    tested = [
        (baseline, other, compare_means(here, there))
        for baseline, other in pairs
        if (here := baseline.scores(path)) is not None and (there := other.scores(path)) is not None
    ]
    values = [test.p for _, _, test in tested if test.p is not None]
    corrected = iter(holm(values))
    verdicts = []
    for baseline, other, test in tested:
        p_holm = None if test.p is None else next(corrected)
        why = _why_not(baseline, other, path) if p_holm is None else _numbers(test, p_holm, len(values))
        verdicts.append(
            Verdict(
                baseline=baseline.name,
                other=other.name,
                metric=metric,
                path=path,
                word=_word(test, p_holm),
                p_holm=p_holm,
                reason=f"{test.difference:+.3f}, {why}",
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
            return f"but there is one run of {group.name}, which does not tell how much runs differ by chance"
    scores = baseline.scores(path)
    if scores is not None and scores.shape[1] < 2:
        return "but there is one test volume, which does not tell how much volumes differ by chance"
    return "but no score differs between runs or volumes, so that nothing tells what chance would do"


def _numbers(test: Test, p_holm: float, pairs: int) -> str:
    text = f"95 % interval {test.low:+.3f} to {test.high:+.3f}, p {_p(test.p)}"
    return text if pairs == 1 else f"{text}, {_p(p_holm)} for {pairs} pairs"


def _p(value: float | None) -> str:
    assert value is not None
    if value <= SMALLEST_P:
        return "< 1e-12"
    return f"= {value:.3f}" if value >= 0.001 else f"= {np.format_float_scientific(value, 0, trim='-')}"
