"""Training as a stage: validation on the way, early stop, and weights of another experiment."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toml

from auxcpvloss.cli import main
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.training_files import note_files
from auxcpvloss.stages.run import Run
from auxcpvloss.stages.train.preconditions import need_training
from auxcpvloss.system.backends import gpus
from auxcpvloss.system.errors import InputError
from tests import TEST_BACKEND
from tests.conftest import SMALL, TINY, configure, merge
from tests.edits import write_without_checksum
from tests.network.small import skip_without_bfloat16
from tests.stages.test_chain import files, weights

BASE: dict[str, Any] = merge(
    TINY,
    {
        "model": SMALL,
        "data": {"synthetic": {"train": 1, "val": 1, "test": 0, "nuclei": 6}},
        "training": {"max_iterations": 8, "checkpoints": 2, "snapshots": 0, "num_workers": 0},
        # Nothing is as sure as that, so every score is 0.
        "postprocessing": {"fg_thresh": 0.999, "seed_thresh": 0.999},
    },
)
STOPPING = {"training": {"validation_batches": 2, "early_stop": 2}}


def run(folder: Path, name: str, *stages: str, **change: Any) -> int:
    config = folder / "config.toml"
    config.write_text(toml.dumps(merge(BASE, change)))
    return main(["-c", str(config), "-r", str(folder / "root"), "-id", name, "-d", *(stages or ("train",))])


def checkpoints(folder: Path) -> list[int]:
    return Experiment(folder, configure()).checkpoints.iterations()


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "train/validation.csv").open() as file:
        return list(csv.DictReader(file))


def equal(one: Path, other: Path) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(weights(one), weights(other), strict=True))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> Path:
    """Folder with an experiment, `a`, that stopped early."""
    folder = tmp_path_factory.mktemp("stopped")
    assert run(folder, "a", "prepare", "train", **STOPPING) == 0
    return folder


@pytest.fixture
def copy(stopped, tmp_path) -> Path:
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_training_ends_when_the_best_score_is_not_beaten(stopped):
    assert checkpoints(stopped / "root/a") == [2, 4, 6]
    assert [row["iteration"] for row in rows(stopped / "root/a")] == ["2", "4", "6"]
    assert {row["score"] for row in rows(stopped / "root/a")} == {"0"}
    assert {row["metric"] for row in rows(stopped / "root/a")} == {"confusion_matrix.th_0_5.AP"}


def test_the_validation_loss_is_that_of_the_heads_on_other_volumes(stopped):
    logged = [float(row["val_loss"]) for row in rows(stopped / "root/a")]
    for row in rows(stopped / "root/a"):
        parts = float(row["val_threeclass_loss"]) + float(row["val_cpv_loss"])
        assert float(row["val_loss"]) == pytest.approx(parts, rel=1e-4)
    assert len(set(logged)) == 3
    # Of the same patches: it falls as steadily as the network learns, from the weights that TensorFlow draws.
    assert logged == sorted(logged, reverse=True) or TEST_BACKEND != "tensorflow"


def test_what_stopped_early_is_whole(copy, capfd):
    before = files(copy / "root")
    assert run(copy, "a", **STOPPING) == 0
    text = capfd.readouterr().out
    assert "whole already: checkpoint of iteration 6" in text
    assert "stopped early at iteration 6: confusion_matrix.th_0_5.AP = 0.000 of iteration 2 was not exceeded at 2" in text  # fmt: skip
    assert "2 checkpoints; nothing was found correctly with the parameters of [postprocessing]" in text
    assert files(copy / "root") == before


def test_killed_between_two_files_the_record_comes_out_the_same(copy):
    folder = copy / "root/a"
    record = folder / "train/validation.csv"
    text, last = record.read_text(), folder / "train/checkpoints/00000006.keras"
    kept = shutil.copy(last, copy / "kept.keras")
    # After the checkpoint, before the line.
    record.write_text("".join(text.splitlines(keepends=True)[:-1]))
    note_files(Experiment(folder, configure()), [record])
    assert (run(copy, "a", **STOPPING), record.read_text()) == (0, text)
    # After the checkpoint before, in the middle of the iterations.
    last.unlink()
    assert (run(copy, "a", **STOPPING), record.read_text()) == (0, text)
    assert equal(last, Path(kept))


def test_validation_and_early_stop_change_no_weights(copy):
    """And what they predicted serves validate_checkpoints."""
    before = files(copy / "root/a")
    assert run(copy, "a", "train", "validate_checkpoints") == 0
    after = files(copy / "root/a")
    assert checkpoints(copy / "root/a") == [2, 4, 6, 8]
    made = {path for path in after if "val/processed" in str(path) and path not in before}
    assert made
    assert all("/8/" in str(path) for path in made)
    assert run(copy, "b") == 0
    for iteration in (6, 8):
        paths = [copy / f"root/{name}/train/checkpoints/{iteration:08d}.keras" for name in ("a", "b")]
        assert equal(*paths)


def test_scores_by_other_parameters_do_not_count(copy, capfd):
    assert run(copy, "a", **merge(STOPPING, {"postprocessing": {"fg_thresh": 0.99}})) == 0
    assert checkpoints(copy / "root/a") == [2, 4, 6, 8]
    assert "stopped early" not in capfd.readouterr().out


@pytest.mark.parametrize("key", ["validation_batches", "early_stop"])
def test_validation_needs_volumes(tmp_path, capfd, key):
    assert run(tmp_path, "a", "prepare", "train", **{"data": {"synthetic": {"val": 0}}, "training": {key: 1}}) == 2
    assert f"training.{key}: there are no validation volumes" in capfd.readouterr().err
    assert not (tmp_path / "root").exists()


@pytest.mark.parametrize("key", ["validation_batches", "early_stop"])
def test_the_volumes_that_training_looks_at_are_prepared(tmp_path, capfd, key):
    assert run(tmp_path, "a", "train", "--dry-run", training={key: 1}) == 0
    assert "prepare              would do: worm_00, worm_01, not prepared yet" in capfd.readouterr().out
    assert run(tmp_path, "a", "train", "--dry-run") == 0
    assert "prepare              would do: worm_00, not prepared yet" in capfd.readouterr().out


def test_a_plan_says_what_the_stage_would_do(copy, tmp_path, capfd):
    """Nothing, go on, or begin anew: by what is there, as the stage itself decides."""
    assert run(copy, "a", "train", "--dry-run", **STOPPING) == 0
    assert "would do: nothing" in capfd.readouterr().out
    assert run(copy, "a", "train", "--dry-run", **merge(STOPPING, {"data": {"synthetic": {"seed": 2}}})) == 0
    assert "from the beginning because" in capfd.readouterr().out
    assert run(tmp_path, "new", "train", "--dry-run", init={"checkpoint": "nowhere"}) == 2
    assert "nowhere: no such file or folder" in capfd.readouterr().err


def test_where_every_volume_trains_none_can_be_looked_at(tmp_path):
    config = configure(validation={"trained_models": ["/runs/1"]}, training={"early_stop": 1})
    with pytest.raises(InputError, match=r"training\.early_stop: with validation\.trained_models, all volumes are"):
        need_training(Run(Experiment(tmp_path, config)))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"optimizer": {"optimizer": "adamm"}}, "optimizer.optimizer: Keras has no 'adamm'"),
        ({"optimizer": {"options": {"momentum": 0.9}}}, "optimizer.options.momentum"),
        ({"optimizer": {"options": {"momentum": {"a": 1}}}}, "config.toml: optimizer.options.momentum: must be a value"),
        ({"optimizer": {"min_lr": 1.0}}, "config.toml: optimizer.min_lr: must not be above lr, 0.001"),
        ({"optimizer": {"clip_norm": 1.0, "clip_value": 1.0}}, "config.toml: optimizer.clip_value: cannot be combined with clip_norm"),
        ({"init": {"checkpoint": "nowhere"}}, "nowhere: no such file or folder"),
        ({"init": {"checkpoint": "/"}}, "init.checkpoint: /: not the folder of an experiment"),
        ({"training": {"precision": "mixed_float16"}}, "mixed_float16"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stages", [["prepare", "mknet"], ["train"]])
def test_before_anything_is_written(tmp_path, capfd, change, expected, stages):
    assert run(tmp_path, "a", *stages, **change) == 2
    assert expected in capfd.readouterr().err
    assert not (tmp_path / "root").exists()


def tuned(copy: Path, source: str, **init: Any) -> dict[str, Any]:
    return {"init": {"checkpoint": str(copy / "root" / source), **init}, "general": {"seed": 7}}


def test_the_weights_of_another_experiment_are_begun_with(copy, capfd):
    """Those that its validation selected, else the newest; what was and was not loaded is said and recorded."""
    change = tuned(copy, "a", skip=["heads"])
    assert run(copy, "b", **merge(change, {"optimizer": {"lr": 1e-30}, "training": {"max_iterations": 1}})) == 0
    text = capfd.readouterr().out
    assert "starting with the weights of" in text
    assert "00000006.keras" in text
    assert "loaded 4 of 6 layers" in text
    assert "not loaded: heads/threeclass, heads/cpv (init.skip)" in text
    # After a step of nothing they still are the source's.
    began, source = (weights(copy / f"root/{p}.keras") for p in ("b/train/checkpoints/00000001", "a/train/checkpoints/00000006"))  # fmt: skip
    assert [a.shape for a, b in zip(began, source, strict=True) if a.ndim == 5 and np.array_equal(a, b)] == [
        (3, 3, 3, 1, 2), (3, 3, 3, 2, 4), (1, 1, 1, 4, 2), (3, 3, 3, 4, 2)
    ]  # fmt: skip
    record = json.loads((copy / "root/b/train/made_from.json").read_text())
    assert record["initial"]["path"].endswith("00000006.keras")
    (copy / "root/a/val/selection.toml").write_text(toml.dumps({"checkpoint": 4}))
    assert run(copy, "c", **merge(change, {"training": {"max_iterations": 1}})) == 0
    assert "00000004.keras" in capfd.readouterr().out


@pytest.mark.chaos
def test_a_finetuning_goes_on_as_if_nobody_had_disturbed_it(copy, capfd):
    """In and after the phase in which layers are frozen; also where the source is gone, but not with another one."""
    change = tuned(copy, "a/train/checkpoints/00000006.keras", skip=["heads"], freeze_iterations=3)
    assert run(copy, "whole", **change) == 0
    for last in (2, 4):
        assert run(copy, "parts", **merge(change, {"training": {"max_iterations": last}})) == 0
    source = copy / "root/a/train/checkpoints/00000006.keras"
    aside = source.rename(copy / "aside.keras")
    shutil.copy(source.with_name("00000004.keras"), source)
    for other, why in (
        ({}, "the file of init.checkpoint or init.encoder_weights changed"),
        ({"init": {"skip": ["heads/cpv"]}}, "init.skip was ['heads'], is ['heads/cpv']"),
        ({"init": {"checkpoint": ""}}, "init.checkpoint was"),
    ):
        shutil.copytree(copy / "root/parts", copy / "root/other")
        assert run(copy, "other", **merge(change, other)) == 0
        assert f"training starts from the beginning because {why}" in capfd.readouterr().out
        shutil.rmtree(copy / "root/other")
    source.unlink()
    assert run(copy, "parts", **change) == 0
    assert aside.exists()
    assert equal(*(copy / f"root/{name}/train/checkpoints/00000008.keras" for name in ("whole", "parts")))


def test_an_experiment_does_not_begin_with_itself(copy, capfd):
    shutil.rmtree(copy / "root/a/train/checkpoints")
    assert run(copy, "a", **tuned(copy, "a")) == 2
    assert "is the folder of this experiment itself" in capfd.readouterr().err


def test_a_record_from_before_a_key_is_read_as_its_default(copy, capfd):
    path = copy / "root/a/train/made_from.json"
    record = json.loads(path.read_text())
    for key in ("optimizer", "clip_norm", "options"):
        del record["optimizer"][key]
    del record["init"], record["initial"]
    path.write_text(json.dumps(record))
    assert run(copy, "a", **STOPPING) == 0
    assert run(copy, "a", "mknet", **merge(STOPPING, {"optimizer": {"clip_norm": 1.0}})) == 2
    assert "optimizer.clip_norm was 0.0, is 1.0" in capfd.readouterr().err


def test_the_fractions_of_classes_are_counted_once(copy, capfd):
    """What is recorded counts when training goes on, and comes along; with another balance nothing is recorded."""
    change = {"training": {"class_balance": "data", "max_iterations": 1}}
    assert run(copy, "b", **change) == 0
    assert "fractions of classes" in capfd.readouterr().out
    path = copy / "root/b/train/made_from.json"
    record = json.loads(path.read_text())
    assert sum(record["class_fractions"]["threeclass"]) == pytest.approx(1)
    record["class_fractions"]["threeclass"] = [0.5, 0.3, 0.2]
    write_without_checksum(path, json.dumps(record))
    assert run(copy, "b", **merge(change, {"training": {"max_iterations": 2}})) == 0
    assert "from the beginning" not in capfd.readouterr().out
    assert json.loads(path.read_text())["class_fractions"]["threeclass"] == [0.5, 0.3, 0.2]
    assert run(copy, "b", **merge(change, {"training": {"class_balance": "none"}})) == 0
    assert "training.class_balance was 'data', is 'none'" in capfd.readouterr().out
    assert "class_fractions" not in json.loads(path.read_text())


def test_thin_levels_in_bfloat16_are_warned_of(copy, capfd):
    skip_without_bfloat16()
    change = {"model": {"train_input_shape": [4, 8, 8]}, "training": {"max_iterations": 1}}
    assert run(copy, "thin", **change) == 0
    assert "training.precision" not in capfd.readouterr().out
    # It may end with a loss that is no number.
    run(copy, "thin", **merge(change, {"training": {"precision": "mixed_bfloat16"}}))
    said = "the coarsest level of the network has 2 voxels along z"
    assert (said in capfd.readouterr().out) == (not gpus())
