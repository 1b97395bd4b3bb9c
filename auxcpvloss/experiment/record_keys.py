"""Keys of records: those that take effect, those of an older record, and their values as JSON has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

TILES = "tiles (model.test_input_shape)"
"""Input of the network, in the record of a prediction."""


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
