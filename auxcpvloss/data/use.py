"""Draw a part of the volumes, by patterns of their names: a function of names and seed alone, on every machine.

Draws of one seed are nested: what is drawn by a smaller fraction or number is drawn by a larger one, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from auxcpvloss.config.use import ALL, Share
from auxcpvloss.data.folds import lot
from auxcpvloss.data.groups import Groups, group_of
from auxcpvloss.system.errors import InputError

Use = str | Share | Mapping[str, Share]
"""As the key data.use has it."""


def shares_of(use: Use) -> dict[str, Share]:
    """Give the share of each pattern."""
    if isinstance(use, Mapping):
        return dict(use)
    return {"*": 1.0 if isinstance(use, str) else use}


def sets_of(names: Iterable[str], patterns: Iterable[str], groups: Groups = "") -> dict[str, list[str]]:
    """Give the volumes of each pattern, in no particular order.

    A volume is of the first pattern that fits its name or that of its group; where none does, it is left out.
    """
    found: dict[str, list[str]] = {pattern: [] for pattern in patterns}
    for name in names:
        known = {name, group_of(name, groups) or name}
        fitting = (pattern for pattern in found if any(_fits(each, pattern) for each in known))
        if (first := next(fitting, None)) is not None:
            found[first].append(name)
    return found


def count_of(fraction: float, total: int) -> int:
    """Give the number of volumes that a fraction means: the nearest one, but one at least of what is asked for."""
    return max(1, min(total, round(fraction * total))) if fraction and total else 0


def draw(names: Sequence[str], use: Use, seed: int, groups: Groups = "", key: str = "data.use") -> list[str]:
    """Draw volumes.

    Parameters
    ----------
    names : sequence of str
        All volumes there are; in any order.
    use : str, number or mapping
        As the key has it: "all", a number, a fraction, or a table of patterns.
    seed : int
    groups : str or mapping
        As `group_of` takes it.
    key : str
        Named by errors.

    Returns
    -------
    list of str
        Those that were drawn, sorted.

    Raises
    ------
    InputError
        No volume is left for a pattern, or fewer than are asked for.
    """
    if use == ALL:
        return sorted(names)
    shares = shares_of(use)
    found: list[str] = []
    for pattern, there in sets_of(names, shares, groups).items():
        found += _first(there, _number(shares[pattern], pattern, there, names, key), seed)
    return sorted(found)


def is_counted(use: Use) -> bool:
    """Whether a share is a number of volumes, so that the fraction that it is depends on how many there are."""
    return any(isinstance(share, int) for share in shares_of(use).values())


def draw_matched(names: Sequence[str], of: Sequence[str], use: Use, seed: int, groups: Groups = "") -> list[str]:
    """Draw from the validation volumes, by each pattern, the fraction that `use` draws of the training volumes.

    Parameters
    ----------
    names : sequence of str
        All validation volumes.
    of : sequence of str
        All training volumes; need not be known unless `use` `is_counted`.
    use, seed, groups
        As `draw` takes them.

    Returns
    -------
    list of str
        Those that were drawn, sorted.

    Raises
    ------
    InputError
        No pattern fits a validation volume, though there are some; or as `draw` raises it for the training volumes.
    """
    if use == ALL or not names:
        return sorted(names)
    shares = shares_of(use)
    training, there = sets_of(of, shares, groups), sets_of(names, shares, groups)
    found: list[str] = []
    for pattern, share in shares.items():
        fraction = float(share)
        if isinstance(share, int):
            fraction = _number(share, pattern, training[pattern], of, "data.use") / max(1, len(training[pattern]))
        found += _first(there[pattern], count_of(fraction, len(there[pattern])), seed)
    if not found:
        raise InputError(
            f"data.use: no pattern of it fits a validation volume ({_some(names)}), so that none would validate. Set "
            "data.use_val to what is to be drawn of them, such as 1.0 for all."
        )
    return sorted(found)


def _number(share: Share, pattern: str, there: Sequence[str], names: Sequence[str], key: str) -> int:
    """Give the number of volumes that a pattern draws."""
    if share and not there:
        raise InputError(
            f"{key}: {pattern!r}: no volume is left for this pattern; there are {_some(names)}. Correct it (* is "
            "anything, ? one character), put it before patterns that fit the same names, or remove it."
        )
    if isinstance(share, float):
        return count_of(share, len(there))
    if share > len(there):
        raise InputError(
            f"{key}: {pattern!r}: asks for {share} volumes, but only {len(there)} are there. Lower the number, or set "
            "1.0 for all."
        )
    return share


def _fits(name: str, pattern: str) -> bool:
    # Names may have brackets, which mean nothing in patterns of [data].
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def _first(names: Iterable[str], number: int, seed: int) -> list[str]:
    return sorted(names, key=lambda name: lot(name, seed))[:number]


def _some(names: Sequence[str]) -> str:
    shown = sorted(names)[:3]
    return f"{', '.join(shown)}{f' and {len(names) - 3} more' if len(names) > 3 else ''}" or "no volumes"
