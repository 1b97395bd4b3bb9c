"""Run the experiments of a study, and keep the scores of their test volumes."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import toml

from auxcpvloss.config.tables.denoising import Scheme
from auxcpvloss.looking.compare.reading import read_run
from auxcpvloss.sweep.expand import merged
from auxcpvloss.system.files import write_text
from study.folders import fold_folder
from study.plan import BASELINE_PROGRAMS, Run, Study, StudyError, Variant
from study.scores import COUNTED
from study.taken_over import take_over_pretraining, take_over_training

REPOSITORY = Path(__file__).parents[2]
PROGRAM = REPOSITORY / "run_auxcpvloss.py"
PLACE = (REPOSITORY / ".benchmarks").resolve() / "studies"
RESULTS = REPOSITORY / "docs" / "results"
BASELINES = REPOSITORY / "scripts" / "baselines"
STAGES = ("train", "validate_checkpoints", "predict", "label", "evaluate")

Record = dict[str, Any]
"""Of one run: variant, fold, seed, iterations, minutes of training, what was selected, and scores by volume."""


def records_of(study: Study, results: Path = RESULTS) -> list[Record]:
    """Read what is kept of a study."""
    path = results / f"{study.name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def is_kept(run: Run, records: list[Record]) -> bool:
    """Tell whether the scores of a run are kept."""
    key = (run.variant.name, run.fold.number, run.seed)
    return any((each["variant"], each["fold"], each["seed"]) == key for each in records)


def perform(run: Run) -> Record:
    """Train, validate and score; what is there already is not made again."""
    place = PLACE / run.study.name
    root = place / "experiments"
    data = fold_folder(run.study, run.fold, place)
    keys = merged(merged(run.study.base, run.variant.keys), {"data": {"path": str(data)}})
    config = place / f"{run.name}.toml"
    config.write_text(toml.dumps(keys), encoding="utf-8")
    ours = ["-r", str(root), "-id", run.name, "--seed", str(run.seed)]
    if run.variant.program in BASELINE_PROGRAMS:
        like = f"volumes_fold{run.fold.number}"
        _call(PROGRAM, "-c", config, "-r", root, "-id", like, "-d", "prepare", "mknet")
        script = BASELINES / run.variant.program / "run.py"
        _call(script, "--like", root / like, *length_of(run.variant), "--seed", run.seed, "-id", run.name)
        _call(PROGRAM, *ours[:4], "-d", "evaluate")
        return {**_key(run), **_baseline(root / "baselines" / run.name), "scores": scores_of(root / run.name)}
    if run.variant.program == "configure":
        configure(run, data, config)
    if run.training:
        take_over_training(root / run.training, root / run.name)
    if "pretrain" in stages_of(keys):
        take_over_pretraining(run, keys, root)
    _call(PROGRAM, "-c", config, *ours, "-d", *stages_of(keys))
    trained = root / (run.training or run.name)
    return {**_key(run), **_selected(root / run.name, trained), "scores": scores_of(root / run.name)}


def stages_of(keys: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the stages of a run: those of its scheme, too."""
    scheme = keys.get("scheme", {}).get("name")
    return STAGES if scheme is None else (*Scheme(name=scheme, alpha=0.5).stages, *STAGES)


def configure(run: Run, data: Path, config: Path) -> None:
    """Let the program write the configuration for the volumes of a fold; the variant's own keys are added to it."""
    given = config.with_suffix(".data.toml")
    given.write_text(toml.dumps({"data": run.study.base.get("data", {})}), encoding="utf-8")
    length = ("--iterations", run.variant.steps) if run.variant.steps else ("--minutes", run.variant.minutes)
    _call(PROGRAM, "configure", data, "-c", given, *length, "--overwrite", "-o", config)
    written = tomllib.loads(config.read_text(encoding="utf-8"))
    config.write_text(toml.dumps(merged(written, run.variant.keys)), encoding="utf-8")


def length_of(variant: Variant) -> tuple[str, float]:
    """Say how long another program is to train, in words of its command line."""
    return ("--steps", variant.steps) if variant.steps else ("--minutes", variant.minutes)


def _call(script: Path, *arguments: object) -> None:
    command = [sys.executable, str(script), *map(str, arguments)]
    if subprocess.run(command, env={"TF_ENABLE_ONEDNN_OPTS": "1", **os.environ}, check=False).returncode:
        raise StudyError(f"failed: {' '.join(command)}")


def _key(run: Run) -> Record:
    return {"variant": run.variant.name, "fold": run.fold.number, "seed": run.seed}


def _baseline(folder: Path) -> Record:
    made = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    selected = {"steps": made["steps"], "params": made["thresholds"]}
    return {"selected": selected, "minutes": round(made["seconds"] / 60, 2)}


def _selected(experiment: Path, trained: Path) -> Record:
    selection = tomllib.loads((experiment / "val" / "selection.toml").read_text(encoding="utf-8"))
    selected = {key: selection[key] for key in ("checkpoint", "params", "score")}
    return {"selected": selected, "minutes": _minutes_of_training(trained)}


def scores_of(experiment: Path) -> dict[str, dict[str, Any]]:
    """Read the scores of the test volumes of a finished experiment, with what validation selected last."""
    scores = {}
    for volume, table in sorted(read_run(experiment).scores.items()):
        found = table["confusion_matrix"]
        values = {f"AP_0.{i}": found[f"th_0_{i}"]["AP"] for i in range(1, 10) if f"th_0_{i}" in found}
        values |= {"avAP": found["avAP"]} if "avAP" in found else {}
        values["detection_AP"] = found["hoefener"]["AP"]
        values |= {"SEG": table["quality"]["SEG"]} if "SEG" in table.get("quality", {}) else {}
        rounded: dict[str, Any] = {key: round(value, 4) for key, value in values.items()}
        at = {iou: found[f"th_{iou.replace('.', '_')}"] for iou in COUNTED if f"th_{iou.replace('.', '_')}" in found}
        counts = {iou: [counted[key] for key in ("TP", "FP", "FN")] for iou, counted in at.items()}
        scores[volume] = {**rounded, "counts": counts} if counts else rounded
    return scores


def keep(study: Study, record: Record) -> None:
    """Add a record to those that are kept; other processes may do the same."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / f"{study.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = [*records_of(study, RESULTS), record]
        records = sorted(kept, key=lambda each: (each["variant"], each["fold"], each["seed"]))
        lines = ",\n".join(json.dumps(each) for each in records)
        # Who only reads does not wait for the lock.
        write_text(RESULTS / f"{study.name}.json", f"[\n{lines}\n]\n")


def _minutes_of_training(experiment: Path) -> float:
    """Read how long the stage train took, of all commands that trained."""
    provenance = json.loads((experiment / "provenance.json").read_text(encoding="utf-8"))
    stages = [stage for command in provenance["commands"] for stage in command["stages"]]
    return round(sum(stage.get("seconds", 0.0) for stage in stages if stage["stage"] == "train") / 60, 2)
