from __future__ import annotations

import pytest

from auxcpvloss.experiment.provenance import Document
from auxcpvloss.repeat.commands import runs


def command(*stages: str, outcome: str | None = "done", finished: int = 0, **asked) -> dict:
    known = {"stages": list(stages), "which": "best", "checkpoint": None, "term_after_predict": False}
    done = [{"stage": stage, "outcome": "done"} for stage in stages[:finished]]
    return {"asked": {**known, **asked}, "outcome": outcome, "stages": done, "config": "c", "libraries": "l"}


def arguments(*commands: dict) -> list[tuple[int, str]]:
    document = Document({"commands": list(commands), "config": {"c": {}}, "libraries": {"l": {}}})
    return [(run.number, " ".join(run.arguments)) for run in runs(document)]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, "--test-checkpoint best -d train predict"),
        ({"which": "last"}, "--test-checkpoint last -d train predict"),
        ({"checkpoint": 4}, "--checkpoint 4 -d train predict"),
        ({"term_after_predict": True}, "--test-checkpoint best --term_after_predict -d train predict"),
    ],
)
def test_what_was_asked_for_is_asked_for_again(asked, expected):
    assert arguments(command("train", "predict", **asked)) == [(1, expected)]


def test_a_command_that_was_killed_and_given_again_is_run_once():
    killed = [command("train", outcome=outcome) for outcome in (None, "interrupted", "failed")]
    assert arguments(*killed, command("train"), command("predict"), command("train")) == [
        (1, "--test-checkpoint best -d train"),
        (5, "--test-checkpoint best -d predict"),
        (6, "--test-checkpoint best -d train"),
    ]


def test_of_a_refused_command_what_was_finished_is_run():
    assert arguments(command("mknet", outcome="refused"), command("mknet", "train", outcome="refused", finished=1)) == [
        (2, "-d mknet")
    ]
