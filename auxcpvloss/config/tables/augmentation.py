"""Table [training.augmentation], and what the tables in it have in common."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator

from auxcpvloss.config.tables.types import Name, Table


class AugmentationTable(Table):
    """A table [training.augmentation.<name>].

    Attributes
    ----------
    category : str
        Kind of change; `without` takes it in place of the names of all augmentations of the kind.
    off : mapping
        Values of the keys that switch the augmentation off.
    """

    category: ClassVar[str]
    off: ClassVar[Mapping[str, Any]] = {"probability": 0.0}

    @property
    def is_on(self) -> bool:
        """Whether it changes anything."""
        return any(getattr(self, key) != value for key, value in self.off.items())

    def switched_off(self) -> Self:
        """Return the table with the keys that switch it off."""
        return self.model_copy(update=dict(self.off))


Group = tuple[str | tuple[str, ...], ...]
"""Augmentations and groups of augmentations, of which one is drawn."""


def _groups(groups: Any) -> list[Any]:
    """Check in one message what the types would refuse in one for each type that a member could have."""
    found = []
    for group in groups if isinstance(groups, list | tuple) else [groups]:
        if not isinstance(group, list | tuple):
            raise ValueError(f"must be a list, not {group!r:.200}")
        members = [tuple(member) if isinstance(member, list) else member for member in group]
        for member in members:
            if not all(isinstance(name, str) for name in (member if isinstance(member, tuple) else [member])):
                raise ValueError(f"a group holds names and lists of names, not {member!r:.200}")
        found.append(tuple(members))
    return found


def names_in(group: Group) -> Iterator[str]:
    """Yield the augmentations of a group and of the groups in it."""
    for member in group:
        yield from [member] if isinstance(member, str) else member


def reduced(groups: Collection[Group], gone: Collection[str]) -> list[Group]:
    """Remove augmentations from groups; what has one member left is no group any more."""
    left = (_less(group, gone) for group in groups)
    return [group for group in left if len(group) > 1]


def _less(group: Group, gone: Collection[str]) -> Group:
    members: list[str | tuple[str, ...]] = []
    for member in group:
        names = tuple(name for name in names_in((member,)) if name not in gone)
        members += [names] if len(names) > 1 else names
    only = members[0] if len(members) == 1 else ""
    return tuple(members) if isinstance(only, str) else only


class Augmentation(Table):
    """Random changes of training patches: a table for each, see the package `augment`."""

    one_of: Annotated[list[Group], BeforeValidator(_groups)]
    without: list[Name]

    def tables(self) -> dict[str, AugmentationTable]:
        """Give the tables of all augmentations by name."""
        return {name: table for name, table in self if isinstance(table, AugmentationTable)}

    def applied(self) -> Self:
        """Return the keys as they take effect: what `without` names is off and in no group."""
        named = set(self.without)
        gone = {name: table.switched_off() for name, table in self.tables().items() if {name, table.category} & named}
        return self.model_copy(update={**gone, "one_of": reduced(self.one_of, gone), "without": []})
