"""Tiny numbers for a quick look at whether all stages run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import count
from typing import Any

from auxcpvloss.config import Config, dump
from auxcpvloss.methods import METHODS
from auxcpvloss.network.architectures import architecture_of
from auxcpvloss.network.shapes import AxisGeometry, feature_maps
from auxcpvloss.network.tiling import smallest_tileable

SUFFIX = "_debug"
OUTPUT, TILE = 8, 48
"""Voxels along an axis, at least: of a training output, so that a nucleus shows, and of a tile, so that a large volume
does not take thousands."""


def debug_tables(config: Config) -> dict[str, Any]:
    """Give the keys that `--debug_args` sets, none of them to more than it was.

    The method, the data, the augmentation and the structure of the network stay as they are; the weights to begin with
    are random.
    """
    model, training, validation = config.model, config.training, config.validation
    lists = {name: getattr(validation, name)[:2] for name in METHODS[model.method].params.model_fields}
    axes = architecture_of(model).geometry(model)
    first = min(model.num_fmaps, 4)
    growth, shrinkage = ([min(factor, 2) for factor in f] for f in (model.fmap_inc_factors, model.fmap_dec_factors))
    down, up = feature_maps(first, growth, shrinkage)
    return {
        "model": {
            "num_fmaps": first,
            "fmap_inc_factors": growth,
            "fmap_dec_factors": shrinkage,
            # They have to divide the feature maps that are left.
            "normalization_groups": math.gcd(model.normalization_groups, *down, *up),
            "train_input_shape": [
                min(size, _smallest_input(axis)) for axis, size in zip(axes, model.train_input_shape, strict=True)
            ],
            "test_input_shape": [
                min(size, smallest_tileable(axis, TILE))
                for axis, size in zip(axes, model.test_input_shape, strict=True)
            ],
        },
        "training": {
            "max_iterations": min(training.max_iterations, 4),
            "checkpoints": min(training.checkpoints, 2),
            "snapshots": min(training.snapshots, 2),
            "log_every": 1,
            "num_workers": min(training.num_workers, 1),
            "cache_size": min(training.cache_size, 2),
            "validation_batches": min(training.validation_batches, 2),
        },
        # Weights of a network of full size do not fit.
        "init": {"checkpoint": ""},
        "validation": {**lists, "checkpoints": []},
    }


def _smallest_input(axis: AxisGeometry) -> int:
    return next(size for size in count(1) if (axis.output_size(size) or 0) >= OUTPUT)


def changes(before: Config, after: Config) -> list[str]:
    """Say what differs, a line for each table: ``[training] max_iterations 4 (was 1200), ...``."""
    old, new = dump(before), dump(after)
    lines = []
    for table, keys in new.items():
        changed = [f"{key} {_text(value)} (was {_text(was)})" for key, value, was in _differing(old[table], keys)]
        lines += [f"[{table}] {', '.join(changed)}"] if changed else []
    return lines


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    return [(key, value, old[key]) for key, value in new.items() if value != old[key]]


def _text(value: Any) -> str:
    return " ".join(map(str, value)) or "all" if isinstance(value, list) else str(value) or "none"
