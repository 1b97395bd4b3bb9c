"""How often instances are right, as it was learned on the validation volumes, and the list of those to look at."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, NamedTuple

from auxcpvloss.experiment.configured import TEST
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import Stored, reader, stored_beside
from auxcpvloss.experiment.selection_file import Selection
from auxcpvloss.metrics.calibration import Calibration
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.files import write_text
from auxcpvloss.system.printable import for_spreadsheet, from_spreadsheet

FEW = 100
"""With fewer instances than this, users are told how little was learned from."""


POINTS = ("center", "scale", "weights", "scores", "probabilities")
"""Fields of a calibration that are lists."""


class Listed(NamedTuple):
    """An instance of a test volume: what one can expect of it; `right` is "" where there is no ground truth."""

    volume: str
    id: int
    z: float
    y: float
    x: float
    volume_voxels: int
    confidence: float
    probability_right: float
    expected_gain: float
    right: str


def calibration_path(experiment: Experiment) -> Path:
    """File beside the selection."""
    return experiment.selection_path.with_name("calibration.json")


def proofreading_path(experiment: Experiment, selection: Selection) -> Path:
    """File beside the scores of the test volumes."""
    return experiment.evaluated(TEST, selection.checkpoint, selection.params) / "proofreading.csv"


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Write what was learned."""
    write_text(path, json.dumps(asdict(calibration), indent=1) + "\n")


def read_calibration(path: Path) -> Calibration:
    """Read what was learned; an `InputError` says if the file is damaged, or has other fields."""
    try:
        table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        lists: dict[str, Any] = {key: tuple(map(float, table[key])) for key in POINTS}
        constant = float(table["constant"])
        if set(table) != {field.name for field in fields(Calibration)}:
            raise KeyError
        return Calibration(**lists, constant=constant, instances=int(table["instances"]), right=int(table["right"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        what = f"damaged, or written by another version ({type(error).__name__})"
        raise InputError(f"{path}: {what}. Run the stage calibrate.") from None


@reader
def stored_calibration(path: Path) -> Stored:
    """Read what it was made from; one that another version of the program wrote in another form is not whole."""
    stored = stored_beside(path)
    if stored.record is not None:
        # Its record says nothing of its form.
        read_calibration(path)
    return stored


def write_proofreading(path: Path, listed: Sequence[Listed]) -> None:
    """Write instances, those first that promise most."""
    with_text = [each._replace(volume=for_spreadsheet(each.volume)) for each in listed]
    lines = [",".join(Listed._fields)]
    for each in sorted(with_text, key=lambda each: -each.expected_gain):
        numbers = (f"{each.z:.1f}", f"{each.y:.1f}", f"{each.x:.1f}", str(each.volume_voxels))
        shares = (f"{each.confidence:.4f}", f"{each.probability_right:.4f}", f"{each.expected_gain:.6f}")
        lines.append(",".join((_quoted(each.volume), str(each.id), *numbers, *shares, each.right)))
    write_text(path, "\n".join(lines) + "\n")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text


def read_proofreading(path: Path) -> list[Listed]:
    """Read what `write_proofreading` wrote."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Listed(
                volume=from_spreadsheet(row["volume"]),
                id=int(row["id"]),
                z=float(row["z"]),
                y=float(row["y"]),
                x=float(row["x"]),
                volume_voxels=int(row["volume_voxels"]),
                confidence=float(row["confidence"]),
                probability_right=float(row["probability_right"]),
                expected_gain=float(row["expected_gain"]),
                right=row["right"],
            )
            for row in csv.DictReader(file)
        ]
