"""Every stage on volumes of which parts are not annotated: masks, points and images."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import toml

from auxcpvloss.cli import main
from tests.conftest import blobs, merge
from tests.stages.conftest import EVERY_STAGE

SHAPE = (12, 20, 40)
KINDS: dict[str, dict[str, Any]] = {
    "masks": {"data": {"ignore_label": -1, "padding": [0, 2, 0]}, "model": {"method": "threeclass_cpv"}},
    "points": {"data": {"ignore_label": -1}, "model": {"method": "gauss"}, "validation": {"gauss_thresh": [0.1, 0.3]}},
    "images": {
        "data": {"annotated_box": True, "voxel_size": [1, 1], "padding": [0, 0]},
        "model": {
            "method": "affinities",
            "ndim": 2,
            "padding": "same",
            "train_input_shape": [16, 16],
            "test_input_shape": [32, 32],
            "downsample_factors": [[2, 2]],
            "fmap_inc_factors": [2],
            "fmap_dec_factors": [2],
            "kernel_size": 3,
        },
        "training": {"augmentation": {"simple": {"mirror": [1, 2], "transpose": [1, 2]}}},
    },
}


def write(folder: Path, kind: str) -> None:
    """Volumes that are annotated on the left of x = 20."""
    for seed, place in enumerate(("train/{}/a", "val/{}/b", "val/{}/c", "test/{}/d")):
        labels = blobs((1, *SHAPE[1:]) if kind == "images" else SHAPE, 12, seed=seed).astype(np.int16)
        raw = (labels > 0) * 150 + np.random.default_rng(seed).integers(0, 60, labels.shape)
        given = np.where(np.indices(labels.shape)[2] < 20, labels, 0 if kind == "images" else -1)
        files = {"images": raw.astype(np.uint8), "masks": np.minimum(given, 0) if kind == "points" else given}
        for what, array in files.items():
            path = folder / f"{place.format(what)}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, array.astype(np.int16 if what == "masks" else np.uint8), photometric="minisblack")
        if kind == "points":
            (folder / place.format("centers")).parent.mkdir(parents=True, exist_ok=True)
            (folder / f"{place.format('centers')}.csv").write_text("5,5,5\n10,15,12\n8,6,17\n8,8,30\n")


@pytest.mark.parametrize("kind", KINDS)
def test_every_stage(tmp_path: Path, capfd: Any, kind: str) -> None:
    write(tmp_path / "data", kind)
    base = merge(EVERY_STAGE, {"data": {"input_format": "tif", "path": str(tmp_path / "data")}})
    base = base | {"validation": {}} | ({"model": {"num_fmaps": 2}} if kind == "images" else {})
    (tmp_path / "e.toml").write_text(toml.dumps(merge(base, KINDS[kind])))
    stages = ["all", "visualize"] if kind == "points" else ["prepare", "train", "validate_checkpoints", "predict", "label", "evaluate"]  # fmt: skip
    assert main(["-c", str(tmp_path / "e.toml"), "-r", str(tmp_path / "root"), "-d", *stages]) == 0
    assert capfd.readouterr().out.count("annotated") > 0
    experiment = tmp_path / "root" / "e"
    (card,) = experiment.glob("test/evaluated/*/*/metrics.txt")
    assert "voxels that are not annotated" in card.read_text()
    if kind == "points":
        assert list(experiment.glob("test/visualized/*/*/d.png"))
        assert list(experiment.glob("test/exported/*/*/*"))
    with (experiment / "val" / "scores.csv").open() as file:
        assert len(list(csv.reader(file))) > 1
    # No nucleus is looked for, or found, where nobody annotated.
    (scores,) = experiment.glob("test/evaluated/*/*/scores.csv")
    with scores.open() as file:
        found = {row["metric"]: float(row["value"]) for row in csv.DictReader(file) if row["volume"] == "d"}
    truth = blobs((1, *SHAPE[1:]) if kind == "images" else SHAPE, 12, seed=3)[..., :20]
    expected = 3 if kind == "points" else len(np.unique(truth)) - 1
    assert found["general.num_gt"] == expected
