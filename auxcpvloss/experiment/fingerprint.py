"""What results are made from: records, their digests, and how two of them differ in words.

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
from typing import Any, NamedTuple

from auxcpvloss.experiment.configuration import YOUNGER
from auxcpvloss.system.checksums import CHANGED
from auxcpvloss.system.files import write_text

Record = dict[str, Any]

SHOWN = 5
"""Maximum number of differences reported."""

SOURCES = {
    "sample": "the volume",
    "truth": "the ground truth",
    "predicted": "the prediction",
    "instances": "the instances",
}
"""Keys under which a record holds the digest of another record, and what that record describes."""

NAMED = {"samples": "volume", "predictions": "volume", "checkpoints": "checkpoint", "files": "file"}
"""Keys under which a record holds one entry per item, and what the items are."""

WITHIN = (*SOURCES, "configuration")
"""Keys that mean nothing to users."""

OF_SAMPLES = {
    "raw_key": "data.raw_key",
    "gt_key": "data.gt_key",
    "axes": "data.axes",
    "channel": "data.channel",
    "ignore_label": "data.ignore_label",
    "annotated_box": "data.annotated_box",
    "split_pieces": "data.split_pieces",
    "padding": "data.padding",
    "voxel_size": "data.voxel_size",
    "target_voxel_size": "data.target_voxel_size",
    "version": "version of prepare",
}
"""Keys in the records of prepared volumes, and their names in the configuration."""

TILES = "tiles (model.test_input_shape)"
"""Input of the network, in the record of a prediction."""

DIGEST = 32
"""Hexadecimal digits of a digest."""


class Change(NamedTuple):
    """A key in which two records differ; None for a value that one of them lacks."""

    path: tuple[str, ...]
    old: Any
    new: Any


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
        words = list(dict.fromkeys(_in_words(change, self._names) for change in reasons or found))
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


def _in_words(change: Change, names: Mapping[str, str]) -> str:
    path = [part for part in change.path if part not in WITHIN]
    if not path and change.path[-1] in SOURCES:
        return f"{SOURCES[change.path[-1]]} changed"
    path = path or list(change.path)
    thing = ""
    if path[0] in NAMED and len(path) > 1:
        thing, path = f"{NAMED[path[0]]} {path[1]}", path[2:]
        if not path:
            what = "is new" if change.old is None else "is gone" if change.new is None else "changed"
            return f"{thing} {what}"
    if path == ["checksum"]:
        return f"the file of {thing or 'the volume'} changed"
    if path == ["image_checksum"]:
        return f"the image of {thing or 'the volume'} changed"
    if path == ["given", "checksum"]:
        return "the imported label image changed"
    if path == ["initial", "checksum"]:
        return "the file of init.checkpoint or init.encoder_weights changed"
    if path in (["initial", "pretrained"], ["denoised", "checkpoint"]):
        return "the denoiser changed"
    if path == ["denoised"]:
        return f"{thing or 'the volume'} {'is not denoised any more' if change.new is None else 'is denoised'}"
    if path == ["checkpoint"]:
        return "the checkpoint changed"
    key = OF_SAMPLES.get(path[0], path[0]) if len(path) == 1 else ".".join(path)
    # Records leave out a key that is younger than the first of them at the value that was implied.
    old, new = (YOUNGER.get(key) if value is None else value for value in (change.old, change.new))
    key = names.get(key, key)
    if old is None:
        return f"{key} was not recorded" + ("" if isinstance(new, Mapping) else f", is {new!r}")
    return f"{key} was {old!r}, is {'no longer recorded' if new is None else repr(new)}"


def relevant(record: Any) -> Any:
    """Leave out of a record the keys that, given the others, take no effect.

    These are percentiles by which nothing is normalized, what a schedule of the learning rate or a loss of classes does
    not use, groups without group normalization, other keys of an augmentation of probability 0, the range of a zoom
    that draws from a list of factors, tiles of a prediction where they change only how sums are rounded, and keys
    younger than the first records, at the value implied before they existed.
    """
    if not isinstance(record, Mapping):
        return record
    without: set[str] = set()
    if record.get("normalize", "percentile") != "percentile":
        without |= {"lower_percentile", "upper_percentile"}
    if record.get("lr_schedule", "plateau") != "plateau":
        without |= {"plateau_factor", "plateau_patience"}
    if record.get("lr_schedule") == "constant":
        without.add("min_lr")
    if record.get("normalization", "group") != "group":
        without.add("normalization_groups")
    if record.get("probability") == 0:
        without |= set(record) - {"probability"}
    if record.get("class_loss", "focal") != "focal":
        without.add("focal_gamma")
    if record.get("class_loss") == "dice":
        without.add("class_balance")
    if record.get("precision") == "training":
        without.add("precision")
    model = record.get("model")
    if isinstance(model, Mapping) and not (model.get("normalization") == "group" or _has_foreign_encoder(model)):
        without.add(TILES)
    if record.get("architecture") == "unet":
        without.add("architecture")
    if record.get("architecture") == "fpn":
        without.add("fmap_dec_factors")
    if _has_foreign_encoder(record):
        without |= {"num_fmaps", "fmap_inc_factors", "num_repetitions"}
    if "factors" in record:
        # Of zoom: either they are drawn from, or the range is.
        without.add("factor" if record["factors"] else "factors")
    kept = {key: value for key, value in record.items() if key not in without}
    training = record.get("training")
    if isinstance(model, Mapping) and isinstance(training, Mapping) and training.get("class_loss") == "dice":
        # The Dice coefficient does not weigh classes.
        kept["model"] = {key: value for key, value in model.items() if not key.endswith("_weights")}
    return {key: relevant(value) if isinstance(value, Mapping) else value for key, value in kept.items()}


def _has_foreign_encoder(model: Mapping[str, Any]) -> bool:
    return model.get("architecture") == "fpn" and model.get("encoder") != "residual"


def completed(base: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Complete a record, a nested table, by what only `base` has."""
    both = {key: completed(base[key], record[key]) for key in base if isinstance(record.get(key), Mapping)}
    return {**base, **record, **both}


def plain(record: Any) -> Any:
    """Give a record as it comes back from JSON: tuples as lists, numbers as plain numbers."""
    return json.loads(json.dumps(record))
