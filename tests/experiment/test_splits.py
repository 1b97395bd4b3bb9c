from pathlib import Path

import pytest
import toml

from auxcpvloss.cli import main
from auxcpvloss.experiment.fingerprint import Records
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.splits import Volume, serving
from auxcpvloss.experiment.training_record import training_keys
from auxcpvloss.stages.order import STAGES
from auxcpvloss.stages.perform import perform as make_missing
from auxcpvloss.stages.prepare import PrepareMissing
from auxcpvloss.stages.run import Run
from auxcpvloss.system.errors import InputError
from tests.conftest import TINY, configure, merge
from tests.stages.running import perform

difference = Records().difference

STORED = {"train": ["a", "b", "c", "d"], "val": ["e", "f", "g"], "test": ["x"]}


def listing(split: str) -> dict[str, str]:
    return {name: f"data/{name}" for name in STORED[split]}


def names(split: str, **change) -> list[str]:
    return [volume.name for volume in serving(split, configure(**change), listing)]


def folds(fold: int, *training: int) -> dict:
    return {"data": {"num_folds": 3}, "training": {"folds": list(training)}, "validation": {"fold": fold}}


def test_without_folds_the_splits_serve_for_what_they_are_called():
    assert {split: names(split) for split in STORED} == STORED


def test_folds_share_out_training_and_validation_volumes():
    validating = [names("val", **folds(fold)) for fold in (1, 2, 3)]
    assert sorted(name for each in validating for name in each) == list("abcdefg")
    for fold, held_out in enumerate(validating, start=1):
        assert sorted(names("train", **folds(fold)) + held_out) == list("abcdefg")
        assert names("test", **folds(fold)) == ["x"]
    # One of the other folds only.
    assert names("train", **folds(1, 3)) == validating[2]
    # Wherever they serve, they are where their sources are.
    for volume in serving("train", configure(**folds(1)), listing):
        assert volume.name in STORED[volume.split]


def test_with_trained_models_all_volumes_train():
    change = {"validation": {"trained_models": ["/runs/1"]}}
    assert (names("train", **change), names("val", **change)) == (list("abcdefg"), [])
    assert names("test", **change) == ["x"]


def test_validation_on_the_training_volumes_with_and_without_folds():
    assert names("val", validation={"on_train": True}) == STORED["train"]
    change = folds(2, 1)
    change["validation"]["on_train"] = True
    assert names("val", **change) == names("train", **change)


def test_a_volume_of_both_splits_counts_once_and_two_of_one_name_are_refused():
    change = {"validation": {"trained_models": ["/runs/1"]}}
    same = {"train": {"a": "data/a", "b": "data/b"}, "val": {"a": "data/a"}}
    assert serving("train", configure(**change), same.__getitem__) == [Volume("train", "a"), Volume("train", "b")]
    other = {"train": {"a": "data/train/a"}, "val": {"a": "data/val/a"}}
    with pytest.raises(InputError, match=r"data/train/a \(train\) and data/val/a \(val\) have the same name"):
        serving("train", configure(**change), other.__getitem__)


def test_too_few_volumes_for_the_folds_are_refused():
    few = {"train": {"a": "1"}, "val": {"b": "2"}}
    with pytest.raises(InputError, match=r"3 folds need at least as many volumes; train and val together have 2"):
        serving("val", configure(**folds(1)), few.__getitem__)


def test_a_group_is_never_in_two_folds():
    groups = {"a": "X", "b": "Y", "c": "X", "d": "Z", "e": "X", "f": "Z", "g": "Y"}
    for fold in (1, 2, 3):
        change = folds(fold)
        change["data"]["groups"] = groups
        training, held_out = ({groups[name] for name in names(split, **change)} for split in ("train", "val"))
        assert (len(training), len(held_out), training & held_out) == (2, 1, set())
    change["data"]["groups"] = {**groups, "d": "X", "f": "Y"}
    with pytest.raises(InputError, match=r"3 folds need at least as many groups \(data.groups\).* have 2"):
        names("val", **change)


def experiment(root: Path, **change) -> Experiment:
    change["data"] = {"input_format": "synthetic", **change.get("data", {})}
    return Experiment(root, configure(**change))


