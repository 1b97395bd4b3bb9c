from dataclasses import replace
from pathlib import Path

import pytest

from auxcpvloss.looking.compare.comparison import remarks
from auxcpvloss.looking.compare.grouping import families, find_pairs, make_groups, need_same_evaluation, parse_folder
from auxcpvloss.looking.compare.runs import EvaluatedRun
from auxcpvloss.system.errors import InputError

HOEFENER = "confusion_matrix.hoefener.AP"
POINTS = {"detection": "hoefener", "foreground_only": False}


def selected_from(metric: str = "confusion_matrix.th_0_5.AP", seeds: str = "main", fixed=None, **lists) -> dict:
    validation = {"seed_thresh": [1, 2], "on_train": False, **lists}
    return {"metric": metric, "seeds": seeds, "validation": validation, "postprocessing": {"flood": "all", **(fixed or {})}}  # fmt: skip


def run(method: str = "sdt", seed: int = 1, **change) -> EvaluatedRun:
    base, *auxiliary = method.split("_")
    evaluation = {**POINTS, "use_linear_sum_assignment": True}
    model = {"method": method, "num_fmaps": 10, f"loss_{method}_coeff": 1.0}
    given = {
        "folder": Path(f"/experiments/{method}_{seed}"),
        "base": base,
        "auxiliary": tuple(auxiliary),
        "seed": seed,
        "checkpoint": 10,
        "params": {},
        "metric": HOEFENER if method == "gauss" else "confusion_matrix.th_0_5.AP",
        "validated_on": "detection" if method == "gauss" else "segmentation",
        "seeds": "main",
        "weights": f"{method} {seed}",
        "training": {"model": model, "training": {"max_iterations": 5}},
        "selected_from": selected_from(),
        "evaluation": {"a": evaluation},
        "truth": {"a": {"checksum": "1", "padding": [0, 0, 0]}},
        "instances": {},
        "scores": {"a": {}},
    }
    return EvaluatedRun(**{**given, **change})


def names(runs: list[EvaluatedRun]) -> list[str]:
    return [group.name for group in make_groups([(None, each) for each in runs])]


# Names.
def test_a_name_before_the_folder_is_that_of_the_group(tmp_path):
    assert parse_folder("experiments/a") == (None, Path("experiments/a"))
    assert parse_folder("small=experiments/a=b") == ("small", Path("experiments/a=b"))
    (tmp_path / "lr=3").mkdir()
    assert parse_folder(f"{tmp_path}/lr=3") == (None, tmp_path / "lr=3")


@pytest.mark.parametrize("text", ["=experiments/a", "a/b=experiments/a", ".a=experiments/a"])
def test_what_can_be_no_name_is_refused(text):
    with pytest.raises(InputError, match="the name of a group"):
        parse_folder(text)


# Groups.
def test_runs_of_a_method_are_a_group_in_the_order_of_the_paper():
    methods = ["gauss", "affinities_cpv", "threeclass_cpv", "sdt", "threeclass", "sdt_cpv", "affinities"]
    groups = make_groups([(None, run(method, seed)) for seed in (1, 2) for method in methods])
    expected = ["sdt", "sdt_cpv", "threeclass", "threeclass_cpv", "affinities", "affinities_cpv", "gauss"]
    assert [group.name for group in groups] == expected
    assert [[each.seed for each in group.runs] for group in groups] == [[1, 2]] * 7


def test_runs_that_were_validated_otherwise_are_another_group():
    other = run("sdt_cpv", 2, validated_on="detection", metric=HOEFENER)
    assert names([run("sdt_cpv"), other]) == ["sdt_cpv", "sdt_cpv, validated on detection"]
    assert names([run("sdt_cpv"), run("sdt_cpv", 2, seeds="cpv")]) == ["sdt_cpv", "sdt_cpv, cpv seeds"]
    assert names([run("sdt_cpv", 2, seeds="either", validated_on="detection")]) == [
        "sdt_cpv, main or cpv seeds, validated on detection"
    ]


def test_groups_by_hand_keep_their_names_and_order():
    groups = make_groups([("small", run(seed=1)), ("big", run(seed=2)), ("small", run(seed=3))])
    assert [(group.name, len(group.runs)) for group in groups] == [("small", 2), ("big", 1)]


def test_a_group_is_of_one_method_and_of_different_trainings():
    with pytest.raises(InputError, match=r"x: .*/sdt_1 uses the method sdt, .*/gauss_1 gauss"):
        make_groups([("x", run("sdt")), ("x", run("gauss"))])
    with pytest.raises(InputError, match=r"have the same weights, so they are copies of one run"):
        make_groups([(None, run(seed=1)), (None, run(seed=2, weights="sdt 1"))])
    # The same training with other seeds for the watershed: two groups.
    assert len(make_groups([(None, run("sdt_cpv")), (None, run("sdt_cpv", seeds="cpv"))])) == 2


