import json
from hashlib import sha256

import pytest

from auxcpvloss.experiment.fingerprint import Records
from auxcpvloss.experiment.record_keys import relevant
from auxcpvloss.experiment.superseded import Notes, place, set_aside
from auxcpvloss.stages.order import STAGES
from auxcpvloss.system.libraries import other_versions


def difference(old, new):
    records = Records()
    return records.difference(records.flat(old), records.flat(new))


def test_what_is_set_aside_keeps_its_path_and_nothing_is_lost(tmp_path):
    said: list[str] = []
    notes = Notes(say=said.append, config="before")
    for text in ("one", "two"):
        path = tmp_path / "val" / "a.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        set_aside(tmp_path, path, notes, overwrite=False)
        assert not path.exists()
    kept = place(tmp_path, notes)
    assert [(kept / "val" / name).read_text() for name in ("a.txt", "a.txt.1")] == ["one", "two"]
    assert ((kept / "config.toml").read_text(), said) == ("before", [f"earlier results are kept in {kept}"])
    # Another command of the same second has a folder of its own.
    assert place(tmp_path, Notes()) != kept


def test_with_overwrite_it_is_deleted(tmp_path):
    (tmp_path / "a").mkdir()
    set_aside(tmp_path, tmp_path / "a", Notes(), overwrite=True)
    set_aside(tmp_path, tmp_path / "never there", Notes(), overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_differences_are_told_in_words():
    record = {"predicted": {"sample": {"checksum": "1", "padding": [0], "preprocessing": {"square": False}}}}
    words = {
        "checksum": ("2", "the file of the volume changed"),
        "padding": ([1], "data.padding was [0], is [1]"),
        "preprocessing": ({"square": True}, "preprocessing.square was False, is True"),
    }
    for key, (value, told) in words.items():
        assert difference(record, {"predicted": {"sample": {**record["predicted"]["sample"], key: value}}}) == told
    assert difference({"samples": {"a": {}, "b": {"checksum": 1}}}, {"samples": {"b": {"checksum": 2}, "c": {}}}) == (
        "volume a is gone; the file of volume b changed; volume c is new"
    )
    # What another key has made indifferent is no reason.
    assert difference({"a": 1, "b": 1}, {"a": 2}) == "a was 1, is 2"
    assert difference({}, {"version of label": 2}) == "version of label was not recorded, is 2"
    assert str(difference(dict.fromkeys("abcdefg", 1), dict.fromkeys("abcdefg", 2))).endswith("e was 1, is 2; 2 more")


def test_keys_of_no_effect_are_not_compared():
    table = {"lr_schedule": "constant", "min_lr": 0.1, "plateau_factor": 0.5, "lr": 1}
    assert relevant({"optimizer": table}) == {"optimizer": {"lr_schedule": "constant", "lr": 1}}
    assert difference({"normalize": "min_max", "lower_percentile": 1}, {"normalize": "min_max"}) is None
    assert difference({"normalize": "percentile", "lower_percentile": 1}, {"normalize": "percentile"}) is not None


def test_weights_of_classes_count_where_the_loss_is_weighed_by_them():
    def record(loss, weights):
        return {"training": {"class_loss": loss}, "model": {"loss_outer_weights": weights, "loss_outer_coeff": 1.0}}

    for loss in ("cross_entropy", "focal", "cross_entropy+dice"):
        told = difference(record(loss, [1, 1, 5]), record(loss, [1, 1, 1]))
        assert told == "model.loss_outer_weights was [1, 1, 5], is [1, 1, 1]"
    assert difference(record("dice", [1, 1, 5]), record("dice", [1, 1, 1])) is None
    assert relevant(record("dice", [1, 1, 5]))["model"] == {"loss_outer_coeff": 1.0}


def test_a_zoom_depends_on_its_factors_or_on_its_range():
    def zoom(factor, factors):
        return {"zoom": {"probability": 1.0, "factor": factor, "factors": factors}}

    assert difference(zoom([0.8, 1.25], [0.5, 2]), zoom([0.5, 1.25], [0.5, 2])) is None
    assert difference(zoom([0.8, 1.25], []), zoom([0.5, 1.25], [])) == "zoom.factor was [0.8, 1.25], is [0.5, 1.25]"
    assert difference(zoom([0.8, 1.25], []), {"zoom": {"probability": 1.0, "factor": [0.8, 1.25]}}) is None


def test_versions_are_told_where_they_differ():
    now = STAGES["train"].made_with()
    assert "not installed" not in now.values()
    assert other_versions(now, now) == ""
    assert other_versions({**now, "tensorflow": "1.0", "gone": "2"}, now) == f"tensorflow 1.0, now {now['tensorflow']}"


@pytest.mark.parametrize(("normalization", "said"), [("none", None), ("group", "tiles (model.test_input_shape)")])
def test_tiles_that_earlier_programs_recorded_count_where_predictions_depend_on_them(tmp_path, normalization, said):
    now = {"model": {"normalization": normalization}, "heads": ["sdt"]}
    then = {**now, "tiles (model.test_input_shape)": [60, 60, 60]}
    digest = sha256(json.dumps(then, sort_keys=True).encode()).hexdigest()[:32]
    (tmp_path / "records.json").write_text(json.dumps({digest: then}))
    records = Records(tmp_path / "records.json")
    assert records.problem == ""
    found = records.difference({"predicted": digest}, records.flat({"predicted": now}))
    assert found == said if said is None else said in found