def test_prepared_volumes_serve_every_choice_of_folds(prepared, capsys):
    none = prepared.folder.parent / "folds"
    for fold in (1, 2, 3):
        one = experiment(none, **folds(fold))
        assert (one.data_folder("train"), len(one.samples("train"))) == (prepared.data_folder("train"), 2)
        assert len(one.samples("val")) == 1
        perform(one, "prepare")
        assert "4 of them whole already" in capsys.readouterr().out
    held_out = {experiment(none, **folds(fold)).names("val")[0] for fold in (1, 2, 3)}
    assert held_out == {"worm_00", "worm_01", "worm_02"}


def test_what_a_fold_needs_is_prepared_wherever_it_lies(tmp_path, capsys):
    """And what was prepared already needs no sources."""
    one = experiment(tmp_path / "e", **folds(2))
    make_missing(PrepareMissing(one.volumes("val")), Run(one), STAGES)
    assert [sample.name for sample in one.samples("val")] == one.names("val")
    make_missing(PrepareMissing(one.volumes("train")), Run(one), STAGES)
    assert len(one.samples("train")) == 2
    assert "needed but not prepared yet: 1 train, 1 val" in capsys.readouterr().out
    assert not list(PrepareMissing([*one.volumes("train"), *one.volumes("val")]).results(Run(one)))
    assert len(experiment(tmp_path / "f", validation={"trained_models": ["/runs/1"]}).samples("train")) == 3


def test_weights_depend_on_the_folds_they_were_trained_on(tmp_path):
    keys = {each: training_keys(experiment(tmp_path, **folds(*each))) for each in ((1,), (1, 2, 3), (1, 3), (2,))}
    assert difference(keys[1,], keys[1, 2, 3]) is None
    assert difference(keys[1,], keys[1, 3]) == "training.folds was [2, 3], is [3]"
    assert difference(keys[1,], keys[2,]) == "training.folds was [2, 3], is [1, 3]"
    assert "folds" not in training_keys(experiment(tmp_path))["training"]


def test_a_dry_run_lists_the_volumes_of_the_folds(tmp_path, capsys):
    (tmp_path / "f.toml").write_text(toml.dumps(merge(TINY, folds(1))))
    assert main(["-c", str(tmp_path / "f.toml"), "-r", str(tmp_path / "r"), "-d", "all", "cross_validate", "--dry-run"]) == 0  # fmt: skip
    text = capsys.readouterr().out
    one = experiment(tmp_path, **folds(1))
    assert f"train ({', '.join(one.names('train'))}): iterations 0 to 4" in text
    assert f"val ({one.names('val')[0]}), in two halves: checkpoints every 2 iterations" in text
    # Prepared are all of them, where they are.
    assert "train (worm_00, worm_01), val (worm_02), test (worm_03)" in text
    shared = ["-c", str(tmp_path / "f.toml"), "-r", str(tmp_path / "r"), "--dry-run", "--term_after_predict"]
    assert main([*shared, "--validate_on_train", "-d", "validate", "label"]) == 0
    text = capsys.readouterr().out
    assert f"train ({', '.join(one.names('train'))}): the newest checkpoint x 1 parameter set -> " in text
    assert "val_on_train" in text
    assert "would stop here, after the predictions" in text
    assert "label" not in text


def test_a_part_of_the_volumes_serves_nested_and_in_folds_too():
    """In each role the volumes are drawn of those that would serve otherwise; test volumes never are."""
    for change in ({}, folds(2), {"validation": {"trained_models": ["/runs/1"]}}):
        for split in ("train", "val"):
            there, before = names(split, **change), []
            for use in (0.01, 0.3, 0.5, 0.9, 1.0):
                used = names(split, **merge(change, {"data": {"use": use, "use_seed": 3}}))
                assert set(before) <= set(used) <= set(there)
                assert len(used) == (max(1, round(use * len(there))) if there else 0)
                before = used
    assert names("test", data={"use": 0.1}) == ["x"]


def test_validation_is_matched_unless_it_is_asked_for():
    assert len(names("val", data={"use": 2})) == 2  # half of 3
    assert names("val", data={"use": 2, "use_val": "all"}) == STORED["val"]
    assert len(names("val", data={"use_val": 1})) == 1
    assert names("train", data={"use_val": 1}) == STORED["train"]
    on_train = {"validation": {"on_train": True}, "data": {"use": 2}}
    assert names("val", **on_train) == names("train", **on_train)


def test_a_fraction_of_what_validates_needs_no_training_volumes():
    def one(split: str) -> dict[str, str]:
        return {"val": {"e": "1", "f": "2"}}[split]

    assert len(serving("val", configure(data={"use": 0.5}), one)) == 1
