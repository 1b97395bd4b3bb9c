"""The scores of a volume as nested tables, under the names that the original software gave them.

A metric then has a dotted path, such as ``confusion_matrix.th_0_5.AP`` or ``confusion_matrix.hoefener.AP``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import reduce
from operator import getitem
from typing import Any

from auxcpvloss.detection import MATCHINGS
from auxcpvloss.metrics import THRESHOLDS, Counts, mean_ap, pool

Table = Mapping[str, Any]


def as_table(matching: str, detection: Counts, segmentation: Mapping[float, Counts] | None = None) -> dict[str, Any]:
    """Write scores as nested tables.

    Parameters
    ----------
    matching : str
        How points were matched, one of `detection.MATCHINGS`.
    detection : Counts
        Of points.
    segmentation : mapping of IoU threshold to Counts, optional
        Of instances; left out where there are no masks to compare, and so are their tables and avAP.
    """
    general: dict[str, Any] = {
        "num_gt": detection.tp + detection.fn,
        "num_pred": detection.tp + detection.fp,
        "num_points": detection.tp + detection.fp,
        "empty_prediction": detection.tp + detection.fp == 0,
    }
    confusion_matrix: dict[str, Any] = {}
    if segmentation is not None:
        general["avAP"] = confusion_matrix["avAP"] = mean_ap(segmentation.values())
        confusion_matrix |= {threshold_key(threshold): _cell(counts) for threshold, counts in segmentation.items()}
    confusion_matrix[matching] = _cell(detection)
    return {"general": general, "confusion_matrix": confusion_matrix}


def pooled(matching: str, tables: Sequence[Table]) -> dict[str, Any]:
    """Give the table of the counts of several volumes together, each volume as far as it has been scored."""
    segmented = [table for table in tables if threshold_key(THRESHOLDS[0]) in table["confusion_matrix"]]
    segmentation = (
        {threshold: _pool(segmented, threshold_key(threshold)) for threshold in THRESHOLDS} if segmented else None
    )
    return as_table(matching, _pool(tables, matching), segmentation)


def value_at(table: Table, path: str) -> Any:
    """Give the number at a dotted path.

    Raises
    ------
    KeyError
        The volume has no such score.
    """
    return reduce(getitem, path.split("."), table)


def metric_paths(matchings: Collection[str] = MATCHINGS, segmentation: bool = True) -> list[str]:
    """Give the dotted paths of all numbers in the tables of volumes.

    Parameters
    ----------
    matchings : collection of str
        The paths with any of these.
    segmentation : bool
        Whether also those that need masks.
    """

    def paths(table: Table, at: str = "") -> Iterator[str]:
        for key, value in table.items():
            if isinstance(value, Mapping):
                yield from paths(value, f"{at}{key}.")
            elif not isinstance(value, bool):
                yield f"{at}{key}"

    nothing = Counts(0, 0, 0)
    instances = dict.fromkeys(THRESHOLDS, nothing) if segmentation else None
    return list(dict.fromkeys(path for name in matchings for path in paths(as_table(name, nothing, instances))))


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


def _pool(tables: Sequence[Table], key: str) -> Counts:
    cells = [table["confusion_matrix"][key] for table in tables]
    return pool(Counts(tp=cell["TP"], fp=cell["FP"], fn=cell["FN"]) for cell in cells)
