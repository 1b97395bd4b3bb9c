"""Studies: what is run, and how variants are compared."""

import numpy as np
import pytest
from study import plan
from study.plan import Fold, Study, StudyError, Variant, read_study
from study.run import length_of, merged
from study.table import differences, interval, sign_flip_test, table_of


def study_of(**variants):
    made = {name: Variant(name, name, {}, "", against, "", 0.0) for name, against in variants.items()}
    folds = [Fold(1, ["A"], ["B"]), Fold(2, ["B"], ["A"])]
    return Study("s", "title", None, "[A-Z]", {}, folds, made)


def record(variant, fold, seed, **scores):
    values = {name: {"avAP": score, "AP_0.5": score, "detection_AP": score} for name, score in scores.items()}
    return {"variant": variant, "fold": fold, "seed": seed, "minutes": 1.0, "scores": values}


def test_every_seed_runs_all_folds_before_the_next():
    runs = list(study_of(a="a", b="a").runs([], [], [1, 2]))
    assert [(r.seed, r.fold.number, r.variant.name) for r in runs[:5]] == [
        (1, 1, "a"), (1, 1, "b"), (1, 2, "a"), (1, 2, "b"), (2, 1, "a"),
    ]  # fmt: skip
    assert [r.name for r in study_of(a="a").runs([], [2], [7])] == ["a_fold2_seed7"]


def test_inner_tables_are_merged():
    base = {"model": {"a": 1, "b": {"c": 2}}, "x": 1}
    assert merged(base, {"model": {"b": {"c": 3}}}) == {"model": {"a": 1, "b": {"c": 3}}, "x": 1}
    assert base["model"]["b"]["c"] == 2


def test_differences_are_means_of_groups_over_the_runs_that_both_have():
    study = study_of(a="a", b="a")
    ours = [record("b", 1, 1, A1=0.5, A2=0.7), record("b", 2, 1, B1=0.9), record("b", 2, 2, B1=0.0)]
    theirs = [record("a", 1, 1, A1=0.4, A2=0.4), record("a", 2, 1, B1=1.0)]
    assert differences(study, ours, theirs, "avAP") == pytest.approx([0.2, -0.1])


def test_groups_of_the_same_sign_are_as_rare_as_can_be():
    assert sign_flip_test(np.array([0.1, 0.2, 0.3, 0.1])) == 2 / 16
    assert sign_flip_test(np.array([0.1, -0.1])) == 1
    assert interval(np.array([0.1, 0.3])) == pytest.approx((0.2 - 12.7062 * 0.1, 0.2 + 12.7062 * 0.1), abs=1e-4)


def test_a_table_has_a_line_for_each_variant_that_was_run():
    rows = table_of(study_of(a="a", b="a", c="a"), [record("a", 1, 1, A1=0.4), record("b", 1, 1, A1=0.5)]).splitlines()
    assert len(rows) == 4
    assert "0.500" in rows[3]


def test_a_study_that_is_not_there_names_those_that_are():
    with pytest.raises(StudyError, match="embryos"):
        read_study("missing")


def write_study(folder, monkeypatch, text):
    """Write a study of this name into a folder of studies, with a folder of data."""
    (folder / "images").mkdir(exist_ok=True)
    head = f'title = "t"\ndata = "{folder}"\ngroup = "[A-Z]"\nfolds = [{{ test = ["A"], val = ["B"] }}]\nbase = {{}}\n'
    (folder / "s.toml").write_text(head + text, encoding="utf-8")
    monkeypatch.setattr(plan, "STUDIES", folder)
    return read_study("s")


def test_stardist_trains_for_minutes_or_for_steps(tmp_path, monkeypatch):
    text = '[variants.a]\nabout = ""\nprogram = "stardist"\nminutes = 8.0\n'
    assert length_of(write_study(tmp_path, monkeypatch, text).variants["a"]) == ("--minutes", 8.0)
    study = write_study(tmp_path, monkeypatch, text.replace("minutes = 8.0", "steps = 1020"))
    assert length_of(study.variants["a"]) == ("--steps", 1020)
    assert study.variants["a"].keys == {}


@pytest.mark.parametrize(
    "keys", ['program = "stardist"', "steps = 9", 'program = "stardist"\nsteps = 9\nminutes = 8.0']
)
def test_a_length_that_is_missing_or_said_twice_is_refused(tmp_path, monkeypatch, keys):
    with pytest.raises(StudyError, match=r"variants\.a: .*either minutes or steps"):
        write_study(tmp_path, monkeypatch, f'[variants.a]\nabout = ""\n{keys}\n')
