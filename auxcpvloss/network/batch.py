"""What a network is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

OUTSIDE, BACKGROUND, INSTANCE = 0, 1, 2
"""Values of the region: outside the volume or not annotated, which is ignored; background; nucleus."""


@dataclass(frozen=True)
class Batch:
    """One training batch.

    Attributes
    ----------
    raw : (B, C, Z, Y, X) array of float32
    targets : mapping of head name to (B, C, Z', Y', X') array
    region : (B, 1 or 2, Z', Y', X') array of uint8
        `OUTSIDE`, `BACKGROUND` or `INSTANCE`. Where the method corrupts its input, a second channel is for heads that
        learn at blind spots: `INSTANCE` there, else `OUTSIDE`.
    costs : mapping of str to float
        Seconds that the nodes of the pipeline took for it.
    """

    raw: NDArray[np.float32]
    targets: Mapping[str, NDArray[Any]]
    region: NDArray[np.uint8]
    costs: Mapping[str, float] = field(default_factory=dict)
