"""The numbers of the paper (Hirsch & Kainmueller 2020, Tables 1 to 3), which stand beside one's own."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from auxcpvloss.looking.compare.runs import Group

NAME = "paper (L1)"
"""Their name in tables: 7 test volumes of C. elegans L1, 3 runs per method."""


@cache
def _numbers() -> dict[tuple[str, str, str], float]:
    text = (files(__package__) / "paper_tables.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {(row["task"], row["method"], row["metric"]): float(row["value"]) for row in rows}


def segmentation(method: str, metric: str, seeds: str = "main", validated_on: str = "segmentation") -> float | None:
    """Give what the paper has for a score of instances, ``avAP`` or ``AP_0.5``; None if it has nothing."""
    usual = (seeds, validated_on) == ("main", "segmentation")
    variant = "" if usual else f" seeds={seeds} validated_on={validated_on}"
    return _numbers().get(("segmentation", method, f"{metric}{variant}"))


def detection(method: str, seeds: str, validated_on: str) -> float | None:
    """Give what the paper has for the AP of detection; None if it has nothing."""
    return _numbers().get(("detection", method, f"AP seeds={seeds} validated_on={validated_on}"))


def segmentation_of(group: Group, metric: str) -> float | None:
    """Give what the paper has for the method of a group, validated as this one was."""
    run = group.runs[0]
    return segmentation(run.method, metric, run.seeds, run.validated_on)


def detection_of(group: Group) -> float | None:
    """Give the same for the AP of detection; the paper has it for its own way to match points only."""
    run = group.runs[0]
    return detection(run.method, run.seeds, run.validated_on) if run.matching == "hoefener" else None
