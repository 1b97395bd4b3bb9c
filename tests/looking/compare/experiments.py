"""Evaluated experiments on disk, with the scores that one wants: written by what the stages write with."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import toml

from auxcpvloss.config import write
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import Result, Stored, record_beside
from auxcpvloss.experiment.selection_file import Selection, write_selection
from auxcpvloss.experiment.validation import grids
from auxcpvloss.metrics import THRESHOLDS, Counts
from auxcpvloss.system.files import write_text
from tests.conftest import configure, merge
from tests.metrics.volumes import table_with

NUCLEI = 1000


def found(ap: float) -> Counts:
    """Counts of an AP, to three digits."""
    tp = round(NUCLEI * ap)
    return Counts(tp, 0, NUCLEI - tp)


def write_experiment(
    root: Path,
    name: str,
    method: str,
    scores: Mapping[str, float],
    seed: int = 1,
    weights: str = "",
    truth: Mapping[str, Any] | None = None,
    scored: Mapping[str, Any] | None = None,
    chosen: Mapping[str, Any] | None = None,
    **config: Any,
) -> Path:
    """Write an experiment that was evaluated on its test volumes.

    `scores`: of each volume the AP at every threshold; that of detection is 0.05 higher. `truth`, `scored`: changes of
    what is recorded of volumes and of the evaluation. `chosen`: parameters that validation chose.
    """
    tables = merge({"model": {"method": method}, "general": {"seed": seed}}, config)
    experiment = Experiment(root / name, configure(**tables))
    write(experiment.config, experiment.folder / "config.toml")
    params = experiment.params.model_copy(update=dict(chosen or {}))
    weights = weights or f"weights of {name}"
    made_from = {
        "checkpoints": {"2": "earlier weights", "4": weights},
        "validation": grids(experiment),
        "postprocessing": {"min_size": params.model_dump().get("min_size", 0)},
    }
    if experiment.config.validation.trained_models:
        made_from = {"checkpoints": [2, 4], "trained_models": experiment.config.validation.trained_models}
    write_selection(experiment, Selection(4, params), list(chosen or {}), 0.5, made_from, {})
    matching = experiment.config.evaluation.detection
    options: dict[str, Any] = {"detection": matching, "foreground_only": False}
    if experiment.method.task == "segmentation":
        options["use_linear_sum_assignment"] = True
    records: dict[str, Any] = {}
    folder = experiment.evaluated("test", 4, params)
    for volume, ap in scores.items():
        source = {"checksum": f"of {volume}", "gt_key": "volumes/gt_labels", "padding": [0, 0, 0], "voxel_size": [1.0] * 3}  # fmt: skip
        records[volume] = {
            "version of evaluate": 2,
            "instances": {"method": method, "predicted": {"checkpoint": weights}},
            "truth": {**source, **(truth or {})},
            "evaluation": {**options, **(scored or {})},
        }
        outlines = None if method == "gauss" else dict.fromkeys(THRESHOLDS, found(ap))
        table = table_with(found(min(ap + 0.05, 1)), matching, outlines)
        record = {"made_from": json.dumps(records[volume]), "made_with": "{}"}
        write_text(folder / f"{volume}.toml", toml.dumps({**record, **table}))
    write_text(folder / "summary.csv", "volume\n")
    summed = {"version of evaluate": 2, "evaluation": {}, "predictions": records}
    record_beside(Result("evaluate", "summary", "", (folder / "summary.csv",), summed, Stored()), {})
    return experiment.folder


VOLUMES = {"worm_1": 0.70, "worm_2": 0.60, "worm_3": 0.80}
NOISE = [[4, -3, 1], [-5, 2, 2], [3, 1, -4]]
"""Thousandths, of three runs on three volumes."""


def write_runs(root: Path, method: str, difference: float = 0.0, shift: int = 0, **config: Any) -> list[Path]:
    """Write three runs of a method."""
    return [
        write_experiment(
            root,
            f"{method}_seed{seed}",
            method,
            {
                name: ap + difference + NOISE[(seed + shift) % 3][(place + shift) % 3] / 1000
                for place, (name, ap) in enumerate(VOLUMES.items())
            },
            seed=seed,
            **config,
        )
        for seed in (1, 2, 3)
    ]
