import json

from auxcpvloss.config.units import Space
from auxcpvloss.looking.handover.neuroglancer import ADDRESS, link, neuroglancer_state
from tests.looking.handover.scenes import scene


def test_the_state_points_at_the_arrays_and_the_errors_where_they_lie():
    state = json.loads(neuroglancer_state(scene(), "a.ome.zarr", ["instances", "truth"]))
    assert state["dimensions"] == {"z": [2e-6, "m"], "y": [1e-6, "m"], "x": [5e-7, "m"]}
    assert state["position"] == [3.5 - 2, 5.5, 11.5 + 3]
    layers = {layer["name"]: layer for layer in state["layers"]}
    assert list(layers) == ["raw", "instances", "truth", "false positives", "false negatives", "splits", "merges"]
    assert layers["raw"]["source"] == f"zarr2://{ADDRESS}a.ome.zarr/"
    assert layers["truth"]["source"] == f"zarr2://{ADDRESS}a.ome.zarr/labels/truth/"
    assert (layers["instances"]["visible"], layers["truth"]["visible"]) == (True, False)
    (merge,) = layers["merges"]["annotations"]
    # In voxels; the first one lies at offset / size.
    assert (merge["point"], merge["description"]) == ([2.5 - 2, 2.5, 19.5 + 3], "instance 34: nuclei 3 4")


def test_a_volume_of_no_unit_has_none():
    state = json.loads(neuroglancer_state(scene(is_points=True, space=Space((3, 1, 1))), "a", ["points"]))
    assert (state["dimensions"]["z"], state["selectedLayer"]["layer"]) == ([3, ""], "points")


def test_the_link_names_the_state_by_its_address():
    assert link("a_neuroglancer.json").endswith(".com/#!http://127.0.0.1:8765/a_neuroglancer.json")
