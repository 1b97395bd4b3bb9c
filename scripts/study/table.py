"""Compare the variants of a study: differences with intervals over groups of volumes, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from statistics import mean

import numpy as np
from scipy.stats import t

from study.plan import Study, Variant
from study.run import Record

METRICS = ("AP_0.5", "avAP", "detection_AP")
HEADER = ("", *(name.replace("_", " ") for name in METRICS), "avAP against", "difference", "p", "runs", "minutes")
EXACT = 16
"""Up to so many groups all changes of signs are tried."""


def table_of(study: Study, records: Sequence[Record]) -> str:
    """Make a table, one line a variant.

    Scores are means over all volumes of the runs, with the range over seeds of their means over folds. A difference is
    that of the runs that both variants have (same fold, same seed), as mean over groups of the means over the volumes
    of a group, with a 95 % t interval over groups and the p value of the sign-flip test over groups.
    """
    rows = [_row(study, variant, records) for variant in study.variants.values()]
    lines = [f"| {' | '.join(HEADER)} |", f"|{'---|' * len(HEADER)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows if row)]) + "\n"


def _row(study: Study, variant: Variant, records: Sequence[Record]) -> list[str]:
    own = [each for each in records if each["variant"] == variant.name]
    if not own:
        return []
    cells = [_score(own, metric) for metric in METRICS]
    others = [each for each in records if each["variant"] == variant.against]
    compared = ["", "", ""]
    if variant.against != variant.name and (found := differences(study, own, others, "avAP")).size > 1:
        low, high = interval(found)
        compared = [variant.against, f"{found.mean():+.3f} ({low:+.3f} to {high:+.3f})", f"{sign_flip_test(found):.3f}"]
    minutes = f"{mean(each['minutes'] for each in own):.1f}"
    return [f"`{variant.name}`: {variant.about}", *cells, *compared, str(len(own)), minutes]


def _score(own: Sequence[Record], metric: str) -> str:
    """Mean over volumes, and the range over seeds, where there are several of the same folds."""
    volumes = [values[metric] for each in own for values in each["scores"].values()]
    seeds = sorted({each["seed"] for each in own})
    by_seed = [mean(v[metric] for e in own if e["seed"] == seed for v in e["scores"].values()) for seed in seeds]
    text = f"{mean(volumes):.3f}"
    return f"{text} ({min(by_seed):.3f} to {max(by_seed):.3f})" if len(by_seed) > 1 else text


def differences(study: Study, own: Sequence[Record], others: Sequence[Record], metric: str) -> np.ndarray:
    """Give the mean difference in each group of volumes, over the runs that both have and the volumes of the group."""
    theirs = {(each["fold"], each["seed"]): each["scores"] for each in others}
    found: dict[str, list[float]] = {}
    for each in own:
        for volume, values in theirs.get((each["fold"], each["seed"]), {}).items():
            difference = each["scores"][volume][metric] - values[metric]
            found.setdefault(study.group_of(volume), []).append(difference)
    return np.array([mean(values) for _, values in sorted(found.items())])


def interval(values: np.ndarray) -> tuple[float, float]:
    """Give the 95 % t interval of a mean."""
    width = t.isf(0.025, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)
    return float(values.mean() - width), float(values.mean() + width)


def sign_flip_test(values: np.ndarray) -> float:
    """Give the two-sided p value of no difference: the share of all changes of signs with as large a mean."""
    if values.size > EXACT:
        signs = np.random.default_rng(0).choice((-1, 1), (2**EXACT, values.size))
    else:
        signs = np.array(list(product((-1, 1), repeat=values.size)))
    return float(np.mean(np.abs(signs @ values) >= abs(values.sum()) - 1e-12))
