"""What augmentations add to the configuration: a table each, and the check of groups of which one is drawn."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import Field

from auxcpvloss.augment import AUGMENTATIONS
from auxcpvloss.augment.augmentation import Augmentation
from auxcpvloss.augment.simple import SIMPLE
from auxcpvloss.config import Config
from auxcpvloss.config.compose import Extension, Problem
from auxcpvloss.methods import method_of
from auxcpvloss.methods.blind_spots import BlindSpots

ONE_OF = ("training", "augmentation", "one_of")


def part(tables: dict[str, Any]) -> Extension:
    """Give each augmentation its table [training.augmentation.<name>]."""
    if tables["model"].get("ndim") == 2:
        _restrict_to_plane(tables)
    return _extension(AUGMENTATIONS)


@cache
def _extension(augmentations: tuple[Augmentation[Any], ...]) -> Extension:
    tables = {each.name: (each.table, Field(default_factory=each.table)) for each in augmentations}
    return Extension({ONE_OF[:-1]: tables}, _problems)


def _problems(config: Config) -> Iterator[Problem]:
    yield from _check_groups(config)
    yield from _check_noise(config)


def _check_noise(config: Config) -> Iterator[Problem]:
    """Refuse what correlates the noise of voxels, or turns it, for a network that tells one from the others."""
    method = method_of(config)
    if not any(head.at_blind_spots for head in method.heads):
        return
    for each in AUGMENTATIONS:
        if (each.deform or each.blurs) and each.is_on(config):
            off = ", ".join(f"{key} = {_as_toml(value)}" for key, value in each.off.items())
            yield (
                (*ONE_OF[:-1], each.name),
                f"computes voxels from several, so that {method.name} would learn their noise; switch it off: {off}",
            )
    extent, exchanged = BlindSpots.by(config).blind_extent, SIMPLE.table_of(config).transpose
    if len({extent[axis] for axis in exchanged}) > 1:
        yield (
            (*ONE_OF[:-1], "simple", "transpose"),
            f"{list(exchanged)} exchanges axes along which model.blind_extent = {list(extent)} differs; name no axes, "
            "or those along which it is the same",
        )


def _as_toml(value: Any) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _restrict_to_plane(tables: dict[str, Any]) -> None:
    """Take z out of the keys marked `InPlane`, in place; values of a wrong kind are left for the tables to refuse."""
    training = tables["training"]
    above = training.setdefault("augmentation", {}) if isinstance(training, dict) else None
    if not isinstance(above, dict):
        return
    for each in AUGMENTATIONS:
        table = above.setdefault(each.name, {})
        marks = each.in_plane() if isinstance(table, dict) else {}
        for key, change in marks.items():
            value = table.get(key, each.table.model_fields[key].default)
            if isinstance(value, list | tuple):
                table[key] = change(list(value))


def _check_groups(config: Config) -> Iterator[Problem]:
    groups = config.training.augmentation.one_of
    members = {each.name: each for each in AUGMENTATIONS if each.change is not None}
    named = [name for group in groups for name in group]
    for group in groups:
        if len(group) < 2:
            yield ONE_OF, f"{group}: a group needs at least two augmentations"
    for name in named:
        if name not in members:
            yield ONE_OF, f"{name!r} cannot be drawn from a group; these can: {', '.join(members)}"
        elif not members[name].is_on(config):
            key = ".".join((*ONE_OF[:-1], name, "probability"))
            yield ONE_OF, f"{name!r} is off; set {key} above 0, or remove the name"
        elif named.count(name) > 1:
            yield ONE_OF, f"{name!r} is named more than once"
