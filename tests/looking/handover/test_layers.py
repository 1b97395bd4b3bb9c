import numpy as np
import pytest

from auxcpvloss.config.units import Space
from auxcpvloss.looking.handover.viewer import layers, obstacle
from auxcpvloss.system.errors import InputError
from tests.looking.handover.scenes import SPACE, scene, truth


def named(one):
    return {attributes["name"]: (data, attributes, kind) for data, attributes, kind in layers(one)}


def test_a_volume_has_a_layer_for_all_there_is_to_see():
    found = named(scene())
    kinds = {name: kind for name, (_, _, kind) in found.items()}
    assert kinds == {
        "raw": "image", "ground truth": "labels", "instances": "labels", "centers": "points",
        "false positives": "labels", "false negatives": "labels", "splits": "labels", "merges": "labels",
    }  # fmt: skip
    for _, attributes, _ in found.values():
        assert (attributes["scale"], attributes["translate"]) == (SPACE.voxel_size, SPACE.offset)
        assert attributes["units"] == ("micrometer",) * 3
    assert not found["ground truth"][1]["visible"]
    assert found["centers"][1]["features"]["id"].tolist() == [34, 50, 60, 61, 70]


def test_of_points_the_errors_are_points():
    found = named(scene(is_points=True))
    assert {name: kind for name, (_, _, kind) in found.items()} == {
        "raw": "image", "ground truth": "labels", "points": "labels", "centers": "points",
        "false positives": "points", "false negatives": "points",
    }  # fmt: skip
    # A ball for each.
    assert sorted(np.unique(found["points"][0], return_counts=True)[1])[:2] == [32, 33]
    assert len(found["false positives"][0]) == 1


def test_without_truth_there_are_no_errors():
    found = named(scene(truth=None, errors=(), space=Space((1, 1, 1))))
    assert list(found) == ["raw", "instances", "centers"]
    assert all("units" not in attributes for _, attributes, _ in found.values())


def test_napari_is_opened_where_somebody_sits_before_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    at_desk, on_cluster = {"DISPLAY": ":0"}, {"HOME": "/"}
    assert obstacle(None, at_desk) == ""
    assert obstacle(False, at_desk) != ""
    assert "no display" in obstacle(None, on_cluster)
    with pytest.raises(InputError, match="--napari: there is no display"):
        obstacle(True, on_cluster)
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    assert "does not run in a terminal" in obstacle(None, at_desk)
    assert obstacle(True, at_desk) == ""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "not installed" in obstacle(None, at_desk)
    with pytest.raises(InputError, match="--napari: napari is not installed"):
        obstacle(True, at_desk)


def test_the_truth_is_that_of_the_volume():
    assert (named(scene())["ground truth"][0] == truth()).all()
