"""Volumes dealt by lot: a function of their names and a seed alone, on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def lot(name: str, seed: int) -> bytes:
    """Draw the lot of a volume; volumes in the order of their lots are in random order."""
    return hashlib.sha256(f"{seed}/{name}".encode()).digest()


def deal(names: Iterable[str], number: int, seed: int) -> list[list[str]]:
    """Deal volumes into folds, like cards, in the order of their lots.

    Parameters
    ----------
    names : iterable of str
        Unique; in any order.
    number : int
        Of folds; their sizes differ by one at most.
    seed : int

    Returns
    -------
    list of list of str
        Names of each fold, sorted.
    """
    dealt = sorted(names, key=lambda name: lot(name, seed))
    return [sorted(dealt[first::number]) for first in range(number)]
