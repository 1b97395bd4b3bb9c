"""What augmentations add to the configuration: a table each, and checks of the keys that name augmentations."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import Field

from auxcpvloss.augment import AUGMENTATIONS
from auxcpvloss.augment.augmentation import Augmentation
from auxcpvloss.augment.simple import SIMPLE
from auxcpvloss.config import Config, defaults
from auxcpvloss.config.compose import Extension, Problem
from auxcpvloss.config.tables.augmentation import names_in
from auxcpvloss.config.write import inline
from auxcpvloss.methods import find_method, method_of
from auxcpvloss.methods.blind_spots import BlindSpots, learns_at_blind_spots

TABLE = ("training", "augmentation")
ONE_OF, WITHOUT = (*TABLE, "one_of"), (*TABLE, "without")


def part(tables: dict[str, Any]) -> Extension:
    """Give each augmentation its table [training.augmentation.<name>].

    What is on by default and correlates noise is off where the network learns to tell noise from the rest.
    """
    if learns_at_blind_spots(find_method(tables["model"]["method"], tables["model"]["auxiliary"])):
        _leave_noise_alone(tables)
    if tables["model"].get("ndim") == 2:
        _restrict_to_plane(tables)
    return _extension(AUGMENTATIONS)


@cache
def _extension(augmentations: tuple[Augmentation[Any], ...]) -> Extension:
    tables = {each.name: (each.table, Field(default_factory=each.table)) for each in augmentations}
    return Extension({TABLE: tables}, _check)


def _leave_noise_alone(tables: dict[str, Any]) -> None:
    """Switch off, in place, what correlates noise and is as by default; what somebody asked for is left to refuse."""
    training, usual = tables["training"], defaults().tables["training"]["augmentation"]
    above = training.get("augmentation") if isinstance(training, dict) else None
    if not isinstance(above, dict):
        return
    for each in AUGMENTATIONS:
        if each.correlates and each.name in usual and above.get(each.name) == usual[each.name]:
            off = {key: list(value) if isinstance(value, tuple) else value for key, value in each.table.off.items()}
            above[each.name] = {**usual[each.name], **off}


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


def _check(config: Config) -> Iterator[Problem]:
    yield from _check_groups(config)
    yield from _check_without(config)
    yield from _check_noise(config)


def _check_groups(config: Config) -> Iterator[Problem]:
    groups, tables = config.training.augmentation.one_of, config.training.augmentation.tables()
    members = [each.name for each in AUGMENTATIONS if each.change is not None]
    named = [name for group in groups for name in names_in(group)]
    for group in groups:
        for each in (group, *(member for member in group if not isinstance(member, str))):
            if len(each) < 2:
                yield ONE_OF, f"{inline(each)}: a group needs at least two members"
    for name in named:
        if name not in members:
            yield ONE_OF, f"{name!r} cannot be drawn from a group; these can: {', '.join(members)}"
        elif not tables[name].is_on:
            key = ".".join((*TABLE, name, "probability"))
            yield ONE_OF, f"{name!r} is off; set {key} above 0, or remove the name"
        elif named.count(name) > 1:
            yield ONE_OF, f"{name!r} is named more than once"


def _check_without(config: Config) -> Iterator[Problem]:
    categories = sorted({each.table.category for each in AUGMENTATIONS})
    others = [each.name for each in AUGMENTATIONS if each.name not in categories]
    for name in config.training.augmentation.without:
        if name not in (*categories, *others):
            known = f"categories: {', '.join(categories)}; augmentations: {', '.join(others)}"
            yield WITHOUT, f"{name!r} is no category and no augmentation; {known}"


def _check_noise(config: Config) -> Iterator[Problem]:
    """Refuse what correlates the noise of voxels, or turns it, for a network that tells one from the others."""
    method = method_of(config)
    if not learns_at_blind_spots(method):
        return
    if correlating := [each.name for each in AUGMENTATIONS if each.correlates and each.is_on(config)]:
        yield (
            (*TABLE, correlating[0]),
            f"computes voxels from several, so that {method.name} would learn their noise; leave it out: "
            f"training.augmentation.without = {inline([*config.training.augmentation.without, *correlating])}",
        )
    extent, exchanged = BlindSpots.by(config).blind_extent, SIMPLE.table_of(config).transpose
    if len({extent[axis] for axis in exchanged}) > 1:
        yield (
            (*TABLE, "simple", "transpose"),
            f"{list(exchanged)} exchanges axes along which model.blind_extent = {list(extent)} differs; name no axes, "
            "or those along which it is the same",
        )
