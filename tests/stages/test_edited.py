"""Numbers that were edited, and records that were lost or damaged, are told by whoever reads them."""

import json
import re
import shutil
from pathlib import Path

import pytest
import toml

from auxcpvloss.cli import main
from auxcpvloss.data.checksums import ATTRIBUTE
from auxcpvloss.data.checksums import NAME as CHECKSUMS
from auxcpvloss.experiment.training_record import FILES
from auxcpvloss.looking.compare.reading import read_run
from auxcpvloss.system.checksums import BLOCK
from auxcpvloss.system.errors import InputError
from tests.edits import write_without_checksum
from tests.stages.conftest import EVERY_STAGE
from tests.stages.test_status import not_whole, status


@pytest.fixture
def copy(every_stage, tmp_path) -> Path:
    shutil.copytree(every_stage, tmp_path, dirs_exist_ok=True)
    return tmp_path


def stage(folder: Path, *stages: str) -> int:
    (folder / "e.toml").write_text(toml.dumps(EVERY_STAGE))
    return main(["-c", str(folder / "e.toml"), "-r", str(folder / "root"), "-d", *stages])


def edit(path: Path, old: str, new: str) -> bytes:
    before = path.read_bytes()
    text, count = re.subn(old, new, before.decode(), count=1)
    assert count
    path.write_text(text)
    return before


def test_an_edited_score_is_neither_printed_nor_compared_and_made_again(copy, capfd):
    scores = next((copy / "root/e/test/evaluated").rglob("worm_03.toml"))
    before = edit(scores, r"\nAP = 0\.0", "\nAP = 0.97")
    with pytest.raises(InputError, match=r"worm_03.toml: .*changed since it was written.*Run the stage evaluate"):
        read_run(copy / "root/e")
    assert not_whole(status(copy, capfd))["evaluate", "checkpoint 1, scores"][::2] == [
        "broken",
        "changed since it was written",
    ]
    assert stage(copy, "evaluate") == 0
    assert "0.97" not in capfd.readouterr().out
    assert scores.read_bytes() == before


def test_an_edited_selection_is_not_used_and_made_again(copy, capfd):
    path = copy / "root/e/val/selection.toml"
    before = edit(path, r"\nfg_thresh = 0\.\d", "\nfg_thresh = 0.7")
    assert stage(copy, "label") == 2
    error = capfd.readouterr().err
    assert "selection.toml: damaged: changed since it was written" in error
    assert "Run the stage validate_checkpoints" in error
    assert not_whole(status(copy, capfd))["validate_checkpoints", "selection"][0] == "broken"
    assert stage(copy, "validate_checkpoints") == 0
    assert path.read_bytes() == before


def test_a_selection_that_contradicts_the_scores_is_told(copy, capfd):
    """One with a checksum of its own, from elsewhere."""
    path = copy / "root/e/val/selection.toml"
    before = path.read_bytes()
    write_without_checksum(path, re.sub(r"\nscore = 0\.0", "\nscore = 0.5", before.decode()))
    assert stage(copy, "label") == 2
    assert "it does not follow from scores.csv, where the best score is 0.000000" in capfd.readouterr().err
    write_without_checksum(path, before.decode())
    assert stage(copy, "label") == 0


def test_an_edited_configuration_is_told(copy, capfd):
    edit(copy / "root/e/config.toml", r"\nseed = \d+", "\nseed = 5")
    with pytest.raises(InputError, match=r"config.toml: changed since it was written"):
        read_run(copy / "root/e")
    assert main(["-id", "e", "-r", str(copy / "root"), "-d", "status"]) == 0
    found = capfd.readouterr()
    assert "config.toml: changed since it was written; it is used as it is now" in re.sub(r"\s+", " ", found.out + found.err)  # fmt: skip


@pytest.mark.parametrize("damage", ["lost", "flipped"])
def test_without_the_record_of_a_training_no_stage_uses_its_weights(copy, capfd, damage):
    record = copy / "root/e/train/made_from.json"
    if damage == "lost":
        record.unlink()
    else:
        edit(record, r'"lr": 0\.', '"lr": 1.')
    for name in ("predict", "validate_checkpoints", "label"):
        assert stage(copy, name) == 2
        error = capfd.readouterr().err
        assert "made_from.json, the record of its inputs, is missing or damaged" in error
        assert "Restore it, or run the stage train" in error
    assert not_whole(status(copy, capfd))["train", "weights"][0] == "stale"
    before = (copy / "root/e/train/checkpoints/00000002.keras").read_bytes()
    assert stage(copy, "train") == 0
    assert "training starts from the beginning because made_from.json" in capfd.readouterr().out
    assert (copy / "root/e/train/checkpoints/00000002.keras").read_bytes() == before
    assert list((copy / "root/e/superseded").glob("*/train/checkpoints/00000002.keras"))


def test_an_edited_or_lost_log_is_told_for_good(copy, capfd):
    log = copy / "root/e/train/log.csv"
    edit(log, r"\n1,\d", "\n1,7")
    for _ in range(2):
        assert not_whole(status(copy, capfd))["train", "files"] == ["broken", "log.csv", "changed since it was written"]
        assert stage(copy, "train") == 0
        found = capfd.readouterr()
        assert "log.csv changed since it was written; only a new training makes it again" in re.sub(r"\s+", " ", found.out + found.err)  # fmt: skip
    assert stage(copy, "report") == 0
    assert "train/log.csv: changed since it was written" in (copy / "root/e/report.html").read_text()
    log.unlink()
    assert not_whole(status(copy, capfd))["train", "files"] == ["missing", "log.csv", "is missing"]


@pytest.mark.parametrize("damage", ["lost", "flipped"])
def test_records_are_written_again(copy, capfd, damage):
    path = copy / "root/e/records.json"
    before = json.loads(path.read_text())
    if damage == "lost":
        path.unlink()
    else:
        edit(path, r'"checksum": "[0-9a-f]', '"checksum": "x')
    assert not_whole(status(copy, capfd))["every stage", "files"][0] == ("missing" if damage == "lost" else "broken")
    assert stage(copy, "all") == 0
    found = json.loads(path.read_text())
    assert before.items() >= found.items()
    assert not not_whole(status(copy, capfd))
    assert read_run(copy / "root/e").training["samples"]["worm_00"]["checksum"]


def test_what_was_written_before_there_were_checksums_is_whole(copy, capfd):
    """But the report, which holds the checksum of the selection that is changed here."""
    for path in [path for path in (copy / "root").rglob("*") if path.is_file()]:
        if path.name == CHECKSUMS:
            path.unlink()
        elif path.name == ".zattrs":
            attributes = json.loads(path.read_text())
            path.write_text(json.dumps({k: v for k, v in attributes.items() if k not in (ATTRIBUTE, "centers")}))
        elif path.suffix == ".hdf":
            path.write_bytes(path.read_bytes()[BLOCK:])
        elif path.parent.name == "train" and path.name == "made_from.json":
            table = json.loads(path.read_text())
            write_without_checksum(path, json.dumps({key: each for key, each in table.items() if key != FILES}))
        elif path.suffix in (".toml", ".json") and "exported" not in path.parts:
            write_without_checksum(path, path.read_text())
    found = not_whole(status(copy, capfd))
    assert found.keys() == {("report", "report.html")}
