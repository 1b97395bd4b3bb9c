"""Volumes dealt by lot: a function of their names and a seed alone, on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from auxcpvloss.data.groups import Groups, members


def lot(name: str, seed: int) -> bytes:
    """Draw the lot of a volume or group; in the order of their lots they are in random order."""
    return hashlib.sha256(f"{seed}/{name}".encode()).digest()


def deal(names: Iterable[str], number: int, seed: int, groups: Groups = "") -> list[list[str]]:
    """Deal volumes into folds, like cards, in the order of their lots; those of a group stay together.

    Larger groups are dealt first, each to the smallest fold.

    Parameters
    ----------
    names : iterable of str
        Unique; in any order.
    number : int
        Of folds; their sizes differ by the size of a group at most.
    seed : int
    groups : str or mapping
        As `groups_of` takes it.

    Returns
    -------
    list of list of str
        Names of each fold, sorted.
    """
    together = members(names, groups)
    folds: list[list[str]] = [[] for _ in range(number)]
    for group in sorted(together, key=lambda group: (-len(together[group]), lot(group, seed))):
        min(folds, key=len).extend(together[group])
    return [sorted(fold) for fold in folds]


def cut(together: Mapping[str, Sequence[str]], counts: Sequence[int], seed: int) -> list[list[str]] | None:
    """Share out groups to splits, in the order of their lots; None where there are too few.

    Parameters
    ----------
    together : mapping
        Group -> volumes.
    counts : sequence of int
        Volumes that each split is to have; one with any gets a group at least, and as many volumes as whole groups
        allow.
    seed : int

    Returns
    -------
    list of list of str
        Names of each split.
    """
    order = sorted(together, key=lambda group: lot(group, seed))
    ends = [0, *accumulate(len(together[group]) for group in order)]
    shares: list[list[str]] = []
    first = 0
    for number, goal in enumerate(accumulate(counts)):
        wanted, later = counts[number] > 0, sum(count > 0 for count in counts[number + 1 :])
        possible = range(first + 1, len(order) - later + 1) if wanted else [first]
        if not possible:
            return None
        end = min(possible, key=lambda end: abs(ends[end] - goal))
        shares.append([name for group in order[first:end] for name in together[group]])
        first = end
    return shares
