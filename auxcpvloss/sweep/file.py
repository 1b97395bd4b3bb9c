"""The file of a sweep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from auxcpvloss.config.messages import explain, listing
from auxcpvloss.config.tables.types import Table
from auxcpvloss.config.toml_files import read_toml
from auxcpvloss.stages.order import STAGES
from auxcpvloss.system.errors import InputError

ALL = "all"
"""In place of stages: those of ``-d all``."""

Keys = dict[str, Any]
"""Tables of keys, as in a configuration file."""


class SweepFile(Table):
    """What a sweep is to run.

    Attributes
    ----------
    app, setup, config
        As ``-a``, ``-s`` and ``-c``; files lie relative to that of the sweep.
    stages
        As ``-d``.
    keys
        Keys of all runs, over those of `config`.
    grid
        Lists of values by key, of which every combination is run.
    axes
        The same by name: of each axis some tables of keys, by name.
    runs
        Tables of keys by name: runs besides those of the grid.
    seeds, folds
        ``general.seed`` and ``validation.fold``; each run is made with all of them.
    """

    app: str = ""
    setup: str = ""
    config: tuple[str, ...] = ()
    stages: Annotated[tuple[str, ...], Field(min_length=1)] = (ALL,)
    keys: Keys = Field(default_factory=dict)
    grid: Keys = Field(default_factory=dict)
    axes: dict[str, dict[str, Keys]] = Field(default_factory=dict)
    runs: dict[str, Keys] = Field(default_factory=dict)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = ()
    folds: tuple[Annotated[int, Field(ge=1)], ...] = ()


def read_sweep(path: Path) -> SweepFile:
    """Read the file of a sweep.

    Raises
    ------
    InputError
        It is missing or no toml, or has unknown keys, stages that there are not, or values of a wrong type.
    """
    try:
        # As JSON, of whose types lists become tuples, and nothing else is converted.
        found = SweepFile.model_validate_json(json.dumps(read_toml(path)), strict=True)
    except ValidationError as error:
        lines = []
        for detail in error.errors():
            key, message = explain(detail, SweepFile, ())
            lines.append(f"{path}: {'.'.join(key)}: {message}.")
        raise InputError(*listing(lines)) from None
    if unknown := [stage for stage in found.stages if stage not in (*STAGES, ALL)]:
        raise InputError(f"{path}: stages: {unknown[0]!r}: no such stage; there are {', '.join(STAGES)}, and {ALL}.")
    for name, values in (("seeds", found.seeds), ("folds", found.folds)):
        if len(set(values)) < len(values):
            raise InputError(f"{path}: {name}: {list(values)}: list each once.")
    return found
