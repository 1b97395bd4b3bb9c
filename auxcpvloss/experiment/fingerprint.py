"""What results are made from: records, their digests, and how two of them differ.

A record is a nested table of plain values: the version of the stage, the keys that matter to it, and the digests of
the results that it is made from, not their contents. Records of those are kept by their digests, so that a difference
can be followed to the key or file that it comes from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

from auxcpvloss.experiment.differences import NAMED, SOURCES, Change, in_words
from auxcpvloss.experiment.record_keys import plain, relevant
from auxcpvloss.system.checksums import CHANGED
from auxcpvloss.system.files import write_text

Record = dict[str, Any]

SHOWN = 5
"""Maximum number of differences reported."""

DIGEST = 32
"""Hexadecimal digits of a digest."""


class Records:
    """The records of an experiment, by their digests; a file keeps them from one command to the next.

    Parameters
    ----------
    path : Path, optional
        The file.
    names : mapping
        Keys in records, and what people are told in their place.
    """

    def __init__(self, path: Path | None = None, names: Mapping[str, str] = MappingProxyType({})) -> None:
        self._path, self._names = path, names
        self._known: dict[str, Record] = _read(path)
        self._kept = set(self._known)
        self._digests: dict[str, str] = {}

    @property
    def problem(self) -> str:
        """Say how the file that keeps them is damaged; "" where it is not."""
        return "" if self._path is None or not self._path.is_file() or _is_whole(self._path) else CHANGED

    def flat(self, record: Mapping[str, Any]) -> Record:
        """Give a record as it is stored: records within it are replaced by their digests, and remembered."""
        return _with_references(self.digest, relevant(plain(record)))

    def digest(self, record: Any) -> Any:
        """Give the digest of a record, and remember it; what is a digest already is given back."""
        if not isinstance(record, Mapping):
            return record
        text = json.dumps(record, sort_keys=True)
        if text not in self._digests:
            flat = self.flat(record)
            digest = _digest(flat)
            self._known[digest], self._digests[text] = flat, digest
        return self._digests[text]

    def whole(self, record: Mapping[str, Any]) -> Record:
        """Give a record with the records that it refers to in place of their digests, as far as they are known."""

        def opened(value: Any) -> Any:
            return self.whole(self._known[value]) if isinstance(value, str) and value in self._known else value

        return _with_references(opened, record)

    def difference(self, old: Record, new: Record) -> str | None:
        """Say in which keys two flat records differ, with both values; None where they are equal.

        A digest that differs is followed to the keys that differ in its record.
        """
        if old == new:
            return None
        found = list(self.changes(old, new))
        # What another key has made indifferent is no reason beside that key.
        reasons = [each for each in found if each.new is not None or NAMED.keys() & each.path[-2:-1]]
        words = list(dict.fromkeys(in_words(change, self._names) for change in reasons or found))
        more = [f"{len(words) - SHOWN} more"] if len(words) > SHOWN else []
        return "; ".join([*words[:SHOWN], *more]) or None

    def keep(self, record: Record) -> None:
        """Have `save` write the records that a flat record refers to, so that later commands can follow it."""

        def follow(digest: str) -> None:
            if digest in self._known and digest not in self._kept:
                self._kept.add(digest)
                self.keep(self._known[digest])

        _with_references(follow, record)

    def save(self) -> None:
        """Write what is to be kept, if there is anything new."""
        kept = {digest: self._known[digest] for digest in sorted(self._kept)}
        if self._path is not None and kept != _read(self._path):
            write_text(self._path, json.dumps(kept) + "\n")

    def changes(self, old: Any, new: Any, at: tuple[str, ...] = ()) -> Iterator[Change]:
        """Find the keys in which two nested tables differ; a digest is followed into its record."""
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            for key in sorted({*old, *new}):
                yield from self.changes(old.get(key), new.get(key), (*at, str(key)))
        elif old != new:
            then, now = (self._known.get(each) if isinstance(each, str) else None for each in (old, new))
            if then is not None and now is not None:
                # Of earlier programs: with keys that are known now to take no effect.
                yield from self.changes(relevant(then), relevant(now), at)
            else:
                yield Change(at, old, new)


def _with_references(change: Callable[[Any], Any], record: Mapping[str, Any]) -> Record:
    """Give a record with each of its references to another one, a digest or the record itself, changed."""
    found = dict(record)
    for key, value in record.items():
        if key in SOURCES:
            found[key] = change(value)
        elif key in NAMED and isinstance(value, Mapping):
            found[key] = {name: change(each) for name, each in value.items()}
    return found


def _is_whole(path: Path) -> bool:
    with suppress(ValueError, TypeError, RecursionError):
        return len(_read(path)) == len(json.loads(path.read_text(encoding="utf-8")))
    return False


def _digest(flat: Record) -> str:
    return sha256(json.dumps(flat, sort_keys=True).encode()).hexdigest()[:DIGEST]


def _read(path: Path | None) -> dict[str, Record]:
    if path is None or not path.is_file():
        return {}
    try:
        known: dict[str, Record] = json.loads(path.read_text(encoding="utf-8"))
        # A record that does not match its digest was changed.
        return {digest: each for digest, each in known.items() if isinstance(each, dict) and _digest(each) == digest}
    except (ValueError, AttributeError, RecursionError):
        # Reasons are told less precisely then; nothing else depends on it.
        return {}
