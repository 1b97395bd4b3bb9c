"""The stage calibrate, and what export and report make of it, by the command line."""

import csv
import json
import tomllib

import numpy as np
import pytest

from auxcpvloss.cli import main
from auxcpvloss.experiment.calibration_file import read_calibration, write_calibration
from auxcpvloss.experiment.results import LEDGER, ledger
from auxcpvloss.metrics import Comparison
from auxcpvloss.metrics.calibration import Calibration, features
from auxcpvloss.stages.calibrate import rightness
from auxcpvloss.system.checksums import file_digest
from auxcpvloss.system.errors import InputError


def test_probabilities_are_learned_listed_exported_and_reported(gpu_part, tmp_path, capfd):
    root = gpu_part.copy(tmp_path)
    command = ["-r", str(root), "-id", "run", "-d"]
    stages = ["validate_checkpoints", "predict", "label", "evaluate", "calibrate", "export", "report"]
    assert main([*command, *stages]) == 0, capfd.readouterr().err
    run, said = root / "run", capfd.readouterr().out
    table = json.loads((run / "val/calibration.json").read_text())
    assert table["instances"] >= max(table["right"], 1)
    (path,) = run.glob("test/evaluated/*/*/proofreading.csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    gains = [float(row["expected_gain"]) for row in rows]
    assert gains == sorted(gains, reverse=True)
    # As many are right as evaluate counts.
    for name in {row["volume"] for row in rows}:
        counts = tomllib.loads((path.parent / f"{name}.toml").read_text())["confusion_matrix"]["th_0_5"]
        marks = [row["right"] for row in rows if row["volume"] == name]
        assert (marks.count("1"), marks.count("0")) == (counts["TP"], counts["FP"])
        (exported,) = run.glob(f"test/exported/*/*/{name}_objects.csv")
        with exported.open(newline="") as file:
            objects = {row["id"]: row for row in csv.DictReader(file)}
        listed = {row["id"]: row for row in rows if row["volume"] == name}
        assert objects.keys() == listed.keys()
        learned = Calibration(**{k: tuple(v) if isinstance(v, list) else v for k, v in table.items()})
        sizes = np.array([int(row["volume_voxels"]) for row in objects.values()])
        again = learned(features(np.array([float(listed[key]["confidence"]) for key in objects]), sizes))
        for key, probability in zip(objects, again, strict=True):
            assert float(objects[key]["probability_right"]) == pytest.approx(probability, abs=0.02)
            assert float(listed[key]["probability_right"]) == pytest.approx(probability, abs=0.02)
    page = (run / "report.html").read_text()
    assert "Expected calibration error on" in page
    assert "Instances to look at first" in page
    assert "expected calibration error" in said
    # What is whole is left alone; what was changed is made again, and what was made of it.
    written = path.stat().st_mtime_ns
    assert main([*command, "calibrate"]) == 0
    assert path.stat().st_mtime_ns == written
    (run / "val/calibration.json").write_text("{}")
    assert main([*command, "report"]) == 0
    assert "Instances to look at first" not in (run / "report.html").read_text()
    # As another version wrote it, in another form.
    (run / "val/calibration.json").write_text(json.dumps({key: table[key] for key in table if key != "constant"}))
    entries = ledger(run / "val")
    entries["calibration.json"]["sha256"] = file_digest(run / "val/calibration.json")
    (run / "val" / LEDGER).write_text(json.dumps(entries))
    assert main([*command, "calibrate"]) == 0
    assert json.loads((run / "val/calibration.json").read_text()) == table


def test_a_file_with_more_fields_is_of_another_version(tmp_path):
    learned, path = (
        Calibration((0.5,), (1.0,), (2.0,), 0.1, (0.0, 1.0), (0.2, 0.9), 8, 5),
        tmp_path / "calibration.json",
    )
    write_calibration(path, learned)
    assert read_calibration(path) == learned
    path.write_text(json.dumps(json.loads(path.read_text()) | {"slope": 1.0}))
    with pytest.raises(InputError, match=r"calibration\.json: damaged, or written by another version"):
        read_calibration(path)


def test_what_is_right():
    truth, found = np.zeros((1, 4, 12), int), np.zeros((1, 4, 12), int)
    truth[0, :, :4], truth[0, :, 6:] = 1, 2
    found[0, :, :4], found[0, :2, 6:], found[0, 3, 5] = 7, 3, 9
    ids, right = rightness(Comparison(found, truth))
    # Half of the second one is not more than 0.5.
    assert dict(zip(ids.tolist(), right.tolist(), strict=True)) == {3: False, 7: True, 9: False}
    ids, right = rightness(Comparison(found, truth, outlines=False))
    assert dict(zip(ids.tolist(), right.tolist(), strict=True)) == {3: True, 7: True, 9: False}
    points = np.array([[0.0, 2.0, 2.0]])
    ids, right = rightness(Comparison(found, points, distance_limit=3))
    assert dict(zip(ids.tolist(), right.tolist(), strict=True)) == {3: False, 7: True, 9: False}
    with pytest.raises(InputError, match="foreground_only"):
        rightness(Comparison(found, points, distance_limit=3, foreground_only=True))
