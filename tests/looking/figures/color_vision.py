"""How colors look to the color-blind, and how far apart they are then."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

# Machado, Oliveira & Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency" (2009), at
# full severity; they work on linear light.
VISION = {
    "normal": np.eye(3),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "tritanopia": np.array([[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]),
}  # fmt: skip


def seen(colors: NDArray[np.float64], vision: str) -> NDArray[np.float64]:
    """What (N, 3) sRGB colors look like to somebody with this kind of color vision."""
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ VISION[vision].T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def least_distance(colors: Sequence[tuple[float, float, float]], vision: str) -> float:
    """CIEDE2000 between the two colors that look most alike; about 1 is just noticeable, above 10 is plain."""
    lab = rgb2lab(seen(np.array(colors, np.float64), vision))
    return min(float(deltaE_ciede2000(one, other)) for one, other in combinations(lab, 2))
