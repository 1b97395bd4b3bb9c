import json
import re
from collections.abc import Callable

import pytest

from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.provenance.document import NAME, Document
from auxcpvloss.experiment.provenance.recorder import Recorder
from auxcpvloss.system.errors import InputError
from auxcpvloss.system.terminal import Terminal
from tests.conftest import configure

ASKED = {"stages": ["mknet"], "which": "best", "checkpoint": None, "term_after_predict": False}


@pytest.fixture
def whole(tmp_path) -> dict:
    """A record of one command with one stage."""
    experiment = Experiment(tmp_path / "root" / "mine", configure())
    with Recorder(experiment, Terminal(), ASKED) as recorder:
        recorder.begin("mknet")
        recorder.end()
    return json.loads((experiment.folder / NAME).read_text())


CHANGES: dict[str, tuple[Callable[[dict], object], str]] = {
    "a newer format": (lambda content: content.update(format=2), "format: "),
    "no commands": (lambda content: content.pop("commands"), "commands: Field required"),
    "no configuration": (lambda content: content.update(config={}), "a shared table that a command refers to is missing"),
    "an option for a stage": (lambda content: content["commands"][0]["asked"]["stages"].append("--root"), "commands.0.asked.stages.1: "),
    "an option for a stage that was done": (lambda content: content["commands"][0]["stages"][0].update(stage="-r"), "commands.0.stages.0.stage: "),
    "a number for a command": (lambda content: content["commands"].append(3), "commands.1: "),
    "no code": (lambda content: content["commands"][0].pop("code"), "commands.0.code: Field required"),
}  # fmt: skip


def test_what_was_written_is_read(whole, tmp_path):
    (tmp_path / NAME).write_text(json.dumps(whole))
    Document.read(tmp_path / NAME).write(tmp_path / NAME)
    assert json.loads((tmp_path / NAME).read_text()) == whole


@pytest.mark.parametrize(("change", "expected"), CHANGES.values(), ids=CHANGES)
def test_what_is_no_record_is_refused_with_the_place(whole, tmp_path, change, expected):
    change(whole)
    (tmp_path / NAME).write_text(json.dumps(whole))
    with pytest.raises(InputError, match=re.escape(expected)):
        Document.read(tmp_path / NAME)
