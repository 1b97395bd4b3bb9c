"""What the numbers of an evaluation mean, in words: written beside them, so that nobody has to guess."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from auxcpvloss.metrics.comparison import Comparison
from auxcpvloss.metrics.detection_scores import limit_in_words
from auxcpvloss.metrics.ignored import RULE
from auxcpvloss.metrics.table import metrics_of

EMPTY = (
    "a volume without true nuclei has counts, but no ratios: it counts in no mean, and its false positives count in "
    "the pooled scores (in the table of the volume every ratio is 1 if nothing was found, else 0); elsewhere 0 / 0 is "
    "0; a class of by_size or by_density without nuclei has no ratios"
)
AVERAGING = (
    "mean: over the volumes with nuclei that have the score, each counting the same (the paper's way); pooled: of the "
    "counts and sums of all volumes together, each nucleus counting the same"
)


def metric_card(comparison: Comparison, more: Collection[str] = ()) -> dict[str, str]:
    """Say what the scores that `as_table` gives mean, a text each."""
    cards = [each.card(comparison) if callable(each.card) else each.card for each in metrics_of(comparison, more)]
    texts = {name: text for card in cards for name, text in card.items()}
    rule = "" if comparison.ignored is None else f"; {RULE}"
    return {**texts, "ignored": _ignored(comparison) + rule, "empty": EMPTY}


def _ignored(comparison: Comparison) -> str:
    if not comparison.foreground_only:
        only_points = "the outlines of the predicted instances: the ground truth has points only"
        return "nothing but the background, label 0" if comparison.has_masks else only_points
    if comparison.has_masks:
        return "predicted voxels where the ground truth has background (foreground_only)"
    return f"predicted centers that are not {limit_in_words(comparison)} from an annotated point (foreground_only)"


def card_of_volumes(cards: Iterable[Mapping[str, str]]) -> str:
    """Put the cards of several volumes together, a line a text; where volumes differ there are several lines."""
    lines = [f"{name}: {text}" for card in cards for name, text in card.items()]
    return "\n".join(dict.fromkeys([*lines, f"averaging: {AVERAGING}"])) + "\n"
