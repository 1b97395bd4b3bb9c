"""Draw the nuclei of a worm and take a picture of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.synthetic.anatomy import Body, Floats, Nuclei
from auxcpvloss.data.synthetic.difficulty import Difficulty
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")

BLUR = (1.7, 1.2, 1.2)  # sigma of the point spread function; z is the optical axis
HAZE = 25  # width
GRAY = 215.0  # gray level of the brightest nucleus before the blur
READ_NOISE = 1.5  # in gray levels


def paint(
    rng: np.random.Generator, shape: tuple[int, int, int], nuclei: Nuclei, annotated: Nuclei, scale: float
) -> tuple[Floats, NDArray[np.uint16]]:
    """Draw each nucleus within its bounding box: its light, and its label where no other nucleus is nearer.

    Labels are those of `annotated`: the same nuclei, as the annotator believes them to be.
    """
    light = np.zeros(shape, np.float32)
    labels = np.zeros(shape, np.uint16)
    nearest = np.ones(shape, np.float32)
    for i, (center, half_axes) in enumerate(zip(nuclei.centers, nuclei.half_axes, strict=True)):
        lower = np.maximum(np.floor(center - half_axes - 2), 0).astype(int)
        upper = np.minimum(np.ceil(center + half_axes + 3), shape).astype(int)
        box = tuple(slice(a, b) for a, b in zip(lower, upper, strict=True))
        depth, believed = _depth(box, nuclei, i), _depth(box, annotated, i)
        lumps = 1 + 0.08 * _noise(rng, depth.shape, 3 * scale)
        depth *= lumps
        believed *= lumps

        texture = 1 + 0.1 * _noise(rng, depth.shape, 1.5 * scale)
        glow = nuclei.brightness[i] * texture * _profile(depth, nuclei.is_ring[i])
        light[box] = np.maximum(light[box], glow)
        # The annotator's hand makes the borders jagged, in the labels alone.
        drawn = believed + 0.045 * _noise(rng, depth.shape, 0.9)
        is_own = drawn < nearest[box]
        labels[box][is_own] = i + 1
        nearest[box][is_own] = drawn[is_own]
    return light, one_piece_each(labels)


def _depth(box: tuple[slice, ...], nuclei: Nuclei, i: int) -> Floats:
    """Give how deep the voxels of a box lie in a nucleus: 0 is its center, 1 its border."""
    offset = np.moveaxis(np.mgrid[box], 0, -1) - nuclei.centers[i]
    return np.linalg.norm(offset @ nuclei.rotations[i] / nuclei.half_axes[i], axis=-1)


def photograph(
    rng: np.random.Generator, light: Floats, body: Body, scale: float, difficulty: Difficulty
) -> NDArray[np.uint8]:
    """Add blur, haze, the glow of the body, the Poisson noise of the photons and the Gaussian one of the camera."""
    width = scale * difficulty.blur
    sharp = ndimage.gaussian_filter(light, [width * sigma for sigma in BLUR], truncate=3)
    wide = round(HAZE * width)
    haze = ndimage.uniform_filter(ndimage.uniform_filter(light, wide), wide)
    image = sharp + 0.3 * haze
    photons = difficulty.photons
    y = ((np.arange(light.shape[1])[:, None] - body.center[:, 1]) / body.half_axes[:, 1]) ** 2
    for i, plane in enumerate(image):
        z = ((i - body.center[:, 0]) / body.half_axes[:, 0]) ** 2
        flesh = 1 / (1 + np.exp(np.minimum(5 * (z + y - 1), 20)))  # 1 within the body, 0 outside
        clean = GRAY * (plane + 0.03 + 0.04 * flesh)
        plane[:] = rng.poisson(photons * clean) / photons + rng.normal(0, READ_NOISE, plane.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _noise(rng: np.random.Generator, shape: tuple[int, ...], smoothness: float) -> Floats:
    """Draw noise of standard deviation 1, smooth over a sigma of `smoothness`; it wraps, so it is even to the edge."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), smoothness, mode="wrap", truncate=3)
    return noise / noise.std()


def _profile(depth: Floats, is_ring: np.bool_) -> Floats:
    """Light of a nucleus: a dome, which deepens the dip where two of them touch, or a ring."""
    inside = 1 - 0.9 * np.exp(-((depth / 0.5) ** 2)) if is_ring else 1 - 0.4 * depth**2
    return inside / (1 + np.exp((depth - 0.92) / 0.06))


def one_piece_each(labels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Keep the largest 6-connected piece of each label."""
    for i, box in enumerate(ndimage.find_objects(labels), start=1):
        pieces, count = ndimage.label(labels[box] == i)
        if count > 1:
            largest = np.bincount(pieces.ravel())[1:].argmax() + 1
            labels[box][(pieces > 0) & (pieces != largest)] = 0
    return labels
