"""What is not as it was when an experiment ran: code, libraries, machine, data."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from auxcpvloss.data.sources.find import SPLITS, find_sources
from auxcpvloss.data.sources.source import Source
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.provenance import Document
from auxcpvloss.experiment.provenance.code import REQUIRED, code_version, libraries
from auxcpvloss.experiment.provenance.machine import JOBS, environment, machine
from auxcpvloss.system.errors import InputError

Command = Mapping[str, Any]


def changed_surroundings(document: Document, commands: Sequence[Command]) -> list[str]:
    """Say, in a line each, how code, libraries and machine differ from those of any of the commands."""
    lines: list[str] = []
    for command in commands:
        lines += _code(command["code"], code_version())
        lines += _values({"Python": command["python"]}, {"Python": platform.python_version()})
        lines += _libraries(document.libraries(command), libraries())
        then, now = command["machine"], machine()
        lines += [line for key in ("processor", "cores") for line in _values({key: then[key]}, {key: now[key]})]
        lines += _values(_lasting(command["environment"]), _lasting(environment(os.environ)))
    return list(dict.fromkeys(lines))


def changed_data(command: Command, experiment: Experiment) -> list[str]:
    """Say, in a line each, which volumes are not those that a command worked on; reads all of them."""
    recorded: dict[str, dict[str, str]] = command["data"]
    try:
        found = find_sources(experiment.config.data, SPLITS) if recorded else {}
        now = {split: _checksums(experiment, split, found) for split in recorded}
    except InputError as error:
        return [f"data: {error}"]
    return [
        f"data: {split} {line}" for split, then in recorded.items() for line in _values(then, now[split], "checksum")
    ]


def _checksums(experiment: Experiment, split: str, found: Mapping[str, Sequence[Source]]) -> dict[str, str]:
    sources = {(place, source.name): source for place, listed in found.items() for source in listed}
    return {volume.name: sources[volume].checksum() for volume in experiment.volumes(split)}


def _code(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    if then["sources"] == now["sources"]:
        return []
    return [f"code: {_version(then)}, now {_version(now)}"]


def _version(code: Mapping[str, Any]) -> str:
    text = f"version {code['version']}, sources {code['sources'][:12]}"
    if git := code.get("git"):
        modified = f", modified: {', '.join(git['modified'])}" if git["modified"] else ""
        text += f" (commit {git['commit'][:12]}{modified})"
    return text


def _libraries(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Give a line for each library that the package imports; all that these bring along, and others, in one."""
    known = {
        name: {key: versions[key] for key in REQUIRED if key in versions}
        for name, versions in (("then", then), ("now", now))
    }
    lines = _values(known["then"], known["now"])
    others = [line for line in _values(then, now) if line not in lines]
    return [*lines, f"{len(others)} other libraries: {'; '.join(others)}"] if others else lines


def _lasting(variables: Mapping[str, str]) -> dict[str, str]:
    """Give variables of the environment without the numbers of jobs."""
    return {key: value for key, value in variables.items() if key not in JOBS}


def _values(then: Mapping[str, Any], now: Mapping[str, Any], what: str = "") -> list[str]:
    """Give a line for each name whose value differs."""
    lines = []
    for name in sorted({*then, *now}):
        was, is_now = (_shortened(values[name], what) if name in values else "not there" for values in (then, now))
        if then.get(name) != now.get(name):
            lines.append(f"{name}: {was}, now {is_now}")
    return lines


def _shortened(value: Any, what: str) -> str:
    return f"{what} {str(value)[:12]}" if what else str(value)
