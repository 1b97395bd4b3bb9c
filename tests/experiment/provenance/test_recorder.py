import json
import os
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
import toml

from auxcpvloss.cli import INPUT_ERROR, main
from auxcpvloss.config import ConfigFile
from auxcpvloss.experiment.configuration import load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.provenance.document import NAME, Document
from auxcpvloss.experiment.provenance.recorder import Recorder
from auxcpvloss.system.errors import InputError, StageError
from auxcpvloss.system.processors import arithmetic, usable_cores
from auxcpvloss.system.terminal import Terminal
from tests.conftest import TINY, configure, merge

ASKED = {"stages": ["mknet"], "which": "best", "checkpoint": None, "term_after_predict": False}


@pytest.fixture
def experiment(tmp_path) -> Experiment:
    return Experiment(tmp_path / "root" / "mine", configure())


def record(experiment: Experiment) -> Recorder:
    return Recorder(experiment, Terminal(), ASKED)


def read(experiment: Experiment) -> dict:
    return json.loads((experiment.folder / NAME).read_text())


ONE_VOLUME = {"data": {"synthetic": {"train": 1, "val": 0, "test": 0}}}


def arguments(folder, *more: str, **change) -> list[str]:
    (folder / "mine.toml").write_text(toml.dumps(merge(merge(TINY, ONE_VOLUME), change)))
    return ["-c", str(folder / "mine.toml"), "-r", str(folder / "root"), *more]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Experiment:
    """An experiment whose volume was prepared by a command."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "3")
        patch.setenv("MY_PASSWORD", "secret-in-the-environment")
        patch.setenv("TF_VAR_password", "secret-in-the-environment")
        assert main(arguments(folder, "-d", "prepare")) == 0
    return Experiment(folder / "root" / "mine", configure(**ONE_VOLUME))


def test_a_command_records_how_to_repeat_it(made):
    document = Document.read(made.folder / NAME)
    (command,) = document.commands
    assert (command["folder"], command["asked"]) == (str(Path.cwd()), {**ASKED, "stages": ["prepare"]})
    assert load([ConfigFile("record", document.shared("config", command))]) == made.config
    assert command["seeds"] == {
        "general.seed": 42,
        "data.split_seed": 0,
        "data.use_seed": 0,
        "data.degrade.seed": 0,
        "data.synthetic.seed": 1,
    }
    assert command["python"] == ".".join(map(str, sys.version_info[:3]))
    assert document.shared("libraries", command)["numpy"] == __import__("numpy").__version__
    assert command["machine"]["cores"] == usable_cores()
    assert arithmetic(os.environ)._asdict().items() <= command["machine"].items()
    assert command["environment"]["OMP_NUM_THREADS"] == "3"
    (sample,) = made.samples("train")
    assert command["data"] == {"train": {sample.name: sample.made_from["checksum"]}}
    (stage,) = command["stages"]
    assert (stage["stage"], stage["outcome"], command["outcome"]) == ("prepare", "done", "done")
    for part in (stage, command):
        began, ended = (datetime.fromisoformat(part[key]) for key in ("began", "ended"))
        assert began.utcoffset() is not None
        assert (ended - began).total_seconds() == pytest.approx(part["seconds"], rel=0.1, abs=0.5)
        assert 10 < part["peak_memory_mib"] < 100_000


def test_no_other_variable_of_the_environment_is_recorded(made):
    assert "secret-in-the-environment" not in (made.folder / NAME).read_text()


@pytest.mark.parametrize(("more", "status"), [(["predict"], INPUT_ERROR), (["prepare", "--dry-run"], 0)])
def test_a_command_that_is_refused_and_a_dry_run_leave_the_record_as_it_was(made, more, status):
    before = (made.folder / NAME).read_bytes()
    assert main(arguments(made.folder.parents[1], "-d", *more)) == status
    assert (made.folder / NAME).read_bytes() == before


def test_a_first_command_that_is_refused_leaves_nothing(tmp_path):
    assert main(arguments(tmp_path, "-d", "label")) == INPUT_ERROR
    assert not (tmp_path / "root").exists()


def test_a_command_that_is_refused_after_a_stage_is_kept_with_the_reason(made):
    folder = made.folder.parents[1]
    change = {"data": {"synthetic": {"test": 1}}}
    assert main(arguments(folder, "-id", "other", "-d", "prepare", "visualize", **change)) == INPUT_ERROR
    (command,) = Document.read(folder / "root" / "other" / NAME).commands
    assert [stage["outcome"] for stage in command["stages"]] == ["done", "refused"]
    assert command["outcome"] == "refused"
    assert "no checkpoint has been selected yet" in command["message"]


def test_earlier_commands_and_shared_tables_stay(experiment):
    for _ in range(3):
        with record(experiment):
            pass
    with record(Experiment(experiment.folder, configure(general={"seed": 7}))):
        pass
    content = read(experiment)
    assert [command["seeds"]["general.seed"] for command in content["commands"]] == [42, 42, 42, 7]
    assert (len(content["config"]), len(content["libraries"])) == (2, 1)


def test_a_killed_command_shows_as_unfinished(experiment):
    recorder = record(experiment)
    recorder.__enter__()
    recorder.begin("mknet")
    # What is on disk is what a kill leaves.
    (command,) = read(experiment)["commands"]
    (stage,) = command["stages"]
    assert command["ended"] is command["outcome"] is stage["ended"] is stage["outcome"] is None
    assert command["process"] == os.getpid()
    recorder.end()
    (command,) = read(experiment)["commands"]
    assert command["stages"][0]["outcome"] == "done"
    assert command["ended"] is None


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (InputError("no such key"), "refused"),
        (StageError("a worker died"), "failed"),
        (OSError(28, "No space left on device"), "refused"),
        (KeyboardInterrupt(), "interrupted"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError"),
    ],
)
def test_how_a_command_ended_is_told(experiment, error, outcome):
    recorder = record(experiment)

    def run() -> None:
        with recorder:
            recorder.begin("mknet")
            raise error

    with pytest.raises(type(error)):
        run()
    (command,) = read(experiment)["commands"]
    assert command["outcome"] == command["stages"][0]["outcome"] == outcome
    assert command.get("message", "") == str(error)
    assert command["ended"] is not None
    assert recorder.finished == []


@pytest.mark.parametrize("text", ["{", '{"format": 1, "commands": [{}], "config": {}, "libraries": {}}', "[]", "\xff", "[" * 99_999])  # fmt: skip
def test_a_broken_record_is_kept_aside(experiment, text, capfd):
    experiment.folder.mkdir(parents=True)
    (experiment.folder / NAME).write_bytes(text.encode("latin-1"))
    with record(experiment):
        pass
    (aside,) = experiment.folder.glob("provenance-broken-*.json")
    assert (aside.read_bytes(), len(read(experiment)["commands"])) == (text.encode("latin-1"), 1)
    assert f"It is kept as {aside.name}, and a new record is started." in capfd.readouterr().out


def test_a_refused_command_puts_a_broken_record_back(experiment):
    experiment.folder.mkdir(parents=True)
    (experiment.folder / NAME).write_text("{")
    recorder = record(experiment)
    with recorder:
        pass
    recorder.take_back()
    assert [path.name for path in experiment.folder.iterdir()] == [NAME]
    assert (experiment.folder / NAME).read_text() == "{"


def test_the_most_memory_of_a_stage_is_its_own(experiment):
    with record(experiment) as recorder:
        recorder.begin("prepare")
        block = b"1" * (300 << 20)
        recorder.end()
        del block
        recorder.begin("mknet")
        recorder.end()
    (command,) = read(experiment)["commands"]
    large, small = (stage["peak_memory_mib"] for stage in command["stages"])
    assert large > small + 250
    assert command["peak_memory_mib"] >= large


def test_recording_takes_no_time_that_anybody_notices(experiment):
    with record(experiment):
        pass
    began = time.process_time()
    for _ in range(10):
        with record(experiment) as recorder:
            recorder.begin("mknet")
            recorder.end()
    assert (time.process_time() - began) / 10 < 0.1
