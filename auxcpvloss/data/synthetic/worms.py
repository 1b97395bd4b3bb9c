"""Worms that look like the C. elegans L1 data set, made from a seed.

The numbers follow the statistics of that data set (Long et al. 2022, Zenodo record 5942575): a bent tube with a dense
head, a sparse middle with two rows of nuclei and a dense tail. Lengths are in voxels, vectors are (z, y, x). Where the
nuclei would not fit at the size of L1 they shrink, and blur and haze with them: the same worm in larger voxels.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from auxcpvloss.system.errors import InputError

Floats = NDArray[np.floating]

# The body. Keys are places along the worm: 0 the tip of the head, 1 the tip of the tail.
THICKNESS = {0: 0.35, 0.05: 0.75, 0.12: 1, 0.33: 0.95, 0.8: 0.85, 0.93: 0.6, 1: 0.2}
DENSITY = {0: 2, 0.05: 8, 0.12: 14, 0.15: 30, 0.18: 14, 0.3: 8, 0.36: 3.6, 0.79: 3.6, 0.82: 10, 0.92: 9, 1: 1.5}
MIDDLE = (0.36, 0.79)  # where the nuclei lie in two rows
TIP = 0.01  # the part of the length that stays empty at each end
BODY_RADIUS = 31.0  # the nuclei of L1 lie in 64 of the 140 planes of an axis across
MAX_BEND = 5.0
MARGIN = 2.0  # between body and border of the volume

# The nuclei.
FULL_RADIUS = 6.2  # the mean in L1
MIN_RADIUS = 3.0  # the smallest mean that leaves every label 20 voxels (30 in the worst of some hundred volumes)
MAX_NUCLEI = 60_000  # labels are uint16
CROWDING = 0.25  # the part of the body that nuclei may fill
ELONGATION = 1.22  # along the worm; nuclei of L1 extend 13 voxels across it and 15 along
SPACING = 0.965  # of two centers at least, in terms of the distance at which the nuclei would just touch
RELAXATIONS = 60

# The microscope.
BLUR = (1.7, 1.2, 1.2)  # sigma of the point spread function; z is the optical axis
HAZE = 25  # width
GRAY = 215.0  # gray level of the brightest nucleus before the blur
PHOTONS = 3.0  # a gray level
READ_NOISE = 1.5  # in gray levels


@dataclass(frozen=True)
class Body:
    """A tube: center and half-axes (X, 2), in z and y, of each plane along the worm; density of nuclei (X,)."""

    center: Floats
    half_axes: Floats
    density: Floats


@dataclass(frozen=True)
class Nuclei:
    """Ellipsoids: centers (N, 3), half-axes (N, 3), rotations (N, 3, 3), brightness (N,); rings have a dark center."""

    centers: Floats
    half_axes: Floats
    rotations: Floats
    brightness: Floats
    is_ring: NDArray[np.bool_]


def make_worm(shape: tuple[int, int, int], seed: int, nuclei: int) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Make the image of a worm and the labels of its nuclei.

    Parameters
    ----------
    shape : size in z, y, x; x is the long axis of the worm
    seed : not negative; equal arguments give equal bits
    nuclei : number of labelled nuclei

    Returns
    -------
    raw : (Z, Y, X) array of uint8
    labels : (Z, Y, X) array of uint16
        0 is background; each of 1..nuclei is one 6-connected piece of at least 20 voxels. For every hundred nuclei
        the image has one more, a dim one without label, as in the real data.

    Raises
    ------
    InputError
        A size or number is not positive, or the nuclei do not fit into the shape.
    """
    _check(shape, seed, nuclei)
    for_body, for_nuclei, for_paint, for_camera = np.random.default_rng(seed).spawn(4)
    body = _body(for_body, shape)
    radius = _mean_radius(shape, body, nuclei)
    worm = _nuclei(for_nuclei, body, nuclei, radius)
    light, labels = _paint(for_paint, shape, worm, radius / FULL_RADIUS)
    labels[labels > nuclei] = 0
    return _photograph(for_camera, light, body, radius / FULL_RADIUS), labels


def dataset(train: int, val: int, test: int, seed: int) -> dict[str, dict[str, int]]:
    """Name the volumes of a data set and derive their seeds.

    Parameters
    ----------
    train, val, test : numbers of volumes, not negative
    seed : of the data set, not negative

    Returns
    -------
    dict
        split -> {name of the volume: seed of the volume}; names and seeds are unique over the splits.

    Raises
    ------
    InputError
        A number is negative.
    """
    counts = {"train": train, "val": val, "test": test}
    for name, value in (counts | {"seed": seed}).items():
        if value < 0:
            raise InputError(f"{name}: {value} is negative; expected 0 or more")
    # The low 16 bits number the volume, the rest the data set: no two data sets share a volume.
    volumes = iter([(f"worm_{i:02d}", (seed << 16) + i) for i in range(train + val + test)])
    return {split: dict(next(volumes) for _ in range(count)) for split, count in counts.items()}


