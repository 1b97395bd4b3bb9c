"""Which commands to run again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auxcpvloss.experiment.provenance import Document
from auxcpvloss.experiment.provenance.recorder import DONE


@dataclass(frozen=True)
class Run:
    """A command to run again.

    Attributes
    ----------
    number : int
        In the record, from 1.
    command : mapping
        What was recorded.
    config : dict
        Tables of its effective configuration.
    arguments : list of str
        Of the command line, those about what to do.
    """

    number: int
    command: Mapping[str, Any]
    config: dict[str, Any]
    arguments: list[str]


def runs(document: Document) -> list[Run]:
    """Give the commands to run again, in order.

    One that was killed or interrupted is run to its end, as the one after it went on from there. Of one that was
    refused only the stages that were finished are. Where a command was given again and again, it is run once.
    """
    found: list[Run] = []
    for number, command in enumerate(document.commands, start=1):
        arguments = _arguments(command)
        if not arguments or (found and _same(found[-1], command, arguments)):
            continue
        found.append(Run(number, command, document.config(command), arguments))
    return found


def _same(run: Run, command: Mapping[str, Any], arguments: list[str]) -> bool:
    return run.command["config"] == command["config"] and run.arguments == arguments


def _arguments(command: Mapping[str, Any]) -> list[str]:
    asked = command["asked"]
    if command["outcome"] == "refused":
        stages = [stage["stage"] for stage in command["stages"] if stage["outcome"] == DONE]
        return ["-d", *stages] if stages else []
    chosen = ["--test-checkpoint", asked["which"]]
    if asked["checkpoint"] is not None:
        chosen = ["--checkpoint", str(asked["checkpoint"])]
    end = ["--term_after_predict"] if asked["term_after_predict"] else []
    return [*chosen, *end, "-d", *asked["stages"]]
