"""Which results depend on which key: by status, for all of them, and for some by what is made again."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import toml

from auxcpvloss.cli import main
from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import State
from auxcpvloss.methods import METHODS
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.status import rows
from tests import TEST_BACKEND
from tests.config.test_key_usage import keys
from tests.conftest import blobs, merge
from tests.edits import write_without_checksum
from tests.stages.conftest import EVERY_STAGE as BASE
from tests.stages.key_effects import NOTHING, SHOWN, effects

EVERY = list(keys(type(load([]))))


@pytest.fixture(scope="module")
def root(every_stage, tmp_path_factory) -> Path:
    """Root with an experiment, `e`, that every stage was run for; beside it a folder of other volumes."""
    folder = tmp_path_factory.mktemp("effects")
    shutil.copytree(every_stage / "root", folder / "root")
    for kind in ("images", "masks"):
        (folder / "others" / kind).mkdir(parents=True)
        for number, name in enumerate("pqrst"):
            labels = blobs((20, 20, 24), 3, seed=number).astype(np.uint8)
            tifffile.imwrite(folder / "others" / kind / f"{name}.tif", labels, photometric="minisblack")
    return folder


def tables(change: Mapping[str, Any]) -> dict[str, Any]:
    """Nested tables of dotted keys."""
    nested: dict[str, Any] = {}
    for key, value in change.items():
        *above, last = key.split(".")
        table = nested
        for part in above:
            table = table.setdefault(part, {})
        table[last] = value
    return nested


def changed(root: Path, change: Mapping[str, Any], name: str = "e") -> Experiment:
    # A list takes the place of those that it does not go with.
    base = merge(BASE, {"validation": {"fg_thresh": [], "seed_thresh": []}}) if set(change) & LISTS else BASE
    return Experiment(root / "root" / name, load([ConfigFile("test", merge(base, tables(change)))]))


LISTS = {f"validation.{name}" for name in METHODS["threeclass_cpv"].params.model_fields} - {
    "validation.fg_thresh",
    "validation.seed_thresh",
}


def stale(experiment: Experiment) -> dict[str, list[State]]:
    found: dict[str, list[State]] = {}
    for item in rows(Run(experiment, planning=True)):
        if item.state.kind != "whole":
            found.setdefault(item.stage, []).append(item.state)
    return found


def test_every_key_of_the_configuration_is_in_the_table():
    assert set(EVERY) == set(effects("", "", ""))


def test_a_key_makes_stale_what_depends_on_it_and_nothing_else(root):
    """All keys, each in turn, and in words; those of no effect on results all at once, too."""
    table = effects(str(root / "others"), str(root / "root/e/train/checkpoints/00000001.keras"), str(root / "root/e"))
    assert stale(changed(root, {})) == {}
    for stages in (NOTHING, SHOWN):
        alike = [effect.change for effect in table.values() if effect.stages == stages]
        assert len(alike) > 1
        assert set(stale(changed(root, {key: value for change in alike for key, value in change.items()}))) == stages
    wrong = {}
    for key, effect in table.items():
        if effect.stages != NOTHING:
            found = stale(changed(root, effect.change))
            told = "; ".join(state.why for states in found.values() for state in states)
            if set(found) != effect.stages or effect.words not in told:
                wrong[key] = (sorted(set(found) ^ effect.stages), told)
    assert not wrong, "\n".join(f"{k}: {v}" for k, v in wrong.items())


def written(folder: Path) -> dict[str, tuple[int, int]]:
    """Which file each result is, and when it was written."""
    files = {str(path.relative_to(folder)): path.stat() for path in folder.rglob("*") if path.is_file()}
    return {
        name: (stat.st_ino, stat.st_mtime_ns)
        for name, stat in files.items()
        if name not in ("run.log", "config.toml", "provenance.json", "records.json")
        and not name.startswith("superseded/")
    }


def ran(root: Path, copy: Path, change: Mapping[str, Any], *more: str) -> tuple[int, set[str], Path]:
    """Run all stages with a change on a copy; the folders of what was made again."""
    if not copy.exists():
        shutil.copytree(root / "root", copy)
    config = copy.parent / "e.toml"
    config.write_text(toml.dumps(merge(BASE, tables(change))))
    before = written(copy / "e")
    status = main(["-c", str(config), "-r", str(copy), "-d", "all", *more])
    after = written(copy / "e")
    made = {name for name, stat in after.items() if before.get(name) != stat}
    return status, {"/".join(name.split("/")[:2]) for name in made if not name.endswith("made_from.json")}, copy / "e"


VALIDATION = {"val/scores.csv", "val/selection.toml"}
RERUNS = {
    "evaluation.summary": (["confusion_matrix.avAP"], {"test/evaluated", "report.html"}),
    "postprocessing.output_format": ("zarr", {"test/instanced", "report.html"}),
    "evaluation.metric": ("confusion_matrix.hoefener.AP", VALIDATION | {"report.html"}),
    "evaluation.foreground_only": (True, VALIDATION | {"val/evaluated", "test/evaluated", "report.html"}),
    "prediction.dtype": ("float16", VALIDATION | {f"{s}/{k}" for s in ("val", "test") for k in ("processed", "evaluated")} | {"test/instanced", "report.html"}),
    "training.log_every": (2, {"report.html"}),
    "general.logging": ("error", set()),
}  # fmt: skip


@pytest.mark.parametrize(("key", "value", "made"), [(key, *each) for key, each in RERUNS.items()], ids=RERUNS)
def test_only_what_depends_on_a_key_is_made_again(root, tmp_path, capfd, key, value, made):
    if TEST_BACKEND != "tensorflow" and key in ("evaluation.metric", "evaluation.foreground_only"):
        pytest.skip("with the weights of another backend, another checkpoint is the best by this key")
    status, again, folder = ran(root, tmp_path / "root", {key: value})
    text = capfd.readouterr().out
    assert (status, again) == (0, made)
    # In words, a line for each kind of result, and what was there is kept.
    lines = [line for line in text.splitlines() if f"made again: {key} was" in line]
    assert (len(lines), bool(lines)) == (len(set(lines)), bool(made))
    assert (folder / "superseded").is_dir() == bool(made)
    if made:
        assert text.count("earlier results are kept in") == 1
        (kept,) = (folder / "superseded").iterdir()
        moved = {"/".join(path.relative_to(kept).parts[:2]) for path in kept.rglob("*") if path.is_file()}
        assert moved == made | {"config.toml"}
    # But for the stages that run by name only.
    assert stale(changed(tmp_path, {key: value})).keys() <= {"cross_validate", "visualize", "export"}


def test_with_overwrite_what_is_stale_is_replaced_and_a_training_too(root, tmp_path, capfd):
    """Nothing is kept then; the flag counts for one command, so that the next one does not delete either."""
    status, again, folder = ran(root, tmp_path / "root", {"optimizer.lr": 0.002}, "--overwrite")
    text = capfd.readouterr().out
    assert status == 0
    assert (
        "training starts from the beginning because optimizer.lr was 0.001, is 0.002; the earlier weights and results are deleted"
        in text
    )
    assert {"train/checkpoints", "train/network.json", "val/processed", "test/evaluated"} <= again
    assert not (folder / "superseded").exists()
    assert "overwrite = false" in (folder / "config.toml").read_text()
    checkpoints = written(folder / "train" / "checkpoints")
    status, again, _ = ran(root, tmp_path / "root", {"optimizer.lr": 0.002}, "--overwrite")
    # What is whole is made again, but not the weights.
    assert {"train/network.json", "val/scores.csv", "val/selection.toml", "test/instanced"} <= again
    assert written(folder / "train" / "checkpoints") == checkpoints
    assert not (folder / "superseded").exists()


def test_stale_results_are_not_used_by_stages_that_do_not_make_them(root, tmp_path, capfd):
    shutil.copytree(root / "root", tmp_path / "root")
    before = written(tmp_path / "root" / "e")

    def refused(key: str, value: Any, *stages: str) -> str:
        (tmp_path / "e.toml").write_text(toml.dumps(merge(BASE, tables({key: value}))))
        assert main(["-c", str(tmp_path / "e.toml"), "-r", str(tmp_path / "root"), "-d", *stages]) == 2
        return capfd.readouterr().err

    for stage in ("predict", "label", "evaluate", "visualize", "export"):
        error = refused("postprocessing.min_size", 7, stage)
        assert "selection.toml: selected before a change: postprocessing.min_size was 0, is 7" in error
        assert "Run the stage validate_checkpoints" in error
    error = refused("prediction.dtype", "float16", "label", "--test-checkpoint", "last")
    assert "there is no prediction" in error or "prediction.dtype was 'float32', is 'float16'. Run the stage predict" in error  # fmt: skip
    error = refused("optimizer.lr", 0.002, "predict")
    assert "contains checkpoints of another training: optimizer.lr was 0.001, is 0.002" in error
    assert written(tmp_path / "root" / "e") == before


def test_other_versions_of_libraries_are_told_once_and_change_nothing(root, tmp_path, capfd):
    shutil.copytree(root / "root", tmp_path / "root")
    for name in ("train/network.json", "train/made_from.json"):
        path = tmp_path / "root" / "e" / name
        write_without_checksum(path, re.sub(r'"keras": "[^"]*"', '"keras": "1.2.3"', path.read_text()))
    status, again, _ = ran(root, tmp_path / "root", {})
    assert (status, again) == (0, set())
    assert capfd.readouterr().out.count("whole results, made with keras 1.2.3, now 3") == 1
