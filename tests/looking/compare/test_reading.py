import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import toml

from auxcpvloss.looking.compare.reading import read_run
from auxcpvloss.looking.compare.runs import AP, AVAP, Group
from auxcpvloss.system.errors import InputError
from tests.edits import write_without_checksum
from tests.looking.compare.experiments import VOLUMES, write_experiment


def scores_in(folder: Path) -> Path:
    """The folder of the scores of an experiment."""
    (path,) = (folder / "test" / "evaluated" / "4").iterdir()
    return path


@pytest.fixture
def folder(two_methods, tmp_path) -> Path:
    """An evaluated experiment to damage."""
    return shutil.copytree(two_methods / "threeclass_seed1", tmp_path / "a")


def refuse(folder: Path, *words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_run(folder)
    for word in words:
        assert word in str(caught.value)


def test_a_run_is_what_was_selected_and_how_that_did(two_methods):
    run = read_run(two_methods / "threeclass_cpv_seed2")
    assert (run.name, run.method, run.seed, run.checkpoint) == ("threeclass_cpv_seed2", "threeclass_cpv", 2, 4)
    assert {"fg_thresh", "seed_thresh", "flood", "use_cpv_for_seeds"} <= run.params.keys()
    assert "cpv_thresh" not in run.params
    assert (run.metric, run.validated_on, run.seeds) == ("confusion_matrix.th_0_5.AP", "segmentation", "main")
    assert run.weights == "weights of threeclass_cpv_seed2"
    assert list(run.scores) == list(run.truth) == list(VOLUMES)
    assert run.training["training"]["max_iterations"] == 4
    assert "general" not in run.training
    scores = Group("x", "", (run, read_run(two_methods / "threeclass_cpv_seed3"))).scores(AP[0.5])
    # 0.04 better, and the noise that the helper adds.
    assert scores == pytest.approx(np.array([[0.744, 0.637, 0.841], [0.735, 0.642, 0.842]]), abs=0.0105)
    assert scores.shape == (2, 3)


def test_what_was_not_annotated_is_part_of_the_truth(tmp_path):
    """Scores of a part of a volume do not compare with those of another part, or of all."""
    keys = {"ignore_label": -1, "annotated_box": True, "split_pieces": True}
    truths = [
        read_run(write_experiment(tmp_path, name, "sdt", VOLUMES, truth=truth)).truth["worm_1"]
        for name, truth in (("a", {}), *((key, {key: value}) for key, value in keys.items()))
    ]
    assert [truth.keys() - truths[0].keys() for truth in truths] == [set(), *({key} for key in keys)]


def test_volumes_are_in_one_order_however_they_were_evaluated(tmp_path):
    runs = [
        read_run(write_experiment(tmp_path, name, "sdt", dict(scores)))
        for name, scores in (("a", VOLUMES.items()), ("b", reversed(VOLUMES.items())))
    ]
    one, other = Group("sdt", "", tuple(runs)).scores(AVAP)
    assert (one.tolist(), list(runs[0].scores)) == (other.tolist(), list(runs[1].scores))


def test_volumes_without_masks_have_no_scores_of_instances(tmp_path):
    points = read_run(write_experiment(tmp_path, "g", "gauss", VOLUMES))
    assert Group("gauss", "", (points,)).scores(AVAP) is None
    assert Group("gauss", "", (points,)).scores("confusion_matrix.hoefener.AP").shape == (1, 3)
    assert (points.validated_on, points.metric) == ("detection", "confusion_matrix.hoefener.AP")


def test_what_the_selection_was_made_from(tmp_path):
    lists = {"validation": {"seed_thresh": [0.5, 0.7]}, "postprocessing": {"min_size": 3}}
    run = read_run(write_experiment(tmp_path, "a", "sdt", VOLUMES, **lists))
    assert run.selected_from == {
        "metric": "confusion_matrix.th_0_5.AP",
        "seeds": "main",
        "validation": {"seed_thresh": [0.5, 0.7], "on_train": False, "trained_models": []},
        "postprocessing": {"min_size": 3},
    }
    path = tmp_path / "a" / "val" / "selection.toml"
    table = toml.loads(path.read_text())
    table["made_from"]["postprocessing"] = 3
    path.write_text(toml.dumps(table))
    refuse(tmp_path / "a", "selection.toml: damaged")


@pytest.mark.parametrize(("grid", "chosen", "seeds"), [
    ([], False, "main"), ([True], True, "cpv"), ([True, True], True, "cpv"), ([False, True], False, "either"),
])  # fmt: skip
def test_seeds_are_what_validation_could_choose_from(grid, chosen, seeds, tmp_path):
    validation = {"validation": {"use_cpv_for_seeds": grid}}
    folder = write_experiment(tmp_path, "a", "sdt_cpv", VOLUMES, chosen={"use_cpv_for_seeds": chosen}, **validation)
    assert read_run(folder).seeds == seeds


def test_detection_may_be_what_validation_went_by(tmp_path):
    run = read_run(write_experiment(tmp_path, "a", "sdt", VOLUMES, evaluation={"do_detection": True}))
    assert run.validated_on == "detection"
    matched = {"do_detection": True, "detection": "greedy"}
    run = read_run(write_experiment(tmp_path, "b", "sdt", VOLUMES, scored=matched, evaluation=matched))
    assert (run.validated_on, run.matching) == ("detection", "greedy")
    assert {name: each["detection"] for name, each in run.evaluation.items()} == dict.fromkeys(VOLUMES, "greedy")


def test_what_is_no_evaluated_experiment_is_refused(folder, tmp_path):
    refuse(tmp_path / "none", "none: no such folder")
    refuse(tmp_path, "not an experiment: it contains no config.toml")
    shutil.rmtree(folder / "test")
    refuse(folder, "not been evaluated yet", "Run the stages predict, label, evaluate")
    shutil.rmtree(folder / "val")
    refuse(folder, "selection.toml: missing: no checkpoint has been selected yet. Run the stage validate_checkpoints")


def test_scores_of_another_selection_do_not_count(folder):
    path = folder / "val" / "selection.toml"
    write_without_checksum(path, path.read_text().replace("checkpoint = 4", "checkpoint = 2"))
    refuse(folder, "evaluated/2", "not been evaluated yet")


def test_the_weights_that_were_selected_are_those_that_were_tested(folder, tmp_path):
    path = folder / "val" / "selection.toml"
    text = path.read_text()
    write_without_checksum(path, text.replace("weights of threeclass_seed1", "others"))
    refuse(folder, "not scored with the selected weights of checkpoint 4: worm_1, worm_2, worm_3")
    write_without_checksum(path, text.replace('4 = "weights', '5 = "weights'))
    refuse(folder, "selection.toml: damaged: the weights of checkpoint 4 are not recorded")
    # Neither weights nor predictions were there to take the checksum of.
    write_without_checksum(path, text.replace("weights of threeclass_seed1", ""))
    assert read_run(folder).weights == "weights of threeclass_seed1"
    # The selection of other runs knows nothing of these weights.
    averaged = write_experiment(tmp_path, "b", "sdt", VOLUMES, validation={"trained_models": ["/runs/a"]})
    assert read_run(averaged).weights == "weights of b"


@pytest.mark.parametrize(("old", "new"), [
    ("checkpoint = 4", "checkpoint = "), ("checkpoint = 4", 'checkpoint = "4"'), ("checkpoint = 4", "checkpoint = true"),
    ("confusion_matrix.th_0_5.AP", "nothing"), ("[params]", "[other]"), ("[params]", "[params]\nfg_thresh = 'x'"),
    ("[made_from.checkpoints]", "[made]"), ("checkpoint = 4", "checkpoint = 4\nparams = 3\n[x]"),
])  # fmt: skip
def test_a_damaged_selection(folder, old, new):
    path = folder / "val" / "selection.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    refuse(folder, "selection.toml: damaged", "Run the stage validate_checkpoints")


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x = [", b"", b"made_from = 3", b"made_from = '{}'", b"made_from = '[]'", b"x = " + b"[" * 9999])  # fmt: skip
def test_damaged_scores(folder, content):
    (scores_in(folder) / "worm_2.toml").write_bytes(content)
    refuse(folder, "worm_2.toml: damaged", "Run the stage evaluate")


def test_scores_of_instances_that_are_missing_are_damage(folder):
    # Without them the volume would pass for one with center points only, and be left out of the mean.
    path = scores_in(folder) / "worm_2.toml"
    table = toml.loads(path.read_text())
    del table["confusion_matrix"]["avAP"]
    path.write_text(toml.dumps(table))
    refuse(folder, "worm_2.toml: damaged", "avAP")


def test_scores_of_instances_where_there_are_none_are_damage(tmp_path):
    points = write_experiment(tmp_path, "g", "gauss", VOLUMES)
    path = scores_in(points) / "worm_2.toml"
    table = toml.loads(path.read_text())
    table["confusion_matrix"]["avAP"] = 0.5
    path.write_text(toml.dumps(table))
    refuse(points, "worm_2.toml: damaged", "avAP, although the volume has only center points")


@pytest.mark.parametrize("value", [True, 1.5, -0.1, float("nan"), "0.5", [0.5]])
def test_scores_that_are_none(folder, value):
    path = scores_in(folder) / "worm_2.toml"
    table = toml.loads(path.read_text())
    table["confusion_matrix"]["th_0_3"]["AP"] = value
    path.write_text(toml.dumps(table))
    refuse(folder, "worm_2.toml: damaged", "th_0_3.AP is ")


def test_scores_that_are_not_all_there_or_of_another_evaluation(folder):
    path = scores_in(folder) / "worm_2.toml"
    text = path.read_text()
    path.unlink()
    refuse(folder, "worm_2.toml: missing, although its volume was evaluated")
    path.write_text(text.replace("of worm_2", "of another"))
    refuse(folder, "worm_2.toml: not from the same evaluation as", "Run the stage evaluate")


@pytest.mark.parametrize("entry", [{}, {"made_from": {}}, {"made_from": {"predictions": {}}}, {"made_from": {"predictions": {"a": 3}}}, 7])  # fmt: skip
def test_a_damaged_record_of_what_was_evaluated(folder, entry):
    path = scores_in(folder) / "made_from.json"
    for damaged in ({"summary.csv": entry}, [entry]):
        path.write_text(json.dumps(damaged))
        refuse(folder, "made_from.json: damaged. Run the stage evaluate")


def test_a_damaged_configuration(folder):
    (folder / "config.toml").write_text("[model]\nmethod = 'none'\n")
    refuse(folder, "config.toml: model.method: 'none' is not a known method")
