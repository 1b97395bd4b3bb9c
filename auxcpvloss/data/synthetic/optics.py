"""Pictures of nuclei, as microscopes and dyes of many kinds would give them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auxcpvloss.data.grids import Grid, interpolate
from auxcpvloss.data.synthetic.placement import Floats
from auxcpvloss.data.synthetic.tissue import Cells
from auxcpvloss.system.lazy import lazily

ndimage = lazily("scipy.ndimage")

EDGE = 0.4
"""Voxels within which the light of a nucleus ends."""
TEXTURES = 4
VISIBLE = 0.35
"""A nucleus whose light is less, in terms of the noise of a voxel, has no label: nobody would see it."""
GRAY = 3000.0
"""Gray level of a nucleus of brightness 1."""


def paint(
    rng: np.random.Generator, shape: tuple[int, int, int], cells: Cells, height: float
) -> tuple[Floats, NDArray[np.uint16]]:
    """Draw each nucleus within its bounding box: its light, and its label where it is nearer than others.

    Parameters
    ----------
    rng : numpy.random.Generator
    shape : (z, y, x)
    cells : Cells
    height : float
        Voxels along z for each voxel across: nuclei look longer along z than they are, and are annotated so.

    Returns
    -------
    light : array of float32
    labels : array of uint16
        i + 1 for cell i.
    """
    light, labels = np.zeros(shape, np.float32), np.zeros(shape, np.uint16)
    nearest = np.ones(shape, np.float32)
    grain = [_noise(rng, shape, sigma) for sigma in (0.7, 1.6)]
    weights = rng.dirichlet(np.full(TEXTURES, 0.5))
    strength, flicker = rng.uniform(0.1, 0.6), rng.uniform(0.05, 0.3)
    scale = np.array([height, 1, 1])
    reach = 1.25 * cells.half_axes.max(axis=1) + 2
    for i, center in enumerate(cells.centers):
        lower = np.maximum(np.floor((center - reach[i]) * scale), 0).astype(int)
        upper = np.minimum(np.ceil((center + reach[i]) * scale) + 1, shape).astype(int)
        if (lower >= upper).any():
            continue
        box = tuple(slice(a, b) for a, b in zip(lower, upper, strict=True))
        depth, inside = _depth(np.moveaxis(np.mgrid[box], 0, -1) / scale - center, cells, i)
        profile = _texture(rng, int(rng.choice(TEXTURES, p=weights)), depth, inside, strength)
        texture = np.maximum(profile + flicker * grain[i % 2][box], 0.1)
        edge = 1 / (1 + np.exp(np.clip((depth - 1) * cells.half_axes[i].mean() / EDGE, -20, 20)))
        light[box] = np.maximum(light[box], cells.brightness[i] * texture * edge)
        is_own = depth < nearest[box]
        labels[box][is_own] = i + 1
        nearest[box][is_own] = depth[is_own]
    return light, labels


def _depth(offset: Floats, cells: Cells, i: int) -> tuple[Floats, Floats]:
    """Give how deep places lie in a nucleus, 0 its center and 1 its surface; and where, on its axes."""
    half_axes = cells.half_axes[i]
    inside = offset @ cells.rotations[i] / half_axes
    inside[..., 0] += cells.bend[i] * (inside[..., 2] ** 2 - 0.3)
    depth = np.linalg.norm(inside, axis=-1) + 1e-6
    waves = np.cos((inside / depth[..., None]) @ cells.waves[i, :, :3].T + cells.waves[i, :, 3]).mean(axis=-1)
    return depth / (1 + 2 * cells.roughness[i] * waves), inside


def _texture(rng: np.random.Generator, kind: int, depth: Floats, inside: Floats, strength: float) -> Floats:
    """Light of a nucleus: even, a dome, a bright rim, or with dark nucleoli."""
    if kind == 0:
        return np.ones_like(depth)
    if kind == 1:
        return 1 - strength * np.minimum(depth, 1) ** 2
    if kind == 2:
        return 1 - 1.3 * strength * np.exp(-((depth / 0.6) ** 2))
    result = np.ones_like(depth)
    for place in rng.uniform(-0.5, 0.5, (rng.integers(1, 5), 3)):
        width = rng.uniform(0.15, 0.35)
        result -= 1.3 * strength * np.exp(-(((inside - place) ** 2).sum(axis=-1)) / width**2)
    return result


def photograph(
    rng: np.random.Generator, light: Floats, labels: NDArray[np.uint16]
) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Add blur, haze, glow, debris and noise, on the grid of a camera, and give the picture on the grid of the light.

    Returns
    -------
    picture : array of uint16
    is_visible : (N + 1,) array of bool
        Of each label.
    """
    for_tissue, for_optics, for_camera = rng.spawn(3)
    with_debris = _debris(for_tissue, light)
    image = _blurred(for_optics, with_debris)
    fade = np.exp(-for_optics.uniform(0, 1.8) * np.linspace(0, 1, len(light)) ** 1.2)
    image *= (fade if for_optics.random() < 0.5 else fade[::-1])[:, None, None]
    glow = _glow(for_tissue, light, labels)
    photons = np.exp(for_camera.uniform(np.log(6), np.log(300)))
    read = 0.08 * for_camera.random() ** 3
    picture = _camera(for_camera, image + glow, photons, read)

    flat = labels.reshape(-1)
    sizes = np.maximum(np.bincount(flat), 1)
    bright, behind = (np.bincount(flat, each.reshape(-1)) / sizes for each in (image, glow))
    is_visible = bright > VISIBLE * np.sqrt((bright + behind) / photons + read**2)
    return picture, is_visible


