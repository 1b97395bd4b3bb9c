"""The estimate of the diameter of nuclei: with an ideal network, and one that errs as networks do."""

import numpy as np
import pytest
from scipy import ndimage

from auxcpvloss.apply.diameter import PART, brightest, estimate
from auxcpvloss.experiment.pretrained import DIAMETER
from auxcpvloss.system.errors import InputError


def balls(diameter: float, voxel_size: tuple[float, float, float]) -> np.ndarray:
    """Eight balls, of a diameter in voxels along x."""
    side = 2.6 * diameter
    z, y, x = (np.arange(0, side, step) for step in voxel_size)
    image = np.zeros((len(z), len(y), len(x)), np.uint16)
    for center in np.ndindex(2, 2, 2):
        places = np.meshgrid(z, y, x, indexing="ij")
        distance = sum((place - (0.65 + 1.3 * n) * diameter) ** 2 for place, n in zip(places, center, strict=True))
        image[distance < diameter**2 / 4] = 100
    return image


def ideal(image, voxel_size):
    return ndimage.label(image > 50)[0].astype(np.uint32)


def of_limited_view(image, voxel_size):
    """Breaks nuclei that look larger than twice the usual, and finds none that look smaller than a third."""
    labels = ideal(image, voxel_size)
    looks = np.cbrt(6 / np.pi * np.bincount(labels.ravel())[1:].mean() * np.prod(voxel_size))
    if looks < DIAMETER / 3:
        return np.zeros_like(labels)
    if looks > 2 * DIAMETER:
        width = [max(1, int(2 * DIAMETER / size)) for size in voxel_size]
        pieces = sum(np.indices(image.shape)[axis] // width[axis] * 100**axis for axis in range(3))
        return np.where(labels > 0, np.unique(pieces, return_inverse=True)[1].reshape(image.shape) + 1, 0)
    return labels


@pytest.mark.parametrize("voxel_size", [(1, 1, 1), (2.2, 1, 1)])
@pytest.mark.parametrize("diameter", [7, 12, 20, 36])
@pytest.mark.parametrize("network", [ideal, of_limited_view])
def test_it_is_found_whatever_the_guess(diameter, voxel_size, network):
    found = estimate(balls(diameter, voxel_size), voxel_size, network, network)
    assert diameter / 1.3 < found < 1.3 * diameter


def test_without_nuclei_there_is_none():
    with pytest.raises(InputError, match="no nuclei are found"):
        estimate(np.ones((8, 8, 8)), (1, 1, 1), ideal, ideal)


def test_the_brightest_part_is_looked_at():
    image = np.zeros((20, PART + 40, PART + 60), np.uint8)
    image[5:9, 30:50, 140:160] = 200
    part = brightest(image, (1, 1, 1))
    assert part.shape == (20, PART, PART)
    assert part.sum() == image.sum()
    assert brightest(image, (0.5, 0.5, 0.5)).shape == image.shape
    assert brightest(image, (2, 2, 4)).shape == (20, PART // 2, PART // 4)
