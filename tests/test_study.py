"""Studies: what is run, and how variants are compared."""

import json
import tomllib
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import toml
from study import run
from study.axes import values_of, variants_of
from study.comparison import differences, interval, sign_flip_test
from study.curves import curves, points
from study.folders import fold_folder
from study.plan import Fold, Run, Study, StudyError, Variant, read_study
from study.run import configure, keep, length_of, records_of, stages_of
from study.scores import of_runs
from study.table import table_of
from study.taken_over import take_over_pretraining

from auxcpvloss.sweep.expand import merged
from tests.studies import record, write_study


def study_of(**variants):
    made = {name: Variant(name, name, {}, "", against, "", 0.0) for name, against in variants.items()}
    folds = [Fold(1, ["A"], ["B"]), Fold(2, ["B"], ["A"])]
    return Study("s", "title", None, "[A-Z]", {}, folds, made)


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
    assert differences(study, ours, theirs, "avAP") == pytest.approx({"A": 0.2, "B": -0.1})


def counted(*counts):
    return {
        "variant": "a",
        "fold": 1,
        "seed": 1,
        "scores": {f"A{n}": {"counts": {"0.7": c}} for n, c in enumerate(counts)},
    }


def test_a_pooled_score_is_that_of_all_objects():
    runs = [counted([8, 0, 0], [1, 2, 1]), counted([0, 0, 4])]
    assert of_runs(runs, "F1_0.7") == pytest.approx(18 / (18 + 2 + 5))
    assert of_runs(runs, "F1_0.5") is None
    assert of_runs([counted([0, 0, 0])], "F1_0.7") == 0
    found = differences(study_of(a="a"), runs[:1], [counted([4, 4, 4], [0, 0, 2])], "F1_0.7")
    assert found == pytest.approx({"A": 18 / 21 - 8 / 18})


GRID = {
    "scheme": {"plain": {"about": "as it is"}, "more": {"model": {"a": 1}}},
    "labels": {"2": {"data": {"use": 0.02}}, "100": {}},
}


def test_every_combination_of_a_grid_is_a_variant():
    made = dict(variants_of(GRID))
    assert list(made) == ["plain_2", "plain_100", "more_2", "more_100"]
    assert made["more_2"] == {
        "about": "more, 2", "against": "plain_2", "model": {"a": 1}, "data": {"use": 0.02},
    }  # fmt: skip
    assert made["plain_100"] == {"about": "as it is, 100", "against": "plain_100"}
    assert values_of(GRID, "more_100") == {"scheme": "more", "labels": "100"}


def test_curves_have_a_point_each_value_and_seed(tmp_path, monkeypatch):
    text = '[curves]\nx = "labels"\nlines = "scheme"\nabout = "labels in %"\nmetrics = ["avAP"]\n'
    study = write_study(tmp_path, monkeypatch, text + toml.dumps({"axes": GRID}))
    records = [
        record("plain_2", 1, 1, A1=0.2), record("plain_2", 2, 1, B1=0.4), record("plain_2", 1, 2, A1=0.6),
        record("more_100", 1, 1, A1=0.9),
    ]  # fmt: skip
    found = points(study, study.curves, records)
    assert found["", "plain"] == {"avAP": {2.0: [pytest.approx(0.3), 0.6]}}
    assert found["", "more"] == {"avAP": {100.0: [0.9]}}
    figure = curves(study, records)
    assert len(figure.axes) == 1
    (legend,) = figure.legends
    assert len(legend.get_texts()) == len({line for _, line in found})
    with pytest.raises(StudyError, match="curves: label: no such axis; there are scheme, labels"):
        write_study(tmp_path, monkeypatch, text.replace("labels", "label", 1) + toml.dumps({"axes": GRID}))


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


def test_a_program_that_there_is_not_is_refused(tmp_path, monkeypatch):
    with pytest.raises(StudyError, match=r"variants\.a: program 'star': choose from configure, stardist, maskrcnn"):
        write_study(tmp_path, monkeypatch, '[variants.a]\nabout = ""\nprogram = "star"\nsteps = 1\n')


def test_a_scheme_has_stages_of_its_own():
    assert stages_of({})[0] == stages_of({"scheme": {"name": "joint"}})[0] == "train"
    assert stages_of({"scheme": {"name": "finetune"}})[:2] == ("pretrain", "train")
    assert stages_of({"scheme": {"name": "sequential"}})[:3] == ("pretrain", "denoise", "train")


@pytest.mark.parametrize(
    ("theirs", "is_trained", "is_taken"),
    [
        ({"data": {"degrade": {"gaussian": 40.0}, "use": 0.1}, "scheme": {"name": "sequential"}}, True, True),
        ({"data": {"degrade": {"gaussian": 10.0}}}, True, False),
        ({"data": {"degrade": {"gaussian": 40.0}}, "pretrain": {"lr": 1e-3}}, True, False),
        # It may still be training its denoiser.
        ({"data": {"degrade": {"gaussian": 40.0}}}, False, False),
    ],
)
def test_a_denoiser_is_taken_over_from_a_run_on_the_same_noise(tmp_path, theirs, is_trained, is_taken):
    study, root = study_of(a="a", b="b"), tmp_path / "experiments"
    one, other = (Run(study, study.variants[name], study.folds[0], 1) for name in "ab")
    (root / other.name / "pretrain" / "train").mkdir(parents=True)
    if is_trained:
        (root / other.name / "train").mkdir()
    (tmp_path / f"{other.name}.toml").write_text(toml.dumps(theirs))
    take_over_pretraining(one, {"data": {"degrade": {"gaussian": 40.0}, "use": 0.02}}, root)
    assert (root / one.name / "pretrain" / "train").is_dir() is is_taken
    # That of another seed never is.
    take_over_pretraining(replace(one, seed=2), theirs, root)
    assert not (root / replace(one, seed=2).name).exists()