def _blurred(rng: np.random.Generator, light: Floats) -> Floats:
    """Blur by a point spread function that is longer along z, and widens along z; add a haze."""
    across = rng.uniform(0.25, 1)
    along = across * rng.uniform(1, 3)
    sharp = ndimage.gaussian_filter(light, (along, across, across), truncate=2.5)
    wider = rng.uniform(1.2, 2.2)
    blurry = ndimage.gaussian_filter(light, (along * wider, across * wider, across * wider), truncate=2.5)
    part = (np.linspace(0, rng.uniform(0, 1), len(light)) ** 1.5)[:, None, None]
    tall, wide = rng.uniform(4, 9), rng.uniform(3, 6)
    haze = _smooth(light, (tall, wide, wide))
    return (1 - part) * sharp + part * blurry + 0.45 * rng.random() ** 2 * haze


def _debris(rng: np.random.Generator, light: Floats) -> Floats:
    """Add bright specks and dim shapeless clouds, which are no nuclei."""
    result = light.copy()
    shape = np.array(light.shape)
    specks = rng.poisson(rng.choice([0, 0, 3, 15]) * light.size / 64**3)
    for place in rng.uniform(2, shape - 3, (specks, 3)).astype(int):
        width = rng.uniform(0.4, 1.3)
        box = tuple(slice(max(0, p - 4), min(p + 5, size)) for p, size in zip(place, light.shape, strict=True))
        distance = ((np.moveaxis(np.mgrid[box], 0, -1) - place) ** 2).sum(axis=-1)
        result[box] += rng.uniform(0.2, 2) * np.exp(-distance / (2 * width**2))
    return result


def _glow(rng: np.random.Generator, light: Floats, labels: NDArray[np.uint16]) -> Floats:
    """Give the light that is not of nuclei: of the medium, of the cells around the nuclei, and of a gradient."""
    shape = light.shape
    around = rng.uniform(3, 7)
    cytoplasm = _smooth((labels > 0).astype(np.float32), (around, around, around))
    cytoplasm /= cytoplasm.max() + 1e-6
    uneven = np.maximum(1 + 0.4 * _noise(rng, shape, rng.uniform(1.5, 4)), 0)
    clouds = np.maximum(_noise(rng, shape, rng.uniform(5, 10)), 0)
    ramp = np.add.outer(np.add.outer(*(np.linspace(0, rng.uniform(-1, 1), size) for size in shape[:2])),
                        np.linspace(0, rng.uniform(-1, 1), shape[2]))  # fmt: skip
    strong = rng.random() < 0.4
    glow = rng.uniform(0, 0.45 if strong else 0.08) * cytoplasm * uneven
    glow += rng.uniform(0, 0.15 if strong else 0.03) * clouds
    glow += rng.uniform(0, 0.06 if strong else 0.02) * (ramp - ramp.min())
    return np.asarray(glow + np.exp(rng.uniform(np.log(0.003), np.log(0.1))), np.float32)


def _camera(rng: np.random.Generator, image: Floats, photons: float, read: float) -> NDArray[np.uint16]:
    """Take the picture on a grid of other voxels, with noise, and give it on this grid."""
    across = rng.uniform(0.6, 1.3)
    along = min(max(across, across * rng.uniform(0.8, 4)), 3.0)
    z, y, x = image.shape
    here = Grid((z, y, x), (1.0, 1.0, 1.0))
    there = here.at((along, across, across))
    seen = interpolate(image, here, there)
    taken = rng.poisson(photons * np.maximum(seen, 0)) / photons + rng.normal(0, read, seen.shape)
    if rng.random() < 0.2:
        taken = np.minimum(taken, np.quantile(taken, rng.uniform(0.97, 0.999)))
    back = interpolate(taken, there, here)
    return np.clip(np.rint(GRAY * back + 300), 0, 65535).astype(np.uint16)


def _noise(rng: np.random.Generator, shape: tuple[int, ...], smoothness: float) -> Floats:
    """Draw noise of standard deviation 1, smooth over a sigma of `smoothness`."""
    step = _step(smoothness)
    coarse = rng.standard_normal([-(-size // step) for size in shape], np.float32)
    noise = ndimage.gaussian_filter(coarse, smoothness / step, mode="wrap", truncate=3)
    return _refined(noise / noise.std(), shape, step)


def _smooth(image: Floats, sigma: tuple[float, float, float]) -> Floats:
    """Filter with a wide Gaussian: on a coarser grid, on which it takes as good as no time."""
    step = _step(min(sigma))
    coarse = ndimage.uniform_filter(image, step)[::step, ::step, ::step] if step > 1 else image
    return _refined(ndimage.gaussian_filter(coarse, np.array(sigma) / step, truncate=2.5), image.shape, step)


def _step(sigma: float) -> int:
    """Say on which grid a Gaussian is wide enough to be interpolated."""
    return 1 if sigma < 2.5 else int(min(sigma / 1.2, 4))


def _refined(coarse: Floats, shape: tuple[int, ...], step: int) -> Floats:
    if step == 1:
        return np.asarray(coarse)
    fine = ndimage.affine_transform(coarse, np.full(3, 1 / step), 0, shape, np.float32, order=1, mode="nearest")
    return np.asarray(fine)
