"""Compare the variants of a study in Markdown: scores, differences with intervals, and scores by group of volumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import mean

from study.comparison import compare, of_variant, scores_by_group
from study.plan import Study, Variant
from study.run import Record
from study.scores import of_runs, spoken

COLUMNS = ("AP_0.5", "avAP", "detection_AP")
"""Scores that every table has."""


def table_of(study: Study, records: Sequence[Record], metric: str = "avAP") -> str:
    """Make a table, one line a variant, in which `metric` is compared.

    Scores are means over all volumes of the runs, with the range over seeds of their means over folds. A difference is
    that of the runs that both variants have (same fold, same seed), as mean over groups of the means over the volumes
    of a group, with a 95 % t interval over groups and the p value of the sign-flip test over groups.
    """
    scores = COLUMNS if metric in COLUMNS else (metric, *COLUMNS)
    compared = (f"{spoken(metric)} against", "difference", "p", "groups")
    header = ("", *map(spoken, scores), *compared, "runs", "minutes")
    rows = _with_headings(study, records, lambda variant: _row(study, variant, records, scores, metric))
    return _markdown(header, rows)


def table_by_group(study: Study, records: Sequence[Record], metric: str = "avAP") -> str:
    """Make a table of mean scores, one line a variant, one column a group of volumes."""
    found = {name: scores_by_group(study, of_variant(records, name), metric) for name in study.variants}
    groups = sorted({group for each in found.values() for group in each})

    def row(variant: Variant) -> list[str]:
        own = found[variant.name]
        cells = [f"{own[group]:.3f}" if group in own else "" for group in groups]
        return [f"`{variant.name}`", *cells, f"{mean(own.values()):.3f}" if own else ""]

    return _markdown((spoken(metric), *groups, "mean"), _with_headings(study, records, row))


def _with_headings(study: Study, records: Sequence[Record], row: Callable[[Variant], list[str]]) -> Iterator[list[str]]:
    """Make rows of the variants that were run, under their headings in bold."""
    for heading, variants in study.sections():
        run = [variant for variant in variants if of_variant(records, variant.name)]
        if heading and run:
            yield [f"**{heading}**"]
        yield from map(row, run)


def _markdown(header: Sequence[str], rows: Iterator[list[str]]) -> str:
    lines = [list(header), ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line + [''] * (len(header) - len(line)))} |\n" for line in lines)


def _row(study: Study, variant: Variant, records: Sequence[Record], scores: Sequence[str], metric: str) -> list[str]:
    own = of_variant(records, variant.name)
    compared = [""] * 4
    if found := compare(study, variant, records, metric):
        compared = [f"`{variant.against}`", f"{found.mean:+.3f}", "", str(len(found.by_group))]
        if len(found.by_group) > 1:
            compared[1:3] = f"{found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f})", f"{found.p:.3f}"
    minutes = f"{mean(each['minutes'] for each in own):.1f}"
    cells = [_score(own, each) for each in scores]
    return [f"`{variant.name}`: {variant.about}", *cells, *compared, str(len(own)), minutes]


def _score(own: Sequence[Record], metric: str) -> str:
    """Score of all volumes, and the range over those seeds that have all folds, if there are several."""
    runs = [each for each in own if of_runs([each], metric) is not None]
    if not runs:
        return ""
    folds = {each["fold"] for each in runs}
    by_seed = []
    for seed in {each["seed"] for each in runs}:
        same = [each for each in runs if each["seed"] == seed]
        if {each["fold"] for each in same} == folds:
            by_seed.append(of_runs(same, metric) or 0.0)
    text = f"{of_runs(runs, metric):.3f}"
    return f"{text} ({min(by_seed):.3f} to {max(by_seed):.3f})" if len(by_seed) > 1 else text
