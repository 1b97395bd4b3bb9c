"""Types and neighbourhoods of volumes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint32]
Mask = NDArray[np.bool_]

SIX_NEIGHBOURS: Mask = np.abs(np.indices((3, 3, 3)) - 1).sum(axis=0) <= 1
