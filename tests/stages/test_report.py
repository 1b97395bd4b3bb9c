"""The stage report, on predictions that are known."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import toml

from auxcpvloss.cli import main
from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.results import Result, record_beside
from auxcpvloss.stages.order import STAGES
from auxcpvloss.stages.run import Choice, Run
from auxcpvloss.stages.status import rows
from auxcpvloss.system.errors import InputError
from tests.looking.report.test_page import Elements
from tests.stages.conftest import EVERY_STAGE
from tests.stages.running import perform
from tests.stages.test_evaluate import data, make, root  # noqa: F401

Make = Callable[..., Experiment]


def reported(experiment: Experiment, *, score: bool = True) -> str:
    perform(experiment, "label", *(["evaluate"] if score else []), "report", checkpoint=4)
    return experiment.report_path.read_text(encoding="utf-8")


def report_of(experiment: Experiment) -> tuple[Run, Result]:
    run = Run(experiment, choice=Choice(checkpoint=4))
    (result,) = STAGES["report"].results(run)
    return run, result


def cases(html: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(Elements(html).scripts[0])["cases"]
    return found


def test_errors_are_those_of_the_scores(make: Make):  # noqa: F811
    html = reported(make())
    assert "3 of 4 true nuclei were found (75 %); 1 of 4 results is wrong (25 %)." in html
    assert [(case["kind"], case["volume"], case["truth"], case["result"]) for case in cases(html)] == [
        ("false positive", "a", [], [4]),
        ("false negative", "a", [40], []),
    ]
    assert "There are only 4 true nuclei: each of them counts 25.0 %." in html
    assert "chosen by hand, not by validation" in html
    for heading in ("Verdict", "Scores", "Volumes", "Errors", "Configuration", "Provenance"):
        assert f">{heading}</h2>" in html


def test_of_a_detection_points_are_shown(make: Make):  # noqa: F811
    html = reported(make(evaluation={"do_detection": True}))
    assert "with its center inside the nucleus" in html
    wrong, missed = cases(html)
    assert {mark[0] for mark in wrong["points"] + missed["points"]} == {"FP", "FN", "result", "truth"}
    assert missed["outlines"][1]
    assert missed["outlines"][2:] == ["", ""]


def test_where_the_truth_are_points_there_are_no_outlines(make: Make):  # noqa: F811
    html = reported(make("sparse", evaluation={"do_detection": True, "distance_limit": 5.0}))
    assert "with its center within 5 voxels (along x) of that of the nucleus" in html
    assert [(case["kind"], case["truth"], case["size"]) for case in cases(html)] == [
        ("false positive", [], None),
        ("false negative", [4], None),
    ]
    assert all(case["outlines"] == ["", "", "", ""] for case in cases(html))


def test_volumes_without_truth_are_counted_and_shown(make: Make, data: Path, tmp_path: Path):  # noqa: F811
    (tmp_path / "images").mkdir()
    shutil.copy(data / "dense" / "images" / "a.tif", tmp_path / "images" / "a.tif")
    html = reported(make(data={"test_data": str(tmp_path)}))
    assert "The test volumes have no ground truth, so nothing is scored." in html
    assert '<th scope="row">a</th>\n<td data-value="4">4</td>' in html
    assert 'id="errors"' not in html
    assert html.count("<img ") == 1


def test_what_is_whole_is_not_written_again_and_follows_what_it_shows(make: Make):  # noqa: F811
    experiment = make()
    before = reported(experiment)
    written = experiment.report_path.stat().st_mtime_ns
    reported(experiment)
    assert experiment.report_path.stat().st_mtime_ns == written
    other = Experiment(experiment.folder, make(name="b", evaluation={"colors": "colorblind"}).config)
    assert reported(other) != before
    (kept,) = (experiment.folder / "superseded").rglob("report.html")
    assert kept.read_text(encoding="utf-8") == before


def test_another_name_snapshot_or_choice_makes_it_stale(every_stage: Path, tmp_path: Path):
    shutil.copytree(every_stage, tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "root" / "e"
    config = load([ConfigFile.read(folder / "config.toml")])

    def why(folder: Path, checkpoint: int | None = None) -> str:
        run = Run(Experiment(folder, config), choice=Choice(checkpoint=checkpoint), planning=True)
        (item,) = [item for item in rows(run) if item.stage == "report"]
        return item.state.why

    assert why(folder) == ""
    assert "chosen was 'checkpoint" in why(folder, 1) + why(folder, 2)
    snapshot = folder / "train" / "snapshots" / "batch_00000002.hdf"
    snapshot.parent.mkdir(exist_ok=True)
    snapshot.write_bytes(b"vectors")
    assert why(folder) == "file snapshots/batch_00000002.hdf is new"
    snapshot.unlink()
    folder = folder.rename(folder.with_name("f"))
    assert why(folder) == "name of the experiment was 'e', is 'f'"


def test_a_report_that_does_not_know_the_configuration_says_so(make: Make):  # noqa: F811
    """One of an earlier version of the program."""
    experiment = make()
    reported(experiment)
    _, result = report_of(experiment)
    without = {key: value for key, value in result.record.items() if key != "configuration"}
    record_beside(replace(result, record=without), {})
    run, result = report_of(experiment)
    state = run.state(result)
    assert state.kind == "stale"
    assert state.why.startswith("configuration was not recorded")


def test_a_report_that_cannot_be_made_takes_nothing_away(make: Make):  # noqa: F811
    experiment = make()
    before = reported(experiment)
    path = experiment.samples("test")[0].path / "volumes/raw/0.0.0"
    chunk = path.read_bytes()
    path.write_bytes(b"damaged")
    other = Experiment(experiment.folder, make(name="b", evaluation={"distance_limit": 33.0}).config)
    with pytest.raises(InputError, match=r"a\.zarr: .*cannot be read"):
        perform(other, "report", checkpoint=4)
    path.write_bytes(chunk)
    next(experiment.folder.glob("test/evaluated/*/*/a.toml")).write_text("damaged")
    with pytest.raises(InputError, match=r"a\.toml: broken: .*Run the stage evaluate"):
        perform(other, "report", checkpoint=4)
    assert experiment.report_path.read_text(encoding="utf-8") == before
    assert not list(experiment.folder.glob("superseded/*/report.html"))


def test_a_damaged_log_is_a_note_beside_everything_else(make: Make, caplog):  # noqa: F811
    experiment = make()
    experiment.train_folder.mkdir(exist_ok=True)
    (experiment.train_folder / "log.csv").write_text("iteration,loss\n1,much\n")
    html = reported(experiment)
    assert "Not shown: train/log.csv: not readable as a table of losses" in html
    assert "not readable as a table of losses" in caplog.text
    assert len(cases(html)) == 2
    run, result = report_of(experiment)
    assert run.state(result).kind == "whole"


def test_without_scores_there_is_no_report(make: Make):  # noqa: F811
    experiment = make()
    with pytest.raises(InputError, match=r"there are no pictures to report on\. Run the stage evaluate"):
        reported(experiment, score=False)
    perform(experiment, "evaluate", checkpoint=4)
    next(experiment.folder.glob("test/evaluated/*/*/metrics.txt")).unlink()
    with pytest.raises(InputError, match=r"metrics\.txt: there are no .* to report on\. Run the stage evaluate"):
        perform(experiment, "report", checkpoint=4)
    assert not experiment.report_path.exists()


def test_names_are_text(make: Make):  # noqa: F811
    html = reported(make(name="<b onclick=alert(1)>&amp"))
    assert "<b " not in html
    assert "&lt;b onclick=alert(1)&gt;&amp;amp" in html


def test_a_whole_run_has_a_report_with_what_is_recorded(every_stage: Path):
    html = (every_stage / "root" / "e" / "report.html").read_text(encoding="utf-8")
    assert "Checkpoint and parameters were selected on the validation volumes worm_01, worm_02" in html
    assert "wrote this report" in html
    assert "optimizer.lr" in html
    assert "max_iterations = 2" in html
    assert ">Training and validation</h2>" in html
    assert "The training waited for data " in html
    assert "1,AddTargets," in (every_stage / "root" / "e" / "train" / "profile.csv").read_text()
    with next((every_stage / "root" / "e").glob("test/evaluated/*/*/summary.csv")).open() as file:
        headings = next(csv.reader(file))
    for heading in headings:
        assert f">{heading}</button>" in html


def test_a_training_that_goes_on_makes_it_stale(every_stage: Path, tmp_path: Path, capfd):
    shutil.copytree(every_stage, tmp_path, dirs_exist_ok=True)
    with (tmp_path / "root" / "e" / "train" / "log.csv").open("a") as file:
        file.write("3" + ",1.0" * 6 + "\n")
    assert main(["-id", "e", "-r", str(tmp_path / "root"), "-d", "status"]) == 0
    (row,) = [line for line in capfd.readouterr().out.splitlines() if "report.html" in line]
    assert "stale" in row
    assert "file train/log.csv changed" in row


def test_without_test_volumes_it_is_about_training_and_validation(every_stage: Path, tmp_path: Path, capfd):
    shutil.copytree(every_stage, tmp_path, dirs_exist_ok=True)
    config = json.loads(json.dumps(EVERY_STAGE))
    config["data"]["synthetic"]["test"] = 0
    (tmp_path / "e.toml").write_text(toml.dumps(config))
    arguments = ["-c", str(tmp_path / "e.toml"), "-r", str(tmp_path / "root"), "--test-checkpoint", "last", "-d"]
    assert main([*arguments, "report"]) == 0
    html = (tmp_path / "root" / "e" / "report.html").read_text(encoding="utf-8")
    assert "There are no test volumes. The rest of this page describes training and validation." in html
    # The best one is another one.
    assert "Checkpoint and parameters were chosen by hand, not by validation." in html
    assert ">Training and validation</h2>" in html
    assert "report.html" in capfd.readouterr().out