def test_who_reads_while_another_run_is_kept_reads_whole_records(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "PLACE", tmp_path / "place")
    monkeypatch.setattr(run, "RESULTS", tmp_path)
    study = study_of(a="a")
    second, first = record("a", 2, 1, B1=0.5), record("a", 1, 1, A1=0.5)
    keep(study, second)
    with (tmp_path / "s.json").open() as reader:
        keep(study, first)
        assert json.load(reader) == [second]
    assert records_of(study, tmp_path) == [first, second]


def volumes_in(folder):
    return {split.name: sorted(file.name for file in split.glob("images/*")) for split in folder.iterdir()}


def with_volumes(folder, *names):
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
        for name in names:
            tifffile.imwrite(
                folder / kind / f"{name}.tif", np.arange(60, dtype=np.uint8).reshape(3, 4, 5), photometric="minisblack"
            )
    return replace(study_of(a="a"), data=folder)


def test_groups_that_are_not_named_train(tmp_path):
    study = with_volumes(tmp_path / "in", "A1", "A2", "B1", "C1")
    made = fold_folder(study, study.folds[0], tmp_path)
    assert volumes_in(made) == {"test": ["A1.tif", "A2.tif"], "val": ["B1.tif"], "train": ["C1.tif"]}
    assert fold_folder(study, study.folds[0], tmp_path) == made  # again, by another process


def test_a_study_is_run_with_its_volumes_only(tmp_path):
    with pytest.raises(StudyError, match="images and masks; name it with --data"):
        fold_folder(replace(study_of(a="a"), data=tmp_path / "missing"), Fold(1, ["A"], ["B"]), tmp_path)


def test_volumes_that_a_script_makes_are_said_to_be_made_by_it(tmp_path):
    study = read_study("worms", tmp_path / "missing")
    with pytest.raises(StudyError, match=r"missing: no folder .*make_synthetic.py .benchmarks/worms_hard .*--data"):
        fold_folder(study, study.folds[0], tmp_path)


def test_a_volume_may_serve_twice_or_not_at_all(tmp_path):
    study = with_volumes(tmp_path / "in", "A1", "B1", "C1")
    made = fold_folder(study, Fold(1, test=["A"], val=["B"], train=["B"]), tmp_path)
    assert volumes_in(made) == {"test": ["A1.tif"], "val": ["B1.tif"], "train": ["B1.tif"]}


def test_the_volumes_of_a_folder_serve_for_test_alone(tmp_path):
    study = with_volumes(tmp_path / "in" / "kept", "A1", "B1")
    with_volumes(tmp_path / "in" / "other", "A2", "B2", "C2")
    fold = Fold(1, test=["A"], val=["B"], folder_of_test="kept")
    made = fold_folder(replace(study, data=tmp_path / "in"), fold, tmp_path)
    assert volumes_in(made) == {"test": ["A1.tif"], "val": ["B2.tif"], "train": ["A2.tif", "C2.tif"]}


def test_volumes_are_cut_along_x(tmp_path):
    study = replace(
        with_volumes(tmp_path / "in", "A1"), parts={"left": [0, 3], "right": [3, 5]}, group="A1_(left|right)"
    )
    made = fold_folder(study, Fold(1, test=["A1_right"], val=["A1_left"], train=["A1_left"]), tmp_path)
    right = tifffile.imread(made / "test" / "masks" / "A1_right.tif")
    assert np.array_equal(right, np.arange(60).reshape(3, 4, 5)[..., 3:])
    assert volumes_in(made)["train"] == volumes_in(made)["val"] == ["A1_left.tif"]


def test_a_configured_variant_is_as_the_program_writes_it_but_for_its_own_keys(tmp_path):
    rng = np.random.default_rng(0)
    study = with_volumes(tmp_path / "in")
    for kind in ("images", "masks"):
        for name in ("A1", "B1", "C1"):
            volume = np.zeros((24, 40, 40), np.uint8)
            volume[6:16, 10:24, 10:24] = 1 if kind == "masks" else 200
            noise = rng.integers(0, 20, volume.shape, np.uint8) if kind == "images" else 0
            tifffile.imwrite(tmp_path / "in" / kind / f"{name}.tif", volume + noise)
    variant = Variant("a", "a", {"optimizer": {"lr": 0.5}}, "", "a", "configure", 0.0, 200)
    run = Run(replace(study, base={"data": {"voxel_size": [2, 1, 1]}}), variant, study.folds[0], 1)
    config = tmp_path / "a.toml"
    configure(run, fold_folder(study, study.folds[0], tmp_path), config)
    written = tomllib.loads(config.read_text())
    assert written["training"]["max_iterations"] == 200
    assert written["data"]["voxel_size"] == [2, 1, 1]
    assert (written["optimizer"]["lr"], written["optimizer"]["lr_schedule"]) == (0.5, "cosine")


def test_a_fold_that_is_not_there_is_refused():
    with pytest.raises(StudyError, match="--folds 9: no such fold; there are 1 to 2"):
        list(study_of(a="a").runs([], [2, 9], [1]))
