"""Label volumes to score."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

Volume = NDArray[Any]

LABELS = arrays(np.uint8, (2, 3, 5), elements=st.integers(0, 5))


def blobs(rng: np.random.Generator, shape: tuple[int, ...] = (12, 40, 40), instances: int = 60) -> Volume:
    """Touching boxes of random places and sizes, later ones over earlier ones."""
    labels = np.zeros(shape, np.int32)
    for label in range(1, instances + 1):
        corner = [rng.integers(0, n) for n in shape]
        labels[tuple(slice(c, c + rng.integers(2, 9)) for c in corner)] = label
    return labels
