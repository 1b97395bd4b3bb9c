"""Voxels and nuclei of the test volumes beside those that the network was trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from auxcpvloss.data.samples import Sample
from auxcpvloss.data.voxel_sizes import sides
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.outcome import Outcome
from auxcpvloss.experiment.trained_on import FACTOR, diameter, other_voxels, training_diameter, training_voxel_sizes
from auxcpvloss.looking.table import Cell, DisplayTable

NOTE = (
    "Sides of voxels along z, y, x, and diameters of balls (in images, discs) of the size of the median nucleus, in "
    f"voxels, as the network sees them. Diameters that differ by more than a factor of {FACTOR:g} are pointed out."
)


def compare_sizes(
    experiment: Experiment, samples: Sequence[Sample], read: Callable[[Sample], Outcome]
) -> tuple[DisplayTable, list[str]]:
    """Give a table of test volumes and training volumes, and warnings where they differ."""
    trained, words = training_diameter(experiment), list(other_voxels(experiment, samples))
    rows: list[list[Cell]] = []
    for sample in samples:
        # A point has no size.
        sizes = _sizes(read(sample)) if experiment.method.task == "segmentation" else np.empty(0)
        found = diameter(float(np.median(sizes)) * _growth(sample), sample.shape) if len(sizes) else None
        rows.append([sample.name, sides(sample.voxel_size), found])
        if found and trained and not 1 / FACTOR <= found / trained <= FACTOR:
            words.append(
                f"{sample.name}: the instances that were found have a median diameter of {found:.3g} voxels, nuclei of "
                f"the training volumes {trained:.3g}. A network finds nuclei of the size that it was trained on: "
                "resample the images (data.target_voxel_size), or correct data.voxel_size."
            )
    voxels = ", ".join(sorted(set(map(sides, training_voxel_sizes(experiment))))) or None
    totals = [["training volumes", voxels, trained]]
    return DisplayTable("Sizes", ["volume", "voxel size", "median diameter"], rows, totals, NOTE), words


def _sizes(outcome: Outcome) -> np.ndarray:
    if outcome.comparison and outcome.comparison.has_masks:
        return outcome.comparison.overlaps.predicted_sizes
    return np.unique(outcome.instances[outcome.instances > 0], return_counts=True)[1]


def _growth(sample: Sample) -> float:
    """How many voxels of the network a voxel of the files is."""
    axes = slice(1 if sample.shape[0] == 1 else 0, None)
    return float(np.prod(np.divide(sample.original.voxel_size, sample.voxel_size)[axes]))