# Pairs.
def paired(*runs: tuple[str | None, EvaluatedRun]) -> list[tuple[str, str]]:
    return [(baseline.name, other.name) for baseline, other in find_pairs(make_groups(runs))]


def test_pairs_are_validated_alike():
    detection = {"validated_on": "detection", "metric": HOEFENER}
    runs = [run("sdt"), run("sdt_cpv"), run("sdt", 2, **detection), run("sdt_cpv", 2, **detection), run("sdt_cpv", 3, seeds="cpv")]  # fmt: skip
    assert paired(*((None, each) for each in runs)) == [
        ("sdt", "sdt_cpv"),
        ("sdt", "sdt_cpv, cpv seeds"),
        ("sdt, validated on detection", "sdt_cpv, validated on detection"),
    ]


def test_of_several_baselines_the_one_of_the_same_name():
    runs = [("small", run("sdt", 1)), ("big", run("sdt", 2)), ("small_cpv", run("sdt_cpv", 1)), ("x", run("sdt_cpv", 2))]  # fmt: skip
    assert paired(*runs) == [("small", "small_cpv"), ("small", "x"), ("big", "x")]


FOUR = [run(method) for method in ("threeclass", "threeclass_cpv", "threeclass_edt", "threeclass_cpv_edt")]


def test_models_are_paired_with_the_same_less_one_auxiliary_task():
    groups = make_groups([(None, each) for each in (*reversed(FOUR), run("sdt_cpv"), run("gauss"))])
    assert [(one.name, other.name, other.added_to(one)) for one, other in find_pairs(groups)] == [
        ("threeclass", "threeclass_cpv", "cpv"),
        ("threeclass", "threeclass_edt", "edt"),
        ("threeclass_edt", "threeclass_cpv_edt", "cpv"),
        ("threeclass_cpv", "threeclass_cpv_edt", "edt"),
    ]
    assert groups[3].added_to(groups[0]) == groups[1].added_to(groups[2]) == ""


def test_of_several_seeds_the_same_are_paired():
    runs = [run(method, seeds=seeds) for method in ("sdt_cpv", "sdt_cpv_edt") for seeds in ("main", "cpv")]
    pairs = paired(*((None, each) for each in runs))
    assert pairs == [("sdt_cpv", "sdt_cpv_edt"), ("sdt_cpv, cpv seeds", "sdt_cpv_edt, cpv seeds")]


def test_what_is_paired_shares_axes_under_the_names_of_the_paper():
    def together(*runs: tuple[str | None, EvaluatedRun]) -> list[list[str]]:
        return [[group.label for group in family] for family in families(make_groups(runs))]

    others = (run("sdt_cpv"), run("gauss"), run("affinities_cpv", seeds="cpv"))
    assert together(*((None, each) for each in (*FOUR, *others))) == [
        ["threeclass", "threeclass +cpv", "threeclass +edt", "threeclass +cpv +edt"],
        ["sdt +cpv", "affinities +cpv, cpv seeds", "gauss"],
    ]
    assert together(*(("a", run("sdt")), ("a_cpv", run("sdt_cpv")), ("b", run("sdt", 2)), ("b_cpv", run("sdt_cpv", 2)))) == [
        ["a", "a_cpv"],
        ["b", "b_cpv"],
    ]  # fmt: skip
    assert together((None, run("gauss"))) == [["gauss"]]


def test_without_such_a_pair_the_first_is_the_baseline():
    runs = [("b", run("sdt", 1)), ("a", run("sdt", 2)), ("c", run("gauss", 3))]
    assert (paired(*runs), paired((None, run()))) == ([("b", "a"), ("b", "c")], [])


def test_results_of_other_programs_are_baselines_of_all_models():
    others = [
        ("StarDist", run("external", 1, program="StarDist")),
        ("Cellpose", run("external", 2, program="Cellpose")),
    ]
    pairs = paired((None, run("sdt")), (None, run("sdt_cpv")), *others)
    assert pairs == [("sdt", "sdt_cpv"), *((name, model) for name, _ in others for model in ("sdt", "sdt_cpv"))]
    # Which differ in all, so that nothing of it is told.
    assert not any("differ" in remark for remark in told(run("sdt"), run("external", 1, program="x", training={})))


# What can be compared.
def test_other_volumes_are_refused():
    other = run(seed=2, truth={"b": {}, "c": {}})
    with pytest.raises(InputError, match=r"sdt_2: scored on other .* than .*only in sdt_2: b, c; only in sdt_1: a\."):
        need_same_evaluation([run(), other])
    more = run(seed=2, truth={**run().truth, "b": {}})
    with pytest.raises(InputError, match=r"sdt_1: only in sdt_2: b\.|only in sdt_2: b\. Evaluate"):
        need_same_evaluation([run(), more])
    changed = run(seed=2, truth={"a": {"checksum": "2", "padding": [0, 0, 0]}})
    with pytest.raises(InputError, match="although they have the same names: a is another file"):
        need_same_evaluation([run(), changed])
    padded = run(seed=2, truth={"a": {"checksum": "1", "padding": [0, 9, 0]}})
    with pytest.raises(InputError, match=r"a.padding is \[0, 0, 0\] and \[0, 9, 0\]"):
        need_same_evaluation([run(), padded])


