"""How a difference between two records is told to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from auxcpvloss.experiment.configuration import YOUNGER

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


class Change(NamedTuple):
    """A key in which two records differ; None for a value that one of them lacks."""

    path: tuple[str, ...]
    old: Any
    new: Any


def in_words(change: Change, names: Mapping[str, str]) -> str:
    """Say what changed; `names` are those of keys that people know by others."""
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
