"""The scores of a volume as nested tables, under the names that the original software gave them.

A metric then has a dotted path, such as ``confusion_matrix.th_0_5.AP`` or ``confusion_matrix.hoefener.AP``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import reduce
from operator import getitem
from typing import Any

from auxcpvloss.metrics import THRESHOLDS, Counts, Scores, Strata, Stratum, pool, pool_scores
from auxcpvloss.metrics.detection import MATCHINGS
from auxcpvloss.metrics.strata import DENSITIES, SIZES

Table = Mapping[str, Any]


def as_table(matching: str, detection: Counts, segmentation: Scores | None = None) -> dict[str, Any]:
    """Write scores as nested tables.

    Parameters
    ----------
    matching : str
        How points were matched, one of `detection.MATCHINGS`.
    detection : Counts
        Of points.
    segmentation : Scores, optional
        Of instances; left out where there are no masks to compare, and so are their tables and avAP.
    """
    general: dict[str, Any] = {
        "num_gt": detection.tp + detection.fn,
        "num_pred": detection.tp + detection.fp,
        "num_points": detection.tp + detection.fp,
        "empty_prediction": detection.tp + detection.fp == 0,
    }
    if segmentation is None:
        return {"general": general, "confusion_matrix": {matching: _cell(detection)}}
    general["avAP"] = segmentation.av_ap
    thresholds = {threshold_key(threshold): _cell(counts) for threshold, counts in segmentation.counts.items()}
    quality = {
        "PQ": segmentation.pq,
        "SEG": segmentation.seg,
        "mean_matched_iou": segmentation.mean_matched_iou,
        "mean_true_iou": segmentation.mean_true_iou,
        "splits": segmentation.splits,
        "merges": segmentation.merges,
    }
    return {
        "general": general,
        "confusion_matrix": {"avAP": segmentation.av_ap, **thresholds, matching: _cell(detection)},
        "quality": quality,
        **{name: _strata(strata) for name, strata in segmentation.strata.items()},
    }


def pooled(matching: str, tables: Sequence[Table]) -> dict[str, Any]:
    """Give the table of several volumes together, as if all nuclei were of one; each volume as far as it was scored."""
    segmented = [_scores(table) for table in tables if "quality" in table]
    detection = pool(_counts(table["confusion_matrix"][matching]) for table in tables)
    return as_table(matching, detection, pool_scores(segmented) if segmented else None)


def value_at(table: Table, path: str) -> Any:
    """Give the number at a dotted path.

    Raises
    ------
    KeyError
        The volume has no such score.
    """
    return reduce(getitem, path.split("."), table)


def number_paths(table: Table, at: str = "") -> Iterator[str]:
    """Give the dotted paths of all numbers in a table."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from number_paths(value, f"{at}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{at}{key}"


def metric_paths(matchings: Collection[str] = MATCHINGS, segmentation: bool = True) -> list[str]:
    """Give the dotted paths of all numbers that tables of volumes can have.

    Parameters
    ----------
    matchings : collection of str
        The paths with any of these.
    segmentation : bool
        Whether also those that need masks.
    """
    nothing = Counts(0, 0, 0)
    classes = {"by_size": SIZES, "by_density": DENSITIES}
    # A class without nuclei has no ratios, so here each has one.
    strata = {name: Strata((), dict.fromkeys(each, Stratum(1, 1, 1, 1))) for name, each in classes.items()}
    instances = Scores(dict.fromkeys(THRESHOLDS, nothing), 0.0, 0.0, 0, 0, strata) if segmentation else None
    return list(dict.fromkeys(path for name in matchings for path in number_paths(as_table(name, nothing, instances))))


def threshold_key(threshold: float) -> str:
    """Name of the table of an IoU threshold: ``th_0_5``."""
    return f"th_{threshold}".replace(".", "_")


def _cell(counts: Counts) -> dict[str, float]:
    return {
        "AP": counts.ap,
        "TP": counts.tp,
        "FP": counts.fp,
        "FN": counts.fn,
        "precision": counts.precision,
        "recall": counts.recall,
        "fscore": counts.f1,
    }


def _strata(strata: Strata) -> dict[str, Any]:
    """Write classes of nuclei; ratios are left out where there is nothing to divide by."""
    table: dict[str, Any] = {"edges": list(strata.edges)} if strata.edges else {}
    for name, each in strata.classes.items():
        table[name] = {"num_gt": each.num_truth, "found": each.found}
        if each.num_truth:
            table[name]["recall"] = each.found / each.num_truth
        if each.found:
            table[name]["mean_matched_iou"] = each.sum_iou / each.found
        table[name] |= {"num_pred": each.num_predicted, "right": each.right}
        if each.num_predicted:
            table[name]["precision"] = each.right / each.num_predicted
    return table


def _scores(table: Table) -> Scores:
    """Read scores of instances back; sums are means times what they are means of."""
    counts = {threshold: _counts(table["confusion_matrix"][threshold_key(threshold)]) for threshold in THRESHOLDS}
    quality, middle = table["quality"], counts[0.5]
    return Scores(
        counts=counts,
        sum_matched_iou=quality["mean_matched_iou"] * middle.tp,
        sum_seg=quality["SEG"] * (middle.tp + middle.fn),
        splits=quality["splits"],
        merges=quality["merges"],
        strata={name: _read_strata(table[name]) for name in ("by_size", "by_density")},
    )


def _read_strata(table: Table) -> Strata:
    classes = {name: cell for name, cell in table.items() if name != "edges"}
    return Strata(
        tuple(table.get("edges", ())),
        {
            name: Stratum(
                num_truth=cell["num_gt"],
                found=cell["found"],
                num_predicted=cell["num_pred"],
                right=cell["right"],
                sum_iou=cell.get("mean_matched_iou", 0.0) * cell["found"],
            )
            for name, cell in classes.items()
        },
    )


def _counts(cell: Mapping[str, Any]) -> Counts:
    return Counts(tp=cell["TP"], fp=cell["FP"], fn=cell["FN"])