def _check(shape: tuple[int, int, int], seed: int, nuclei: int) -> None:
    if len(shape) != 3 or min(shape) < 1:
        raise InputError(f"shape: {shape} is no size in z, y, x; expected three positive numbers")
    if not 1 <= nuclei <= MAX_NUCLEI:
        raise InputError(f"nuclei: {nuclei} is out of range; expected 1 to {MAX_NUCLEI}")
    if seed < 0:
        raise InputError(f"seed: {seed} is negative; expected 0 or more")


def _body(rng: np.random.Generator, shape: tuple[int, int, int]) -> Body:
    """Bend a tube as far as the volume has room for it."""
    along = (np.arange(shape[2]) + 0.5) / shape[2]
    across = np.array(shape[:2])
    half_axes = np.minimum(BODY_RADIUS, 0.42 * across)
    bend = np.clip(across / 2 - half_axes - MARGIN, 0, MAX_BEND)
    phase = rng.uniform(0, 2 * np.pi, 2) + 2 * np.pi * np.outer(along, rng.uniform(0.5, 1.2, 2))
    return Body(
        center=(across - 1) / 2 + bend * np.sin(phase),
        half_axes=np.outer(np.interp(along, list(THICKNESS), list(THICKNESS.values())), half_axes),
        density=np.interp(along, list(DENSITY), list(DENSITY.values())),
    )


def _mean_radius(shape: tuple[int, int, int], body: Body, nuclei: int) -> float:
    """Give the nuclei the size that they have in L1, or a smaller one that fits."""
    room = CROWDING * np.pi * body.half_axes.prod(axis=1).sum()
    thickest = min(0.6 * body.half_axes.max(axis=0).min(), shape[2] / 4)
    radius = min(FULL_RADIUS, thickest, np.cbrt(room / (nuclei * 4 / 3 * np.pi)))
    if radius < MIN_RADIUS:
        fitting = int(room / (4 / 3 * np.pi * MIN_RADIUS**3)) if thickest >= MIN_RADIUS else 0
        raise InputError(
            f"nuclei: {nuclei} do not fit into the shape {shape}, at most {fitting} do; "
            "ask for fewer or for a larger shape (13 voxels an axis at least)"
        )
    return float(radius)


def _nuclei(rng: np.random.Generator, body: Body, labelled: int, radius: float) -> Nuclei:
    """Draw the nuclei and put them into the body; those after the first `labelled` are the dim ones without label."""
    for_places, for_shapes, for_light = rng.spawn(3)
    count = labelled + labelled // 100
    length = len(body.density)
    # One place from each of `count` equal shares of the distribution: every worm is even, no two are alike.
    share = (for_places.permutation(count) + for_places.random(count)) / count
    along = np.interp(share, np.cumsum(body.density) / body.density.sum(), np.arange(length))
    is_middle = (along > MIDDLE[0] * length) & (along < MIDDLE[1] * length)

    is_ring = for_shapes.random(count) < np.where(is_middle, 0.2, 0.05)
    size = np.exp(np.clip(for_shapes.normal(0, 0.1, count), -0.25, 0.25)) * np.where(is_ring, 1.2, 1)
    size *= radius / np.cbrt(np.mean(size**3))
    stretch = np.exp(for_shapes.normal(0, 0.06, (count, 3))) * [1, 1, ELONGATION] / np.cbrt(ELONGATION)
    half_axes = size[:, None] * stretch

    brightness = np.exp(for_light.uniform(np.log(0.18), 0, count))
    brightness[for_light.random(count) < 0.06] = 0.14
    brightness[labelled:] = 0.1
    return Nuclei(
        centers=_places(for_places, body, along, is_middle, half_axes),
        half_axes=half_axes,
        rotations=Rotation.from_rotvec(for_shapes.normal(0, 0.25, (count, 3))).as_matrix(),
        brightness=brightness,
        is_ring=is_ring,
    )


def _places(
    rng: np.random.Generator, body: Body, along: Floats, is_middle: NDArray[np.bool_], half_axes: Floats
) -> Floats:
    """Put nuclei in two rows in the middle of the worm, else anywhere across it, then push them apart."""
    count = len(along)
    rows = rng.integers(0, 2, count) * np.pi + rng.normal(0, 0.3, count)
    angle = rng.uniform(0, 2 * np.pi) + np.where(is_middle, rows, rng.uniform(0, 2 * np.pi, count))
    distance = np.where(is_middle, rng.uniform(0.6, 1, count), np.sqrt(rng.random(count)))
    plane = np.rint(along).astype(int)
    offset = np.column_stack([distance * np.sin(angle), distance * np.cos(angle)])
    centers = np.column_stack([body.center[plane] + body.half_axes[plane] * offset, along])
    for _ in range(RELAXATIONS):
        centers = _into_body(_apart(centers, half_axes), body, half_axes)
    return centers


