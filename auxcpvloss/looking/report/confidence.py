"""How far probabilities of being right can be trusted, and which instances to look at first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from auxcpvloss.experiment.calibration_file import FEW, Listed, read_calibration, read_proofreading
from auxcpvloss.looking.figures.layout import encode
from auxcpvloss.looking.figures.reliability import reliability_diagram
from auxcpvloss.looking.report.atlas import data_uri
from auxcpvloss.looking.report.page import Picture, Section
from auxcpvloss.looking.table import DisplayTable
from auxcpvloss.metrics.reliability import Bin, expected_calibration_error, reliability

SHOWN = 25
"""Number of instances listed; the file has all."""
COLUMNS = ("volume", "id", "z", "y", "x", "voxels", "confidence", "probability right", "expected gain")
NOTE = (
    "Sorted by how much AP at IoU 0.5 of the volume is expected to rise if the instance is looked at, and corrected "
    "where it is wrong. Positions are in voxels."
)


def confidence_section(learned: Path, listing: Path) -> Section:
    """Show what the stage calibrate learned, how it came true, and the instances that promise most."""
    calibration, listed = read_calibration(learned), read_proofreading(listing)
    text = [
        "The probability that an instance is right was learned from the validation volumes: from how sure the network "
        f"is, and from its size ({calibration.instances} instances, {calibration.right} of them right)."
    ]
    if calibration.instances < FEW:
        text.append("These are few, so probabilities are rough.")
    table = _came_true(listed)
    if table:
        number, error = sum(each.instances for each in table), expected_calibration_error(table)
        text.append(
            f"Expected calibration error on {number} instances of the test volumes: {error:.3f}. It is the mean "
            "difference between what was said and what came true, in bins of probability."
        )
    pictures = [_diagram(table)] if table else []
    text.append(f"All instances: {listing.name}, beside the scores of the test volumes.")
    return Section("confidence", "Confidence", text, [_first(listed)], pictures)


def _came_true(listed: Sequence[Listed]) -> list[Bin]:
    known = [each for each in listed if each.right]
    said = np.array([each.probability_right for each in known], np.float64)
    return reliability(said, np.array([each.right == "1" for each in known], bool))


def _diagram(table: Sequence[Bin]) -> Picture:
    what = "; ".join(f"{each.right:.2f} right where {each.probability:.2f} was said" for each in table)
    return Picture(data_uri("png", encode(reliability_diagram(table))), "Reliability on the test volumes.", what)


def _first(listed: Sequence[Listed]) -> DisplayTable:
    rows = [
        (
            each.volume, str(each.id), f"{each.z:.0f}", f"{each.y:.0f}", f"{each.x:.0f}", each.volume_voxels,
            each.confidence, each.probability_right, f"{each.expected_gain:.4f}",
        )
        for each in listed[:SHOWN]
    ]  # fmt: skip
    return DisplayTable("Instances to look at first", COLUMNS, rows, note=NOTE)
