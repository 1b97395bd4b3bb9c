"""What augmentations add to the configuration: a table each."""

from __future__ import annotations

from functools import cache
from typing import Any

from auxcpvloss.augment import AUGMENTATIONS
from auxcpvloss.config.compose import Extension


def part(tables: dict[str, Any]) -> Extension:
    """Give a table [training.augmentation.<name>] to every augmentation."""
    return _extension(tuple(AUGMENTATIONS))


@cache
def _extension(names: tuple[str, ...]) -> Extension:
    return Extension({("training", "augmentation"): {name: (AUGMENTATIONS[name], ...) for name in names}})
