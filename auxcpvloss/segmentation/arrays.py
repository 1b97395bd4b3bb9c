"""Types and neighbourhoods of volumes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.uint32]
Mask = NDArray[np.bool_]

SIX_NEIGHBOURS = ndimage.generate_binary_structure(3, 1)