def test_other_ways_to_score_are_refused():
    def scored(method: str = "sdt", **last: object) -> EvaluatedRun:
        """Scores on a volume with center points only, and on one with masks."""
        evaluation = {"a": POINTS, "b": {**POINTS, "use_linear_sum_assignment": True, **last}}
        return run(method, 2, evaluation=evaluation, truth={"a": {}, "b": {}})

    with pytest.raises(InputError, match=r"differently from .*: b.foreground_only is false and true\. Make the keys"):
        need_same_evaluation([scored(), scored(foreground_only=True)])
    with pytest.raises(InputError, match=r"b.use_linear_sum_assignment is true and false"):
        need_same_evaluation([scored(), scored(use_linear_sum_assignment=False)])
    # Instances on one side only would leave the volume out of one mean.
    without = replace(scored(), evaluation={"a": POINTS, "b": POINTS})
    with pytest.raises(InputError, match=r"b.use_linear_sum_assignment is true and not set"):
        need_same_evaluation([scored(), without])
    with pytest.raises(InputError, match=r"b.use_linear_sum_assignment is true and not set"):
        need_same_evaluation([replace(without, base="gauss"), scored(), without])
    # Points know no matching of instances.
    need_same_evaluation([scored(), replace(without, base="gauss")])
    with pytest.raises(InputError, match=r"b.foreground_only is false and true"):
        need_same_evaluation([without, scored("gauss", foreground_only=True)])


def told(*runs: EvaluatedRun, name: str | None = None) -> tuple[str, ...]:
    """Remarks on runs, in groups of their own or in one of that name."""
    groups = make_groups([(name, each) for each in runs])
    return tuple(remarks(groups, find_pairs(groups)))


def test_what_else_differs_is_told():
    def changed(seed: int, method: str = "sdt", **training: int) -> EvaluatedRun:
        return run(method, seed, training={**run(method).training, "training": training})

    assert told(run(), run(seed=2), run("sdt_cpv")) == ()
    (remark,) = told(run(), changed(2, max_iterations=9))
    assert remark == "sdt: sdt_1 and sdt_2 differ in more than their seed: training.max_iterations is 5 and 9"
    (remark,) = told(run(), changed(1, "sdt_cpv", max_iterations=9))
    assert remark == "sdt and sdt_cpv differ in more than the method: training.max_iterations is 5 and 9"
    (remark,) = told(run(), run(weights="others", folder=Path("/again")))
    assert remark == "sdt: runs of the same seed are not independent of each other"
    # Training volumes are compared only where both experiments still say theirs.
    samples = [run(seed=s, training={**run().training, "samples": {"v": {"checksum": str(s)}}}) for s in (1, 2)]
    assert told(*samples) == ("sdt: sdt_1 and sdt_2 differ in more than their seed: v is another file",)
    assert told(samples[0], run(seed=2)) == ()
    many = told(run(), changed(2, max_iterations=5, **{f"key_{i}": i for i in range(9)}))
    assert many[0].endswith("; 4 more")


@pytest.mark.parametrize(("other", "difference"), [
    (selected_from(metric="quality.PQ"), 'metric is "confusion_matrix.th_0_5.AP" and "quality.PQ"'),
    (selected_from(seeds="cpv"), 'seeds is "main" and "cpv"'),
    (selected_from(seed_thresh=[3]), "validation.seed_thresh is [1, 2] and [3]"),
    (selected_from(on_train=True), "validation.on_train is false and true"),
    (selected_from(fixed={"flood": "foreground"}), 'postprocessing.flood is "all" and "foreground"'),
])  # fmt: skip
def test_other_selections_are_told(other, difference):
    named = told(run(), run(seed=2, selected_from=other), name="x")
    assert named == (f"x: sdt_1 and sdt_2 differ in more than their seed: {difference}",)
    assert told(run(), run("sdt_cpv", selected_from=other)) == (
        f"sdt and sdt_cpv differ in more than the method: {difference}",
    )


def test_parameters_that_only_one_of_two_methods_has_are_no_difference():
    assert told(run(), run("sdt_cpv", selected_from=selected_from(cpv_thresh=[1], fixed={"extra": 1}))) == ()
    # Whether one was chosen or fixed is.
    fixed, chosen = selected_from(fixed={"min_size": 1}), selected_from(min_size=[1])
    (remark,) = told(run(selected_from=fixed), run(seed=2, selected_from=chosen))
    assert remark.endswith(": postprocessing.min_size is 1 and not set; validation.min_size is not set and [1]")
