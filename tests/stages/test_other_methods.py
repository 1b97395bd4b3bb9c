"""The methods of related systems, from images or volumes to the report."""

import csv

import pytest
import toml
import zarr

from auxcpvloss.cli import main
from tests.conftest import merge
from tests.stages.conftest import EVERY_STAGE
from tests.stages.test_images import CONFIG, write_discs

LISTS = {
    "nedt_border_cpv": {"fg_thresh": [0.1, 0.2], "seed_thresh": [0.3, 0.3], "tolerance": [0.1, 0.1]},
    "threeclass_outer": {"fg_thresh": [0.3, 0.7]},
}
HEADS = {"nedt_border_cpv": {"pred_nedt", "pred_border"}, "threeclass_outer": {"pred_outer"}}


@pytest.mark.parametrize(("ndim", "method"), [(2, "nedt_border_cpv"), (3, "threeclass_outer")])
def test_it_trains_validates_labels_and_is_shown(tmp_path, ndim, method):
    tables = {**CONFIG, "data": {**CONFIG["data"], "path": str(tmp_path / "discs")}} if ndim == 2 else EVERY_STAGE
    tables = merge({**tables, "validation": LISTS[method]}, {"model": {"method": method}})
    if ndim == 2:
        write_discs(tmp_path / "discs")
    (tmp_path / "a.toml").write_text(toml.dumps(tables))
    stages = ["prepare", "train", "validate_checkpoints", "predict", "label", "evaluate"]
    shown = ["visualize", "report"] if ndim == 2 else []
    assert main(["-c", str(tmp_path / "a.toml"), "-r", str(tmp_path), "-id", "a", "-d", *stages, *shown]) == 0
    (prediction, *_) = (tmp_path / "a" / "test" / "processed").rglob("*.zarr")
    # The vectors are for training alone: votes are not among the values that were listed.
    assert set(zarr.open_group(str(prediction), mode="r")["volumes"]) == HEADS[method]
    assert bool(list((tmp_path / "a" / "test" / "visualized").rglob("*.png"))) == (ndim == 2)
    assert (tmp_path / "a" / "report.html").exists() == (ndim == 2)
    with next((tmp_path / "a" / "test").rglob("summary.csv")).open() as file:
        scores = {row["volume"]: float(row["AP 0.5"]) for row in csv.DictReader(file)}
    # Two iterations teach nothing.
    assert scores["mean"] > (0.5 if ndim == 2 else -1)
