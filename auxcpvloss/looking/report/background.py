"""How the results of an experiment came about: training, configuration, provenance."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from auxcpvloss.config import ConfigFile, as_toml, dump, flat
from auxcpvloss.experiment.configuration import lasting, load
from auxcpvloss.experiment.folder import Experiment
from auxcpvloss.experiment.provenance.document import NAME, Document
from auxcpvloss.looking.figures.experiment import experiment_figures, waited_for_data
from auxcpvloss.looking.figures.layout import encode
from auxcpvloss.looking.report.atlas import data_uri
from auxcpvloss.looking.report.page import Picture, Section
from auxcpvloss.looking.table import DisplayTable
from auxcpvloss.system.errors import InputError

logger = logging.getLogger(__name__)

CHECKSUM = 12
"""Characters of a checksum that are shown."""

LIBRARIES = ("tensorflow", "keras", "gunpowder", "numpy", "scipy", "scikit-image", "numba", "zarr")
"""Libraries that compute results; provenance.json lists all."""

CAPTIONS = {
    "training": (
        "Training losses, and validation scores of each checkpoint.",
        "Each part of the loss against iterations, and the best score of each checkpoint on the validation volumes.",
    ),
    "validation": (
        "Scores on the validation volumes; the selected combination is marked.",
        "Heat map of scores: checkpoints by parameter sets.",
    ),
    "vectors": (
        "Center point vectors in a training patch: predicted, true, and the length of the error.",
        "Maps of the three components of the vectors within nuclei, in voxels.",
    ),
}
"""Caption and description of each figure."""


def background(experiment: Experiment) -> list[Section]:
    """Give the sections behind the results."""
    return [*_training(experiment), _configuration(experiment), _provenance(experiment)]


def _training(experiment: Experiment) -> list[Section]:
    drawn, problems = experiment_figures(experiment)
    pictures = [Picture(data_uri("png", encode(figure)), *CAPTIONS[name]) for name, figure in drawn.items()]
    for problem in problems:
        logger.warning("%s", problem)
    # Readers of the page may not have the folder.
    text = [f"Not shown: {problem.replace(f'{experiment.folder}/', '')}" for problem in problems]
    # Of a log that is damaged, the problems tell.
    with suppress(InputError):
        if (waited := waited_for_data(experiment)) is not None:
            text.append(f"The training waited for data {waited:.0%} of its time (waited_for_data in train/log.csv).")
    return [Section("training", "Training and validation", text, pictures=pictures)] if pictures or text else []


def _configuration(experiment: Experiment) -> Section:
    tables = lasting(experiment.config)
    usual = dict(flat(dump(load([ConfigFile("defaults", {"model": {"method": experiment.method.name}})]))))
    changed = [(key, str(value), str(usual.get(key))) for key, value in flat(tables) if usual.get(key) != value]
    return Section(
        "configuration",
        "Configuration",
        tables=[DisplayTable("Keys that differ from the defaults of the method", ["key", "value", "default"], changed)],
        code=as_toml(tables),
        summary="The whole configuration",
    )


def _provenance(experiment: Experiment) -> Section:
    """Show the recorded commands; of the one that writes the report, what is known so far."""
    try:
        document = Document.read(experiment.folder / NAME)
    except InputError:
        document = Document()
    if not document.commands:
        return Section("provenance", "Provenance", text=["No command was recorded."])
    newest = document.commands[-1]
    libraries = document.shared("libraries", newest)
    versions = [("Python", newest["python"]), *((name, libraries.get(name, "–")) for name in LIBRARIES)]
    data = [
        (name, split, checksum[:CHECKSUM])
        for split, volumes in newest["data"].items()
        for name, checksum in volumes.items()
    ]
    seeds = [(key, str(value)) for key, value in newest.get("seeds", {}).items()]
    headings = ["began", "stages", "outcome", "seconds", "code", "processor", "GPUs"]
    return Section(
        "provenance",
        "Provenance",
        text=[f"Contents of {NAME} when this page was written."],
        tables=[
            DisplayTable("Commands", headings, [_command(command) for command in document.commands]),
            DisplayTable("Versions", ["of", "is"], versions),
            DisplayTable("Volumes", ["volume", "split", "sha256 begins"], data),
            DisplayTable("Seeds", ["key", "value"], seeds),
        ],
        # Whoever receives the page does not know the folder.
        code=document.repeat_command(Path(experiment.folder.parent.name, experiment.folder.name)),
        summary="Command that repeats the experiment in a second folder",
    )


def _command(command: Mapping[str, Any]) -> list[Any]:
    code, machine = command["code"], command["machine"]
    git = code.get("git")
    if git:
        changed = f" + {len(git['modified'])} changed files" if git["modified"] else ""
        sources = f"commit {git['commit'][:CHECKSUM]}{changed}"
    else:
        sources = f"sources {code['sources'][:CHECKSUM]}"
    return [
        str(command["began"])[:19].replace("T", " "),
        ", ".join(stage["stage"] for stage in command["stages"]) or "–",
        command["outcome"] or "wrote this report",
        command.get("seconds"),
        f"{code['version']}, {sources}",
        f"{machine['processor']}, {machine['cores']} cores",
        ", ".join(machine.get("gpus", [])) or "none",
    ]
