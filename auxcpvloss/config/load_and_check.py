"""Read, merge and check configuration files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any

from pydantic import ValidationError

from auxcpvloss.config.axes import write_out
from auxcpvloss.config.compose import Key, KeyProblemError, Part, Problem, compose
from auxcpvloss.config.messages import explain, listing
from auxcpvloss.config.places import config_folder
from auxcpvloss.config.tables import Config
from auxcpvloss.config.toml_files import ConfigFile
from auxcpvloss.system.errors import InputError


@cache
def defaults() -> ConfigFile:
    """Read the built-in ``config/default.toml``, once; its tables must not be changed."""
    return ConfigFile.read(config_folder() / "default.toml")


LongForm = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def load(places: Sequence[ConfigFile], parts: tuple[Part, ...], long_form: LongForm) -> Config:
    """Merge places left to right over the built-in defaults, and check the result.

    `parts` complete the tables, see `compose`; `long_form` writes those of a place in full, before they are merged.

    Raises
    ------
    InputError
        Unknown keys, wrong types, values out of range, contradictory values: one line each, with the file that the key
        came from.
    """
    merged = _Merged([ConfigFile(place.name, long_form(place.tables)) for place in (defaults(), *places)])
    if not isinstance(merged.tables["model"], dict):
        raise InputError(merged.line(("model",), "must be a table, [model]."))
    write_out(merged.tables)
    try:
        extensions = tuple(part(merged.tables) for part in parts)
    except KeyProblemError as error:
        raise InputError(merged.line(error.key, f"{error}.")) from None
    kind = compose(extensions, parts)
    try:
        # Strict validation of JSON, whose types are those of toml: lists become tuples and whole numbers become floats,
        # and nothing else is converted.
        config = kind.model_validate_json(json.dumps(merged.tables), strict=True)
    except ValidationError as error:
        lines = [merged.line(*explain(detail, kind, extensions)) for detail in error.errors()]
        raise InputError(*listing(lines)) from None
    for key, message in chain(*(extension.check(config) for extension in extensions), _protocol_problems(config)):
        raise InputError(merged.line(key, f"{message}."))
    return config


def _protocol_problems(config: Config) -> Iterator[Problem]:
    """Find contradictions between data.num_folds, training.folds and [validation]."""
    number, folds, fold = config.data.num_folds, config.training.folds, config.validation.fold
    if number == 1:
        yield ("data", "num_folds"), "must be 0 (no folds) or at least 2, not 1"
    if number == 0:
        for key, value in {("training", "folds"): folds, ("validation", "fold"): fold}.items():
            if value:
                yield key, f"{value}: there are no folds; set data.num_folds"
    else:
        known = f"the folds are 1 to {number} (data.num_folds)"
        outside = [each for each in folds if each > number]
        if outside or len(set(folds)) < len(folds):
            yield ("training", "folds"), f"{folds}: {known}; list each at most once"
        if fold > number:
            yield ("validation", "fold"), f"{fold}: {known}"
        elif fold == 0 and not config.validation.trained_models:
            yield ("data", "num_folds"), f"{number}: select the validation fold with validation.fold, 1 to {number}"
        elif fold in folds:
            yield ("validation", "fold"), f"{fold}: also in training.folds = {folds}; a fold cannot be in both"
    if config.validation.trained_models and config.validation.on_train:
        message = "cannot be combined with validation.trained_models, which takes the checkpoint from other runs"
        yield ("validation", "on_train"), message


class _Merged:
    """Tables of several places, merged left to right, and where each key came from."""

    def __init__(self, places: Sequence[ConfigFile]) -> None:
        self.tables: dict[str, Any] = {}
        self._last = places[-1].name
        self._origin: dict[Key, str] = {}
        for place in places:
            self._merge(self.tables, place.tables, place.name)

    def _merge(self, into: dict[str, Any], tables: Mapping[str, Any], name: str, at: Key = ()) -> None:
        for key, value in tables.items():
            self._origin[(*at, key)] = name
            if isinstance(value, Mapping):
                into[key] = into[key] if isinstance(into.get(key), dict) else {}
                self._merge(into[key], value, name, (*at, key))
            else:
                into[key] = value

    def line(self, key: Key, message: str) -> str:
        """Return a message with the place that a key, or the table that lacks it, came from."""
        known = key
        while known and known not in self._origin:
            known = known[:-1]
        return f"{self._origin.get(known, self._last)}: {'.'.join(key)}: {message}"