def _apart(centers: Floats, half_axes: Floats) -> Floats:
    """Move the centers of each pair that is too close half of the way apart."""
    first, second = cKDTree(centers).query_pairs(2 * half_axes.max(), output_type="ndarray").T
    gap = centers[second] - centers[first]
    distance = np.linalg.norm(gap, axis=1, keepdims=True) + 1e-6
    direction = gap / distance
    # How far an ellipsoid reaches in a direction is the norm of its half-axes times that direction.
    reach = [np.linalg.norm(half_axes[side] * direction, axis=1, keepdims=True) for side in (first, second)]
    push = direction * np.maximum(SPACING * sum(reach) - distance, 0) / 4
    moved = centers.copy()
    np.add.at(moved, second, push)
    np.subtract.at(moved, first, push)
    return moved


def _into_body(centers: Floats, body: Body, half_axes: Floats) -> Floats:
    """Move back the centers of the nuclei that stick out of the body."""
    length = len(body.center)
    ends = half_axes[:, 2] + TIP * length
    along = np.clip(centers[:, 2], ends, length - 1 - ends)
    plane = np.rint(along).astype(int)
    room = np.maximum(body.half_axes[plane] - half_axes[:, :2], 0.1)
    offset = (centers[:, :2] - body.center[plane]) / room
    offset /= np.maximum(np.linalg.norm(offset, axis=1, keepdims=True), 1)
    return np.column_stack([body.center[plane] + room * offset, along])


def _paint(
    rng: np.random.Generator, shape: tuple[int, int, int], worm: Nuclei, scale: float
) -> tuple[Floats, NDArray[np.uint16]]:
    """Draw each nucleus within its bounding box: its light, and its label where no other nucleus is nearer."""
    light = np.zeros(shape, np.float32)
    labels = np.zeros(shape, np.uint16)
    nearest = np.ones(shape, np.float32)
    for i, (center, half_axes) in enumerate(zip(worm.centers, worm.half_axes, strict=True)):
        lower = np.maximum(np.floor(center - half_axes - 2), 0).astype(int)
        upper = np.minimum(np.ceil(center + half_axes + 3), shape).astype(int)
        box = tuple(slice(a, b) for a, b in zip(lower, upper, strict=True))
        offset = np.moveaxis(np.mgrid[box], 0, -1) - center
        depth = np.linalg.norm(offset @ worm.rotations[i] / half_axes, axis=-1)  # 0 the center, 1 the border
        depth *= 1 + 0.08 * _noise(rng, depth.shape, 3 * scale)

        texture = 1 + 0.1 * _noise(rng, depth.shape, 1.5 * scale)
        glow = worm.brightness[i] * texture * _profile(depth, worm.is_ring[i])
        light[box] = np.maximum(light[box], glow)
        # The annotator's hand makes the borders jagged, in the labels alone.
        drawn = depth + 0.045 * _noise(rng, depth.shape, 0.9)
        is_own = drawn < nearest[box]
        labels[box][is_own] = i + 1
        nearest[box][is_own] = drawn[is_own]
    return light, _one_piece_each(labels)


def _noise(rng: np.random.Generator, shape: tuple[int, ...], smoothness: float) -> Floats:
    """Draw noise of standard deviation 1, smooth over a sigma of `smoothness`; it wraps, so it is even to the edge."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), smoothness, mode="wrap", truncate=3)
    return noise / noise.std()


def _profile(depth: Floats, is_ring: np.bool_) -> Floats:
    """Light of a nucleus: a dome, which deepens the dip where two of them touch, or a ring."""
    inside = 1 - 0.9 * np.exp(-((depth / 0.5) ** 2)) if is_ring else 1 - 0.4 * depth**2
    return inside / (1 + np.exp((depth - 0.92) / 0.06))


def _one_piece_each(labels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Keep the largest 6-connected piece of each label."""
    for i, box in enumerate(ndimage.find_objects(labels), start=1):
        pieces, count = ndimage.label(labels[box] == i)
        if count > 1:
            largest = np.bincount(pieces.ravel())[1:].argmax() + 1
            labels[box][(pieces > 0) & (pieces != largest)] = 0
    return labels


def _photograph(rng: np.random.Generator, light: Floats, body: Body, scale: float) -> NDArray[np.uint8]:
    """Add blur, haze, the glow of the body, the Poisson noise of the photons and the Gaussian one of the camera."""
    sharp = ndimage.gaussian_filter(light, [scale * sigma for sigma in BLUR], truncate=3)
    width = round(HAZE * scale)
    haze = ndimage.uniform_filter(ndimage.uniform_filter(light, width), width)
    image = sharp + 0.3 * haze
    y = ((np.arange(light.shape[1])[:, None] - body.center[:, 1]) / body.half_axes[:, 1]) ** 2
    for i, plane in enumerate(image):
        z = ((i - body.center[:, 0]) / body.half_axes[:, 0]) ** 2
        flesh = 1 / (1 + np.exp(np.minimum(5 * (z + y - 1), 20)))  # 1 within the body, 0 outside
        clean = GRAY * (plane + 0.03 + 0.04 * flesh)
        plane[:] = rng.poisson(PHOTONS * clean) / PHOTONS + rng.normal(0, READ_NOISE, plane.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
